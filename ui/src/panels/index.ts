/** The panels that the shell mounts, each a chunk of its own. See README.md. */
import { lazy } from 'react';

export const YamlEditor = lazy(() => import('./editor/YamlEditor'));
export const CreateEditor = lazy(() => import('./editor/CreateEditor'));
export const LogsPanel = lazy(() => import('./logs/LogsPanel'));
export const ShellPanel = lazy(() => import('./shell/ShellPanel'));
export const NodeConsole = lazy(() => import('./shell/NodeConsole'));
