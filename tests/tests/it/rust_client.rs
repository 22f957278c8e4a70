//! The Rust client library, kube, against a cluster: requests, watches and reflectors, streams, errors.

use crate::support::{BUSYBOX, Space};
use futures::{AsyncBufReadExt, StreamExt, TryStreamExt};
use k8s_openapi::api::core::v1::{ConfigMap, Pod};
use kube::api::{
    AttachParams, DeleteParams, EvictParams, ListParams, LogParams, ObjectMeta, Patch, PatchParams, PostParams,
};
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::core::{DynamicObject, PartialObjectMetaExt, Status};
use kube::runtime::wait::{await_condition, conditions};
use kube::runtime::{WatchStreamExt, reflector, watcher};
use kube::{Api, Client, Config, Error, ResourceExt};
use serde_json::json;
use std::time::Duration;
use tokio::io::AsyncReadExt;

const PATIENCE: Duration = Duration::from_mins(1);

async fn client(space: &Space) -> Client {
    let config = Kubeconfig::read_from(space.path().join("kubeconfig")).expect("the kubeconfig is readable");
    let config = Config::from_custom_kubeconfig(config, &KubeConfigOptions::default()).await.expect("it is complete");
    Client::try_from(config).expect("a client")
}

fn config_map(name: &str, value: &str) -> ConfigMap {
    let metadata = ObjectMeta { name: Some(name.to_owned()), ..ObjectMeta::default() };
    let labels = Some([("of".to_owned(), "rs".to_owned())].into());
    ConfigMap {
        metadata: ObjectMeta { labels, ..metadata },
        data: Some([("k".to_owned(), value.to_owned())].into()),
        ..ConfigMap::default()
    }
}

fn value(map: &ConfigMap) -> &str {
    map.data.as_ref().and_then(|data| data.get("k")).map_or("", String::as_str)
}

/// The status that a call was refused with.
#[track_caller]
fn refused<T: std::fmt::Debug>(answer: Result<T, Error>) -> Status {
    match answer {
        Err(Error::Api(status)) => *status,
        other => panic!("the call was not refused: {other:?}"),
    }
}

#[tokio::test]
async fn the_rust_client_reads_writes_and_is_told_what_is_wrong() {
    let t = Space::new("kube-writes");
    let client = client(&t).await;
    let maps: Api<ConfigMap> = Api::default_namespaced(client);
    for name in ["a", "b", "c"] {
        maps.create(&PostParams::default(), &config_map(name, "v")).await.expect("created");
    }
    let page = ListParams::default().labels("of=rs").limit(2);
    let first = maps.list(&page).await.expect("a page");
    assert_eq!(first.metadata.remaining_item_count, None, "a selector hides how many there are");
    let token = first.metadata.continue_.expect("there is more");
    let rest = maps.list(&page.continue_token(&token)).await.expect("the rest");
    let names: Vec<_> = first.items.iter().chain(&rest.items).map(ResourceExt::name_any).collect();
    assert_eq!(names, ["a", "b", "c"]);

    let taken = refused(maps.create(&PostParams::default(), &config_map("a", "v")).await);
    assert_eq!(
        (taken.code, taken.reason.as_str(), taken.message.as_str()),
        (409, "AlreadyExists", "configmaps \"a\" already exists")
    );
    assert!(maps.get_opt("none").await.expect("an answer").is_none());
    assert_eq!(refused(maps.create(&PostParams::default(), &config_map("No_name", "v")).await).code, 422);
    let stale = maps.get("b").await.expect("it is there");
    let merge = Patch::Merge(json!({"data": {"k": "w"}}));
    assert_eq!(value(&maps.patch("b", &PatchParams::default(), &merge).await.expect("merged")), "w");
    assert_eq!(refused(maps.replace("b", &PostParams::default(), &stale).await).reason, "Conflict");

    let strategic = Patch::Strategic(json!({"data": {"k": "s"}}));
    assert_eq!(value(&maps.patch("a", &PatchParams::default(), &strategic).await.expect("patched")), "s");
    let applied = Patch::Apply(json!({"apiVersion": "v1", "kind": "ConfigMap", "data": {"k": "one"}}));
    maps.patch("s", &PatchParams::apply("one"), &applied).await.expect("applied");
    let other = Patch::Apply(json!({"apiVersion": "v1", "kind": "ConfigMap", "data": {"k": "two"}}));
    assert_eq!(refused(maps.patch("s", &PatchParams::apply("two"), &other).await).reason, "Conflict");
    let forced = maps.patch("s", &PatchParams::apply("two").force(), &other).await.expect("forced");
    assert_eq!(value(&forced), "two");

    let metadata = maps.get_metadata("a").await.expect("its metadata");
    assert_eq!(
        (metadata.types.expect("its type").kind.as_str(), metadata.metadata.name.as_deref()),
        ("PartialObjectMetadata", Some("a"))
    );
    let annotate = ObjectMeta { annotations: Some([("x".to_owned(), "y".to_owned())].into()), ..ObjectMeta::default() };
    let annotate = annotate.into_request_partial::<ConfigMap>();
    let patched = maps.patch_metadata("a", &PatchParams::default(), &Patch::Merge(&annotate)).await.expect("annotated");
    assert_eq!(patched.annotations().get("x").map(String::as_str), Some("y"));
    maps.delete_collection(&DeleteParams::default(), &ListParams::default().labels("of=rs")).await.expect("deleted");
    assert_eq!(maps.list(&ListParams::default().labels("of=rs")).await.expect("a list").items.len(), 0);
}

#[tokio::test]
async fn the_rust_clients_reflectors_follow_lists_and_watch_lists() {
    let t = Space::new("kube-watches");
    let client = client(&t).await;
    let maps: Api<ConfigMap> = Api::default_namespaced(client.clone());
    maps.create(&PostParams::default(), &config_map("there", "v")).await.expect("created");
    let configs = [("lists", watcher::Config::default()), ("streams", watcher::Config::default().streaming_lists())];
    for (name, config) in configs {
        let (reader, writer) = reflector::store();
        let mut changes = reflector(writer, watcher(maps.clone(), config.labels("of=rs"))).touched_objects().boxed();
        let mut next = async || changes.try_next().await.expect("the watch goes on").expect("it does not end");
        let follow = async {
            assert_eq!(next().await.name_any(), "there");
            maps.create(&PostParams::default(), &config_map(name, "v")).await.expect("created");
            assert_eq!(next().await.name_any(), name);
            maps.delete(name, &DeleteParams::default()).await.expect("deleted");
            assert_eq!(next().await.name_any(), name);
            assert_eq!(reader.state().iter().map(|map| map.name_any()).collect::<Vec<_>>(), ["there"]);
        };
        tokio::time::timeout(PATIENCE, follow).await.expect("it follows");
    }
    let discovery = kube::discovery::Discovery::new(client.clone()).run_aggregated().await.expect("discovery");
    let apps = discovery.get("apps").expect("the group");
    let (kind, _) = apps.recommended_kind("Deployment").expect("a Deployment");
    let deployments = Api::<DynamicObject>::all_with(client, &kind);
    let list = deployments.list(&ListParams::default().limit(1)).await.expect("a list");
    assert_eq!(list.types.api_version, "apps/v1");
}

#[tokio::test]
async fn the_rust_client_runs_a_pod_and_talks_to_it() {
    let t = Space::new("kube-pods");
    let client = client(&t).await;
    let pods: Api<Pod> = Api::default_namespaced(client.clone());
    let script = "echo started; trap exit TERM; sleep 100000 & wait";
    let pod = json!({"metadata": {"name": "p"}, "spec": {
        "containers": [{"name": "c", "image": BUSYBOX, "command": ["sh", "-c", script]}]}});
    pods.create(&PostParams::default(), &serde_json::from_value(pod).expect("a pod")).await.expect("created");
    let running = await_condition(pods.clone(), "p", conditions::is_pod_running());
    tokio::time::timeout(PATIENCE, running).await.expect("it runs").expect("the watch goes on");

    let log = LogParams { follow: true, ..LogParams::default() };
    let mut lines = pods.log_stream("p", &log).await.expect("a log").lines();
    assert_eq!(lines.try_next().await.expect("a line"), Some("started".to_owned()));
    let mut process =
        pods.exec("p", ["sh", "-c", "echo out; exit 3"], &AttachParams::default()).await.expect("started");
    let (mut out, status) = (String::new(), process.take_status().expect("it will tell"));
    process.stdout().expect("its output").read_to_string(&mut out).await.expect("text");
    let status = status.await.expect("it ended");
    let mut causes = status.details.and_then(|details| details.causes).into_iter().flatten();
    let code = causes.find(|cause| cause.reason.as_deref() == Some("ExitCode")).and_then(|cause| cause.message);
    assert_eq!((out.as_str(), code.as_deref()), ("out\n", Some("3")));

    let uid = pods.get("p").await.expect("it is there").uid().expect("it has a UID");
    pods.evict("p", &EvictParams::default()).await.expect("evicted");
    let gone = await_condition(pods, "p", conditions::is_deleted(&uid));
    tokio::time::timeout(PATIENCE, gone).await.expect("it goes").expect("the watch goes on");
}
