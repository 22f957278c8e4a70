import { expect, it } from 'vitest';
import { elsewhereHref } from './paths';

it.each([
  ['/', '/c/b'],
  ['/create', '/c/b'],
  ['/c/a', '/c/b'],
  ['/c/a/events', '/c/b/events'],
  ['/c/a/r/apps/v1/deployments', '/c/b/r/apps/v1/deployments'],
  ['/c/a/r/apps/v1/deployments/shop/web', '/c/b/r/apps/v1/deployments'],
])('from %s the switch of clusters leads to %s', (path, expected) => {
  expect(elsewhereHref(path, 'b')).toBe(expected);
});
