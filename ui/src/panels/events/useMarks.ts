import { useMemo } from 'react';
import type { Gvr, ListSpec, Row } from '../../api/contract';
import { PODS, REPLICA_SETS, REVISIONS } from '../../kinds/gvrs';
import { useList, useListState } from '../../store/hooks';
import type { ListData, ListView } from '../../store/list';
import { listSpec } from '../../store/specs';
import { type Event, RESTARTS, ROLLOUTS, restartsOf, rolloutOf } from './timeline';

/** Whose rollouts and restarts are shown beside the events. */
export interface Parts {
  /** The UID of the workload that keeps revisions; empty for all workloads. */
  owner?: string;
  /** The pods. */
  labelSelector?: string;
  fieldSelector?: string;
}

/** The rows of a list in their order. */
export const rowsOf = (list: ListView, { order }: ListData): Row[] => order.flatMap((uid) => list.row(uid) ?? []);

/** So many of each kind are looked at: the newest templates, the pods that began anew most often. */
const MARKS = 200;

/** Rollouts and restarts, as the objects tell of them that keep account. */
export function useMarks(cluster: string, namespaces: string[], parts: Parts | undefined): Event[] {
  const { owner = '', ...pods } = parts ?? {};
  const marked = (gvr: Gvr, rest: Partial<ListSpec>) =>
    parts ? listSpec(cluster, gvr, { namespaces, limit: MARKS, ...rest }) : null;
  const kept = { owner, columns: ROLLOUTS, sort: { column: 'Age', descending: false } };
  const often = { ...pods, columns: RESTARTS, sort: { column: 'Restarts', descending: true } };
  const sets = useList(marked(REPLICA_SETS, kept));
  const revisions = useList(marked(REVISIONS, kept));
  const restarted = useList(marked(PODS, often));
  const [a, b, c] = [useListState(sets).data, useListState(revisions).data, useListState(restarted).data];
  return useMemo(
    () => [
      ...rowsOf(sets, a).flatMap((row) => rolloutOf(a.columns, row)),
      ...rowsOf(revisions, b).flatMap((row) => rolloutOf(b.columns, row)),
      ...rowsOf(restarted, c).flatMap((row) => restartsOf(c.columns, row)),
    ],
    [sets, revisions, restarted, a, b, c],
  );
}
