/** The kinds that the page itself asks for, by what names them in addresses. */
import type { Gvr } from '../api/contract';

const v1 = <R extends string>(resource: R, group = '') => ({ group, version: 'v1', resource }) satisfies Gvr;

export const PODS = v1('pods');
export const NAMESPACES = v1('namespaces');
export const EVENTS = v1('events');
export const SERVICES = v1('services');
export const CONFIG_MAPS = v1('configmaps');
export const SECRETS = v1('secrets');
export const CLAIMS = v1('persistentvolumeclaims');
export const DEPLOYMENTS = v1('deployments', 'apps');
export const REPLICA_SETS = v1('replicasets', 'apps');
export const REVISIONS = v1('controllerrevisions', 'apps');
export const NODES = v1('nodes');
export const JOBS = v1('jobs', 'batch');
export const AUTOSCALERS = { group: 'autoscaling', version: 'v2', resource: 'horizontalpodautoscalers' };
export const SLICES = v1('endpointslices', 'discovery.k8s.io');
export const CRDS = v1('customresourcedefinitions', 'apiextensions.k8s.io');
