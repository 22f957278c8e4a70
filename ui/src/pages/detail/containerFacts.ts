import type { Container, Probe } from '../../kinds/read';
import type { Line, Source } from '../../kinds/volumes';

/** What a container is told, a label and its lines each. Labels are names of the catalogues under `fact.`. */
export function containerFacts(container: Container): [label: string, lines: Line[]][] {
  const { command = [], args = [], env = [], envFrom = [], volumeMounts = [] } = container;
  const all: [string, Line[]][] = [
    ['Command', words(command)],
    ['Arguments', words(args)],
    ['Environment', [...envFrom.map(wholeSource), ...env.map(variable)]],
    ['Mounts', volumeMounts.map((one) => [mount(one)])],
    ['Startup probe', probe(container.startupProbe)],
    ['Liveness probe', probe(container.livenessProbe)],
    ['Readiness probe', probe(container.readinessProbe)],
  ];
  return all.filter(([, lines]) => lines.length > 0);
}

/** Words that a shell would split stand in quotes. */
const quoted = (word: string) => (/^[\w./:=,@%+-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`);

const words = (all: string[]): Line[] => (all.length > 0 ? [[all.map(quoted).join(' ')]] : []);

type Env = NonNullable<Container['env']>[number];

function variable({ name, value = '', valueFrom: from }: Env): Line {
  if (!from) return [`${name}=${value}`];
  const { configMapKeyRef: config, secretKeyRef: secret, fieldRef: field, resourceFieldRef: resource } = from;
  if (config) return [`${name} ← `, { kind: 'ConfigMap', name: config.name }, `: ${config.key}`];
  if (secret) return [`${name} ← `, { kind: 'Secret', name: secret.name }, `: ${secret.key}`];
  return [`${name} ← ${field?.fieldPath ?? resource?.resource ?? ''}`];
}

function wholeSource({ prefix = '', configMapRef, secretRef }: NonNullable<Container['envFrom']>[number]): Line {
  const of: Source = configMapRef
    ? { kind: 'ConfigMap', name: configMapRef.name }
    : { kind: 'Secret', name: secretRef?.name ?? '' };
  return [`${prefix}* ← `, of];
}

function mount({ mountPath, name, subPath, readOnly }: NonNullable<Container['volumeMounts']>[number]): string {
  return `${mountPath} ← ${name}${subPath ? `/${subPath}` : ''}${readOnly ? ' (read-only)' : ''}`;
}

function probe(probe: Probe | undefined): Line[] {
  if (!probe) return [];
  const { httpGet: http, tcpSocket: tcp, grpc, exec } = probe;
  const asks = [
    http && `${http.scheme ?? 'HTTP'} ${http.host ?? ''}:${http.port}${http.path ?? '/'}`,
    tcp && `TCP :${tcp.port}`,
    grpc && `gRPC :${grpc.port}`,
    exec && `exec ${(exec.command ?? []).map(quoted).join(' ')}`,
  ].find(Boolean);
  const { initialDelaySeconds: delay, periodSeconds: period = 10, timeoutSeconds: timeout = 1 } = probe;
  const how = [
    delay ? `delay ${delay} s` : '',
    `period ${period} s`,
    `timeout ${timeout} s`,
    `failures ${probe.failureThreshold ?? 3}`,
  ];
  return [[[asks, ...how].filter(Boolean).join(', ')]];
}
