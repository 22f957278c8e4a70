//! The collector end to end on an API server in memory.

use super::*;
use cluster_client::{Client, DeleteOptions};
use cluster_fake_server::FakeServer;
use k8s_openapi::api::core::v1::{ConfigMap, Event};
use serde_json::{Value, json};

async fn map(client: &Client, name: &str, owner: Option<&ConfigMap>, finalizers: &[&str]) -> ConfigMap {
    let owners: Vec<Value> = owner
        .iter()
        .map(|owner| {
            json!({"apiVersion": "v1", "kind": "ConfigMap", "name": owner.metadata.name,
            "uid": owner.metadata.uid, "blockOwnerDeletion": true})
        })
        .collect();
    let value =
        json!({"metadata": {"name": name, "namespace": "ns", "ownerReferences": owners, "finalizers": finalizers}});
    client.create(&serde_json::from_value::<ConfigMap>(value).expect("a map")).await.expect("created")
}

async fn started() -> (Arc<FakeServer>, Client) {
    let server = FakeServer::new();
    server.serve("/apis", json!({"groups": []}));
    let verbs = ["list", "watch", "delete"];
    let kinds = json!({"resources": [
        {"name": "configmaps", "kind": "ConfigMap", "namespaced": true, "verbs": verbs},
        {"name": "nodes", "kind": "Node", "namespaced": false, "verbs": verbs},
    ]});
    server.serve("/api/v1", kinds);
    let client = server.client();
    tokio::spawn(run(Context::of(&client)));
    tokio::time::sleep(Duration::from_secs(1)).await;
    (server, client)
}

async fn names(client: &Client) -> Vec<String> {
    tokio::time::sleep(Duration::from_secs(5)).await;
    let maps: Vec<ConfigMap> = client.list("ns", "").await.expect("listed");
    maps.iter().filter_map(|map| map.metadata.name.clone()).collect()
}

async fn delete(client: &Client, name: &str) {
    client.delete::<ConfigMap>("ns", name, &DeleteOptions::default()).await.expect("deleted");
}

#[tokio::test(start_paused = true)]
async fn dependents_follow_their_owner_down_the_tree() {
    let (_server, client) = started().await;
    let root = map(&client, "root", None, &[]).await;
    let child = map(&client, "child", Some(&root), &[]).await;
    map(&client, "grandchild", Some(&child), &[]).await;
    map(&client, "stranger", None, &[]).await;
    assert_eq!(names(&client).await.len(), 4);
    delete(&client, "root").await;
    assert_eq!(names(&client).await, ["stranger"]);
}

#[tokio::test(start_paused = true)]
async fn an_owner_that_never_was_takes_its_dependents_along() {
    let (_server, client) = started().await;
    let mut ghost = map(&client, "ghost", None, &[]).await;
    ghost.metadata.uid = Some("another".into());
    map(&client, "child", Some(&ghost), &[]).await;
    assert_eq!(names(&client).await, ["ghost"]);
}

#[tokio::test(start_paused = true)]
async fn an_owner_in_another_namespace_is_none_and_that_is_told() {
    let (_server, client) = started().await;
    let owner = map(&client, "owner", None, &[]).await;
    let mut stranger = map(&client, "stranger", Some(&owner), &["hold"]).await;
    stranger.metadata =
        ObjectMeta { namespace: Some("other".into()), uid: None, finalizers: None, ..stranger.metadata };
    client.create(&stranger).await.expect("created");
    assert_eq!(names(&client).await, ["owner", "stranger"]);
    assert!(client.list::<ConfigMap>("other", "").await.expect("listed").is_empty());
    let events: Vec<Event> = client.list("other", "").await.expect("listed");
    let told: Vec<_> = events.iter().map(|event| (event.reason.as_deref(), event.message.as_deref())).collect();
    let message = format!(
        "ownerRef [v1/ConfigMap, namespace: other, name: owner, uid: {}] does not exist in namespace \"other\"",
        owner.uid()
    );
    assert_eq!(told, [(Some("OwnerRefInvalidNamespace"), Some(message.as_str()))]);
}

#[tokio::test(start_paused = true)]
async fn what_belongs_to_no_namespace_stays_when_its_owner_in_one_goes() {
    let (_server, client) = started().await;
    let owner = map(&client, "owner", None, &[]).await;
    let metadata = json!({"name": "n1", "ownerReferences": [
        {"apiVersion": "v1", "kind": "ConfigMap", "name": "owner", "uid": owner.uid()}]});
    let node = serde_json::from_value::<Node>(json!({"metadata": metadata})).expect("a node");
    client.create(&node).await.expect("created");
    delete(&client, "owner").await;
    assert!(names(&client).await.is_empty());
    assert_eq!(client.list::<Node>("", "").await.expect("listed").len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_foreground_owner_goes_last() {
    let (server, client) = started().await;
    let root = map(&client, "root", None, &["foregroundDeletion"]).await;
    map(&client, "child", Some(&root), &["hold"]).await;
    delete(&client, "root").await;
    assert_eq!(names(&client).await, ["child", "root"], "the child is held");
    let mut child: ConfigMap = client.get("ns", "child").await.expect("there");
    assert!(child.metadata.deletion_timestamp.is_some());
    child.metadata.finalizers = None;
    client.update(&child).await.expect("updated");
    assert!(names(&client).await.is_empty());
    drop(server);
}

#[tokio::test(start_paused = true)]
async fn orphans_lose_their_owner_and_live() {
    let (_server, client) = started().await;
    let root = map(&client, "root", None, &["orphan"]).await;
    map(&client, "child", Some(&root), &[]).await;
    delete(&client, "root").await;
    assert_eq!(names(&client).await, ["child"]);
    let child: ConfigMap = client.get("ns", "child").await.expect("there");
    assert!(child.metadata.owner_references.is_none_or(|owners| owners.is_empty()));
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig::with_cases(24))]

    /// Each object has up to two owners among those before it; some are deleted. What has a living owner stays.
    #[test]
    fn nothing_with_a_living_owner_goes(
        shape in proptest::collection::vec((0..20_usize, 0..20_usize, proptest::bool::weighted(0.25)), 1..14),
    ) {
        let mut builder = tokio::runtime::Builder::new_current_thread();
        let runtime = builder.enable_all().start_paused(true).build().expect("a runtime");
        runtime.block_on(async {
            let (_server, client) = started().await;
            let mut maps: Vec<ConfigMap> = Vec::new();
            let mut owners: Vec<Vec<usize>> = Vec::new();
            for (number, (first, second, _)) in shape.iter().enumerate() {
                let mut of: Vec<usize> = [*first, *second].into_iter().filter(|owner| *owner < number).collect();
                of.dedup();
                let reference = |owner: &usize| {
                    let meta = &maps[*owner].metadata;
                    json!({"apiVersion": "v1", "kind": "ConfigMap", "name": meta.name, "uid": meta.uid})
                };
                let references: Vec<Value> = of.iter().map(reference).collect();
                let name = format!("m{number:02}");
                let object = json!({"metadata": {"name": name, "namespace": "ns", "ownerReferences": references}});
                let object: ConfigMap = serde_json::from_value(object).expect("a map");
                maps.push(client.create(&object).await.expect("created"));
                owners.push(of);
            }
            tokio::time::sleep(Duration::from_secs(1)).await;
            let mut expected = Vec::new();
            let mut lives: Vec<bool> = Vec::new();
            for (number, (_, _, deleted)) in shape.iter().enumerate() {
                let name = maps[number].metadata.name.clone().expect("a name");
                let kept = owners[number].is_empty() || owners[number].iter().any(|owner| lives[*owner]);
                lives.push(kept && !deleted);
                if kept && !deleted {
                    expected.push(name.clone());
                }
                if *deleted {
                    // It may have followed its owner already.
                    client.delete::<ConfigMap>("ns", &name, &DeleteOptions::default()).await.unwrap_or_default();
                }
            }
            assert_eq!(names(&client).await, expected, "{owners:?} {shape:?}");
        });
    }
}
