//! The rules about volumes: how many, whose, and where.

use crate::model::{Cluster, PodInfo};
use crate::tests::{chosen, cluster, feasible, node, pod};
use cluster_client::ObjectKey;
use k8s_openapi::api::core::v1::{PersistentVolume, PersistentVolumeClaim};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use std::sync::Arc;

fn object<K: DeserializeOwned>(value: Value) -> Arc<K> {
    Arc::new(serde_json::from_value(value).expect("a well-formed object"))
}

/// A claim `ns/NAME` that is bound to the volume `pv-NAME`.
fn add_claim(cluster: &mut Cluster, name: &str, mode: &str, labels: &Value) {
    let volume = format!("pv-{name}");
    let claim: Arc<PersistentVolumeClaim> = object(json!({
        "metadata": {"name": name, "namespace": "ns", "uid": name},
        "spec": {"volumeName": volume, "accessModes": [mode]},
    }));
    cluster.objects.claims.insert(ObjectKey::new("ns", name), claim);
    let csi = json!({"driver": "disks.example.com", "volumeHandle": volume});
    let persistent: Arc<PersistentVolume> =
        object(json!({"metadata": {"name": volume, "labels": labels}, "spec": {"csi": csi}}));
    cluster.objects.volumes.insert(volume, persistent);
}

fn claiming(name: &str, claims: &[&str]) -> Arc<PodInfo> {
    let volume = |claim: &&str| json!({"name": claim, "persistentVolumeClaim": {"claimName": claim}});
    pod(name, json!({"spec": {"volumes": claims.iter().map(volume).collect::<Vec<_>>()}}))
}

fn complaint(cluster: &Cluster, pod: &PodInfo) -> String {
    chosen(cluster, pod).expect_err("no node fits").to_string()
}

#[test]
fn a_node_takes_no_more_volumes_than_its_driver_can() {
    let mut cluster = cluster(&[node("a", json!({})), node("b", json!({}))]);
    for claim in ["one", "two", "three"] {
        add_claim(&mut cluster, claim, "ReadWriteOnce", &json!({}));
    }
    for (node, count) in [("a", 2), ("b", 1)] {
        let drivers = json!([{"name": "disks.example.com", "nodeID": node, "allocatable": {"count": count}}]);
        let drivers = object(json!({"metadata": {"name": node}, "spec": {"drivers": drivers}}));
        cluster.objects.drivers.insert(node.to_owned(), drivers);
    }
    cluster.place(claiming("first", &["one"]), "a", false);
    cluster.place(claiming("second", &["three"]), "b", false);
    let table: [(&[&str], &[&str]); 4] =
        [(&["two"], &["a"]), (&["one"], &["a"]), (&["one", "two"], &["a"]), (&[], &["a", "b"])];
    for (claims, nodes) in table {
        assert_eq!(feasible(&cluster, &claiming("p", claims)), nodes, "{claims:?}");
    }
    let text = "0/2 nodes are available: 2 node(s) exceed max volume count.";
    assert_eq!(complaint(&cluster, &claiming("p", &["two", "three", "one"])), text);
}

#[test]
fn a_claim_of_one_pod_is_given_to_no_other() {
    let mut cluster = cluster(&[node("a", json!({})), node("b", json!({}))]);
    for (claim, mode) in [("single", "ReadWriteOncePod"), ("shared", "ReadWriteOnce")] {
        add_claim(&mut cluster, claim, mode, &json!({}));
        cluster.place(claiming(&format!("holder-{claim}"), &[claim]), "a", false);
    }
    assert_eq!(feasible(&cluster, &claiming("p", &["shared"])), ["a", "b"]);
    let text = "0/2 nodes are available: 2 node has pod using PersistentVolumeClaim with the same name and \
                ReadWriteOncePod access mode.";
    assert_eq!(complaint(&cluster, &claiming("p", &["single"])), text);
    cluster.remove_pod("uid-holder-single");
    assert_eq!(feasible(&cluster, &claiming("p", &["single"])), ["a", "b"]);
}

#[test]
fn a_disk_is_shared_only_by_readers_where_that_is_possible() {
    let gce = |read_only: bool| json!({"gcePersistentDisk": {"pdName": "d", "readOnly": read_only}});
    let rbd = |monitors: &[&str]| json!({"rbd": {"monitors": monitors, "image": "i", "readOnly": false}});
    let aws = json!({"awsElasticBlockStore": {"volumeID": "v", "readOnly": true}});
    let iscsi = json!({"iscsi": {"iqn": "q", "lun": 0, "targetPortal": "t"}});
    let table = [
        (gce(false), gce(true), false),
        (gce(true), gce(true), true),
        (aws.clone(), aws, false),
        (rbd(&["m", "n"]), rbd(&["n"]), false),
        (rbd(&["m"]), rbd(&["n"]), true),
        (iscsi.clone(), iscsi, false),
        (gce(false), rbd(&["m"]), true),
    ];
    for (there, wanted, shared) in table {
        let with = |name: &str, volume: &Value| {
            let mut volume = volume.clone();
            volume["name"] = "v".into();
            pod(name, json!({"spec": {"volumes": [volume]}}))
        };
        let mut cluster = cluster(&[node("n", json!({}))]);
        cluster.place(with("other", &there), "n", false);
        let found = chosen(&cluster, &with("p", &wanted)).map_err(|diagnosis| diagnosis.to_string());
        let text = "0/1 nodes are available: 1 node(s) had no available disk.";
        assert_eq!(found, if shared { Ok("n".to_owned()) } else { Err(text.to_owned()) }, "{there} {wanted}");
    }
}

#[test]
fn pods_that_share_a_claim_follow_the_first_of_them_before_there_is_a_volume() {
    let mut cluster = cluster(&[node("a", json!({})), node("b", json!({}))]);
    let class = json!({"metadata": {"name": "late"}, "provisioner": "p", "volumeBindingMode": "WaitForFirstConsumer"});
    cluster.objects.storage_classes.insert("late".to_owned(), object(class));
    let key = ObjectKey::new("ns", "data");
    let claim = json!({"metadata": {"name": "data", "namespace": "ns"}, "spec": {"storageClassName": "late"}});
    cluster.objects.claims.insert(key.clone(), object(claim));
    assert_eq!(feasible(&cluster, &claiming("p", &["data"])), ["a", "b"]);
    cluster.objects.selected.insert(key, "b".to_owned());
    assert_eq!(feasible(&cluster, &claiming("q", &["data"])), ["b"]);
}

#[test]
fn a_volume_of_a_zone_keeps_the_pod_there() {
    const ZONE: &str = "topology.kubernetes.io/zone";
    let zoned = |name: &str| node(name, json!({"metadata": {"labels": {ZONE: name}}}));
    let mut zones = cluster(&[zoned("a"), zoned("b"), zoned("c")]);
    let table: [(Value, &[&str]); 4] = [
        (json!({}), &["a", "b", "c"]),
        (json!({ZONE: "a"}), &["a"]),
        (json!({"failure-domain.beta.kubernetes.io/zone": "b__c"}), &["b", "c"]),
        (json!({ZONE: "z"}), &[]),
    ];
    for (labels, nodes) in table {
        add_claim(&mut zones, "data", "ReadWriteOnce", &labels);
        assert_eq!(feasible(&zones, &claiming("p", &["data"])), nodes, "{labels}");
    }
    let text = "0/3 nodes are available: 3 node(s) had no available volume zone.";
    assert_eq!(complaint(&zones, &claiming("p", &["data"])), text);
    let mut unlabelled = cluster(&[node("n", json!({}))]);
    add_claim(&mut unlabelled, "data", "ReadWriteOnce", &json!({ZONE: "a"}));
    assert_eq!(feasible(&unlabelled, &claiming("p", &["data"])), ["n"]);
}
