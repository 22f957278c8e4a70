/** The guided tour's part of the English catalogue. */
export const tour = {
  tour: 'Guided tour',
  'tour.page': "The sample's page",
  'tour.offer': 'New to Kubernetes? Six short stops on what runs here.',
  'tour.start': 'Take the tour',
  'tour.next': 'Next',
  'tour.back': 'Back',
  'tour.end': 'End the tour',
  'tour.here': 'Running here:',
  'tour.nothing': 'none yet',
  'tour.list': 'All of them',
  'tour.pod': 'Pod: what runs',
  'tour.pod.text':
    'A pod is one or more containers that live and die together. They share an address and may share files. It is the smallest thing that Kubernetes places on a node.',
  'tour.pod.try': 'Try it: delete a pod and watch another take its place.',
  'tour.replicaset': 'Replica set: how many',
  'tour.replicaset.text':
    'A replica set keeps a number of equal pods alive. When one is gone, it makes another; when there are too many, it takes one away.',
  'tour.replicaset.try': 'Try it: open one and see the pods that belong to it.',
  'tour.deployment': 'Deployment: which version',
  'tour.deployment.text':
    'A deployment moves from one version to the next without a gap: a new replica set grows while the old one shrinks. It remembers the old ones, so you can go back.',
  'tour.deployment.try': 'Try it: scale one, or restart it and watch the rollout.',
  'tour.service': 'Service: one address',
  'tour.service.text':
    'Pods come and go; a service is the address that stays. It has a name in DNS and passes each connection to one of the pods that are ready.',
  'tour.service.try': 'Try it: open one and see who answers behind it.',
  'tour.configmap': 'ConfigMap: the settings',
  'tour.configmap.text':
    'A ConfigMap holds settings apart from the image. Mounted into a pod it is a folder of files, and here an edit reaches the running container at once.',
  'tour.configmap.try': "Try it: change the greeting and reload the sample's page.",
  'tour.volume': 'Volume: what stays',
  'tour.volume.text':
    "A container's files die with it. A volume outlives the container: the sample's front pods each have one, pictures, that their two containers share. A claim asks for storage that outlives even the pod; the cluster binds it to a volume at least that big.",
  'tour.volume.try': 'Try it: create a claim and see which volume it gets.',
} as const;
