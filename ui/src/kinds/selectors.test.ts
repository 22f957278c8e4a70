import { expect, it } from 'vitest';
import { allowed, isLabelSelector, selectorText } from './selectors';

it('a selector is told in the words of kubectl', () => {
  const matchExpressions = [
    { key: 'tier', operator: 'In', values: ['a', 'b'] },
    { key: 'env', operator: 'NotIn', values: ['test'] },
    { key: 'team', operator: 'Exists' },
    { key: 'old', operator: 'DoesNotExist' },
  ];
  expect(selectorText({ matchLabels: { app: 'web', x: '' }, matchExpressions })).toBe(
    'app=web,x=,tier in (a,b),env notin (test),team,!old',
  );
  expect(selectorText({})).toBe('');
});

it('a selector is known by its fields', () => {
  expect([{ matchLabels: {} }, { matchExpressions: [] }].every(isLabelSelector)).toBe(true);
  expect([{}, null, [], 'x', { matchLabels: {}, size: 1 }].some(isLabelSelector)).toBe(false);
});

it('a policy says nothing of a direction that is not among its types, and lets nothing through without rules', () => {
  const web = { podSelector: { matchLabels: { app: 'web' } } };
  for (const [spec, ingress, egress] of [
    [{}, [], null],
    [{ policyTypes: ['Egress'] }, null, []],
    [{ ingress: [{}] }, [{ peers: [], ports: [] }], null],
    [{ egress: [{ to: [web] }] }, [], [{ peers: [web], ports: [] }]],
    [
      { policyTypes: ['Ingress'], ingress: [{ from: [web, { namespaceSelector: {} }], ports: [{ port: 80 }] }] },
      [{ peers: [web, { namespaceSelector: {} }], ports: ['80/TCP'] }],
      null,
    ],
  ] as const) {
    const policy = JSON.parse(JSON.stringify(spec));
    expect([allowed(policy, 'ingress'), allowed(policy, 'egress')]).toEqual([ingress, egress]);
  }
});

it('ports are told with their protocol, as a number, a name, a range or all of it', () => {
  const ports = [{ port: 80 }, { port: 'web', protocol: 'TCP' }, { port: 1, endPort: 9 }, { protocol: 'UDP' }];
  expect(allowed({ ingress: [{ ports }] }, 'ingress')?.[0]?.ports).toEqual(['80/TCP', 'web/TCP', '1-9/TCP', 'UDP']);
});
