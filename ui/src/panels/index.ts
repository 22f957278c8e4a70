/** The panels that the shell mounts, each a chunk of its own. See README.md. */
import { lazy } from 'react';

export const YamlEditor = lazy(() => import('./editor/YamlEditor'));
export const CreateEditor = lazy(() => import('./editor/CreateEditor'));
