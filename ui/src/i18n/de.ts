import { panels } from '../panels/messages/de';
import type { Catalogue } from '.';

export const de: Catalogue = {
  ...panels,
  copy: 'Kopieren',
  copied: 'Kopiert',
  retry: 'Noch einmal',
  'health.ok': 'Gesund',
  'health.warn': 'Braucht Aufmerksamkeit',
  'health.bad': 'Defekt',
  'health.done': 'Beendet',
  'session.closed.title': 'Diese Seite braucht einen neuen Link',
  'session.closed.text': 'Das Dashboard öffnet sich mit einem Einmal-Link. Dieser Befehl öffnet einen neuen:',
  'session.unreachable.title': 'Der Agent antwortet nicht',
  'session.unreachable.text': 'Er läuft im Hintergrund und liefert diese Seite. Dieser Befehl startet ihn wieder:',
  'failure.title': 'Dieser Teil der Seite ist gescheitert',
};
