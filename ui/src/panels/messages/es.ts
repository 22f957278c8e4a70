import type { panels as english } from './en';

export const panels: Record<keyof typeof english, string> = {};
