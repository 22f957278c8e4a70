//! Nodes die and come back.

use crate::support::{Space, cluster};

/// The pods of `web` that are ready on a node.
fn ready_on(node: &str) -> String {
    format!(
        "kubectl get pods -l app=web --field-selector spec.nodeName={node} -o jsonpath='{{range .items[*]}}{{.metadata.deletionTimestamp}}\
         {{.status.conditions[?(@.type==\"Ready\")].status}}{{\"\\n\"}}{{end}}' | grep -c ^True"
    )
}

#[test]
fn pods_of_a_lost_worker_run_on_the_other_within_a_minute() {
    let t = Space::alone("node-loss");
    let (one, two) = (format!("{}-worker-1", cluster()), format!("{}-worker-2", cluster()));
    t.ok("kubectl create deployment web --image=$CATS:v1 --replicas=4 --port=80 -- cats auth && kubectl expose deploy web --type=NodePort --port=80");
    t.ok("kubectl rollout status deploy/web");
    assert_ne!(t.run(&ready_on(&one)).stdout, "0", "the pods are spread over both workers");
    t.ok(&format!("docker kill {one}"));
    t.ok(&format!(
        "timeout 60 bash -c \"until [ \\\"\\$({})\\\" = 4 ]; do :; done\"",
        ready_on(&two).replace('"', "\\\"").replace('$', "\\$")
    ));
    t.shows(&format!("kubectl get node {one}"), &["NotReady"]);
    t.shows(
        &format!("kubectl describe node {one}"),
        &["NodeStatusUnknown", "Kubelet stopped posting node status.", "node.kubernetes.io/unreachable:NoExecute"],
    );
    t.shows("kubectl get events", &["NodeNotReady", "TaintManagerEviction"]);
    let port = t.ok("kubectl get svc web -o jsonpath='{.spec.ports[0].nodePort}'");
    let address = |node: &str| {
        t.ok(&format!("kubectl get node {node} -o jsonpath='{{.status.addresses[?(@.type==\"InternalIP\")].address}}'"))
    };
    let (first, second) = (address(&one), address(&two));
    t.ok(&format!("for i in 1 2 3 4 5 6 7 8; do curl -fsS -m 5 http://{second}:{port}/healthz; done"));

    t.ok(&format!("docker start {one} && kubectl wait --for=condition=Ready node/{one} --timeout=60s"));
    assert_eq!(address(&one), first);
    let taints = format!("kubectl get node {one} -o jsonpath={{.spec.taints}}");
    t.ok(&format!("timeout 30 bash -c 'until [ -z \"$({taints})\" ]; do :; done'"));
    t.ok(&format!("timeout 60 bash -c 'until [ -z \"$(kubectl get pods --field-selector spec.nodeName={one} -o name)\" ]; do :; done'"));
    t.ok(&format!("kubectl run back --image=$BUSYBOX --overrides='{{\"spec\":{{\"nodeName\":\"{one}\"}}}}' -- sleep 1000 && kubectl wait --for=condition=Ready pod/back --timeout=60s"));
    t.ok(&format!("timeout 60 bash -c 'until curl -fsS -m 5 http://{first}:{port}/healthz; do :; done'"));
    t.ok("kubectl exec back -- timeout 20 sh -c 'until wget -T 5 -qO- http://web/healthz; do :; done'");
}

#[test]
fn a_killed_master_comes_back_with_everything() {
    let t = Space::alone("master-loss");
    let master = format!("{}-master-1", cluster());
    t.ok("kubectl create deployment web --image=$CATS:v1 --replicas=2 --port=80 -- cats auth && kubectl rollout status deploy/web");
    t.ok("kubectl create configmap kept --from-literal=a=b");
    let pods = "kubectl get pods -o jsonpath='{range .items[*]}{.metadata.uid}{.status.containerStatuses[0].containerID}{\"\\n\"}{end}' | sort";
    let before = t.ok(pods);
    t.ok(&format!("docker kill {master} && docker start {master}"));
    t.ok("timeout 60 bash -c 'until kubectl get --raw /readyz; do :; done 2>/dev/null'");
    t.ok("kubectl wait --for=condition=Ready node --all --timeout=60s");
    t.prints(&[("kubectl get cm kept -o jsonpath='{.data.a}'", "b"), (pods, &before)]);
    t.ok("kubectl scale deploy web --replicas=3 && kubectl rollout status deploy/web");
}
