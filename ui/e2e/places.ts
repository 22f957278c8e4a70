import { CLUSTER, list, object } from './dashboard';

/** Every page, by what a settled one shows. */
export const PAGES: [name: string, path: string, settled: string][] = [
  ['clusters', '/', 'Clusters'],
  ['create', '/create', 'The same on the command line'],
  ['overview', `/c/${CLUSTER}`, 'What there is'],
  ['tour', `/c/${CLUSTER}?tour=1`, 'Pod: what runs'],
  ['map', `/c/${CLUSTER}/map?ns=dashboard`, 'Service'],
  ['events', `/c/${CLUSTER}/events?ns=dashboard`, 'Scheduled'],
  ['metrics', `/c/${CLUSTER}/metrics`, 'CPU (cores)'],
  ['namespaces', `/c/${CLUSTER}/metrics?panel=of%3Dnamespaces`, 'CPU (cores)'],
  ['timeline', `${object('apps/v1/deployments', 'web')}?view=events`, 'Rollout'],
  ['forwards', `/c/${CLUSTER}/forwards`, 'Address here'],
  ['sync', `/c/${CLUSTER}/sync`, 'Synced folders'],
  ['images', `/c/${CLUSTER}/images`, 'devcluster/busybox:1'],
  ['pods', list('core/v1/pods'), 'web-'],
  ['deployment', object('apps/v1/deployments', 'web'), 'ReplicaSets'],
  ['rollout', `${object('apps/v1/deployments', 'web')}?view=rollout`, 'current'],
  ['service', object('core/v1/services', 'web'), 'Gets traffic'],
  ['policy', object('networking.k8s.io/v1/networkpolicies', 'guard'), 'app=web in all namespaces'],
  ['secret', object('core/v1/secrets', 'password'), 'password'],
  ['configmap', object('core/v1/configmaps', 'settings'), 'greeting'],
  ['claim', object('core/v1/persistentvolumeclaims', 'disk'), 'Used by'],
  ['yaml', `${object('apps/v1/deployments', 'web')}?view=yaml`, 'apiVersion'],
  ['logs', `${object('apps/v1/deployments', 'web')}?view=logs`, 'lines'],
  ['node', `/c/${CLUSTER}/r/core/v1/nodes/_/${CLUSTER}-worker-1`, 'Kubelet'],
];
