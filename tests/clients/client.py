"""Drives a cluster with the Python client: python client.py NAMESPACE IMAGE. Fails with the first difference."""

import json
import sys

from kubernetes import client, config, dynamic, watch
from kubernetes.stream import portforward, stream

namespace, image = sys.argv[1:]
config.load_kube_config()
core, batch = client.CoreV1Api(), client.BatchV1Api()


def equal(got, expected):
    assert got == expected, f"{got!r} is not {expected!r}"


def refused(code, reason, call, *args, **kwargs):
    """The call fails with a Status; its message."""
    try:
        call(*args, **kwargs)
    except client.ApiException as error:
        status = json.loads(error.body)
        equal((error.status, status["code"], status["reason"]), (code, code, reason))
        return status["message"]
    raise AssertionError(f"{call.__name__} was not refused")


def until(done, list_them, *args, **kwargs):
    """The first object of a watch that is as it must be."""
    for event in watch.Watch().stream(list_them, *args, timeout_seconds=60, **kwargs):
        if event["type"] != "BOOKMARK" and done(event["object"]):
            return event["object"]
    raise AssertionError("nothing came in a minute")


def config_map(name, **data):
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, "labels": {"of": "py"}}, "data": data}


# create, get, list in pages, typed errors
for name in ("a", "b", "c"):
    core.create_namespaced_config_map(namespace, config_map(name, k="v"))
page = core.list_namespaced_config_map(namespace, label_selector="of=py", limit=2)
rest = core.list_namespaced_config_map(namespace, label_selector="of=py", limit=2, _continue=page.metadata._continue)
equal([item.metadata.name for item in page.items + rest.items], ["a", "b", "c"])
equal(refused(409, "AlreadyExists", core.create_namespaced_config_map, namespace, config_map("a")),
      'configmaps "a" already exists')
equal(refused(404, "NotFound", core.read_namespaced_config_map, "none", namespace), 'configmaps "none" not found')
refused(422, "Invalid", core.create_namespaced_config_map, namespace, config_map("No_name"))
stale = core.read_namespaced_config_map("b", namespace)
core.patch_namespaced_config_map("b", namespace, {"data": {"k": "w"}})
refused(409, "Conflict", core.replace_namespaced_config_map, "b", namespace, stale)

# a watch goes on where another one ended
first = watch.Watch()
for event in first.stream(core.list_namespaced_config_map, namespace, label_selector="of=py", timeout_seconds=60):
    if event["object"].metadata.name == "c":
        first.stop()
core.delete_namespaced_config_map("c", namespace)
for event in watch.Watch().stream(core.list_namespaced_config_map, namespace, label_selector="of=py",
                                  resource_version=first.resource_version, timeout_seconds=60):
    if event["type"] == "DELETED":
        break
equal((event["type"], event["object"].metadata.name), ("DELETED", "c"))

# each kind of patch, and apply with its conflicts
json_patch = [{"op": "replace", "path": "/data/k", "value": "json"}]
equal(core.patch_namespaced_config_map("a", namespace, json_patch).data, {"k": "json"})
maps = dynamic.DynamicClient(client.ApiClient()).resources.get(api_version="v1", kind="ConfigMap")
for kind in ("merge-patch+json", "strategic-merge-patch+json"):
    patched = maps.patch(name="a", namespace=namespace, body={"data": {"k": kind}}, content_type=f"application/{kind}")
    equal(patched.data.to_dict(), {"k": kind})
applied = {"body": config_map("s", k="v"), "namespace": namespace}
maps.server_side_apply(field_manager="one", **applied)
applied["body"]["data"]["k"] = "w"
refused(409, "Conflict", maps.server_side_apply, field_manager="two", **applied)
equal(maps.server_side_apply(field_manager="two", force_conflicts=True, **applied).data.k, "w")

# a pod: logs, exec with its streams and exit codes, port-forward
until(lambda account: account.metadata.name == "default", core.list_namespaced_service_account, namespace)
script = "echo started; while true; do echo hello | nc -l -p 8080 >/dev/null; done & trap exit TERM; sleep 100000 & wait $!"
container = {"name": "c", "image": image, "command": ["sh", "-c", script]}
core.create_namespaced_pod(namespace, {"metadata": {"name": "p"}, "spec": {"containers": [container]}})
until(lambda pod: pod.status.phase == "Running", core.list_namespaced_pod, namespace, field_selector="metadata.name=p")
for line in watch.Watch().stream(core.read_namespaced_pod_log, "p", namespace):
    equal(line, "started")
    break


def run(script, stdin=False):
    return stream(core.connect_get_namespaced_pod_exec, "p", namespace, command=["sh", "-c", script], stdin=stdin,
                  stdout=True, stderr=True, tty=False, _preload_content=False)


shell = run("read line; echo $line; echo bad >&2; exit 3", stdin=True)
shell.write_stdin("typed\n")
shell.run_forever(timeout=60)
equal((shell.read_stdout(), shell.read_stderr(), shell.returncode), ("typed\n", "bad\n", 3))
done = run("true")
done.run_forever(timeout=60)
equal(done.returncode, 0)
forward = portforward(core.connect_get_namespaced_pod_portforward, "p", namespace, ports="8080,81")
forward.socket(8080).settimeout(60)
equal(forward.socket(8080).recv(5), b"hello")
# Where nobody listens, the error comes on a channel of its own, and the other port goes on.
forward.socket(81).settimeout(60)
equal(forward.socket(81).recv(1), b"")
assert "81" in forward.error(81), forward.error(81)
equal(forward.error(8080), None)

# deletion takes what belongs to the object along, or leaves it
pod_spec = {"restartPolicy": "Never", "containers": [{"name": "c", "image": image, "command": ["true"]}]}
for name in ("taken", "left"):
    batch.create_namespaced_job(namespace, {"metadata": {"name": name}, "spec": {"template": {"spec": pod_spec}}})
    until(lambda job: job.status.succeeded == 1, batch.list_namespaced_job, namespace, field_selector=f"metadata.name={name}")
since = batch.list_namespaced_job(namespace).metadata.resource_version
batch.delete_namespaced_job("taken", namespace, propagation_policy="Foreground")
for event in watch.Watch().stream(batch.list_namespaced_job, namespace, resource_version=since, timeout_seconds=60):
    if event["type"] == "DELETED":
        break
equal(event["object"].metadata.name, "taken")
equal(core.list_namespaced_pod(namespace, label_selector="job-name=taken").items, [])
batch.delete_namespaced_job("left", namespace, propagation_policy="Orphan")
until(lambda pod: not pod.metadata.owner_references, core.list_namespaced_pod, namespace, label_selector="job-name=left")
print("fine")
