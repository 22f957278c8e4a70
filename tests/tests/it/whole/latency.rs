//! From an edit of a ConfigMap to the new file inside a container.

use crate::support::{Space, client};
use cluster_client::Patch;
use k8s_openapi::api::core::v1::ConfigMap;
use serde_json::json;
use std::time::{Duration, Instant};

const EDITS: usize = 100;

#[tokio::test]
async fn every_edit_of_a_config_map_reaches_the_container() {
    let t = Space::alone("latency");
    t.ok("kubectl create configmap c --from-literal=n=start");
    // The container prints what it reads whenever it differs from before.
    t.apply(
        "{apiVersion: v1, kind: Pod, metadata: {name: p}, spec: {terminationGracePeriodSeconds: 0, containers: [{name: c, image: devcluster/busybox:1, \
         command: [sh, -c, 'while :; do read -r n < /etc/config/n; [ \"$n\" = \"$o\" ] || echo \"$n\"; o=$n; usleep 2000; done'], \
         volumeMounts: [{name: config, mountPath: /etc/config}]}], volumes: [{name: config, configMap: {name: c}}]}}",
    );
    t.ok("kubectl wait --for=condition=Ready pod/p --timeout=60s");
    let mut logs = t.start("kubectl logs -f p");
    logs.line("start");
    let client = client();
    let mut took: Vec<Duration> = Vec::new();
    for edit in 0..EDITS {
        let value = format!("edit-{edit}.");
        let patch = Patch::Merge(json!({"data": {"n": value}}));
        let begin = Instant::now();
        client.patch::<ConfigMap>(&t.namespace, "c", "", &patch).await.expect("an edit");
        logs.line(&value);
        took.push(begin.elapsed());
    }
    took.sort();
    println!(
        "ConfigMap edit to new content in the container: p50 {:?}, p99 {:?}",
        took[EDITS / 2],
        took[EDITS * 99 / 100]
    );
}
