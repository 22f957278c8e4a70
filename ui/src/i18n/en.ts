import { panels } from '../panels/messages/en';

/** The English catalogue; it gives the others their keys and the values that a message takes. */
export const en = {
  ...panels,
  copy: 'Copy',
  copied: 'Copied',
  retry: 'Try again',
  'health.ok': 'Healthy',
  'health.warn': 'Needs attention',
  'health.bad': 'Broken',
  'health.done': 'Finished',
  'session.closed.title': 'This page needs a fresh link',
  'session.closed.text': 'The dashboard opens with a one-time link. Run this command; it opens a new one:',
  'session.unreachable.title': 'The agent does not answer',
  'session.unreachable.text': 'It runs in the background and serves this page. This command starts it again:',
  'failure.title': 'This part of the page failed',
} as const;
