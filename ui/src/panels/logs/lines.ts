/** The lines a log panel keeps: bounded, in order of time, each with what is drawn of it. */
import type { LogLine } from '../../api/contract';
import { parseJson } from './fields';
import { type Severity, severityOf } from './severity';

export interface Line extends LogLine {
  /** Counts up for as long as the panel lives. */
  id: number;
  severity: Severity;
  fields: Record<string, string> | null;
}

/** What tells lines apart: the pod's name, and the container's when one pod has several. */
export function sourceNames(lines: readonly LogLine[]): (line: LogLine) => string {
  const first = new Map<string, string>();
  const several = lines.some(({ pod, container }) => {
    const known = first.get(pod);
    if (known === undefined) first.set(pod, container);
    return known !== undefined && known !== container;
  });
  return ({ pod, container }) => (several ? `${pod}/${container}` : pod);
}

/** Shorter than this a common beginning is no burden. */
const BURDEN = 12;

/** Names without the beginning that all of them have: the pods of a workload differ in their ends. */
export function shortNames(names: readonly string[]): (name: string) => string {
  const [first = ''] = names;
  let common = names.length > 1 ? first.length : 0;
  for (const name of names) while (!name.startsWith(first.slice(0, common))) common--;
  const cut = Math.max(first.lastIndexOf('-', common - 1), first.lastIndexOf('/', common - 1)) + 1;
  return (name) => (cut < BURDEN ? name : `…${name.slice(cut)}`);
}

/** A line's time of day where the reader is, as all other times of the page. */
export function clockOf(time: string): string {
  const at = new Date(time);
  const two = (value: number) => String(value).padStart(2, '0');
  if (Number.isNaN(at.getTime())) return '';
  const thousandths = String(at.getMilliseconds()).padStart(3, '0');
  return `${two(at.getHours())}:${two(at.getMinutes())}:${two(at.getSeconds())}.${thousandths}`;
}

/** The first line of a moment (milliseconds since 1970) or after it; -1 when all are from before. */
export function momentIn(lines: readonly LogLine[], at: number): number {
  const moment = new Date(at).toISOString().slice(0, -1);
  return lines.findIndex(({ time }) => time >= moment);
}

export interface Limits {
  lines: number;
  characters: number;
}

const LIMITS: Limits = { lines: 50_000, characters: 16 * 1024 * 1024 };

export class Lines {
  private kept: Line[] = [];
  private characters = 0;
  private next = 0;
  /** The time of the newest line of each container, and what of it was known when the stream began anew. */
  private newest = new Map<string, string>();
  private floor = new Map<string, string>();
  /** How many lines were let go, here or by the agent. */
  dropped = 0;
  /** Counts up with every change. */
  version = 0;

  constructor(private readonly limits: Limits = LIMITS) {}

  get all(): readonly Line[] {
    return this.kept;
  }

  /** Merges a batch in by time. Lines of one container keep their order, also when their times are the same. */
  add(batch: LogLine[], dropped = 0): void {
    this.dropped += dropped;
    this.version++;
    const fresh = batch.filter((line) => this.isNew(line)).map((line) => this.finish(line));
    const last = this.kept[this.kept.length - 1];
    const inOrder = fresh.every((line, index) => (fresh[index - 1] ?? last ?? line).time <= line.time);
    this.kept = inOrder ? this.kept.concat(fresh) : mergeByTime(this.kept, fresh);
    for (const { text } of fresh) this.characters += text.length;
    this.trim();
  }

  /** The stream begins anew, with lines that are here already: those are passed over. */
  resume(): void {
    this.floor = new Map(this.newest);
  }

  clear(): void {
    this.newest = new Map();
    this.floor = new Map();
    this.kept = [];
    this.characters = 0;
    this.dropped = 0;
    this.version++;
  }

  private isNew({ pod, container, time }: LogLine): boolean {
    const source = `${pod}/${container}`;
    const known = this.floor.get(source);
    if (known !== undefined && time !== '' && time <= known) return false;
    if (time > (this.newest.get(source) ?? '')) this.newest.set(source, time);
    return true;
  }

  private finish(line: LogLine): Line {
    const fields = parseJson(line.text);
    return { ...line, id: this.next++, fields, severity: severityOf(line.text, fields) };
  }

  private trim(): void {
    let from = Math.max(0, this.kept.length - this.limits.lines);
    for (let index = 0; index < from; index++) this.characters -= this.kept[index]?.text.length ?? 0;
    while (this.characters > this.limits.characters && from < this.kept.length - 1) {
      this.characters -= this.kept[from]?.text.length ?? 0;
      from++;
    }
    if (from === 0) return;
    this.dropped += from;
    this.kept = this.kept.slice(from);
  }
}

/** Stable: of two lines of the same moment the one that was there stays first. Both sides are sorted on the way. */
function mergeByTime(kept: Line[], fresh: Line[]): Line[] {
  return [...kept, ...fresh].sort((a, b) => (a.time < b.time ? -1 : a.time > b.time ? 1 : a.id - b.id));
}
