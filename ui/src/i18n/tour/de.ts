import type { tour as english } from './en';

export const tour: Record<keyof typeof english, string> = {
  tour: 'Rundgang',
  'tour.page': 'Die Seite des Beispiels',
  'tour.offer': 'Neu bei Kubernetes? Sechs kurze Stationen an dem, was hier läuft.',
  'tour.start': 'Rundgang beginnen',
  'tour.next': 'Weiter',
  'tour.back': 'Zurück',
  'tour.end': 'Rundgang beenden',
  'tour.here': 'Hier laufen:',
  'tour.nothing': 'noch keine',
  'tour.list': 'Alle',
  'tour.pod': 'Pod: was läuft',
  'tour.pod.text':
    'Ein Pod ist ein Container oder mehrere, die zusammen leben und sterben. Sie teilen eine Adresse und, wenn gewünscht, Dateien. Er ist das Kleinste, was Kubernetes auf einen Node setzt.',
  'tour.pod.try': 'Probier es: Lösche einen Pod und sieh, wie ein anderer an seine Stelle tritt.',
  'tour.replicaset': 'ReplicaSet: wie viele',
  'tour.replicaset.text':
    'Ein ReplicaSet hält eine Anzahl gleicher Pods am Leben. Fehlt einer, macht es einen neuen; sind es zu viele, nimmt es einen weg.',
  'tour.replicaset.try': 'Probier es: Öffne eines und sieh die Pods, die dazugehören.',
  'tour.deployment': 'Deployment: welche Version',
  'tour.deployment.text':
    'Ein Deployment wechselt ohne Lücke von einer Version zur nächsten: ein neues ReplicaSet wächst, während das alte schrumpft. Es merkt sich die alten, damit du zurück kannst.',
  'tour.deployment.try': 'Probier es: Skaliere eines, oder starte es neu und sieh dem Rollout zu.',
  'tour.service': 'Service: eine Adresse',
  'tour.service.text':
    'Pods kommen und gehen; ein Service ist die Adresse, die bleibt. Er hat einen Namen im DNS und gibt jede Verbindung an einen Pod, der bereit ist.',
  'tour.service.try': 'Probier es: Öffne einen und sieh, wer dahinter antwortet.',
  'tour.configmap': 'ConfigMap: die Einstellungen',
  'tour.configmap.text':
    'Eine ConfigMap hält Einstellungen getrennt vom Image. In einen Pod eingehängt ist sie ein Ordner mit Dateien, und eine Änderung erreicht hier den laufenden Container sofort.',
  'tour.configmap.try': 'Probier es: Ändere die Begrüßung und lade die Seite des Beispiels neu.',
  'tour.volume': 'Volume: was bleibt',
  'tour.volume.text':
    'Die Dateien eines Containers sterben mit ihm. Ein Volume überlebt den Container: Jeder front-Pod des Beispiels hat eines, pictures, das sich seine beiden Container teilen. Ein Claim bittet um Speicher, der selbst den Pod überlebt; der Cluster bindet ihn an ein Volume, das mindestens so groß ist.',
  'tour.volume.try': 'Probier es: Erstelle einen Claim und sieh, welches Volume er bekommt.',
};
