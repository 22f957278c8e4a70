/** Edits that are not saved yet, kept where a reload or a crash of the page leaves them. */
import type { Gvr } from '../../api/contract';
import type { Conflict } from './merge';

export interface Draft {
  /** The object that the edit began from, as JSON. */
  base: string;
  text: string;
  /** What is to be decided before the edit may be saved. */
  conflicts?: Conflict[];
  /** Milliseconds since 1970. */
  time: number;
}

const PREFIX = 'devcluster.draft.';
const KEEP = 30 * 24 * 3600 * 1000;
const MOST = 40;

/** Secrets never reach the disk: their drafts live as long as the tab. */
export function draftsOf(target: Gvr): Drafts {
  return new Drafts(target.group === '' && target.resource === 'secrets' ? sessionStorage : localStorage);
}

/** Drafts by the object's UID (or, for what is being created, any name); an object made anew has none of the old one's. */
export class Drafts {
  constructor(
    private readonly storage: Pick<Storage, 'getItem' | 'setItem' | 'removeItem' | 'key' | 'length'>,
    private readonly now: () => number = Date.now,
  ) {}

  get(id: string): Draft | null {
    try {
      const draft = JSON.parse(this.storage.getItem(PREFIX + id) ?? 'null') as Draft | null;
      return typeof draft?.text === 'string' && typeof draft.base === 'string' ? draft : null;
    } catch {
      return null;
    }
  }

  /** Answers whether the draft is kept; a full storage makes room by dropping the oldest ones, never this one. */
  set(id: string, draft: Omit<Draft, 'time'>): boolean {
    const text = JSON.stringify({ ...draft, time: this.now() });
    for (const victim of [null, ...this.others(id)]) {
      if (victim !== null) this.storage.removeItem(victim);
      try {
        this.storage.setItem(PREFIX + id, text);
        return true;
      } catch {
        // Full: the next round drops one more.
      }
    }
    return false;
  }

  remove(id: string): void {
    this.storage.removeItem(PREFIX + id);
  }

  /** Drops what is a month old, and all but the newest forty. */
  prune(): void {
    const all = this.others('');
    const stale = all.filter((key) => this.now() - this.timeOf(key) > KEEP);
    for (const key of new Set([...stale, ...all.slice(0, Math.max(0, all.length - MOST))]))
      this.storage.removeItem(key);
  }

  /** The keys of all drafts but one, oldest first. */
  private others(id: string): string[] {
    const keys: string[] = [];
    for (let index = 0; index < this.storage.length; index++) {
      const key = this.storage.key(index);
      if (key?.startsWith(PREFIX) && key !== PREFIX + id) keys.push(key);
    }
    return keys.sort((a, b) => this.timeOf(a) - this.timeOf(b));
  }

  private timeOf(key: string): number {
    return this.get(key.slice(PREFIX.length))?.time ?? 0;
  }
}
