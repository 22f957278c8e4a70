import { type ComponentType, lazy } from 'react';
import { again } from '../api/again';

/** A component in a chunk of its own, which is asked for again when the network changes while it comes. */
// biome-ignore lint/suspicious/noExplicitAny: as React's own `lazy`, it takes components of any properties.
export const lazily = <T extends ComponentType<any>>(load: () => Promise<{ default: T }>) => lazy(() => again(load));
