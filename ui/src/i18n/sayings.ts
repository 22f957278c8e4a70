import type english from '../../../cluster-core/agent/src/sayings/en.json';

/** Steps of operations as the launcher names them; of names in braces the rest of the step is one. */
export type Step =
  | 'Docker engine'
  | 'Node image'
  | 'Certificates'
  | 'Network'
  | 'Nodes'
  | 'Simulated nodes'
  | 'Starting nodes'
  | 'Stopping nodes'
  | 'Pausing nodes'
  | 'Resuming nodes'
  | 'API server'
  | 'Node Ready'
  | 'Nodes Ready'
  | 'DNS answers'
  | 'Kubeconfig'
  | 'Applying the demo'
  | 'Rolling out'
  | 'Removing the cluster'
  | 'Removing what was made'
  | 'Loading {name}'
  | 'Draining {name}'
  | 'Removing {name}'
  | 'Starting {name}'
  | 'Stopping {name}'
  | 'Killing {name}';

/** What the agent says, by its codes, and the steps of its operations: both in English when a translation lacks them. */
export type Sayings = Record<keyof typeof english | Step, string>;
