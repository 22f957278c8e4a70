// Drives a cluster with the JavaScript client: node client.mjs NAMESPACE IMAGE. Fails with the first difference.

import assert from 'node:assert/strict';
import { PassThrough, Writable } from 'node:stream';
import { text } from 'node:stream/consumers';
import * as k8s from '@kubernetes/client-node';

const [namespace, image] = process.argv.slice(2);
const config = new k8s.KubeConfig();
config.loadFromDefault();
const core = config.makeApiClient(k8s.CoreV1Api);
const batch = config.makeApiClient(k8s.BatchV1Api);
const objects = k8s.KubernetesObjectApi.makeApiClient(config);

/** The call fails with a Status; its message. */
async function refused(code, reason, call) {
    const error = await call.then(() => assert.fail(`${reason} was expected`), (error) => error);
    assert.ok(error instanceof k8s.ApiException, error.stack);
    const status = JSON.parse(error.body);
    assert.deepEqual([error.code, status.code, status.reason], [code, code, reason]);
    return status.message;
}

/** The first event of a watch that is as it must be, within a minute. */
function until(path, query, done) {
    return new Promise((resolve, reject) => {
        let watching;
        const found = (type, object) => {
            if (type !== 'BOOKMARK' && done(object, type)) {
                resolve(object);
                watching.then((controller) => controller.abort());
            }
        };
        const ended = (error) => reject(error ?? new Error(`the watch of ${path} ended`));
        watching = new k8s.Watch(config).watch(path, { timeoutSeconds: 60, ...query }, found, ended);
    });
}

const collection = (plural, api = '/api/v1') => `${api}/namespaces/${namespace}/${plural}`;
const configMap = (name, data) => ({
    apiVersion: 'v1', kind: 'ConfigMap', metadata: { name, namespace, labels: { of: 'js' } }, data,
});
const create = (body) => core.createNamespacedConfigMap({ namespace, body });
const names = ({ items }) => items.map((item) => item.metadata.name);

// create, get, list in pages, typed errors
for (const name of ['a', 'b', 'c']) await create(configMap(name, { k: 'v' }));
const part = { namespace, labelSelector: 'of=js', limit: 2 };
const page = await core.listNamespacedConfigMap(part);
const rest = await core.listNamespacedConfigMap({ ...part, _continue: page.metadata._continue });
assert.deepEqual([...names(page), ...names(rest)], ['a', 'b', 'c']);
assert.equal(await refused(409, 'AlreadyExists', create(configMap('a'))), 'configmaps "a" already exists');
const none = core.readNamespacedConfigMap({ name: 'none', namespace });
assert.equal(await refused(404, 'NotFound', none), 'configmaps "none" not found');
await refused(422, 'Invalid', create(configMap('No_name')));

// a watch goes on where another one ended
const query = { labelSelector: 'of=js' };
const last = await until(collection('configmaps'), query, (object) => object.metadata.name === 'c');
await core.deleteNamespacedConfigMap({ name: 'c', namespace });
const since = { ...query, resourceVersion: last.metadata.resourceVersion };
const deleted = await until(collection('configmaps'), since, (object, type) => type === 'DELETED');
assert.equal(deleted.metadata.name, 'c');

// each kind of patch, and apply with its conflicts; a stale replacement is refused
const stale = await core.readNamespacedConfigMap({ name: 'a', namespace });
const patch = (body, kind, manager, force) => objects.patch(body, undefined, undefined, manager, force, kind);
for (const kind of [k8s.PatchStrategy.MergePatch, k8s.PatchStrategy.StrategicMergePatch]) {
    assert.deepEqual((await patch(configMap('a', { k: kind }), kind)).data, { k: kind });
}
const replace = [{ op: 'replace', path: '/data/k', value: 'json' }];
assert.deepEqual((await core.patchNamespacedConfigMap({ name: 'a', namespace, body: replace })).data, { k: 'json' });
await refused(409, 'Conflict', core.replaceNamespacedConfigMap({ name: 'a', namespace, body: stale }));
const { ServerSideApply } = k8s.PatchStrategy;
await patch(configMap('s', { k: 'v' }), ServerSideApply, 'one');
await refused(409, 'Conflict', patch(configMap('s', { k: 'w' }), ServerSideApply, 'two', false));
assert.equal((await patch(configMap('s', { k: 'w' }), ServerSideApply, 'two', true)).data.k, 'w');

// a pod: logs, exec with its streams and exit codes, port-forward
await until(collection('serviceaccounts'), {}, (account) => account.metadata.name === 'default');
const serve = 'while true; do echo hello | nc -l -p 8080 >/dev/null; done';
const script = `echo started; ${serve} & trap exit TERM; sleep 100000 & wait $!`;
const containers = [{ name: 'c', image, command: ['sh', '-c', script] }];
await core.createNamespacedPod({ namespace, body: { metadata: { name: 'p' }, spec: { containers } } });
const running = (pod) => pod.status.phase === 'Running';
await until(collection('pods'), { fieldSelector: 'metadata.name=p' }, running);
const log = new PassThrough();
const following = await new k8s.Log(config).log(namespace, 'p', 'c', log, { follow: true });
for await (const chunk of log) {
    assert.equal(String(chunk), 'started\n');
    break;
}
following.abort();

/** What a command in the pod printed, and its status. */
async function run(command, typed) {
    const [stdout, stderr, stdin] = [new PassThrough(), new PassThrough(), typed && new PassThrough()];
    const status = new Promise((resolve, reject) => {
        const exec = new k8s.Exec(config).exec(namespace, 'p', 'c', ['sh', '-c', command], stdout, stderr, stdin ?? null,
            false, resolve);
        exec.then(() => stdin?.end(typed), reject);
    });
    return { out: await text(stdout), err: await text(stderr), status: await status };
}
const failed = await run('read line; echo $line; echo bad >&2; exit 3', 'typed\n');
assert.deepEqual([failed.out, failed.err], ['typed\n', 'bad\n']);
assert.deepEqual(failed.status.details.causes, [{ reason: 'ExitCode', message: '3' }]);
assert.equal((await run('cat', 'to the end')).out, 'to the end');
assert.equal((await run('true')).status.status, 'Success');

/** The first bytes that come from a port of the pod, or what is said of it. */
function forwarded(port) {
    return new Promise((resolve, reject) => {
        // What begins the channel of errors is empty.
        const answer = () => new Writable({ write: (chunk, _, next) => (chunk.length && resolve(String(chunk)), next()) });
        new k8s.PortForward(config).portForward(namespace, 'p', [port], answer(), answer(), new PassThrough()).catch(reject);
    });
}
assert.equal(await forwarded(8080), 'hello\n');
assert.match(await forwarded(81), /error forwarding port 81/);

// deletion takes what belongs to the object along, or leaves it
const jobs = collection('jobs', '/apis/batch/v1');
const work = { restartPolicy: 'Never', containers: [{ name: 'c', image, command: ['true'] }] };
for (const name of ['taken', 'left']) {
    await batch.createNamespacedJob({ namespace, body: { metadata: { name }, spec: { template: { spec: work } } } });
    await until(jobs, { fieldSelector: `metadata.name=${name}` }, (job) => job.status.succeeded === 1);
}
const { resourceVersion } = (await batch.listNamespacedJob({ namespace })).metadata;
await batch.deleteNamespacedJob({ name: 'taken', namespace, propagationPolicy: 'Foreground' });
await until(jobs, { resourceVersion }, (job, type) => type === 'DELETED' && job.metadata.name === 'taken');
assert.deepEqual(names(await core.listNamespacedPod({ namespace, labelSelector: 'job-name=taken' })), []);
await batch.deleteNamespacedJob({ name: 'left', namespace, propagationPolicy: 'Orphan' });
const orphaned = (pod) => !pod.metadata.ownerReferences;
await until(collection('pods'), { labelSelector: 'job-name=left' }, orphaned);
console.log('fine');
process.exit(0);
