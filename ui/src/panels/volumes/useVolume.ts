import { useEffect, useMemo, useState } from 'react';
import { NODES, PODS } from '../../kinds/gvrs';
import { useObjects } from '../../store/objects';
import { output, type Place, run } from '../shell/exec';
import { CLAIM_ROOT } from '../shell/toolpod';
import { useToolPod } from '../shell/useToolPod';
import { command, type SCRIPTS, type Way, waysTo } from './files';

/** How the panel reaches the files of a claim. */
export interface Volume {
  root: string;
  readOnly: boolean;
  /** Who lends the tools: a pod that mounts it, or a helper that was started for it. */
  through: string;
  run: (script: keyof typeof SCRIPTS, paths: string[], input?: Uint8Array) => Promise<Uint8Array<ArrayBuffer>>;
}

/** Finds a pod that mounts the claim and has a shell; where there is none, a helper pod on the volume's node. */
export function useVolume(cluster: string, namespace: string, claim: string): { volume: Volume | null; error: string } {
  const pods = useObjects({ cluster, ...PODS, namespaces: [namespace] });
  const nodes = useObjects({ cluster, ...NODES, namespaces: [] });
  const way = waysTo(pods.objects, claim)[0];
  const key = way === undefined ? '' : JSON.stringify(way);
  /** Whether the container at `key` has the tools; null until it was asked. */
  const [able, setAble] = useState<{ key: string; yes: boolean } | null>(null);
  useEffect(() => {
    if (key === '') return;
    let current = true;
    const { pod, container } = JSON.parse(key) as Way;
    run({ cluster, namespace, pod, container }, ['/bin/sh', '-c', 'command -v stat tar cat'])
      .then(({ exit }) => exit.code === 0)
      .catch(() => false)
      .then((yes) => {
        if (current) setAble({ key, yes });
      });
    return () => {
      current = false;
    };
  }, [cluster, namespace, key]);
  const asked = able?.key === key ? able.yes : null;
  const needsHelper = pods.loaded && (way === undefined || asked === false);
  // Where a pod has it already, the helper goes to the same node; else the scheduler knows best.
  const node = way?.node || anyNode(nodes.objects);
  const wish = needsHelper && node ? { node, pinned: way !== undefined, claim } : null;
  const helper = useToolPod(cluster, namespace, wish);
  const target = JSON.stringify(
    needsHelper
      ? helper.place && { place: helper.place, root: CLAIM_ROOT, readOnly: false }
      : asked &&
          way && {
            place: { cluster, namespace, pod: way.pod, container: way.container },
            root: way.root,
            readOnly: way.readOnly,
          },
  );
  const volume = useMemo((): Volume | null => {
    const found = JSON.parse(target ?? 'null') as {
      place: Place;
      root: string;
      readOnly: boolean;
    } | null;
    if (!found) return null;
    const { place, root, readOnly } = found;
    return {
      root,
      readOnly,
      through: place.pod,
      run: (script, paths, input) => output(place, command(script, ...paths), input),
    };
  }, [target]);
  const unseen = pods.loaded ? '' : (pods.error?.message ?? '');
  return { volume, error: helper.error || unseen };
}

type Condition = { type: string; status: string };

function anyNode(
  nodes: { metadata: { name: string }; status?: { conditions?: Condition[] }; spec?: { taints?: unknown[] } }[],
): string {
  const ready = nodes.filter(({ status }) =>
    status?.conditions?.some(({ type, status: is }) => type === 'Ready' && is === 'True'),
  );
  return (ready.find(({ spec }) => !spec?.taints?.length) ?? ready[0])?.metadata.name ?? '';
}
