//! Informers against an API server in memory.

use cluster_client::{Change, DeleteOptions, Informer, Informers, Object};
use cluster_fake_server::FakeServer;
use k8s_openapi::api::core::v1::ConfigMap;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use std::time::Duration;
use tokio::sync::mpsc;

fn map(name: &str, app: &str) -> ConfigMap {
    let labels = Some([("app".to_owned(), app.to_owned())].into());
    let (namespace, name) = (Some("ns".to_owned()), Some(name.to_owned()));
    ConfigMap { metadata: ObjectMeta { name, namespace, labels, ..ObjectMeta::default() }, ..ConfigMap::default() }
}

fn by_app(informer: &Informer<ConfigMap>) {
    informer.add_index("app", |map| map.metadata.labels.iter().filter_map(|l| l.get("app").cloned()).collect());
}

fn text(change: &Change<ConfigMap>) -> String {
    let kind = match change {
        Change::Added(_) => "added",
        Change::Updated { .. } => "updated",
        Change::Deleted(_) => "deleted",
    };
    format!("{kind} {}", change.object().key())
}

async fn next(changes: &mut mpsc::UnboundedReceiver<Change<ConfigMap>>) -> String {
    let change = tokio::time::timeout(Duration::from_mins(5), changes.recv()).await;
    text(&change.expect("in time").expect("the informer lives"))
}

#[tokio::test(start_paused = true)]
async fn subscribers_see_the_present_and_then_each_change_in_order() {
    let server = FakeServer::new();
    let client = server.client();
    client.create(&map("a", "x")).await.expect("created");
    let informer = Informers::new(client.clone()).informer::<ConfigMap>();
    by_app(&informer);
    informer.synced().await;
    let mut changes = informer.subscribe();
    assert_eq!(next(&mut changes).await, "added ns/a");
    client.create(&map("b", "x")).await.expect("created");
    client.update(&map("a", "y")).await.expect("updated");
    client.delete::<ConfigMap>("ns", "b", &DeleteOptions::default()).await.expect("deleted");
    for expected in ["added ns/b", "updated ns/a", "deleted ns/b"] {
        assert_eq!(next(&mut changes).await, expected);
    }
    assert!(informer.by_index("app", "x").is_empty());
    assert_eq!(informer.by_index("app", "y").len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_broken_watch_goes_on_from_where_it_was() {
    let server = FakeServer::new();
    let client = server.client();
    let informer = Informers::new(client.clone()).informer::<ConfigMap>();
    informer.synced().await;
    let mut changes = informer.subscribe();
    server.break_watches();
    server.fail(3);
    tokio::time::sleep(Duration::from_secs(1)).await;
    server.fail(0);
    client.create(&map("a", "x")).await.expect("created");
    assert_eq!(next(&mut changes).await, "added ns/a");
    assert_eq!(server.lists(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_position_that_is_gone_leads_to_a_new_list_and_the_difference() {
    let server = FakeServer::new();
    let client = server.client();
    for name in ["a", "b"] {
        client.create(&map(name, "x")).await.expect("created");
    }
    let informer = Informers::new(client.clone()).informer::<ConfigMap>();
    informer.synced().await;
    let mut changes = informer.subscribe();
    assert_eq!([next(&mut changes).await, next(&mut changes).await], ["added ns/a", "added ns/b"]);
    server.break_watches();
    client.delete::<ConfigMap>("ns", "a", &DeleteOptions::default()).await.expect("deleted");
    client.update(&map("b", "y")).await.expect("updated");
    server.compact();
    assert_eq!([next(&mut changes).await, next(&mut changes).await], ["deleted ns/a", "updated ns/b"]);
    assert_eq!(server.lists(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_kind_is_listed_once_for_all_its_users() {
    let server = FakeServer::new();
    let informers = Informers::new(server.client());
    let (first, second) = (informers.informer::<ConfigMap>(), informers.clone().informer::<ConfigMap>());
    first.synced().await;
    second.synced().await;
    assert_eq!(server.lists(), 1);
}

#[tokio::test(start_paused = true)]
async fn an_object_that_was_deleted_and_made_again_is_a_new_one() {
    let server = FakeServer::new();
    let client = server.client();
    let informer = Informers::new(client.clone()).informer::<ConfigMap>();
    client.create(&map("a", "x")).await.expect("created");
    informer.synced().await;
    let mut changes = informer.subscribe();
    assert_eq!(next(&mut changes).await, "added ns/a");
    server.break_watches();
    client.delete::<ConfigMap>("ns", "a", &DeleteOptions::default()).await.expect("deleted");
    client.create(&map("a", "x")).await.expect("created");
    server.compact();
    assert_eq!([next(&mut changes).await, next(&mut changes).await], ["deleted ns/a", "added ns/a"]);
}
