/** Label selectors and network policies in kubectl's words. Pure. */

export interface LabelSelector {
  matchLabels?: Record<string, string>;
  matchExpressions?: { key: string; operator: string; values?: string[] }[];
}

/** `app=web,tier in (a,b),!old`, as the API's query wants it too; empty when it selects everything. */
export function selectorText({ matchLabels = {}, matchExpressions = [] }: LabelSelector): string {
  const expressions = matchExpressions.map(({ key, operator, values = [] }) => {
    switch (operator) {
      case 'In':
        return `${key} in (${values.join(',')})`;
      case 'NotIn':
        return `${key} notin (${values.join(',')})`;
      case 'Exists':
        return key;
      default:
        return `!${key}`;
    }
  });
  return [labelsText(matchLabels), ...expressions].filter((part) => part !== '').join(',');
}

export const labelsText = (labels: Record<string, string>): string =>
  Object.entries(labels)
    .map(([key, value]) => `${key}=${value}`)
    .join(',');

/** Whether a value of an unknown kind is one. */
export function isLabelSelector(value: unknown): value is LabelSelector {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return false;
  const keys = Object.keys(value);
  return keys.length > 0 && keys.every((key) => key === 'matchLabels' || key === 'matchExpressions');
}

/** Who stands at the other end: addresses, or the pods of some namespaces. */
export interface Peer {
  ipBlock?: { cidr: string; except?: string[] };
  /** Absent: all pods. */
  podSelector?: LabelSelector;
  /** Absent: the policy's own namespace. */
  namespaceSelector?: LabelSelector;
}

/** Traffic that a policy lets through. */
export interface Allowed {
  /** Empty: everybody. */
  peers: Peer[];
  /** Empty: all. */
  ports: string[];
}

export type Direction = 'ingress' | 'egress';

interface PolicyPort {
  port?: number | string;
  endPort?: number;
  protocol?: string;
}
interface Rule {
  from?: Peer[];
  to?: Peer[];
  ports?: PolicyPort[];
}

/** What a network policy's specification lets through in a direction: null when it says nothing of it. */
export function allowed(
  spec: { policyTypes?: string[]; ingress?: Rule[]; egress?: Rule[] } = {},
  direction: Direction,
): Allowed[] | null {
  const rules = spec[direction] ?? [];
  const types = spec.policyTypes ?? ['Ingress', ...(spec.egress?.length ? ['Egress'] : [])];
  if (!types.some((type) => type.toLowerCase() === direction)) return null;
  return rules.map(({ from, to, ports = [] }) => ({ peers: from ?? to ?? [], ports: ports.map(portText) }));
}

/** `80/TCP`, `8000-8100/UDP`, `web/TCP`, and `TCP` for all ports of the protocol. */
function portText({ port, endPort, protocol = 'TCP' }: PolicyPort): string {
  if (port === undefined) return protocol;
  return `${port}${endPort === undefined ? '' : `-${endPort}`}/${protocol}`;
}
