//! `devcluster sync`: files on this machine and the cluster are one.

use crate::support::{BUSYBOX, Space, cluster};

/// `devcluster sync` of the cluster under test in the test's namespace.
fn sync(t: &Space, arguments: &str) -> String {
    format!("$devcluster sync --name {} --namespace {} {arguments}", cluster(), t.namespace)
}

fn map(name: &str, value: &str) -> String {
    format!("apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: {name}\ndata:\n  value: {value}\n")
}

#[test]
fn every_save_reaches_the_running_container() {
    let t = Space::new("sync-save");
    t.file("all/map.yaml", map("m", "none"));
    let reader =
        r#"while :; do read -r new </config/value; [ "$new" = "$old" ] || echo "$new"; old=$new; usleep 1000; done"#;
    t.file(
        "all/pod.yaml",
        format!(
            "{{apiVersion: v1, kind: Pod, metadata: {{name: reader}}, spec: {{terminationGracePeriodSeconds: 0, \
             containers: [{{name: c, image: {BUSYBOX}, command: [sh, -c, '{reader}'], volumeMounts: [{{name: v, mountPath: /config}}]}}], \
             volumes: [{{name: v, configMap: {{name: m}}}}]}}}}"
        ),
    );
    let mut running = t.start(&format!("exec {}", sync(&t, "all")));
    running.line("pod/reader created");
    t.ok("kubectl wait --for=condition=Ready pod/reader --timeout=60s");
    let mut log = t.start("kubectl logs -f reader");
    log.line("none");
    for number in 0..20 {
        let value = format!("save-{number}");
        // As most editors do it: a new file takes the place of the old one.
        t.file("all/.new", map("m", &value));
        std::fs::rename(t.path().join("all/.new"), t.path().join("all/map.yaml")).expect("a file");
        log.line(&value);
    }
}

#[test]
fn what_goes_from_the_files_goes_from_the_cluster_unless_a_file_is_broken() {
    let t = Space::new("sync-prune");
    t.file("all/a.yaml", map("a", "one"));
    t.file("all/b.yaml", map("b", "one"));
    t.ok("kubectl create configmap foreign");
    let once = sync(&t, "--once all");
    t.shows(&once, &["configmap/a created", "configmap/b created"]);
    let maps =
        "kubectl get cm -o jsonpath='{.items[*].metadata.name}' | tr ' ' '\\n' | grep -vx kube-root-ca.crt | xargs";
    t.prints(&[(maps, "a b foreign")]);
    t.file("all/b.yaml", "kind: [");
    t.refuses(&once, &["all/b.yaml"]);
    t.prints(&[(maps, "a b foreign")]);
    std::fs::remove_file(t.path().join("all/b.yaml")).expect("it is there");
    t.shows(&sync(&t, "--once --no-prune all"), &["configmap/a configured"]);
    t.prints(&[(maps, "a b foreign")]);
    t.shows(&once, &["configmap/b pruned"]);
    t.prints(&[(maps, "a foreign")]);
}

#[test]
fn faults_name_file_and_line_and_the_rest_goes_on() {
    let t = Space::new("sync-faults");
    t.file(
        "all.yaml",
        format!(
            "{}---\n{}  extra: x\n---\n{}",
            map("a", "one"),
            map("b", "one").replace("\ndata:", "\ndatta:"),
            map("c", "one")
        ),
    );
    t.file("refused.yaml", "apiVersion: v1\nkind: Service\nmetadata:\n  name: s\nspec:\n  ports:\n  - port: 80\n  - port: 99999\n    name: x\n");
    t.refuses(
        &sync(&t, "--once all.yaml refused.yaml"),
        &["all.yaml:12: unknown field \"datta\"", "refused.yaml:8: spec.ports[1].port"],
    );
    t.prints(&[("kubectl get cm a c -o jsonpath='{.items[*].metadata.name}'", "a c")]);
}

#[test]
fn a_difference_is_shown_before_it_is_made_and_pulled_back_from_the_cluster() {
    let t = Space::new("sync-diff");
    t.file("map.yaml", map("m", "one  # kept"));
    t.shows(&sync(&t, "--once map.yaml"), &["configmap/m created"]);
    t.ok(&sync(&t, "--diff map.yaml"));
    // What was added later is told by its time, in seconds.
    t.ok("made=$(date -d $(kubectl get cm m -o jsonpath='{.metadata.creationTimestamp}') +%s); \
         until [ $(date +%s) -gt $made ]; do sleep 0.1; done");
    t.ok("kubectl patch cm m -p '{\"data\":{\"value\":\"two\",\"a.ini\":\"x=1\"}}'");
    let out = t.run(&sync(&t, "--diff map.yaml"));
    assert_eq!(out.code, 1);
    assert!(out.stdout.contains("-  value: two") && out.stdout.contains("+  value: one"), "{}", out.stdout);
    t.shows(&sync(&t, "--pull map.yaml"), &["configmap/m pulled"]);
    t.prints(&[("tail -2 map.yaml", "  value: two  # kept\n  a.ini: x=1")]);
}

#[test]
fn plain_files_become_config_maps_and_secrets_and_readers_of_the_environment_start_anew() {
    let t = Space::new("sync-files");
    t.file("conf/app.ini", "a=1");
    t.file("token", "secret");
    t.file(
        "web.yaml",
        "{apiVersion: apps/v1, kind: Deployment, metadata: {name: web}, spec: {replicas: 0, selector: {matchLabels: {a: b}}, \
         template: {metadata: {labels: {a: b}}, spec: {containers: [{name: c, image: x, envFrom: [{configMapRef: {name: conf}}]}]}}}}",
    );
    let once = sync(&t, "--once --rollout --configmap conf=conf --secret token=token web.yaml");
    t.shows(&once, &["configmap/conf created", "secret/token created", "deployment/web created"]);
    t.prints(&[
        ("kubectl get cm conf -o jsonpath='{.data.app\\.ini}'", "a=1"),
        ("kubectl get secret token -o jsonpath='{.data.token}' | base64 -d", "secret"),
    ]);
    let generation = "kubectl get deploy web -o jsonpath='{.metadata.generation}'";
    assert_eq!(t.ok(generation), "1");
    t.file("conf/app.ini", "a=2");
    t.ok(&once);
    assert_eq!(t.ok(generation), "2");
}
