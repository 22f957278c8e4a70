import { describe, expect, it } from 'vitest';
import type { KubeObject } from '../../api/contract';
import { exitOf, read, resize, stdin } from './channel';
import { debugImage, debugName, preferred } from './containers';
import { type Connection, hasNoShell, step } from './terminal';
import { toolPod } from './toolpod';

const bytes = (channel: number, text: string) => Uint8Array.of(channel, ...new TextEncoder().encode(text));

describe('channels', () => {
  it('are told by the first byte', () => {
    expect(read(bytes(1, 'x'))).toMatchObject({ channel: 'stdout' });
    expect(read(bytes(2, 'x'))).toMatchObject({ channel: 'stderr' });
    expect(read(bytes(3, '{"status":"Success"}'))).toEqual({ channel: 'exit', exit: { code: 0, message: '' } });
    expect(read(new Uint8Array())).toEqual({ channel: 'other' });
    expect([...stdin(Uint8Array.of(7))]).toEqual([0, 7]);
    expect(new TextDecoder().decode(resize(80, 24).subarray(1))).toBe('{"Width":80,"Height":24}');
  });
  it('tell exit codes from failures to start', () => {
    const failed = {
      status: 'Failure',
      reason: 'NonZeroExitCode',
      message: 'm',
      details: { causes: [{ reason: 'ExitCode', message: '3' }] },
    };
    expect(exitOf(JSON.stringify(failed))).toEqual({ code: 3, message: 'm' });
    expect(exitOf('{"status":"Failure","message":"no such container"}')).toEqual({
      code: null,
      message: 'no such container',
    });
    expect(exitOf('words')).toEqual({ code: null, message: 'words' });
  });
});

describe('a terminal', () => {
  const run = (...happenings: Parameters<typeof step>[1][]) =>
    happenings.reduce<Connection>((connection, happening) => step(connection, happening), {
      state: 'connecting',
      attempt: 0,
    });
  const closed = { what: 'closed', reason: 'gone' } as const;
  it('says that it ended when the shell ended', () => {
    expect(run({ what: 'opened' }, { what: 'exit', exit: { code: 1, message: '' } }, closed)).toMatchObject({
      state: 'ended',
      exit: { code: 1 },
    });
  });
  it('says that it lost the connection, and tries again at growing distances, not for ever', () => {
    expect(run({ what: 'opened' }, closed)).toEqual({ state: 'lost', attempt: 1, in: 500 });
    expect(run({ what: 'opened' }, closed, { what: 'retry' }, closed)).toEqual({ state: 'lost', attempt: 2, in: 1000 });
    const rounds = Array.from({ length: 6 }, () => [{ what: 'retry' } as const, closed]).flat();
    expect(run({ what: 'opened' }, closed, ...rounds)).toEqual({ state: 'failed', message: 'gone' });
  });
  it('does not try again what the cluster refused', () => {
    expect(run({ what: 'opened' }, { what: 'exit', exit: { code: null, message: 'no' } }, closed)).toEqual({
      state: 'failed',
      message: 'no',
    });
  });
  it('knows a container without a shell', () => {
    expect(hasNoShell('exec: "/bin/sh": stat /bin/sh: no such file or directory')).toBe(true);
    expect(hasNoShell('container not found')).toBe(false);
  });
});

describe('toolPod', () => {
  const node = (names: string[]) =>
    ({
      metadata: { name: 'n' },
      status: { nodeInfo: { architecture: 'amd64' }, images: [{ names }] },
    }) as unknown as KubeObject;
  const wish = { name: 't', namespace: 'x', node: node(['a.b/pause@sha256:1', 'a.b/pause:3.10']) };
  it('lends tools to a claim without the right to change the node, wherever the scheduler puts it', () => {
    const pod = toolPod({ ...wish, pinned: false, claim: 'c' });
    expect(pod).toMatchObject({
      spec: { hostPID: false, containers: [{ image: 'a.b/pause:3.10', securityContext: { privileged: false } }] },
    });
    const spec = pod?.spec as {
      nodeName?: string;
      containers: { volumeMounts: { mountPath: string; readOnly?: boolean }[] }[];
    };
    expect(spec.nodeName).toBeUndefined();
    expect(
      spec.containers[0]?.volumeMounts.filter(({ readOnly }) => !readOnly).map(({ mountPath }) => mountPath),
    ).toEqual(['/mnt']);
  });
  it('is a console on its own node', () => {
    expect(toolPod({ ...wish, pinned: true })).toMatchObject({ spec: { nodeName: 'n', hostPID: true } });
  });
  it('is none where no image is at hand', () => {
    expect(toolPod({ ...wish, pinned: true, node: node(['nginx:1']) })).toBeNull();
  });
});

describe('containers', () => {
  const pod = {
    metadata: { name: 'p' },
    spec: { containers: [{ name: 'a' }, { name: 'b' }], ephemeralContainers: [{ name: 'debugger-1' }] },
    status: { containerStatuses: [{ name: 'b', state: { running: {} } }] },
  } as unknown as KubeObject;
  it('open with the wanted one, else with one that runs', () => {
    expect([preferred(pod, 'a'), preferred(pod, 'none'), preferred(pod)]).toEqual(['a', 'b', 'b']);
  });
  it('get a debug container of a free name, of an image that the node has', () => {
    const images = [{ names: ['x/pause:3'] }, { names: ['devcluster/busybox:1'] }];
    expect([debugName(pod), debugImage({ status: { images } } as unknown as KubeObject), debugImage(null)]).toEqual([
      'debugger-2',
      'devcluster/busybox:1',
      'busybox:stable',
    ]);
  });
});
