import { expect, it } from 'vitest';
import type { KubeObject } from '../api/contract';
import { grantsOf, ofRole, subjectText, toAccount } from './grants';

const binding = (name: string, namespace: string, role: [string, string], ...subjects: [string, string, string?][]) =>
  ({
    metadata: { name, uid: name, ...(namespace && { namespace }) },
    roleRef: { kind: role[0], name: role[1] },
    subjects: subjects.map(([kind, of, where]) => ({ kind, name: of, ...(where && { namespace: where }) })),
  }) as unknown as KubeObject;

const grants = grantsOf([
  binding('own', 'shop', ['Role', 'reader'], ['ServiceAccount', 'robot', 'shop'], ['User', 'ann']),
  binding('group', '', ['ClusterRole', 'view'], ['Group', 'system:serviceaccounts:shop']),
  binding('user', 'other', ['ClusterRole', 'edit'], ['User', 'system:serviceaccount:shop:robot']),
  binding('namesake', 'other', ['Role', 'reader'], ['ServiceAccount', 'robot', 'other']),
]);
const names = (found: typeof grants) => found.map(({ binding: of }) => of);

it('an account has what names it, its user name or a group of its', () => {
  expect(names(toAccount(grants, 'shop', 'robot'))).toEqual(['own', 'group', 'user']);
  expect(toAccount(grants, 'shop', 'robot')[0]?.subjects.map(subjectText)).toEqual(['ServiceAccount shop/robot']);
  expect(names(toAccount(grants, 'shop', 'default'))).toEqual(['group']);
});

it('a role is given by the bindings of its namespace, one of the cluster by all', () => {
  expect(names(ofRole(grants, 'shop', 'reader'))).toEqual(['own']);
  expect(names(ofRole(grants, '', 'edit'))).toEqual(['user']);
  expect(names(ofRole(grants, '', 'reader'))).toEqual([]);
});
