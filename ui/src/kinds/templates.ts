import { apiVersion, type Resource } from './discovery';
import { longName } from './sections';

/** The body that a new object of a kind starts with; the editor completes and checks it against the cluster's schema. */
const BODIES: Record<string, string> = {
  pods: `spec:
  containers:
  - name: main
    image: IMAGE
`,
  'deployments.apps': workload(`  replicas: 2
`),
  'statefulsets.apps': workload(`  replicas: 1
  serviceName: NAME
`),
  'daemonsets.apps': workload(''),
  'jobs.batch': `spec:
  template:
    spec:
      restartPolicy: Never
      containers:
      - name: main
        image: IMAGE
        command: [sh, -c, "echo done"]
`,
  'cronjobs.batch': `spec:
  schedule: "*/5 * * * *"
  jobTemplate:
    spec:
      template:
        spec:
          restartPolicy: Never
          containers:
          - name: main
            image: IMAGE
            command: [sh, -c, date]
`,
  services: `spec:
  selector:
    app: NAME
  ports:
  - port: 80
    targetPort: 8080
`,
  'ingresses.networking.k8s.io': `spec:
  rules:
  - host: NAME.localhost
    http:
      paths:
      - path: /
        pathType: Prefix
        backend:
          service:
            name: NAME
            port:
              number: 80
`,
  'networkpolicies.networking.k8s.io': `spec:
  podSelector: {}
  policyTypes: [Ingress]
  ingress:
  - from:
    - podSelector: {}
`,
  configmaps: `data:
  greeting: hello
`,
  secrets: `type: Opaque
stringData:
  password: ""
`,
  persistentvolumeclaims: `spec:
  accessModes: [ReadWriteOnce]
  resources:
    requests:
      storage: 1Gi
`,
  'horizontalpodautoscalers.autoscaling': `spec:
  scaleTargetRef:
    apiVersion: apps/v1
    kind: Deployment
    name: NAME
  minReplicas: 1
  maxReplicas: 5
  metrics:
  - type: Resource
    resource:
      name: cpu
      target:
        type: Utilization
        averageUtilization: 80
`,
  'roles.rbac.authorization.k8s.io': `rules:
- apiGroups: [""]
  resources: [pods]
  verbs: [get, list, watch]
`,
  'rolebindings.rbac.authorization.k8s.io': `roleRef:
  apiGroup: rbac.authorization.k8s.io
  kind: Role
  name: NAME
subjects:
- kind: ServiceAccount
  name: default
`,
};

function workload(head: string): string {
  return `spec:
${head}  selector:
    matchLabels:
      app: NAME
  template:
    metadata:
      labels:
        app: NAME
    spec:
      containers:
      - name: main
        image: IMAGE
        ports:
        - containerPort: 8080
`;
}

/** The demo image is inside every node, so the first object needs no registry. */
const IMAGE = 'devcluster/cats-for-gold:v1';

/** The body of a kind that is not known here; the editor puts what its schema requires in its place. */
export const BARE = 'spec: {}\n';

const NO_BODY = new Set(['namespaces', 'serviceaccounts']);

export function template(
  resource: Resource,
  namespace: string,
  name = `my-${resource.singular || resource.kind.toLowerCase()}`,
): string {
  const body = BODIES[longName(resource)] ?? (NO_BODY.has(longName(resource)) ? '' : BARE);
  const head = `apiVersion: ${apiVersion(resource)}\nkind: ${resource.kind}\nmetadata:\n  name: ${name}\n`;
  const place = resource.namespaced ? `  namespace: ${namespace || 'default'}\n` : '';
  return head + place + body.replaceAll('NAME', name).replaceAll('IMAGE', IMAGE);
}
