import type { KubeObject } from '../../api/contract';

/** A container that a terminal can go into. */
export interface Enterable {
  name: string;
  kind: 'app' | 'init' | 'debug';
  running: boolean;
  /** When this run of it began; empty while it does not run. */
  since: string;
}

type Status = { name: string; state?: { running?: { startedAt?: string } } };

/** The containers of a pod, those that people mostly want first. */
export function toEnter(pod: KubeObject): Enterable[] {
  const groups: [Enterable['kind'], string, string][] = [
    ['app', 'containers', 'containerStatuses'],
    ['debug', 'ephemeralContainers', 'ephemeralContainerStatuses'],
    ['init', 'initContainers', 'initContainerStatuses'],
  ];
  return groups.flatMap(([kind, specs, statuses]) =>
    ((pod.spec?.[specs] ?? []) as { name: string }[]).map(({ name }) => {
      const status = ((pod.status?.[statuses] ?? []) as Status[]).find((one) => one.name === name);
      const running = status?.state?.running;
      return { name, kind, running: running !== undefined, since: running?.startedAt ?? '' };
    }),
  );
}

/** The container that opens first: the one that the pod's annotation names, else the first that runs. */
export function preferred(pod: KubeObject, wanted?: string): string {
  const all = toEnter(pod);
  const named = wanted ?? pod.metadata.annotations?.['kubectl.kubernetes.io/default-container'];
  if (named !== undefined && all.some(({ name }) => name === named)) return named;
  return (all.find(({ running }) => running) ?? all[0])?.name ?? '';
}

/** A name for one more debug container. */
export function debugName(pod: KubeObject): string {
  const taken = new Set(toEnter(pod).map(({ name }) => name));
  let number = 1;
  while (taken.has(`debugger-${number}`)) number++;
  return `debugger-${number}`;
}

/** An image with tools that the node has already, so that debugging works offline; else the one everybody knows. */
export function debugImage(node: KubeObject | null | undefined): string {
  const images = (node?.status?.images ?? []) as { names?: string[] }[];
  const names = images.flatMap((image) => image.names ?? []).filter((name) => !name.includes('@'));
  return names.find((name) => /(^|\/)(busybox|alpine|debian|ubuntu|netshoot)[:]/.test(name)) ?? 'busybox:stable';
}
