import { expect, it } from 'vitest';
import { firstPort } from './services';

it.each([
  ['80:31615/TCP,443/TCP', '80'],
  ['53/UDP', '53'],
  ['<none>', ''],
])('of the ports %s the first is %s', (ports, expected) => {
  expect(firstPort(ports)).toBe(expected);
});
