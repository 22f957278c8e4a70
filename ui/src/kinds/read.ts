import type { Health, KubeObject } from '../api/contract';
import { labelsText, selectorText } from './selectors';

/** Readers of objects' bodies, for any kind that has the field. */

export interface Condition {
  type: string;
  status: string;
  reason?: string;
  message?: string;
  lastTransitionTime?: string;
}

export const conditions = (object: KubeObject): Condition[] =>
  Array.isArray(object.status?.conditions) ? object.status.conditions : [];

/** Conditions that are good news when they are false. */
const NEGATIVE =
  /Pressure|Unavailable|Failure|Failed|Resizing|NameConflict|Denied|Stalled|DisruptionTarget|NonStructural|Terminating|Remaining/;
/** Conditions that are no news for better or worse: at one of its limits an autoscaler may well be. */
const NEUTRAL = /^(ScalingLimited|Suspended)$/;

export function conditionHealth({ type, status }: Condition): Health {
  if (status === 'Unknown') return 'warn';
  if (NEUTRAL.test(type)) return 'ok';
  return (status === 'True') !== NEGATIVE.test(type) ? 'ok' : 'bad';
}

/** Names an object of the same namespace, or a key of one. */
interface Named {
  name: string;
}
interface KeyOf extends Named {
  key: string;
}

export interface Container {
  name: string;
  image?: string;
  ports?: { containerPort: number; protocol?: string; name?: string }[];
  resources?: { requests?: Record<string, string>; limits?: Record<string, string> };
  restartPolicy?: string;
  volumeMounts?: { name: string; mountPath: string; readOnly?: boolean; subPath?: string }[];
  volumeDevices?: { name: string; devicePath: string }[];
  env?: {
    name: string;
    value?: string;
    valueFrom?: {
      configMapKeyRef?: KeyOf;
      secretKeyRef?: KeyOf;
      fieldRef?: { fieldPath: string };
      resourceFieldRef?: { resource: string };
    };
  }[];
  envFrom?: { prefix?: string; configMapRef?: Named; secretRef?: Named }[];
  command?: string[];
  args?: string[];
  startupProbe?: Probe;
  livenessProbe?: Probe;
  readinessProbe?: Probe;
}

export interface Probe {
  httpGet?: { path?: string; port: number | string; host?: string; scheme?: string };
  tcpSocket?: { port: number | string };
  grpc?: { port: number };
  exec?: { command?: string[] };
  initialDelaySeconds?: number;
  periodSeconds?: number;
  timeoutSeconds?: number;
  failureThreshold?: number;
}

interface Items {
  items?: { key: string }[];
}

/** One of the sources of a projected volume. */
export interface Projection {
  configMap?: Named & Items;
  secret?: Named & Items;
}

export interface Volume {
  name: string;
  configMap?: Named & Items;
  secret?: { secretName?: string } & Items;
  persistentVolumeClaim?: { claimName: string };
  ephemeral?: object;
  projected?: { sources?: Projection[] };
  hostPath?: { path: string };
  image?: { reference?: string };
  csi?: { driver: string };
}

/** The claim that a volume of a pod is: one that it names, or one that is made with the pod and bears both names. */
export const claimOf = ({ name, persistentVolumeClaim, ephemeral }: Volume, pod: string | undefined) =>
  persistentVolumeClaim?.claimName ?? (ephemeral && pod ? `${pod}-${name}` : undefined);

/** What the page reads of a pod's spec. */
export interface PodSpec {
  nodeName?: string;
  containers?: Container[];
  initContainers?: Container[];
  ephemeralContainers?: Container[];
  volumes?: Volume[];
  imagePullSecrets?: Named[];
  overhead?: Record<string, string>;
  /** Of the whole pod. */
  resources?: Container['resources'];
}

export interface ContainerStatus {
  name: string;
  ready: boolean;
  restartCount: number;
  started?: boolean;
  state?: {
    running?: { startedAt?: string };
    waiting?: { reason?: string; message?: string };
    terminated?: { reason?: string; exitCode: number; finishedAt?: string; message?: string };
  };
  lastState?: ContainerStatus['state'];
}

/** The spec of the pods that an object makes, or its own when it is a pod. */
export function podSpec(object: KubeObject): PodSpec | undefined {
  if (object.kind === 'Pod') return object.spec;
  if (object.kind === 'CronJob') return object.spec?.jobTemplate?.spec?.template?.spec;
  return object.spec?.template?.spec;
}

export const containersOf = (object: KubeObject): Container[] => {
  const spec = podSpec(object);
  return [...(spec?.initContainers ?? []), ...(spec?.containers ?? [])];
};

/** The selector of the pods that belong to an object, as the API's query wants it; empty when there is none. */
export function podSelector(object: KubeObject): string {
  const selector = object.spec?.selector;
  if (!selector || object.kind === 'PersistentVolumeClaim') return '';
  return object.kind === 'Service' || object.kind === 'ReplicationController'
    ? labelsText(selector)
    : selectorText(selector);
}

/** A container's state in Kubernetes' words, with its health. */
export function containerState(status: ContainerStatus | undefined): { text: string; health: Health } {
  const state = status?.state;
  if (state?.waiting) {
    const text = state.waiting.reason ?? 'Waiting';
    return { text, health: /BackOff|Err|Invalid/.test(text) ? 'bad' : 'warn' };
  }
  if (state?.terminated) {
    const { reason = 'Terminated', exitCode } = state.terminated;
    return { text: exitCode === 0 ? reason : `${reason} (${exitCode})`, health: exitCode === 0 ? 'done' : 'bad' };
  }
  if (state?.running) return { text: 'Running', health: status?.ready ? 'ok' : 'warn' };
  return { text: 'Waiting', health: 'warn' };
}

/** Selects the events about an object; those about nodes bear the node's name where others bear a UID. */
export const eventSelector = ({ kind, metadata: { uid, name } }: KubeObject) =>
  kind === 'Node' ? `involvedObject.kind=Node,involvedObject.name=${name}` : `involvedObject.uid=${uid}`;

const UNITS: Record<string, number> = { s: 1, m: 60, h: 3600, d: 86_400, y: 365 * 86_400 };

/** A text with the ages in it (`5m`, `3 (2m10s ago)`) as they are so many seconds after it was written. */
export function older(text: string, seconds: number): string {
  return text.replace(/\b(?:\d+[ydhms])+\b/g, (written) => {
    const parts = [...written.matchAll(/(\d+)([ydhms])/g)];
    const then = parts.reduce((sum, [, amount, unit = 's']) => sum + Number(amount) * (UNITS[unit] ?? 0), 0);
    return seconds < 1 ? written : span(then + seconds);
  });
}

/** An age as kubectl writes it: `45s`, `5m`, `3h20m`, `2d`. */
export function age(since: string, now: number): string {
  const seconds = Math.max(0, Math.floor((now - new Date(since).getTime()) / 1000));
  return Number.isNaN(seconds) ? '' : span(seconds);
}

/** A span of time in the same words. */
export function span(seconds: number): string {
  if (seconds < 120) return `${seconds}s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 10) return seconds % 60 ? `${minutes}m${seconds % 60}s` : `${minutes}m`;
  if (minutes < 180) return `${minutes}m`;
  const hours = Math.floor(minutes / 60);
  if (hours < 8) return minutes % 60 ? `${hours}h${minutes % 60}m` : `${hours}h`;
  if (hours < 48) return `${hours}h`;
  const days = Math.floor(hours / 24);
  if (days < 8) return hours % 24 ? `${days}d${hours % 24}h` : `${days}d`;
  return days < 730 ? `${days}d` : `${Math.floor(days / 365)}y`;
}
