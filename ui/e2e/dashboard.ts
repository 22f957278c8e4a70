import { execFileSync } from 'node:child_process';
import { test as base, expect, type Page } from '@playwright/test';

/** The program under test, and the cluster that `tests/run` started for it. */
const PROGRAM = process.env.DEVCLUSTER_BIN ?? '../target/release/devcluster';
export const CLUSTER = process.env.DEVCLUSTER_CLUSTER ?? 'e2e';
export const NAMESPACE = 'dashboard';

export const devcluster = (...args: string[]) => execFileSync(PROGRAM, args, { encoding: 'utf8' });

export const kubectl = (...args: string[]) =>
  execFileSync('kubectl', ['--context', `devcluster-${CLUSTER}`, '-n', NAMESPACE, ...args], { encoding: 'utf8' });

/** Applies a manifest to the test's namespace, unless it names another place. */
export function apply(manifest: string) {
  // kubectl takes what begins with a brace for JSON.
  const input = `---\n${manifest}`;
  execFileSync(
    'kubectl',
    ['--context', `devcluster-${CLUSTER}`, '-n', NAMESPACE, 'apply', '--server-side', '--force-conflicts', '-f', '-'],
    {
      input,
    },
  );
}

/** A one-time link to the dashboard. */
export const link = () => devcluster('dashboard', '--no-open').trim().split('\n').at(-1) ?? '';

interface Worker {
  /** Where the agent listens, with a session's cookie to go with it. */
  session: { origin: string; cookies: Awaited<ReturnType<import('@playwright/test').BrowserContext['cookies']>> };
}

/**
 * Containers that start beside it change the machine's network, and Chromium then drops what it loads: its own doing,
 * which leaves no page to mend anything, so exactly then the page is asked for again.
 */
function patient(page: Page) {
  const again =
    <A extends unknown[], R>(load: (...args: A) => Promise<R>) =>
    (...args: A): Promise<R> =>
      load(...args).catch((error) => {
        if (!String(error).includes('net::ERR_NETWORK_CHANGED')) throw error;
        return again(load)(...args);
      });
  page.goto = again(page.goto.bind(page));
  page.reload = again(page.reload.bind(page));
}

/** Tests of what a page shows that is not logged in. */
export const anonymous = base.extend({
  context: async ({ context }, use) => {
    context.on('page', patient);
    await use(context);
  },
});

/** Tests whose page is logged in and has failed if a script threw or the page asked for anything elsewhere. */
export const test = anonymous.extend<{ page: Page }, Worker>({
  session: [
    async ({ browser }, use) => {
      const context = await browser.newContext();
      const page = await context.newPage();
      patient(page);
      const url = link();
      await page.goto(url);
      await expect(page.getByRole('banner')).toBeVisible();
      await use({ origin: new URL(url).origin, cookies: await context.cookies() });
      await context.close();
    },
    { scope: 'worker' },
  ],
  baseURL: async ({ session }, use) => use(session.origin),
  page: async ({ page, context, session }, use) => {
    await context.addCookies(session.cookies);
    const wrong: string[] = [];
    page.on('pageerror', (error) => wrong.push(error.message));
    page.on('request', (request) => {
      if (!/^(data|blob):/.test(request.url()) && new URL(request.url()).host !== new URL(session.origin).host)
        wrong.push(`a request to ${request.url()}`);
    });
    await use(page);
    expect(wrong).toEqual([]);
  },
});

export { expect };

export const list = (resource: string) => `/c/${CLUSTER}/r/${resource}?ns=${NAMESPACE}`;
export const object = (resource: string, name: string) => `/c/${CLUSTER}/r/${resource}/${NAMESPACE}/${name}`;

/** The grid's row of an object. */
export const row = (page: Page, name: string) => page.getByRole('row').filter({ hasText: name });

/** A pod of the sample that is not on its way out. */
export function samplePod() {
  const here = '{{range .items}}{{if not .metadata.deletionTimestamp}}{{.metadata.name}} {{end}}{{end}}';
  return kubectl('get', 'pods', '-lapp=web', '-o', `go-template=${here}`).split(' ')[0] ?? '';
}

/** The namespace with a workload to look at; made anew by whichever file runs first. */
export function sample() {
  apply(`{apiVersion: v1, kind: Namespace, metadata: {name: ${NAMESPACE}}}`);
  apply(SAMPLE);
  kubectl('rollout', 'status', 'deployment/web', '--timeout=90s');
}

const SAMPLE = `
apiVersion: v1
kind: ConfigMap
metadata: {name: settings}
data: {greeting: hello}
---
apiVersion: v1
kind: Secret
metadata: {name: password}
stringData: {password: s3cret}
---
apiVersion: v1
kind: PersistentVolumeClaim
metadata: {name: disk}
spec:
  accessModes: [ReadWriteOnce]
  resources: {requests: {storage: 10Mi}}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  replicas: 2
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      terminationGracePeriodSeconds: 1
      containers:
      - name: main
        image: devcluster/cats-for-gold:v1
        args: [front]
        ports: [{containerPort: 8080}]
        envFrom: [{secretRef: {name: password}}]
        volumeMounts: [{name: settings, mountPath: /etc/settings}]
      volumes: [{name: settings, configMap: {name: settings}}]
---
apiVersion: v1
kind: Service
metadata: {name: web}
spec:
  selector: {app: web}
  ports: [{port: 80, targetPort: 8080}]
---
apiVersion: v1
kind: Service
metadata: {name: outside}
spec:
  type: NodePort
  selector: {app: web}
  ports: [{port: 80, targetPort: 8080}]
---
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: web}
spec:
  rules:
  - host: web.localhost
    http: {paths: [{path: /, pathType: Prefix, backend: {service: {name: web, port: {number: 80}}}}]}
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: guard}
spec:
  podSelector: {matchLabels: {app: guarded}}
  ingress:
  - from: [{namespaceSelector: {}, podSelector: {matchLabels: {app: web}}}, {ipBlock: {cidr: 10.0.0.0/8}}]
    ports: [{port: 80}]
---
apiVersion: batch/v1
kind: CronJob
metadata: {name: nightly}
spec:
  schedule: "0 3 * * *"
  jobTemplate: {spec: {template: {spec: {restartPolicy: Never, containers: [{name: main, image: devcluster/cats-for-gold:v1}]}}}}
`;
