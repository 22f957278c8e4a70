import { describe, expect, it } from 'vitest';
import type { KubeObject } from '../../api/contract';
import { command, entriesOf, join, waysTo, wrongName } from './files';

describe('entriesOf', () => {
  it('reads what stat prints, folders first', () => {
    const listing =
      'regular file|5|1700000000|644|b.txt\nregular empty file|0|1700000000|600|a|b\ndirectory|4096|1700000000|755|sub\nsymbolic link|3|1|777|l\nsocket|0|1|777|s\nnoise\n';
    expect(entriesOf(listing).map(({ name, type, size }) => [name, type, size])).toEqual([
      ['sub', 'folder', 4096],
      ['a|b', 'file', 0],
      ['b.txt', 'file', 5],
      ['l', 'link', 3],
      ['s', 'other', 0],
    ]);
  });
});

describe('paths', () => {
  it.each([
    ['/data', ['a', 'b'], '/data/a/b'],
    ['/data/', ['../..', 'etc'], '/data/etc'],
    ['/', [], '/'],
    ['/', ['x'], '/x'],
  ])('join %s and %j never leaves the root', (root, names, expected) => {
    expect(join(root, ...names)).toBe(expected);
  });
  it('are arguments of the command, never part of it', () => {
    expect(command('read', '/a"; rm -rf /')).toEqual(['/bin/sh', '-c', 'cat -- "$1"', 'sh', '/a"; rm -rf /']);
  });
});

describe('waysTo', () => {
  const pod = (name: string, mounts: object[], phase = 'Running') =>
    ({
      metadata: { name },
      spec: {
        nodeName: 'n',
        volumes: [{ name: 'v', persistentVolumeClaim: { claimName: 'disk' } }],
        containers: [{ name: 'c', volumeMounts: mounts }],
      },
      status: { phase },
    }) as unknown as KubeObject;
  it('prefers the whole volume, writable', () => {
    const pods = [
      pod('part', [{ name: 'v', mountPath: '/p', subPath: 'x' }]),
      pod('read', [{ name: 'v', mountPath: '/r', readOnly: true }]),
      pod('write', [{ name: 'v', mountPath: '/w' }]),
      pod('waits', [{ name: 'v', mountPath: '/w' }], 'Pending'),
      pod('other', [{ name: 'x', mountPath: '/w' }]),
    ];
    expect(waysTo(pods, 'disk').map((way) => way.pod)).toEqual(['write', 'read', 'part']);
    expect(waysTo(pods, 'none')).toEqual([]);
    const helper = pod('files-1', [{ name: 'v', mountPath: '/mnt' }]);
    helper.metadata.labels = { 'devcluster.io/tool': 'volume' };
    expect(waysTo([helper], 'disk')).toEqual([]);
  });
});

describe('wrongName', () => {
  const entries = entriesOf('regular file|5|1|644|a.txt\n');
  it.each([
    ['b.txt', ''],
    ['.hidden', ''],
    ['a.txt', 'panel.volume.taken'],
    ['', 'panel.volume.badName'],
    ['..', 'panel.volume.badName'],
    ['../b', 'panel.volume.badName'],
    ['/etc/passwd', 'panel.volume.badName'],
  ])('of %j is %j', (name, expected) => {
    expect(wrongName(name, entries)).toBe(expected);
  });
});
