//! Ways to delete, and waiting for them.

use crate::support::{IDLE, Space};

const DEPLOYMENT: &str = "kubectl create deployment web --image=$BUSYBOX --replicas=2 --";

fn space(name: &str) -> Space {
    let t = Space::new(name);
    t.ok(&format!("{DEPLOYMENT} {IDLE} && kubectl rollout status deploy/web"));
    t
}

#[test]
fn background_deletion_takes_dependents_afterwards() {
    let t = space("delete-back");
    t.prints(&[("kubectl delete deploy web", "deployment.apps \"web\" deleted")]);
    t.ok("kubectl wait --for=delete rs -l app=web --timeout=60s && kubectl wait --for=delete pod -l app=web --timeout=60s");
}

#[test]
fn foreground_deletion_takes_dependents_first() {
    let t = space("delete-fore");
    let mut watch = t.start(
        "kubectl get deploy web -w --output-watch-events -o jsonpath='{.type} {.object.metadata.finalizers}{\"\\n\"}'",
    );
    watch.line("ADDED");
    t.ok("kubectl delete deploy web --cascade=foreground");
    watch.line("MODIFIED [\"foregroundDeletion\"]");
    watch.line("DELETED");
    t.prints(&[("kubectl get rs,pods -l app=web -o name", "")]);
}

#[test]
fn orphans_stay_and_are_adopted_again() {
    let t = space("delete-orphan");
    let pods = "kubectl get pods -l app=web -o name | sort";
    let before = t.ok(pods);
    t.ok("kubectl delete deploy web --cascade=orphan");
    t.ok("kubectl wait --for=jsonpath='{.status.readyReplicas}'=2 rs -l app=web --timeout=30s");
    t.prints(&[("kubectl get rs -l app=web -o jsonpath='{.items[*].metadata.ownerReferences}'", ""), (pods, &before)]);
    t.ok("kubectl delete rs -l app=web --cascade=orphan");
    t.prints(&[(pods, &before), ("kubectl get pods -o jsonpath='{.items[*].metadata.ownerReferences}'", "")]);
    t.ok(&format!("{DEPLOYMENT} {IDLE} && kubectl rollout status deploy/web"));
    t.ok("kubectl delete deploy web --cascade=foreground");
    t.prints(&[(pods, if t.ok(pods).is_empty() { "" } else { &before })]);
}

#[test]
fn deletion_takes_names_files_labels_and_all() {
    let t = Space::new("delete-many");
    t.ok("for i in 1 2 3 4 5; do kubectl create configmap c$i; done; kubectl label cm c1 c2 x=y; kubectl get cm c3 -o yaml > c3.yaml");
    t.prints(&[
        ("kubectl delete cm -l x=y", "configmap \"c1\" deleted\nconfigmap \"c2\" deleted"),
        ("kubectl delete -f c3.yaml", "configmap \"c3\" deleted"),
        ("kubectl delete cm c4 --dry-run=server", "configmap \"c4\" deleted (server dry run)"),
        ("kubectl delete cm nothing --ignore-not-found", ""),
        ("kubectl delete cm/c4 cm/c5 --now", "configmap \"c4\" deleted\nconfigmap \"c5\" deleted"),
    ]);
    t.refuses("kubectl delete cm nothing", &["Error from server (NotFound): configmaps \"nothing\" not found"]);
    t.ok("kubectl create secret generic s && kubectl delete secrets --all");
    t.prints(&[("kubectl get secrets -o name", "")]);
    // The root CA comes back by itself.
    t.ok("kubectl delete cm kube-root-ca.crt && kubectl wait --for=create cm/kube-root-ca.crt --timeout=30s");
}

#[test]
fn a_finalizer_holds_an_object_and_wait_sees_it_go() {
    let t = Space::new("finalizer");
    t.apply("{apiVersion: v1, kind: ConfigMap, metadata: {name: c, finalizers: [example.com/hold]}}");
    t.prints(&[("kubectl delete cm c --wait=false", "configmap \"c\" deleted")]);
    t.shows("kubectl get cm c -o jsonpath='{.metadata.deletionTimestamp}'", &["20"]);
    t.refuses("kubectl wait --for=delete cm/c --timeout=1s", &["timed out waiting for the condition"]);
    let wait = t.start("kubectl wait --for=delete cm/c --timeout=60s");
    t.ok("kubectl patch cm c --type=merge -p '{\"metadata\":{\"finalizers\":[]}}'");
    assert_eq!(wait.end().0, 0);
    t.refuses("kubectl get cm c", &["NotFound"]);
}

#[test]
fn pods_get_their_grace_period_and_no_more() {
    let t = Space::new("grace");
    t.apply("{apiVersion: v1, kind: Pod, metadata: {name: polite}, spec: {containers: [{name: c, image: devcluster/busybox:1, \
        command: [sh, -c, 'trap \"echo bye; exit 0\" TERM; echo up; sleep 1000 & wait']}]}}");
    t.apply("{apiVersion: v1, kind: Pod, metadata: {name: deaf}, spec: {terminationGracePeriodSeconds: 1, containers: [{name: c, \
        image: devcluster/busybox:1, command: [sh, -c, 'trap \"\" TERM; echo up; while :; do sleep 1; done']}]}}");
    t.ok("kubectl wait --for=condition=Ready pod/polite pod/deaf --timeout=60s");
    let mut logs = t.start("kubectl logs -f polite");
    logs.line("up");
    t.ok("timeout 20 kubectl delete pod polite deaf");
    logs.line("bye");
    t.refuses("kubectl get pod polite", &["NotFound"]);
    t.ok(&format!(
        "kubectl run forced --image=$BUSYBOX -- {IDLE} && kubectl wait --for=condition=Ready pod/forced --timeout=60s"
    ));
    t.ok("timeout 10 kubectl delete pod forced --grace-period=0 --force 2>/dev/null");
}

#[test]
fn a_namespace_goes_with_all_it_has() {
    let t = Space::new("delete-namespace");
    let name = format!("{}-b", t.namespace);
    t.ok(&format!("kubectl create ns {name} && kubectl -n {name} create cm c && {DEPLOYMENT} {IDLE} && kubectl rollout status deploy web"));
    t.ok(&format!("kubectl -n {name} run p --image=$BUSYBOX -- {IDLE} && kubectl -n {name} wait --for=condition=Ready pod/p --timeout=60s"));
    t.ok(&format!("kubectl delete ns {name} --wait=false"));
    let late = t.run(&format!("kubectl -n {name} create cm late")).stderr;
    assert!(late.contains("because it is being terminated") || late.contains("not found"), "{late}");
    t.ok(&format!("kubectl wait --for=delete ns/{name} --timeout=60s"));
    t.refuses(&format!("kubectl -n {name} get cm c"), &["not found"]);
}

#[test]
fn wait_knows_conditions_paths_and_its_time() {
    let t = Space::new("wait");
    let mut waiting = t.start("kubectl wait --for=create pod/p --timeout=60s && kubectl wait --for=jsonpath='{.status.phase}'=Running pod/p --timeout=60s");
    t.ok(&format!("kubectl run p --image=$BUSYBOX -- {IDLE}"));
    waiting.line("pod/p condition met");
    waiting.line("pod/p condition met");
    t.prints(&[
        ("kubectl wait --for=condition=Ready pod --all --timeout=60s", "pod/p condition met"),
        ("kubectl wait --for=condition=Ready=true pod/p", "pod/p condition met"),
        ("kubectl wait --for=jsonpath='{.status.podIP}' pod/p", "pod/p condition met"),
    ]);
    t.refuses(
        "kubectl wait --for=condition=Nothing pod/p --timeout=1s",
        &["timed out waiting for the condition on pods/p"],
    );
}
