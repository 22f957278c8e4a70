import type { KubeObject } from '../../api/contract';

/** An endpoint behind a service. */
export interface Answer {
  address: string;
  ports: string;
  /** `ok` gets traffic, `warn` gets it while it ends, `bad` gets none. */
  health: 'ok' | 'warn' | 'bad';
  pod: string;
  node: string;
}

interface Endpoint {
  addresses: string[];
  conditions?: { ready?: boolean; terminating?: boolean };
  targetRef?: { kind: string; name: string };
  nodeName?: string;
}

/** The endpoints of a service's slices; absent conditions mean ready, as the API says. */
export function answers(slices: KubeObject[]): Answer[] {
  return slices.flatMap((slice) => {
    const ports = (slice.ports ?? []).map((port: { port: number }) => port.port).join(',');
    return ((slice.endpoints ?? []) as Endpoint[]).flatMap(({ addresses, conditions, targetRef, nodeName }) =>
      addresses.map(
        (address): Answer => ({
          address,
          ports,
          health: conditions?.terminating ? 'warn' : conditions?.ready === false ? 'bad' : 'ok',
          pod: targetRef?.kind === 'Pod' ? targetRef.name : '',
          node: nodeName ?? '',
        }),
      ),
    );
  });
}
