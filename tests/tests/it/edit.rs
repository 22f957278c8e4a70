//! Changes to what is there: edit, patch, replace, label, annotate, scale, set.

use crate::support::{Space, yaml};
use serde_json::json;

/// A deployment that starts nothing.
const EMPTY: &str = "kubectl create deployment web --image=a:1 --replicas=0";

#[test]
fn an_editor_changes_an_object() {
    let t = Space::new("edit");
    t.ok("kubectl create configmap c --from-literal=color=red");
    t.prints(&[
        ("KUBE_EDITOR='sed -i s/red/blue/' kubectl edit configmap c", "configmap/c edited"),
        ("kubectl get cm c -o jsonpath='{.data.color}'", "blue"),
        ("KUBE_EDITOR=true kubectl edit configmap c 2>&1", "Edit cancelled, no changes made."),
    ]);
    // A refused edit is shown again with the reason, and an editor that changes nothing then gives up.
    t.refuses(
        "KUBE_EDITOR='sed -i s/color:/co!or:/' kubectl edit configmap c",
        &["configmaps \"c\" is invalid", "no valid changes were saved"],
    );
    t.prints(&[("kubectl get cm c -o jsonpath='{.data}'", r#"{"color":"blue"}"#)]);
}

#[test]
fn the_three_kinds_of_patches_follow_their_rules() {
    let t = Space::new("patch");
    t.ok(EMPTY);
    let container = "{\"name\":\"side\",\"image\":\"b:1\"}";
    let containers = "kubectl get deploy web -o jsonpath='{range ..containers[*]}{.name}={.image} {end}'";
    t.prints(&[
        (&format!("kubectl patch deploy web -p '{{\"spec\":{{\"template\":{{\"spec\":{{\"containers\":[{container}]}}}}}}}}'"), "deployment.apps/web patched"),
        (containers, "side=b:1 a=a:1"),
        ("kubectl patch deploy web -p '{\"spec\":{\"template\":{\"spec\":{\"containers\":[{\"name\":\"side\",\"$patch\":\"delete\"}]}}}}'", "deployment.apps/web patched"),
        (containers, "a=a:1"),
        ("kubectl patch deploy web --type=merge -p '{\"spec\":{\"template\":{\"spec\":{\"containers\":[{\"name\":\"only\",\"image\":\"c:1\"}]}}}}'", "deployment.apps/web patched"),
        (containers, "only=c:1"),
        ("kubectl patch deploy web --type=json -p '[{\"op\":\"test\",\"path\":\"/spec/replicas\",\"value\":0},{\"op\":\"replace\",\"path\":\"/spec/template/spec/containers/0/image\",\"value\":\"d:1\"}]'", "deployment.apps/web patched"),
        (containers, "only=d:1"),
        ("kubectl patch deploy web --type=merge -p '{\"metadata\":{\"labels\":{\"app\":null}}}' && kubectl get deploy web -o jsonpath='{.metadata.labels}'", "deployment.apps/web patched"),
        ("kubectl patch deploy web -p '{}'", "deployment.apps/web patched (no change)"),
        ("kubectl patch deploy web --subresource=scale --type=merge -p '{\"spec\":{\"replicas\":0}}'", "scale.autoscaling/web patched (no change)"),
    ]);
    t.refuses(
        "kubectl patch deploy web --type=json -p '[{\"op\":\"remove\",\"path\":\"/spec/nothing\"}]'",
        &["The request is invalid"],
    );
    t.refuses(
        "kubectl patch deploy web -p '{\"spec\":{\"selector\":{\"matchLabels\":{\"x\":\"y\"}}}}'",
        &["field is immutable"],
    );
    t.refuses("kubectl patch deploy nothing -p '{}'", &["deployments.apps \"nothing\" not found"]);
}

#[test]
fn replace_puts_a_whole_object_in_place() {
    let t = Space::new("replace");
    t.ok("kubectl create configmap c --from-literal=a=1 --from-literal=b=2 && kubectl get cm c -o yaml > old.yaml");
    t.file("c.yaml", yaml("{apiVersion: v1, kind: ConfigMap, metadata: {name: c}, data: {a: '3'}}"));
    t.prints(&[
        ("kubectl replace -f c.yaml", "configmap/c replaced"),
        ("kubectl get cm c -o jsonpath='{.data}'", r#"{"a":"3"}"#),
    ]);
    t.refuses(
        "kubectl replace -f old.yaml",
        &["the object has been modified; please apply your changes to the latest version and try again"],
    );
    let uid = "kubectl get cm c -o jsonpath='{.metadata.uid}'";
    let before = t.ok(uid);
    t.shows("kubectl replace --force -f c.yaml", &["configmap/c replaced"]);
    assert_ne!(t.ok(uid), before);
    t.file("d.yaml", yaml("{apiVersion: v1, kind: ConfigMap, metadata: {name: d}}"));
    t.refuses("kubectl replace -f d.yaml", &["configmaps \"d\" not found"]);
}

#[test]
fn labels_and_annotations_are_set_kept_and_removed() {
    let t = Space::new("label");
    t.ok("kubectl create configmap c");
    t.prints(&[
        ("kubectl label cm c a=1 b=2", "configmap/c labeled"),
        ("kubectl label cm c a=1", "configmap/c not labeled"),
        ("kubectl label cm c a=3 --overwrite", "configmap/c labeled"),
        ("kubectl label cm c b-", "configmap/c unlabeled"),
        ("kubectl get cm c -o jsonpath='{.metadata.labels}'", r#"{"a":"3"}"#),
        ("kubectl label cm -l a=3 all=yes", "configmap/c labeled"),
        ("kubectl label cm c --list | sort", "a=3\nall=yes"),
        ("kubectl annotate cm c note='some text'", "configmap/c annotated"),
        ("kubectl annotate cm c note-", "configmap/c annotated"),
        ("kubectl get cm c -o jsonpath='{.metadata.annotations}'", ""),
    ]);
    t.refuses("kubectl label cm c a=4", &["'a' already has a value (3), and --overwrite is false"]);
    t.refuses(
        "kubectl label cm c a='no good' --overwrite",
        &["a valid label must be an empty string or consist of alphanumeric"],
    );
}

#[test]
fn scale_and_set_change_a_deployment() {
    let t = Space::new("scale");
    t.ok(EMPTY);
    t.ok("kubectl create serviceaccount robot && kubectl create configmap c --from-literal=K=v");
    t.refuses("kubectl scale deploy web --current-replicas=5 --replicas=1", &["Expected replicas to be 5, was 0"]);
    let template = |path: &str| format!("kubectl get deploy web -o jsonpath='{{.spec.template.spec.{path}}}'");
    t.prints(&[
        ("kubectl scale deploy web --current-replicas=0 --replicas=0", "deployment.apps/web scaled"),
        ("kubectl set image deploy/web a=a:2", "deployment.apps/web image updated"),
        ("kubectl set image deploy/web '*=a:3'", "deployment.apps/web image updated"),
        (
            "kubectl set env deploy/web X=1 Y=2 && kubectl set env deploy/web Y- --from=configmap/c",
            "deployment.apps/web env updated\ndeployment.apps/web env updated",
        ),
        (
            "kubectl set resources deploy/web --limits=cpu=100m,memory=64Mi",
            "deployment.apps/web resource requirements updated",
        ),
        ("kubectl set serviceaccount deploy/web robot", "deployment.apps/web serviceaccount updated"),
        (&template("containers[0].image"), "a:3"),
        (&template("containers[0].env[*].name"), "X K"),
        (&template("containers[0].resources"), r#"{"limits":{"cpu":"100m","memory":"64Mi"}}"#),
        (&template("serviceAccountName"), "robot"),
        (
            "kubectl create service clusterip s --tcp=80 && kubectl set selector service s app=web",
            "service/s created\nservice/s selector updated",
        ),
        ("kubectl autoscale deploy web --max=3 --cpu-percent=80", "horizontalpodautoscaler.autoscaling/web autoscaled"),
    ]);
    t.refuses("kubectl set image deploy/web nothing=a:4", &["unable to find container named \"nothing\""]);
}

#[test]
fn objects_move_to_the_version_that_is_stored_now() {
    let t = Space::new("migrate");
    let group = format!("{}.example.com", t.namespace);
    let schema = json!({"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": true}});
    let version = |name, storage| json!({"name": name, "served": true, "storage": storage, "schema": schema});
    let definition = |first: bool| {
        json!({"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
            "metadata": {"name": format!("birds.{group}")},
            "spec": {"group": group, "scope": "Namespaced", "names": {"plural": "birds", "kind": "Bird"},
                "versions": [version("v1", first), version("v2", !first)]}})
    };
    let bird = json!({"apiVersion": format!("{group}/v1"), "kind": "Bird", "metadata": {"name": "b"}});
    let migration = json!({"apiVersion": "storagemigration.k8s.io/v1", "kind": "StorageVersionMigration",
        "metadata": {"name": t.namespace}, "spec": {"resource": {"group": group, "resource": "birds"}}});
    let files = [("old", definition(true)), ("new", definition(false)), ("bird", bird), ("migration", migration)];
    for (name, object) in files {
        t.file(&format!("{name}.yaml"), object.to_string());
    }
    let crd = format!("crd birds.{group}");
    t.ok(&format!("kubectl apply -f old.yaml && kubectl wait --for=condition=Established {crd}"));
    t.ok("kubectl apply -f bird.yaml && kubectl apply -f new.yaml");
    let stored = format!("kubectl get {crd} -o jsonpath='{{.status.storedVersions}}'");
    t.prints(&[(&stored, r#"["v1","v2"]"#)]);
    let migration = format!("storageversionmigrations.storagemigration.k8s.io {}", t.namespace);
    t.ok("kubectl apply -f migration.yaml");
    t.ok(&format!("kubectl wait --for=condition=Succeeded {migration} --timeout=60s"));
    t.prints(&[(&stored, r#"["v2"]"#)]);
    t.ok(&format!("kubectl delete {migration} && kubectl delete {crd}"));
}
