//! A deployment end to end on an API server in memory, with the replica set controller and a kubelet that makes every
//! pod ready.

mod property;

use super::*;
use cluster_fake_server::FakeServer;
use serde_json::json;
use std::time::Duration;

async fn make_pods_ready(client: Client, pods: Informer<Pod>) {
    let mut changes = pods.subscribe();
    while let Some(change) = changes.recv().await {
        if let Change::Added(pod) = change {
            let mut pod = (*pod).clone();
            let ready = json!({"type": "Ready", "status": "True", "lastTransitionTime": meta::now().0.to_string()});
            pod.status = serde_json::from_value(json!({"phase": "Running", "conditions": [ready]})).expect("a status");
            client.update_status(&pod).await.map(drop).unwrap_or_default();
        }
    }
}

fn deployment(strategy: &str) -> Deployment {
    serde_json::from_value(json!({"metadata": {"name": "web", "namespace": "ns"}, "spec": {
        "replicas": 4, "selector": {"matchLabels": {"app": "web"}}, "strategy": {"type": strategy},
        "progressDeadlineSeconds": 600, "revisionHistoryLimit": 10,
        "template": {"metadata": {"labels": {"app": "web"}},
            "spec": {"containers": [{"name": "c", "image": "a:1"}]}},
    }}))
    .expect("a deployment")
}

async fn settled(strategy: &str) -> (Client, Context) {
    let server = FakeServer::new();
    let client = server.client();
    let context = Context::of(&client);
    tokio::spawn(runner(&context).run(context.cancel.clone()));
    tokio::spawn(crate::replica_set::runner::<ReplicaSet>(&context).run(context.cancel.clone()));
    tokio::spawn(make_pods_ready(client.clone(), context.informers.informer()));
    client.create(&deployment(strategy)).await.expect("created");
    tokio::time::sleep(Duration::from_secs(10)).await;
    (client, context)
}

async fn set_image(client: &Client, image: &str) {
    let mut deployment: Deployment = client.get("ns", "web").await.expect("there");
    deployment.spec.template.spec.as_mut().expect("a spec").containers[0].image = Some(image.to_owned());
    client.update(&deployment).await.expect("updated");
    tokio::time::sleep(Duration::from_secs(30)).await;
}

async fn check(client: &Client, context: &Context, expected_sets: &[(i64, i32)]) {
    let mut sets: Vec<_> = context.informers.informer::<ReplicaSet>().list();
    sets.sort_by_key(|set| revision::revision(set));
    let found: Vec<_> = sets.iter().map(|set| (revision::revision(set), size(set))).collect();
    assert_eq!(found, expected_sets);
    let deployment: Deployment = client.get("ns", "web").await.expect("there");
    let status = deployment.status.clone().expect("a status");
    assert!(status::is_complete(&deployment, &status), "{status:?}");
    let progressing = conditions::get(status.conditions.as_ref(), PROGRESSING).expect("it progressed");
    assert_eq!(progressing.reason(), "NewReplicaSetAvailable");
}

#[tokio::test(start_paused = true)]
async fn a_rolling_update_and_its_undo_reuse_the_old_set() {
    let (client, context) = settled("RollingUpdate").await;
    check(&client, &context, &[(1, 4)]).await;
    set_image(&client, "a:2").await;
    check(&client, &context, &[(1, 0), (2, 4)]).await;
    set_image(&client, "a:1").await;
    check(&client, &context, &[(2, 0), (3, 4)]).await;
    let events: Vec<k8s_openapi::api::core::v1::Event> = client.list("", "").await.expect("listed");
    let first = events.iter().find(|event| event.reason.as_deref() == Some("ScalingReplicaSet")).expect("an event");
    let text = first.message.as_deref().unwrap_or_default();
    assert!(text.starts_with("Scaled up replica set web-") && text.ends_with("from 0 to 4"), "{text}");
    context.cancel.cancel();
}

#[tokio::test(start_paused = true)]
async fn recreate_ends_all_old_pods_first() {
    let (client, context) = settled("Recreate").await;
    set_image(&client, "a:2").await;
    check(&client, &context, &[(1, 0), (2, 4)]).await;
    assert_eq!(context.informers.informer::<Pod>().list().len(), 4);
    context.cancel.cancel();
}
