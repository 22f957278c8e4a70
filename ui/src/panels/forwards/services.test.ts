import { expect, it } from 'vitest';
import type { KubeObject } from '../../api/contract';
import { firstPort, portsOf } from './services';

it.each([
  ['80:31615/TCP,443/TCP', '80'],
  ['53/UDP', '53'],
  ['<none>', ''],
])('of the ports %s the first is %s', (ports, expected) => {
  expect(firstPort(ports)).toBe(expected);
});

it('offers the ports of a service, and those of the containers of what makes pods', () => {
  const metadata = { name: 'web' };
  const service = { ports: [{ port: 53, protocol: 'UDP' }, { port: 80, targetPort: 8080 }, { port: 443 }] };
  const pod = { containers: [{ name: 'a', ports: [{ containerPort: 8080 }] }, { name: 'b' }] };
  for (const [object, ports] of [
    [{ apiVersion: 'v1', kind: 'Service', metadata, spec: service }, [80, 443]],
    [{ apiVersion: 'v1', kind: 'Pod', metadata, spec: pod }, [8080]],
    [{ apiVersion: 'apps/v1', kind: 'Deployment', metadata, spec: { template: { spec: pod } } }, [8080]],
  ] satisfies [KubeObject, number[]][])
    expect(portsOf(object)).toEqual(ports);
});
