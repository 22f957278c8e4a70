/** The panels that the shell mounts, each a chunk of its own. See README.md. */
import { lazy } from 'react';

export const YamlEditor = lazy(() => import('./editor/YamlEditor'));
export const CreateEditor = lazy(() => import('./editor/CreateEditor'));
export const LogsPanel = lazy(() => import('./logs/LogsPanel'));
export const ShellPanel = lazy(() => import('./shell/ShellPanel'));
export const NodeConsole = lazy(() => import('./shell/NodeConsole'));
export const SecretEditor = lazy(() => import('./config/SecretEditor'));
export const ConfigMapEditor = lazy(() => import('./config/ConfigMapEditor'));
export const MetricsPanel = lazy(() => import('./metrics/MetricsPanel'));
export const ForwardsPanel = lazy(() => import('./forwards/ForwardsPanel'));
export const RolloutPanel = lazy(() => import('./rollout/RolloutPanel'));
export const TopologyMap = lazy(() => import('./topology/TopologyMap'));
export const EventsTimeline = lazy(() => import('./events/EventsTimeline'));
export const VolumeBrowser = lazy(() => import('./volumes/VolumeBrowser'));
