import { expect, it } from 'vitest';
import { faultText, type SyncKind, sourcesOf, syncCommand, wantedSync } from './sync';

const options = { cluster: 'dev', namespace: 'shop', prune: true, rollout: false };
const dev = 'devcluster sync --name dev --namespace shop';

it.each([
  ['manifests', {}, '', `${dev} /a`, '/a'],
  ['manifests', { prune: false, rollout: true }, '', `${dev} /a --no-prune --rollout`, '/a'],
  ['manifests', { prune: false, rollout: true }, '--diff', `${dev} /a --diff --rollout`, '/a'],
  ['manifests', { rollout: true }, '--pull', `${dev} /a --pull`, '/a'],
  ['configmap', {}, '', `${dev} --configmap m=/a`, 'm=/a'],
  ['secret', {}, '', `${dev} --secret m=/a`, 'm=/a'],
] as [SyncKind, object, '' | '--diff', string, string][])(
  '%s with %j %s is "%s"',
  (kind, more, flag, command, source) => {
    const wanted = wantedSync({ ...options, ...more }, kind, 'm', '/a');
    expect(syncCommand(wanted, flag)).toBe(command);
    expect(sourcesOf(wanted)).toEqual([source]);
  },
);

it.each([
  [{ file: '/a.yaml', line: 3, message: 'bad' }, '/a.yaml:3: bad'],
  [{ file: '/a.yaml', line: 0, message: 'bad' }, '/a.yaml: bad'],
  [{ file: '', line: 0, message: 'bad' }, 'bad'],
])('tells %j as "%s"', (fault, text) => {
  expect(faultText(fault)).toBe(text);
});
