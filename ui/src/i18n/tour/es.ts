import type { tour as english } from './en';

export const tour: Record<keyof typeof english, string> = {
  tour: 'Recorrido guiado',
  'tour.page': 'La página del ejemplo',
  'tour.offer': '¿Nuevo en Kubernetes? Seis breves paradas sobre lo que funciona aquí.',
  'tour.start': 'Hacer el recorrido',
  'tour.next': 'Siguiente',
  'tour.back': 'Atrás',
  'tour.end': 'Terminar el recorrido',
  'tour.here': 'Aquí funcionan:',
  'tour.nothing': 'ninguno aún',
  'tour.list': 'Todos',
  'tour.pod': 'Pod: lo que se ejecuta',
  'tour.pod.text':
    'Un pod es uno o más contenedores que viven y mueren juntos. Comparten dirección y pueden compartir archivos. Es lo más pequeño que Kubernetes coloca en un nodo.',
  'tour.pod.try': 'Pruebe: elimine un pod y observe cómo otro ocupa su lugar.',
  'tour.replicaset': 'ReplicaSet: cuántos',
  'tour.replicaset.text':
    'Un ReplicaSet mantiene vivo un número de pods iguales. Si falta uno, crea otro; si sobran, quita uno.',
  'tour.replicaset.try': 'Pruebe: abra uno y vea los pods que le pertenecen.',
  'tour.deployment': 'Deployment: qué versión',
  'tour.deployment.text':
    'Un Deployment pasa de una versión a otra sin cortes: un ReplicaSet nuevo crece mientras el antiguo mengua. Recuerda los anteriores para poder volver.',
  'tour.deployment.try': 'Pruebe: escale uno o reinícielo y observe el despliegue.',
  'tour.service': 'Service: una dirección',
  'tour.service.text':
    'Los pods van y vienen; un Service es la dirección que permanece. Tiene un nombre en DNS y pasa cada conexión a un pod listo.',
  'tour.service.try': 'Pruebe: abra uno y vea quién responde detrás.',
  'tour.configmap': 'ConfigMap: los ajustes',
  'tour.configmap.text':
    'Un ConfigMap guarda los ajustes aparte de la imagen. Montado en un pod es una carpeta de archivos, y aquí una edición llega al contenedor al instante.',
  'tour.configmap.try': 'Pruebe: cambie el saludo y recargue la página del ejemplo.',
  'tour.volume': 'Volumen: lo que queda',
  'tour.volume.text':
    'Los archivos de un contenedor mueren con él. Un volumen sobrevive al contenedor: cada pod front del ejemplo tiene uno, pictures, que comparten sus dos contenedores. Una reclamación pide almacenamiento que sobrevive incluso al pod; el clúster la enlaza con un volumen al menos de ese tamaño.',
  'tour.volume.try': 'Pruebe: cree una reclamación y vea qué volumen obtiene.',
};
