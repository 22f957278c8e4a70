//! Deployments from one version to the next, and `kubectl rollout`.

use crate::support::{IDLE, Space};

const DEPLOYMENT: &str = "kubectl create deployment web --image=$CATS:v1 --replicas=2 --port=80 -- cats auth";

#[test]
fn a_deployment_rolls_forward_and_back() {
    let t = Space::new("rollout");
    t.ok(DEPLOYMENT);
    t.shows("kubectl rollout status deploy/web", &["deployment \"web\" successfully rolled out"]);
    t.ok("kubectl annotate deploy/web kubernetes.io/change-cause='the first'");
    t.ok("kubectl set image deploy/web '*='$CATS:v2 && kubectl annotate deploy/web kubernetes.io/change-cause='the second' --overwrite");
    t.ok("kubectl rollout status deploy/web");
    t.shows(
        "kubectl rollout history deploy/web",
        &["REVISION  CHANGE-CAUSE", "1         the first", "2         the second"],
    );
    t.shows("kubectl rollout history deploy/web --revision=1", &["cats-for-gold:v1"]);
    t.shows("kubectl get rs -l app=web", &[" 2         2         2 ", " 0         0         0 "]);
    let image = "kubectl get deploy web -o jsonpath='{..image}' | sed 's/.*://'";
    t.prints(&[
        (image, "v2"),
        ("kubectl rollout undo deploy/web", "deployment.apps/web rolled back"),
        (image, "v1"),
        ("kubectl rollout undo deploy/web --to-revision=2", "deployment.apps/web rolled back"),
        (image, "v2"),
    ]);
    t.shows("kubectl rollout status deploy/web", &["successfully rolled out"]);
    t.shows(
        "kubectl describe deploy web",
        &[
            "ScalingReplicaSet",
            "Scaled up replica set web-",
            "NewReplicaSetAvailable",
            "25% max unavailable, 25% max surge",
        ],
    );
    t.refuses("kubectl rollout undo deploy/web --to-revision=99", &["unable to find specified revision 99 in history"]);
}

#[test]
fn sets_remember_what_each_of_their_revisions_was_for() {
    let t = Space::new("history");
    for (kind, label) in [("StatefulSet", "controller.kubernetes.io/hash"), ("DaemonSet", "controller-revision-hash")] {
        t.apply(&format!(
            "{{apiVersion: apps/v1, kind: {kind}, metadata: {{name: s, annotations: {{kubernetes.io/change-cause: the first}}}}, \
             spec: {{selector: {{matchLabels: {{a: {kind}}}}}, template: {{metadata: {{labels: {{a: {kind}}}}}, \
             spec: {{nodeSelector: {{no: node}}, containers: [{{name: c, image: devcluster/busybox:1}}]}}}}}}}}"
        ));
        t.ok(&format!(
            "timeout 30 sh -c 'until kubectl rollout history {kind}/s | grep \"1 .*the first\"; do :; done'"
        ));
        t.shows(&format!("kubectl get controllerrevisions -l a={kind},{label} -o name"), &["/s-"]);
    }
}

#[test]
fn a_paused_deployment_waits_and_a_restart_replaces_pods() {
    let t = Space::new("pause");
    t.ok(&format!("{DEPLOYMENT} && kubectl rollout status deploy/web"));
    t.prints(&[("kubectl rollout pause deploy/web", "deployment.apps/web paused")]);
    t.ok("kubectl set image deploy/web '*='$CATS:v2");
    t.ok("kubectl wait --for=jsonpath='{.status.observedGeneration}'=$(kubectl get deploy web -o jsonpath={.metadata.generation}) deploy/web");
    t.prints(&[("kubectl get rs -o name | wc -l", "1")]);
    t.refuses("kubectl rollout restart deploy/web", &["can't restart paused deployment"]);
    t.prints(&[("kubectl rollout resume deploy/web", "deployment.apps/web resumed")]);
    t.ok("kubectl rollout status deploy/web");
    t.prints(&[("kubectl get rs -o name | wc -l", "2")]);
    let pods = "kubectl get pods --field-selector=status.phase=Running -o name | sort";
    let before = t.ok(pods);
    t.prints(&[("kubectl rollout restart deploy/web", "deployment.apps/web restarted")]);
    t.ok(&format!(
        "kubectl rollout status deploy/web && for pod in {}; do kubectl wait --for=delete $pod --timeout=60s; done",
        before.replace('\n', " ")
    ));
    let after = t.ok(pods);
    assert!(after.lines().count() == 2 && after.lines().all(|pod| !before.contains(pod)), "{before}\n{after}");
}

#[test]
fn a_rollout_that_cannot_go_on_says_so_and_keeps_the_old_pods() {
    let t = Space::new("stuck");
    t.ok(&format!("{DEPLOYMENT} && kubectl rollout status deploy/web"));
    t.ok("kubectl patch deploy web -p '{\"spec\":{\"progressDeadlineSeconds\":2,\"minReadySeconds\":0}}'");
    t.ok("kubectl set image deploy/web '*=devcluster/missing:1'");
    t.refuses("kubectl rollout status deploy/web", &["exceeded its progress deadline"]);
    t.ok("kubectl wait --for=jsonpath='{.status.readyReplicas}'=2 deploy/web --timeout=10s");
    t.shows(
        "kubectl get deploy web -o jsonpath='{.status.conditions[?(@.type==\"Progressing\")].reason}'",
        &["ProgressDeadlineExceeded"],
    );
    t.ok("kubectl rollout undo deploy/web && kubectl rollout status deploy/web");
}

#[test]
fn recreate_ends_the_old_pods_first_and_scaling_follows() {
    let t = Space::new("recreate");
    t.ok(&format!("kubectl create deployment web --image=$BUSYBOX --dry-run=client -o yaml -- {IDLE} > d.yaml"));
    t.ok("sed -i 's/strategy: {}/strategy: {type: Recreate}/' d.yaml && kubectl apply -f d.yaml && kubectl rollout status deploy/web");
    t.ok("kubectl set env deploy/web A=1 && kubectl rollout status deploy/web");
    t.shows(
        "kubectl get events --field-selector reason=ScalingReplicaSet -o jsonpath='{range .items[*]}{.message}\n{end}'",
        &["Scaled down replica set web-", "from 1 to 0"],
    );
    t.ok("kubectl scale deploy web --replicas=4 && kubectl rollout status deploy/web");
    t.prints(&[("kubectl get deploy web -o jsonpath='{.status.readyReplicas}'", "4")]);
    t.ok("kubectl scale deploy web --replicas=1 && kubectl wait --for=jsonpath='{.status.replicas}'=1 deploy/web --timeout=60s");
    // The oldest pod stays.
    t.ok("kubectl delete pod -l app=web && kubectl wait --for=jsonpath='{.status.availableReplicas}'=1 deploy/web --timeout=60s");
}
