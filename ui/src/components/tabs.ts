import type { KeyboardEvent } from 'react';

/**
 * Moves the focus among the tabs of a list by arrow keys, Home and End. Only the chosen tab is on the way of the Tab key;
 * Enter chooses, for some panels start something when they are shown.
 */
export function moveTab(event: KeyboardEvent<HTMLElement>) {
  const tabs = [...event.currentTarget.querySelectorAll<HTMLElement>('[role=tab]')];
  const at = tabs.indexOf(event.target as HTMLElement);
  const steps: Record<string, number> = { ArrowLeft: at - 1, ArrowRight: at + 1, Home: 0, End: tabs.length - 1 };
  const to = steps[event.key];
  if (at < 0 || to === undefined) return;
  event.preventDefault();
  tabs[(to + tabs.length) % tabs.length]?.focus();
}
