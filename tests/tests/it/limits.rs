//! What pods may take: limits that change in place, what a node cannot hold, what is evicted.

use crate::support::Space;

#[test]
fn limits_change_in_place() {
    let t = Space::new("resize");
    t.apply(
        "{apiVersion: v1, kind: Pod, metadata: {name: p}, spec: {terminationGracePeriodSeconds: 0, containers: [{name: c, image: devcluster/busybox:1, \
         command: [sleep, '100000'], resources: {requests: {cpu: 100m, memory: 32Mi}, limits: {cpu: 200m, memory: 64Mi}}}]}}",
    );
    t.ok("kubectl wait --for=condition=Ready pod/p --timeout=60s");
    let limits = r#"{"spec":{"containers":[{"name":"c","resources":{"limits":{"cpu":"400m","memory":"128Mi"}}}]}}"#;
    t.ok(&format!("kubectl patch pod p --subresource resize -p '{limits}'"));
    t.ok("kubectl wait --for=jsonpath='{.status.containerStatuses[0].resources.limits.memory}'=128Mi pod/p --timeout=60s");
    let read = "cat /sys/fs/cgroup/memory.max /sys/fs/cgroup/memory/memory.limit_in_bytes 2>/dev/null || true";
    t.ok(&format!("until [ \"$(kubectl exec p -- sh -c '{read}')\" = 134217728 ]; do :; done"));
    t.prints(&[("kubectl get pod p -o jsonpath='{.status.containerStatuses[0].restartCount}'", "0")]);
}

#[test]
fn limits_of_a_pod_as_a_whole_change_in_place_and_what_waits_for_room_takes_none() {
    let t = Space::new("resize-whole");
    let container = "name: c, image: 'devcluster/busybox:1', command: [sleep, '100000']";
    t.apply(&format!(
        "{{apiVersion: v1, kind: Pod, metadata: {{name: p}}, spec: {{terminationGracePeriodSeconds: 0, \
         resources: {{requests: {{cpu: 100m}}, limits: {{cpu: 200m, memory: 64Mi}}}}, containers: [{{{container}}}]}}}}"
    ));
    t.ok("kubectl wait --for=condition=Ready pod/p --timeout=60s");
    let resize = |amounts: &str| {
        t.ok(&format!("kubectl patch pod p --subresource resize -p '{{\"spec\":{{\"resources\":{amounts}}}}}'"));
    };
    resize(r#"{"limits":{"memory":"128Mi"}}"#);
    t.ok("kubectl wait --for=jsonpath='{.status.resources.limits.memory}'=128Mi pod/p --timeout=60s");
    let node = t.ok("kubectl get pod p -o jsonpath='{.spec.nodeName}'");
    let beside = |name: &str, cpu: &str| {
        t.apply(&format!(
            "{{apiVersion: v1, kind: Pod, metadata: {{name: {name}}}, spec: {{terminationGracePeriodSeconds: 0, nodeName: {node}, \
             containers: [{{{container}, resources: {{requests: {{cpu: {cpu}}}}}}}]}}}}"
        ));
        t.ok(&format!("kubectl wait --for=condition=Ready pod/{name} --timeout=60s"));
    };
    beside("large", "600m");
    let cores = t.ok(&format!("kubectl get node {node} -o jsonpath='{{.status.allocatable.cpu}}'"));
    let most = cores.trim().parse::<u32>().expect("a number of processors") * 1000 - 500;
    resize(&format!(r#"{{"requests":{{"cpu":"{most}m"}},"limits":{{"cpu":"{most}m"}}}}"#));
    t.ok("kubectl wait --for=jsonpath='{.status.conditions[?(@.type==\"PodResizePending\")].reason}'=Deferred pod/p --timeout=60s");
    beside("small", "10m");
    t.ok("kubectl delete pod large");
    t.ok(&format!("kubectl wait --for=jsonpath='{{.status.resources.limits.cpu}}'={most}m pod/p --timeout=60s"));
}

#[test]
fn a_pod_that_its_node_cannot_hold_is_turned_away() {
    let t = Space::new("refused");
    let node =
        t.ok("kubectl get nodes -l '!node-role.kubernetes.io/control-plane' -o jsonpath='{.items[0].metadata.name}'");
    for (name, rest, reason) in [
        ("cpu", "containers: [{name: c, image: devcluster/pause:1, resources: {requests: {cpu: '900'}}}]", "OutOfcpu"),
        (
            "sysctl",
            "securityContext: {sysctls: [{name: kernel.msgmax, value: '1'}]}, containers: [{name: c, image: devcluster/pause:1}]",
            "SysctlForbidden",
        ),
    ] {
        t.apply(&format!(
            "{{apiVersion: v1, kind: Pod, metadata: {{name: {name}}}, spec: {{nodeName: {node}, {rest}}}}}"
        ));
        t.ok(&format!("kubectl wait --for=jsonpath='{{.status.reason}}'={reason} pod/{name} --timeout=30s"));
        t.prints(&[(&format!("kubectl get pod {name} -o jsonpath='{{.status.phase}}'"), "Failed")]);
        t.event(name, reason);
    }
}

#[test]
fn a_pod_that_writes_more_than_it_may_is_evicted() {
    let t = Space::new("written");
    t.apply(
        "{apiVersion: v1, kind: Pod, metadata: {name: p}, spec: {restartPolicy: Never, volumes: [{name: v, emptyDir: {sizeLimit: 1Mi}}], \
         containers: [{name: c, image: devcluster/busybox:1, volumeMounts: [{name: v, mountPath: /v}], \
         command: [sh, -c, 'head -c 3000000 /dev/zero > /v/big; tail -f /dev/null']}]}}",
    );
    t.ok("kubectl wait --for=jsonpath='{.status.reason}'=Evicted pod/p --timeout=60s");
    t.prints(&[
        (
            "kubectl get pod p -o jsonpath='{.status.message}'",
            "Usage of EmptyDir volume \"v\" exceeds the limit \"1Mi\".",
        ),
        (
            "kubectl get pod p -o jsonpath='{.status.conditions[?(@.type==\"DisruptionTarget\")].reason}'",
            "TerminationByKubelet",
        ),
    ]);
    t.event("p", "Evicted");
}
