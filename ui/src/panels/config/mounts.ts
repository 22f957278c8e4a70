/** When a change of a ConfigMap or Secret reached those who mount it. */
import { clusterPath } from '../../api/k8s';
import { socketUrl } from '../../api/session';
import type { Use } from '../../kinds/uses';

/** What follows a change without a restart. */
export const follows = (use: Use): use is Use & { how: 'volume' } => use.how === 'volume';

/**
 * The moment at which a volume got its present content, in milliseconds since 1970: the kubelet names the folder behind
 * `..data` after it (`..2026_11_26_21_53_00.123456789`, in UTC). Null for any other name.
 */
export function stampOf(link: string): number | null {
  const match = /^\.\.(\d{4})_(\d\d)_(\d\d)_(\d\d)_(\d\d)_(\d\d)\.(\d+)$/.exec(link.trim());
  if (match === null) return null;
  const [year, month, day, hour, minute, second] = match.slice(1, 7).map(Number) as [
    number,
    number,
    number,
    number,
    number,
    number,
  ];
  const fraction = Number(`0.${match[7]}`) * 1000;
  return Date.UTC(year, month - 1, day, hour, minute, second) + Math.floor(fraction);
}

/** By a pod's UID and volume, the folder with the present content. */
export type Volumes = Record<string, Record<string, string>>;

/** Milliseconds before a node that hung up is called again. */
const AGAIN = 2000;

/**
 * Listens to the kubelet of a node, which tells when it has swapped files. `heard` gets all it says of a namespace, and
 * null when it cannot be reached. Answers what ends it.
 */
export function followVolumes(
  cluster: string,
  node: string,
  namespace: string,
  heard: (said: Volumes | null) => void,
): () => void {
  const path = clusterPath(
    cluster,
    `/api/v1/nodes/${encodeURIComponent(node)}/proxy/devcluster/volumes/${encodeURIComponent(namespace)}`,
  );
  let ended = false;
  let socket: WebSocket | undefined;
  let timer: ReturnType<typeof setTimeout> | undefined;
  const lost = () => {
    if (ended) return;
    heard(null);
    timer = setTimeout(call, AGAIN);
  };
  const call = () =>
    socketUrl(path).then((url) => {
      if (ended) return;
      socket = new WebSocket(url);
      socket.binaryType = 'arraybuffer';
      socket.addEventListener('message', ({ data }) =>
        heard(JSON.parse(new TextDecoder().decode(data as ArrayBuffer))),
      );
      socket.addEventListener('close', lost);
    }, lost);
  void call();
  return () => {
    ended = true;
    clearTimeout(timer);
    socket?.close();
  };
}
