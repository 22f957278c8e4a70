/**
 * Pods that lend the node's own tools: one container of an image that every node has (the pause image, whose only file is
 * its program), with the folders of the node mounted where they belong. Nothing is pulled, so it works offline, and nothing
 * but the mounts makes it more than any other pod.
 */
import type { KubeObject } from '../../api/contract';

export const TOOL_LABEL = 'devcluster.io/tool';

/** Seconds. */
const LIFETIME = 4 * 3600;

/** Where a helper finds the claim. */
export const CLAIM_ROOT = '/mnt';

interface Wish {
  name: string;
  namespace: string;
  /** The node, or one like those on which it may run. */
  node: KubeObject;
  /** Whether it must be this node; else the scheduler chooses, which also binds a claim that waits for its first pod. */
  pinned: boolean;
  /** A claim to be found at `CLAIM_ROOT`; without one the pod is a console and may change the node. */
  claim?: string;
}

/** Where a merged-usr system has what a shell and its tools need. */
const TOOLS: [string, string][] = [
  ['/usr', '/usr'],
  ['/usr/bin', '/bin'],
  ['/usr/sbin', '/sbin'],
  ['/usr/lib', '/lib'],
  ['/etc', '/etc'],
];
/** On 64-bit PCs the loader is looked for here. */
const LOADER: [string, string] = ['/usr/lib64', '/lib64'];
const SYSTEM: [string, string][] = ['/var', '/root', '/run', '/opt', '/home', '/tmp'].map((path) => [path, path]);

/** Null on a node without a pause image. */
export function toolPod({ name, namespace, node, pinned, claim }: Wish): Record<string, unknown> | null {
  const image = pauseImage(node);
  if (image === null) return null;
  const console = claim === undefined;
  const folders = [
    ...TOOLS,
    ...(node.status?.nodeInfo?.architecture === 'amd64' ? [LOADER] : []),
    ...(console ? SYSTEM : []),
  ];
  const volumes: object[] = folders.map(([path], index) => ({ name: `host-${index}`, hostPath: { path } }));
  const mounts: object[] = folders.map(([, mountPath], index) => ({
    name: `host-${index}`,
    mountPath,
    readOnly: !console,
    // A folder of the engine may only be mounted so.
    mountPropagation: 'HostToContainer',
  }));
  if (!console) {
    volumes.push({ name: 'claim', persistentVolumeClaim: { claimName: claim } });
    mounts.push({ name: 'claim', mountPath: CLAIM_ROOT });
  }
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, namespace, labels: { [TOOL_LABEL]: console ? 'console' : 'volume' } },
    spec: {
      ...(pinned ? { nodeName: node.metadata.name } : {}),
      hostPID: console,
      hostNetwork: console,
      restartPolicy: 'Never',
      terminationGracePeriodSeconds: 0,
      // A page that crashed cannot take its pod away: then it ends by itself.
      activeDeadlineSeconds: LIFETIME,
      automountServiceAccountToken: false,
      enableServiceLinks: false,
      tolerations: console ? [{ operator: 'Exists' }] : [],
      volumes,
      containers: [
        {
          name: 'tool',
          image,
          imagePullPolicy: 'IfNotPresent',
          volumeMounts: mounts,
          // The pause image's own user may change nothing.
          securityContext: { privileged: console, runAsUser: 0 },
        },
      ],
    },
  };
}

function pauseImage(node: KubeObject): string | null {
  const images = (node.status?.images ?? []) as { names?: string[] }[];
  const names = images.flatMap((image) => image.names ?? []);
  return names.find((name) => /(^|\/)pause[:@]/.test(name) && !name.includes('@')) ?? null;
}
