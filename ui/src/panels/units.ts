/** Amounts as people read them. */

export function bytesText(bytes: number): string {
  if (bytes < 1024) return `${Math.round(bytes)} B`;
  let value = bytes / 1024;
  for (const unit of ['KiB', 'MiB', 'GiB']) {
    if (value < 1024) return `${value.toFixed(value < 10 ? 1 : 0)} ${unit}`;
    value /= 1024;
  }
  return `${value.toFixed(1)} TiB`;
}

/** Less than a core in thousandths, as Kubernetes writes it: `250m`. */
export function coresText(cores: number): string {
  if (cores === 0) return '0';
  return cores < 1 ? `${Math.max(1, Math.round(cores * 1000))}m` : String(Math.round(cores * 100) / 100);
}
