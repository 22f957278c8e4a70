/**
 * Pods that lend the node's own tools: one container of an image that every node has (the pause image, which has no
 * files but its program), the node's root mounted at /host. Commands enter it by the node's own loader, so nothing is
 * pulled and it works offline.
 */
import type { KubeObject } from '../json';

export interface ToolPod {
  pod: Record<string, unknown>;
  /** What to put before a command. */
  enter: string[];
}

const LOADERS: Record<string, [string, string]> = {
  amd64: ['/host/lib64/ld-linux-x86-64.so.2', 'x86_64-linux-gnu'],
  arm64: ['/host/lib/ld-linux-aarch64.so.1', 'aarch64-linux-gnu'],
};

const TOOL_LABEL = 'devcluster.io/tool';

/** Seconds. */
const LIFETIME = 4 * 3600;

interface Wish {
  name: string;
  namespace: string;
  node: KubeObject;
  /** A claim to be found at /mnt. */
  claim?: string;
}

/** The pod and the way into it; null on a node of an architecture that is not known. */
export function toolPod({ name, namespace, node, claim }: Wish): ToolPod | null {
  const loader = LOADERS[String(node.status?.nodeInfo?.architecture)];
  const image = pauseImage(node);
  if (loader === undefined || image === null) return null;
  const [program, triple] = loader;
  const volumes: object[] = [{ name: 'host', hostPath: { path: '/' } }];
  const mounts: object[] = [{ name: 'host', mountPath: '/host', mountPropagation: 'HostToContainer' }];
  if (claim !== undefined) {
    volumes.push({ name: 'claim', persistentVolumeClaim: { claimName: claim } });
    mounts.push({ name: 'claim', mountPath: '/host/mnt' });
  }
  const console = claim === undefined;
  return {
    pod: {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name, namespace, labels: { [TOOL_LABEL]: console ? 'console' : 'volume' } },
      spec: {
        nodeName: node.metadata.name,
        hostPID: console,
        hostNetwork: console,
        restartPolicy: 'Never',
        terminationGracePeriodSeconds: 0,
        // A page that crashed cannot take its pod away: then it ends by itself.
        activeDeadlineSeconds: LIFETIME,
        automountServiceAccountToken: false,
        tolerations: [{ operator: 'Exists' }],
        volumes,
        containers: [
          {
            name: 'tool',
            image,
            imagePullPolicy: 'IfNotPresent',
            volumeMounts: mounts,
            securityContext: { privileged: console },
          },
        ],
      },
    },
    enter: [program, '--library-path', `/host/usr/lib/${triple}:/host/lib/${triple}`, '/host/usr/sbin/chroot', '/host'],
  };
}

function pauseImage(node: KubeObject): string | null {
  const images = (node.status?.images ?? []) as { names?: string[] }[];
  const names = images.flatMap((image) => image.names ?? []);
  return names.find((name) => /(^|\/)pause[:@]/.test(name) && !name.includes('@')) ?? null;
}
