import { describe, expect, it, vi } from 'vitest';
import type { ListSpec, Operation, Row, ViewMessage, ViewSpec } from '../api/contract';
import { Socket, type ViewHandler } from '../api/socket';
import { spoken } from '../i18n';
import { hear, merge, useHost, watchOperation } from './host';
import { ListView } from './list';
import { toast, useUi } from './ui';
import { View } from './view';

const spec = (change: Partial<ListSpec> = {}): ListSpec => ({
  kind: 'list',
  cluster: 'dev',
  group: '',
  version: 'v1',
  resource: 'pods',
  namespaces: [],
  labelSelector: '',
  fieldSelector: '',
  filter: '',
  columns: [],
  offset: 0,
  limit: 100,
  ...change,
});

const row = (uid: string, rv = '1'): Row => ({
  uid,
  name: uid,
  namespace: 'default',
  created: '2026-01-01T00:00:00Z',
  rv,
  cells: [uid],
  at: 0,
  health: 'ok',
  why: null,
  deleting: false,
});

const rows = (order: string[], changed: Row[]): ViewMessage => ({
  type: 'rows',
  view: 1,
  total: order.length,
  matched: order.length,
  more: false,
  offset: 0,
  order,
  rows: changed,
  counts: { ok: order.length, warn: 0, bad: 0, done: 0 },
});

/** A socket that only writes down what it is told. */
function recorder() {
  const said: string[] = [];
  let id = 0;
  return {
    said,
    open: (s: ViewSpec, _handler: ViewHandler) => {
      said.push(`open ${(s as ListSpec).resource}`);
      return ++id;
    },
    change: (view: number, s: ViewSpec) => said.push(`change ${view} ${(s as ListSpec).filter}`),
    close: (view: number) => said.push(`close ${view}`),
  };
}

describe('a list view', () => {
  it('wakes only the listeners of the rows that changed', () => {
    const view = new ListView(recorder());
    view.message(rows(['a', 'b'], [row('a'), row('b')]));
    const [a, b] = [vi.fn(), vi.fn()];
    view.subscribeRow('a', a);
    view.subscribeRow('b', b);
    const { order } = view.snapshot().data;
    view.message(rows(['a', 'b'], [row('b', '2')]));
    expect(a).not.toHaveBeenCalled();
    expect(b).toHaveBeenCalledOnce();
    expect(view.row('b')?.rv).toBe('2');
    expect(view.snapshot().data.order).toBe(order);
  });

  it('shows the first rows of a long list, and is loaded when it is whole', () => {
    const view = new ListView(recorder());
    view.message({ ...rows(['a'], [row('a')]), more: true } as ViewMessage);
    expect(view.snapshot()).toMatchObject({ loaded: false, data: { order: ['a'], matched: 1 } });
    view.message(rows(['a', 'b'], [row('b')]));
    expect(view.snapshot()).toMatchObject({ loaded: true, data: { order: ['a', 'b'] } });
  });

  it('forgets rows that left its window', () => {
    const view = new ListView(recorder());
    view.message(rows(['a', 'b'], [row('a'), row('b')]));
    view.message(rows(['b'], []));
    expect(view.row('a')).toBeUndefined();
    expect(view.row('b')).toBeDefined();
  });

  it('changes for another cut, opens anew for another resource, closes for nothing', () => {
    const socket = recorder();
    const view = new ListView(socket);
    view.follow(spec());
    view.follow(spec());
    view.follow(spec({ filter: 'web' }));
    view.follow(spec({ resource: 'services' }));
    view.follow(null);
    expect(socket.said).toEqual(['open pods', 'change 1 web', 'close 1', 'open services', 'close 2']);
  });

  it('keeps its rows when the connection is lost and says since when they are old', () => {
    const view = new ListView(recorder());
    view.message(rows(['a'], [row('a')]));
    view.message({ type: 'state', view: 1, live: true, error: null });
    expect(view.snapshot()).toMatchObject({ live: true, since: 0 });
    view.connection(false);
    expect(view.snapshot().live).toBe(false);
    expect(view.snapshot().since).toBeGreaterThan(0);
    expect(view.row('a')).toBeDefined();
  });

  it('drops the rows of another resource at once', () => {
    const view = new ListView(recorder());
    view.follow(spec());
    view.message(rows(['a'], [row('a')]));
    view.follow(spec({ resource: 'services' }));
    expect(view.snapshot().data.order).toEqual([]);
    expect(view.row('a')).toBeUndefined();
  });
});

describe('an object view', () => {
  it('tells an object that is gone from one that has not come', () => {
    const view = new View<unknown>(recorder(), undefined, (data, m) => (m.type === 'object' ? m.object : data));
    expect(view.snapshot().data).toBeUndefined();
    view.message({ type: 'object', view: 1, object: null });
    expect(view.snapshot()).toMatchObject({ data: null, loaded: true });
  });
});

it('a chart of pods keeps what it has while they come and go', () => {
  const socket = recorder();
  const view = new View<string[]>(socket, [], (data, message) => (message.type === 'metrics' ? [message.at] : data));
  const of = (...pods: string[]): ViewSpec => ({ kind: 'metrics', cluster: 'dev', scope: { namespace: 'shop', pods } });
  view.follow(of('a'));
  view.message({ type: 'metrics', view: 1, at: 'then', nodes: [], pods: [] });
  view.follow(of('a', 'b'));
  expect(view.snapshot()).toMatchObject({ loaded: true, data: ['then'] });
  expect(socket.said.map((one) => one.split(' ')[0])).toEqual(['open', 'change']);
});

/** A WebSocket whose other end is the test. */
class FakeSocket extends EventTarget {
  sent: unknown[] = [];
  send(text: string) {
    this.sent.push(JSON.parse(text));
  }
  say(message: unknown) {
    this.dispatchEvent(new MessageEvent('message', { data: JSON.stringify(message) }));
  }
}

describe('the socket', () => {
  it('opens its views on connecting, and again after it was lost', async () => {
    vi.useFakeTimers();
    const made: FakeSocket[] = [];
    const socket = new Socket(vi.fn(), async () => {
      const next = new FakeSocket();
      made.push(next);
      return next as unknown as WebSocket;
    });
    const view = new ListView(socket);
    view.follow(spec());
    socket.start();
    await vi.advanceTimersByTimeAsync(0);
    made[0]?.dispatchEvent(new Event('open'));
    expect(made[0]?.sent).toEqual([{ op: 'open', view: 1, spec: spec() }]);
    made[0]?.say(rows(['a'], [row('a')]));
    expect(view.row('a')).toBeDefined();

    made[0]?.dispatchEvent(new Event('close'));
    expect(socket.connection().connected).toBe(false);
    view.follow(spec({ filter: 'x' }));
    await vi.advanceTimersByTimeAsync(10_000);
    made[1]?.dispatchEvent(new Event('open'));
    expect(made[1]?.sent).toEqual([{ op: 'open', view: 1, spec: spec({ filter: 'x' }) }]);
    vi.useRealTimers();
  });
});

const operation: Operation = {
  id: '1',
  title: { text: '' },
  cluster: 'dev',
  action: 'stop',
  state: 'running',
  steps: [],
};

it('an operation of an agent that ended does not run for ever', () => {
  hear({ type: 'operation', operation });
  hear({ type: 'operation', operation: { ...operation, id: '2' } });
  hear({ type: 'operations', operations: [{ ...operation, id: '2' }] });
  expect(useHost.getState().operations.map(({ id, state }) => [id, state])).toEqual([
    ['1', 'cancelled'],
    ['2', 'running'],
  ]);
});

it('what came of an operation is told, once and only when it was seen to run', () => {
  const failing: Operation = { ...operation, id: '3', title: { text: 'Stop x' } };
  const told = () => useUi.getState().toasts.map(({ look, text }) => [look, text]);
  useUi.setState({ toasts: [] });
  hear({ type: 'operation', operation: { ...failing, id: 'old', state: 'failed', error: 'long ago' } });
  hear({ type: 'operation', operation: failing });
  expect(told()).toEqual([]);
  toast('good', spoken().t('started'));
  for (let times = 0; times < 2; times++)
    hear({ type: 'operation', operation: { ...failing, state: 'failed', error: 'no engine' } });
  expect(told()).toEqual([['bad', 'Stop x: no engine']]);
  // Its page shows it already.
  const end = watchOperation('4');
  for (const state of ['running', 'failed'] as const)
    hear({ type: 'operation', operation: { ...failing, id: '4', state, error: 'here' } });
  end();
  expect(told()).toHaveLength(1);
});

it('equal messages do not pile up', () => {
  useUi.setState({ toasts: [] });
  for (const text of ['a', 'b', 'a']) toast('bad', text);
  expect(useUi.getState().toasts.map(({ text }) => text)).toEqual(['b', 'a']);
});

it('a newer state of an operation takes the place of the older', () => {
  const merged = merge([operation], [{ ...operation, state: 'done' }]);
  expect(merged.map((o) => o.state)).toEqual(['done']);
});
