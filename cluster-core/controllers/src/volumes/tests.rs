//! Tables of which volume a claim gets, and a claim of the default class from its node to its end.

use super::matching::choose;
use super::reclaim::{Fate, fate};
use super::*;
use cluster_client::Object;
use cluster_client::volumes::volume_name;
use cluster_fake_server::FakeServer;
use k8s_openapi::api::core::v1::{Namespace, Node};
use k8s_openapi::api::storage::v1::StorageClass;
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::Duration;

fn volume(name: &str, size: &str, rest: Value) -> Arc<PersistentVolume> {
    let mut spec = json!({"capacity": {"storage": size}, "accessModes": ["ReadWriteOnce"]});
    spec.as_object_mut().expect("an object").extend(rest.as_object().cloned().unwrap_or_default());
    let value =
        json!({"metadata": {"name": name, "labels": {"is": name}}, "spec": spec, "status": {"phase": "Available"}});
    Arc::new(serde_json::from_value(value).expect("a volume"))
}

fn claim(rest: Value) -> PersistentVolumeClaim {
    let mut spec = json!({"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "5Gi"}}});
    spec.as_object_mut().expect("an object").extend(rest.as_object().cloned().unwrap_or_default());
    let value = json!({"metadata": {"name": "c", "namespace": "ns", "uid": "u"}, "spec": spec});
    serde_json::from_value(value).expect("a claim")
}

#[test]
fn a_claim_gets_the_smallest_volume_that_has_all_it_asks_for() {
    let on = |node: &str| {
        json!({"nodeAffinity": {"required": {"nodeSelectorTerms": [{"matchFields":
        [{"key": "metadata.name", "operator": "In", "values": [node]}]}]}}})
    };
    let mine = json!({"claimRef": {"namespace": "ns", "name": "c"}});
    let volumes = [
        volume("small", "1Gi", json!({})),
        volume("large", "100Gi", json!({})),
        volume("fitting", "6Gi", json!({})),
        volume("taken", "5Gi", json!({"claimRef": {"namespace": "ns", "name": "other"}})),
        volume("shared", "5Gi", json!({"accessModes": ["ReadWriteMany"]})),
        volume("block", "5Gi", json!({"volumeMode": "Block"})),
        volume("fast", "5Gi", json!({"storageClassName": "fast"})),
        volume("gold", "5Gi", json!({"volumeAttributesClassName": "gold"})),
        volume("near", "20Gi", {
            let mut near = on("n1");
            near["storageClassName"] = "local".into();
            near
        }),
        volume("far", "10Gi", {
            let mut far = on("n2");
            far["storageClassName"] = "local".into();
            far
        }),
    ];
    let node: Node = serde_json::from_value(json!({"metadata": {"name": "n1"}})).expect("a node");
    let cases = [
        (json!({}), true, Some("fitting")),
        (json!({"resources": {"requests": {"storage": "50Gi"}}}), true, Some("large")),
        (json!({"resources": {"requests": {"storage": "500Gi"}}}), true, None),
        (json!({"selector": {"matchLabels": {"is": "large"}}}), true, Some("large")),
        (json!({"selector": {"matchLabels": {"is": "small"}}}), true, None),
        (json!({"accessModes": ["ReadWriteMany"]}), true, Some("shared")),
        (json!({"accessModes": ["ReadWriteMany", "ReadWriteOnce"]}), true, None),
        (json!({"volumeMode": "Block"}), true, Some("block")),
        (json!({"storageClassName": "fast"}), true, Some("fast")),
        (json!({"volumeAttributesClassName": "gold"}), true, Some("gold")),
        (json!({"volumeAttributesClassName": "lead"}), true, None),
        (json!({"storageClassName": "local"}), true, Some("near")),
        (json!({}), false, None),
    ];
    for (spec, free, expected) in cases {
        let found = choose(&claim(spec.clone()), &volumes, Some(&node), free);
        assert_eq!(found.as_deref().map(Object::name), expected, "{spec}");
    }
    let reserved = [volume("free", "5Gi", json!({})), volume("mine", "50Gi", mine)];
    let found = choose(&claim(json!({})), &reserved, None, false);
    assert_eq!(found.as_deref().map(Object::name), Some("mine"));
}

#[test]
fn a_volume_follows_its_claim() {
    let bound = |uid: &str| json!({"claimRef": {"namespace": "ns", "name": "c", "uid": uid}});
    let cases = [
        (json!({}), None, Fate::Available),
        (bound(""), None, Fate::Available),
        (bound("u"), None, Fate::Released),
        (bound("old"), Some("v"), Fate::Released),
        (bound("u"), Some("v"), Fate::Bound),
        (bound("u"), Some(""), Fate::Wait),
        (bound("u"), Some("other"), Fate::Free),
    ];
    for (spec, volume_name, expected) in cases {
        let volume = volume("v", "1Gi", spec.clone());
        let claim = volume_name.map(|bound| claim(json!({"volumeName": bound})));
        assert_eq!(fate(&volume, claim.as_ref()), expected, "{spec} {volume_name:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_claim_of_the_default_class_gets_a_folder_on_its_node_and_takes_it_along() {
    let server = FakeServer::new();
    let client = server.client();
    let context = Context::of(&client);
    let volumes = context.informers.informer::<PersistentVolume>();
    let system = json!({"metadata": {"name": "kube-system"}});
    client.create(&serde_json::from_value::<Namespace>(system).expect("a namespace")).await.expect("created");
    provision::make_default_class(context.clone()).await;
    tokio::spawn(claims::runner(&context).run(context.cancel.clone()));
    tokio::spawn(ephemeral::runner(&context).run(context.cancel.clone()));
    let settle = || tokio::time::sleep(Duration::from_secs(10));
    let node = json!({"metadata": {"name": "n1", "labels": {"kubernetes.io/hostname": "host-1"}}});
    client.create(&serde_json::from_value::<Node>(node).expect("a node")).await.expect("created");
    let mut wanted = claim(json!({"storageClassName": "standard"}));
    wanted.metadata.finalizers = Some(vec!["kubernetes.io/pvc-protection".to_owned()]);
    client.create(&wanted).await.expect("created");
    settle().await;
    assert!(volumes.list().is_empty());
    let node = Patch::Merge(json!({"metadata": {"annotations": {"volume.kubernetes.io/selected-node": "n1"}}}));
    let patched = client.patch::<PersistentVolumeClaim>("ns", "c", "", &node).await;
    patched.expect("patched");
    settle().await;
    let bound: PersistentVolumeClaim = client.get("ns", "c").await.expect("it is there");
    let volume = volumes.list().first().cloned().expect("a volume");
    assert_eq!(volume_name(&bound), Some(volume.name()));
    let phase = |status: Option<String>| status.unwrap_or_default();
    assert_eq!(phase(bound.status.and_then(|status| status.phase)), "Bound");
    assert_eq!(phase(volume.status.as_ref().and_then(|status| status.phase.clone())), "Bound");
    assert!(serde_json::to_string(&volume.spec).expect("JSON").contains("host-1"));
    client
        .delete::<PersistentVolumeClaim>("ns", "c", &cluster_client::DeleteOptions::default())
        .await
        .expect("deleted");
    settle().await;
    assert!(volumes.list().is_empty());
    let options = cluster_client::DeleteOptions::default();
    client.delete::<StorageClass>("", "standard", &options).await.expect("deleted");
    provision::make_default_class(context).await;
    assert!(client.get::<StorageClass>("", "standard").await.is_err(), "who deleted it does not want it");
}
