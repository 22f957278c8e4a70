//! Declarative writes: `kubectl apply` on the client's and on the server's side, and `diff`.

use crate::support::{Space, yaml};

const CONFIG: &str =
    "{apiVersion: v1, kind: ConfigMap, metadata: {name: c, labels: {a: b}}, data: {one: '1', two: '2'}}";

#[test]
fn apply_merges_three_ways() {
    let t = Space::new("apply");
    t.file("c.yaml", yaml(CONFIG));
    t.prints(&[
        ("kubectl apply -f c.yaml", "configmap/c created"),
        ("kubectl apply -f c.yaml", "configmap/c unchanged"),
        ("kubectl patch cm c --type=merge -p '{\"data\":{\"foreign\":\"x\"}}'", "configmap/c patched"),
        ("sed -i \"s/, two: '2'/, three: '3'/\" c.yaml; kubectl apply -f c.yaml", "configmap/c configured"),
        ("kubectl get cm c -o jsonpath='{.data}'", r#"{"foreign":"x","one":"1","three":"3"}"#),
    ]);
    t.shows("kubectl apply view-last-applied cm c", &["three: \"3\""]);
    t.shows("kubectl get cm c -o yaml", &["kubectl.kubernetes.io/last-applied-configuration"]);
}

#[test]
fn apply_of_a_folder_and_of_many_documents_takes_all() {
    let t = Space::new("apply-folder");
    t.file("d/a.yaml", "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n---\napiVersion: v1\nkind: Secret\nmetadata: {name: b}\nstringData: {k: v}\n");
    t.file("d/c.json", r#"{"apiVersion": "v1", "kind": "List", "items": [{"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "c"}}]}"#);
    t.prints(&[
        ("kubectl apply -f d", "configmap/a created\nsecret/b created\nserviceaccount/c created"),
        ("kubectl get secret b -o jsonpath='{.data.k}{.stringData}'", "dg=="),
    ]);
    t.file(
        "kustomization.yaml",
        "resources: [d/a.yaml]\nnamePrefix: k-\nconfigMapGenerator: [{name: gen, literals: [x=y]}]\n",
    );
    t.shows("kubectl apply -k .", &["configmap/k-a created", "configmap/k-gen-", "secret/k-b created"]);
    t.file("d/a.yaml", "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a, labels: {set: s}}\n");
    t.file("d/d.yaml", "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: d, labels: {set: s}}\n");
    t.shows("kubectl apply -f d -l set=s", &["configmap/a configured", "configmap/d created"]);
    t.ok("rm d/d.yaml");
    let namespace = &t.namespace;
    let prune =
        format!("kubectl apply -f d/a.yaml --prune -l set=s --prune-allowlist=core/v1/ConfigMap -n {namespace}");
    t.shows(&prune, &["configmap/a unchanged", "configmap/d pruned"]);
}

#[test]
fn server_side_apply_knows_who_owns_what() {
    let t = Space::new("apply-server");
    t.file("mine.yaml", yaml(CONFIG));
    t.file("theirs.yaml", yaml("{apiVersion: v1, kind: ConfigMap, metadata: {name: c}, data: {one: '9', three: '3'}}"));
    t.prints(&[
        ("kubectl apply --server-side -f mine.yaml", "configmap/c serverside-applied"),
        ("kubectl get cm c -o jsonpath='{.metadata.annotations}'", ""),
        ("kubectl get cm c --show-managed-fields -o jsonpath='{range .metadata.managedFields[*]}{.manager}:{.operation}{end}'", "kubectl:Apply"),
    ]);
    t.refuses(
        "kubectl apply --server-side --field-manager=other -f theirs.yaml",
        &["Apply failed with 1 conflict: conflict with \"kubectl\": .data.one", "--force-conflicts"],
    );
    t.prints(&[
        (
            "kubectl apply --server-side --field-manager=other --force-conflicts -f theirs.yaml",
            "configmap/c serverside-applied",
        ),
        ("kubectl get cm c -o jsonpath='{.data}'", r#"{"one":"9","three":"3","two":"2"}"#),
        // What only one manager owned goes when it applies without it.
        (
            "sed -i \"s/, three: '3'//\" theirs.yaml; kubectl apply --server-side --field-manager=other -f theirs.yaml",
            "configmap/c serverside-applied",
        ),
        ("kubectl get cm c -o jsonpath='{.data}'", r#"{"one":"9","two":"2"}"#),
    ]);
    let before = "kubectl get cm c -o jsonpath='{.metadata.resourceVersion}'";
    let revision = t.ok(before);
    t.ok("kubectl apply --server-side --field-manager=other -f theirs.yaml");
    assert_eq!(t.ok(before), revision, "an apply that changes nothing writes nothing");
}

#[test]
fn server_side_apply_merges_lists_by_their_keys() {
    let t = Space::new("apply-lists");
    let deployment = |container: &str, image: &str| {
        format!(
            "---\n{{apiVersion: apps/v1, kind: Deployment, metadata: {{name: d}}, spec: {{replicas: 0, selector: {{matchLabels: \
             {{app: d}}}}, template: {{metadata: {{labels: {{app: d}}}}, spec: {{containers: [{{name: {container}, image: {image}}}]}}}}}}}}"
        )
    };
    t.file("one.yaml", deployment("one", "a:1"));
    t.file("two.yaml", deployment("two", "b:1"));
    t.ok("kubectl apply --server-side --field-manager=m1 -f one.yaml && kubectl apply --server-side --field-manager=m2 -f two.yaml");
    let containers = "kubectl get deploy d -o jsonpath='{range ..containers[*]}{.name}={.image} {end}'";
    t.prints(&[(containers, "one=a:1 two=b:1")]);
    t.file("two.yaml", deployment("two", "b:2"));
    t.ok("kubectl apply --server-side --field-manager=m2 -f two.yaml");
    t.prints(&[(containers, "one=a:1 two=b:2")]);
    t.ok("kubectl apply -f one.yaml --server-side --field-manager=m2 --force-conflicts");
    t.prints(&[(containers, "one=a:1")]);
}

#[test]
fn diff_shows_what_an_apply_would_change() {
    let t = Space::new("diff");
    t.file("c.yaml", yaml(CONFIG));
    let missing = t.run("kubectl diff -f c.yaml");
    assert_eq!(missing.code, 1, "{missing:?}");
    assert!(missing.stdout.contains("+  one: \"1\""), "{missing:?}");
    t.ok("kubectl apply -f c.yaml && kubectl diff -f c.yaml");
    t.ok("sed -i \"s/'2'/'two'/\" c.yaml");
    for mode in ["", "--server-side"] {
        let out = t.run(&format!("kubectl diff -f c.yaml {mode} --force-conflicts={}", !mode.is_empty()));
        assert_eq!(out.code, 1, "{out:?}");
        assert!(out.stdout.contains("-  two: \"2\"") && out.stdout.contains("+  two: two"), "{out:?}");
    }
    t.prints(&[("kubectl get cm c -o jsonpath='{.data.two}'", "2")]);
}
