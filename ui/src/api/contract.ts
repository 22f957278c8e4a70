/** What the agent and the page say to each other. The agent's side of it is documented in `cluster-core/agent`. */

/** What the agent says: a code with values for the catalogues, and the same in English. */
export interface Saying {
  /** Nothing for what others said, which is not translated. */
  code?: string;
  with?: Record<string, string | Saying>;
  text: string;
}

export type Health = 'ok' | 'warn' | 'bad' | 'done';

/** Names a resource as URLs do: the core group is the empty string. */
export interface Gvr {
  group: string;
  version: string;
  resource: string;
}

/** Names one object of a cluster. Cluster-scoped objects have an empty namespace. */
export interface ObjectRef extends Gvr {
  cluster: string;
  namespace: string;
  name: string;
  /** Where only this one object is meant, and none of its name that comes after it. */
  uid?: string;
}

export type ClusterState = 'running' | 'stopped' | 'paused' | 'partial' | 'creating';

export interface ClusterNode {
  name: string;
  role: 'master' | 'worker';
  state: string;
  address: string;
}

export interface Cluster {
  name: string;
  state: ClusterState;
  /** UID of the kube-system namespace; empty unless the cluster runs. */
  uid: string;
  server: string;
  nodes: ClusterNode[];
}

export interface Step {
  name: string;
  state: string;
  /** How long it took, once it is over. */
  seconds: number;
  /** RFC 3339. */
  begun: string;
}

export interface Operation {
  id: string;
  title: Saying;
  cluster: string;
  action: string;
  state: 'running' | 'done' | 'failed' | 'cancelled';
  steps: Step[];
  error?: string | Status | null;
  /** What the user should know though nothing failed. */
  warnings?: string[];
}

export type ClusterAction =
  | { action: 'start' | 'stop' | 'pause' | 'unpause' | 'delete' | 'demo' }
  | { action: 'add-nodes'; count: number; simulated?: boolean }
  | { action: 'remove-node' | 'start-node' | 'stop-node' | 'kill-node'; node: string }
  | { action: 'load-images'; images: string[] };

export interface Image {
  name: string;
  id: string;
  /** Bytes. */
  size: number;
  nodes: string[];
}

export interface Forward {
  id: string;
  cluster: string;
  namespace: string;
  /** `service/x`, `pod/x`, `deployment/x` or another workload. */
  target: string;
  port: number;
  protocol: 'TCP' | 'UDP';
  local: number;
  state: 'listening' | 'waiting' | 'failed';
  /** Made by the agent for a LoadBalancer or NodePort service. */
  automatic: boolean;
  why: Saying | null;
}

/** Files that are to be in a cluster. */
export interface WantedSync {
  cluster: string;
  /** Of objects that name none. */
  namespace: string;
  /** Manifests, and folders of them. */
  paths: string[];
  /** By name, each of a file or the files of a folder. */
  configMaps: [name: string, path: string][];
  secrets: [name: string, path: string][];
  prune: boolean;
  rollout: boolean;
}

export interface FileFault {
  file: string;
  /** 0 when it is not known. */
  line: number;
  message: string;
}

export interface Sync extends WantedSync {
  id: string;
  state: 'waiting' | 'synced' | 'failing';
  applied: number;
  errors: FileFault[];
  last: string | null;
}

/** The failure of a request, as Kubernetes words it. */
export interface Status {
  kind?: 'Status';
  message: string;
  reason?: string;
  code?: number;
}

export type ExtraColumn = { name: string; jsonPath: string } | { name: string; label: string };

export interface ListSpec extends Gvr {
  kind: 'list';
  cluster: string;
  /** Empty means all. */
  namespaces: string[];
  labelSelector: string;
  fieldSelector: string;
  /** As k9s reads it: words, `!not`, `/regex/`, `column:value`, `-l label=value`, all of which must fit. */
  filter: string;
  /** Only what this controller owns, by its UID. */
  owner?: string;
  /** Only what has just this in a column. */
  cell?: [column: string, value: string];
  sort?: { column: string; descending: boolean } | undefined;
  columns: ExtraColumn[];
  offset: number;
  limit: number;
}

export interface ObjectSpec extends ObjectRef {
  kind: 'object';
}

export interface CountsSpec {
  kind: 'counts';
  cluster: string;
  resources: Gvr[];
  namespaces: string[];
}

export interface LogsSpec {
  kind: 'logs';
  cluster: string;
  namespace: string;
  pods?: string[];
  selector?: string;
  /** Empty means all. */
  containers: string[];
  /** Only what was said before the last restart. */
  previous: boolean;
  tail: number;
  /** Only of so many seconds before; 0 for all. */
  since: number;
  filter: string;
}

export interface ProblemsSpec {
  kind: 'problems';
  cluster: string;
  namespaces: string[];
  /** Of one object alone. */
  uid?: string;
}

/** What measurements are of. */
export type Scope =
  /** All when none is named. */
  | { nodes: string[] }
  /** Sums of namespaces, all when none is named: what is told as pods bears their names. */
  | { namespaces: string[] }
  | { namespace: string; pods?: string[] };

export interface MetricsSpec {
  kind: 'metrics';
  cluster: string;
  /** All when there is none. */
  scope?: Scope;
  /** Without what was measured before. */
  latest?: boolean;
}

export type ViewSpec = ListSpec | ObjectSpec | CountsSpec | LogsSpec | ProblemsSpec | MetricsSpec;

export interface Column {
  name: string;
  type: string;
  format: string;
  priority: number;
  description: string;
}

export type Cell = string | number | boolean | null;

export interface Row {
  uid: string;
  name: string;
  namespace: string;
  /** RFC 3339. */
  created: string;
  rv: string;
  cells: Cell[];
  /** When the cells were written, in seconds since 1970: the ages in them are of then. */
  at: number;
  health: Health;
  why: Saying | null;
  deleting: boolean;
}

export type Tally = Record<Health, number>;

export interface Count extends Gvr, Tally {
  total: number;
}

export interface LogLine {
  pod: string;
  container: string;
  /** RFC 3339 with nanoseconds; empty when unknown. */
  time: string;
  text: string;
  /** Said before the container's last restart. */
  before?: boolean;
}

export interface Remedy {
  action: string;
  label: Saying;
}

export interface Problem extends Gvr {
  kind: string;
  namespace: string;
  name: string;
  uid: string;
  why: Saying;
  evidence: string[];
  remedy: Remedy | null;
}

export interface NodeUsage {
  name: string;
  /** Cores. */
  cpu: number;
  /** Bytes. */
  memory: number;
  /** Bytes per second; null until they were counted twice. */
  received: number | null;
  sent: number | null;
}

export interface PodUsage extends NodeUsage {
  namespace: string;
  /** Where there are several. */
  containers?: NodeUsage[];
}

export interface MetricsPoint {
  at: string;
  nodes: NodeUsage[];
  pods: PodUsage[];
}

/** Messages about one view. */
export type ViewMessage =
  | {
      type: 'rows';
      view: number;
      columns?: Column[];
      total: number;
      matched: number;
      /** Whether others are still on their way: this is a part of what there is. */
      more: boolean;
      offset: number;
      order: string[];
      rows: Row[];
      counts: Tally;
    }
  | { type: 'object'; view: number; object: KubeObject | null }
  | { type: 'counts'; view: number; counts: Count[] }
  /** With why containers cannot be read, by `pod/container`, when that has changed. */
  | { type: 'lines'; view: number; lines: LogLine[]; dropped: number; faults?: Record<string, string> }
  /** The first few hundred of them all. */
  | { type: 'problems'; view: number; problems: Problem[]; total: number }
  /** With all measurements that the agent kept, this one the last, where there are some when the view opens. */
  | ({ type: 'metrics'; view: number; points?: MetricsPoint[] } & MetricsPoint)
  | { type: 'state'; view: number; live: boolean; error: Status | null };

/** Messages about the host. */
export type HostMessage =
  | { type: 'clusters'; clusters: Cluster[] }
  /** All that the agent remembers: when a connection begins, and when the page has missed something. */
  | { type: 'operations'; operations: Operation[] }
  | { type: 'operation'; operation: Operation }
  | { type: 'forwards'; forwards: Forward[] }
  | { type: 'syncs'; syncs: Sync[] };

export type AgentMessage = ViewMessage | HostMessage;

export interface ObjectMeta {
  name: string;
  namespace?: string;
  uid?: string;
  resourceVersion?: string;
  generation?: number;
  creationTimestamp?: string;
  deletionTimestamp?: string;
  labels?: Record<string, string>;
  annotations?: Record<string, string>;
  ownerReferences?: OwnerReference[];
  finalizers?: string[];
  managedFields?: { manager?: string; operation?: string; time?: string }[];
}

export interface OwnerReference {
  apiVersion: string;
  kind: string;
  name: string;
  uid: string;
  controller?: boolean;
}

/** An object as the API server has it. Its body is read with the helpers of `kinds/read.ts`. */
export interface KubeObject {
  apiVersion: string;
  kind: string;
  metadata: ObjectMeta;
  // biome-ignore lint/suspicious/noExplicitAny: the body's shape is the kind's, custom kinds included.
  [field: string]: any;
}
