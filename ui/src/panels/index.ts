/** The panels that the shell mounts, each a chunk of its own. See README.md. */
import { lazily } from '../components/lazily';

export const YamlEditor = lazily(() => import('./editor/YamlEditor'));
export const CreateEditor = lazily(() => import('./editor/CreateEditor'));
export const ReplaceEditor = lazily(() => import('./editor/ReplaceEditor'));
export const LogsPanel = lazily(() => import('./logs/LogsPanel'));
export const ShellPanel = lazily(() => import('./shell/ShellPanel'));
export const NodeConsole = lazily(() => import('./shell/NodeConsole'));
export const SecretEditor = lazily(() => import('./config/SecretEditor'));
export const ConfigMapEditor = lazily(() => import('./config/ConfigMapEditor'));
export const MetricsPanel = lazily(() => import('./metrics/MetricsPanel'));
export const ForwardsPanel = lazily(() => import('./forwards/ForwardsPanel'));
export const RolloutPanel = lazily(() => import('./rollout/RolloutPanel'));
export const TopologyMap = lazily(() => import('./topology/TopologyMap'));
export const EventsTimeline = lazily(() => import('./events/EventsTimeline'));
export const VolumeBrowser = lazily(() => import('./volumes/VolumeBrowser'));
