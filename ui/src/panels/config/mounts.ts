/** When a change of a ConfigMap or Secret reached those who mount it. Pure. */
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
