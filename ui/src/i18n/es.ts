import { panels } from '../panels/messages/es';
import type { Catalogue } from '.';

export const es: Catalogue = {
  ...panels,
  copy: 'Copiar',
  copied: 'Copiado',
  retry: 'Reintentar',
  'health.ok': 'Sano',
  'health.warn': 'Requiere atención',
  'health.bad': 'Averiado',
  'health.done': 'Terminado',
  'session.closed.title': 'Esta página necesita un enlace nuevo',
  'session.closed.text': 'El panel se abre con un enlace de un solo uso. Este comando abre uno nuevo:',
  'session.unreachable.title': 'El agente no responde',
  'session.unreachable.text': 'Funciona en segundo plano y sirve esta página. Este comando lo inicia de nuevo:',
  'failure.title': 'Esta parte de la página ha fallado',
};
