//! Claims, the default class and volumes of cloud disks: what is written stays, wherever the pod comes back.

use crate::support::{IDLE, Space, cluster};

/// A pod that mounts `volume` at /data.
fn pod(name: &str, place: &str, volume: &str) -> String {
    format!(
        "{{apiVersion: v1, kind: Pod, metadata: {{name: {name}}}, spec: {{{place} terminationGracePeriodSeconds: 0, \
         volumes: [{{name: data, {volume}}}], containers: [{{name: c, image: devcluster/busybox:1, command: [sh, -c, \"{}\"], \
         volumeMounts: [{{name: data, mountPath: /data}}]}}]}}}}",
        IDLE.trim_start_matches("sh -c '").trim_end_matches('\'')
    )
}

#[test]
fn a_claim_of_the_default_class_keeps_its_files_and_goes_with_them() {
    let t = Space::new("claims");
    t.apply(
        "{apiVersion: v1, kind: PersistentVolumeClaim, metadata: {name: data}, spec: {accessModes: [ReadWriteOnce], \
         resources: {requests: {storage: 1Gi}}}}",
    );
    // Who the pod runs as does not matter.
    let wanted = pod("p", "securityContext: {runAsUser: 1000},", "persistentVolumeClaim: {claimName: data}");
    for (script, said) in [("echo kept > /data/file", ""), ("cat /data/file", "kept")] {
        t.apply(&wanted);
        t.ok("kubectl wait --for=condition=Ready pod/p --timeout=60s");
        assert_eq!(t.ok(&format!("kubectl exec p -- sh -c '{script}'")), said);
        t.ok("kubectl delete pod p");
    }
    t.prints(&[("kubectl get pvc data -o jsonpath='{.status.phase} {.status.capacity.storage}'", "Bound 1Gi")]);
    let volume = t.ok("kubectl get pvc data -o jsonpath='{.spec.volumeName}'");
    t.ok("kubectl delete pvc data");
    t.ok(&format!("kubectl wait --for=delete pv/{volume} --timeout=60s"));
}

#[test]
fn a_cloud_disk_is_the_same_on_every_node() {
    let t = Space::new("disks");
    let disk = format!("gcePersistentDisk: {{pdName: {}}}", t.namespace);
    for worker in [1, 2] {
        t.apply(&pod(&format!("p{worker}"), &format!("nodeName: {}-worker-{worker},", cluster()), &disk));
    }
    t.ok("kubectl wait --for=condition=Ready pod --all --timeout=60s");
    t.ok("kubectl exec p1 -- sh -c 'echo shared > /data/file'");
    t.prints(&[("kubectl exec p2 -- cat /data/file", "shared")]);
}

#[test]
fn an_image_is_a_volume_to_read() {
    let t = Space::new("images");
    t.apply(&pod("p", "", "image: {reference: 'devcluster/busybox:1'}"));
    t.apply(&pod("missing", "", "image: {reference: 'devcluster/nothing:1', pullPolicy: Never}"));
    t.ok("kubectl wait --for=condition=Ready pod/p --timeout=60s");
    t.prints(&[("kubectl exec p -- cmp /bin/busybox /data/bin/busybox", "")]);
    t.refuses("kubectl exec p -- touch /data/file", &["Read-only file system"]);
    let part = pod("part", "", "image: {reference: 'devcluster/busybox:1'}");
    t.apply(&part.replace("mountPath: /data", "mountPath: /data, subPath: bin"));
    t.ok("kubectl wait --for=condition=Ready pod/part --timeout=60s");
    t.prints(&[("kubectl exec part -- cmp /bin/busybox /data/busybox", "")]);
    let waiting = "jsonpath='{.status.containerStatuses[0].state.waiting.reason}'";
    t.ok(&format!("kubectl wait pod/missing --timeout=60s --for={waiting}=ErrImageNeverPull"));
    t.ok("kubectl delete pod p --timeout=60s");
}
