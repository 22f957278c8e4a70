import { beforeEach, describe, expect, it } from 'vitest';
import { Drafts } from './drafts';

class Limited {
  private readonly map = new Map<string, string>();
  constructor(private readonly room: number) {}
  get length() {
    return this.map.size;
  }
  key = (index: number) => [...this.map.keys()][index] ?? null;
  getItem = (key: string) => this.map.get(key) ?? null;
  removeItem = (key: string) => void this.map.delete(key);
  setItem = (key: string, value: string) => {
    const others = [...this.map].filter(([name]) => name !== key).reduce((sum, [, text]) => sum + text.length, 0);
    if (others + value.length > this.room) throw new Error('full');
    this.map.set(key, value);
  };
}

let clock = 0;
const now = () => ++clock;
const draft = (text: string) => ({ base: '{}', text });

describe('Drafts', () => {
  beforeEach(() => {
    clock = 0;
  });

  it('gives back what was typed', () => {
    const drafts = new Drafts(new Limited(1000), now);
    expect(drafts.set('a', draft('x: 1'))).toBe(true);
    expect(drafts.get('a')).toEqual({ base: '{}', text: 'x: 1', time: 1 });
    drafts.remove('a');
    expect(drafts.get('a')).toBeNull();
  });

  it('makes room by dropping the oldest, never the one being typed', () => {
    const drafts = new Drafts(new Limited(150), now);
    for (const id of ['a', 'b', 'c']) drafts.set(id, draft('x'.repeat(30)));
    expect([drafts.get('a'), drafts.get('c')?.text.length]).toEqual([null, 30]);
    expect(drafts.set('d', draft('x'.repeat(1000)))).toBe(false);
  });

  it('forgets what is a month old', () => {
    const storage = new Limited(1000);
    new Drafts(storage, () => 0).set('old', draft('x'));
    new Drafts(storage, () => 31 * 24 * 3600 * 1000).set('new', draft('x'));
    const drafts = new Drafts(storage, () => 31 * 24 * 3600 * 1000);
    drafts.prune();
    expect([drafts.get('old'), drafts.get('new')?.text]).toEqual([null, 'x']);
  });

  it('takes broken entries for none', () => {
    const storage = new Limited(1000);
    storage.setItem('devcluster.draft.a', '{');
    expect(new Drafts(storage).get('a')).toBeNull();
  });
});
