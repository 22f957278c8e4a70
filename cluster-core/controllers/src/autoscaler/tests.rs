//! An autoscaler against a server: it scales, says what it did, and says why it cannot.

use super::*;
use cluster_fake_server::FakeServer;
use k8s_openapi::api::core::v1::Event;
use serde_json::json;

async fn story(metrics: Option<Value>) -> (Status, i64, Vec<String>) {
    let server = FakeServer::new();
    let client = server.client();
    let web = json!({"name": "webs", "kind": "Web", "namespaced": true, "verbs": ["get"]});
    server.serve("/apis/example.com/v1", json!({"resources": [web]}));
    if let Some(metrics) = metrics {
        server.serve("/apis/metrics.k8s.io/v1beta1/namespaces/ns/pods", json!({"items": metrics}));
    }
    let web = json!({"metadata": {"name": "web"}, "spec": {"replicas": 2},
        "status": {"replicas": 2, "selector": "app=web"}});
    client.raw(Method::POST, "/apis/example.com/v1/namespaces/ns/webs", Some(&web)).await.expect("created");
    for name in ["a", "b"] {
        let pod = json!({"metadata": {"name": name, "namespace": "ns", "labels": {"app": "web"}},
            "spec": {"containers": [{"name": "c", "resources": {"requests": {"memory": "100Mi"}}}]},
            "status": {"phase": "Running"}});
        client.create(&serde_json::from_value::<Pod>(pod).expect("a pod")).await.expect("created");
    }
    let autoscaler = json!({"metadata": {"name": "h", "namespace": "ns"}, "spec": {
        "scaleTargetRef": {"apiVersion": "example.com/v1", "kind": "Web", "name": "web"},
        "minReplicas": 1, "maxReplicas": 3, "metrics": [{"type": "Resource", "resource":
            {"name": "memory", "target": {"type": "Utilization", "averageUtilization": 50}}}]}});
    client.create(&serde_json::from_value::<Autoscaler>(autoscaler).expect("one")).await.expect("created");
    let context = Context::of(&client);
    tokio::spawn(runner(&context).run(context.cancel));
    tokio::time::sleep(Duration::from_secs(10)).await;
    let autoscaler: Autoscaler = client.get("ns", "h").await.expect("there");
    let web = client.raw(Method::GET, "/apis/example.com/v1/namespaces/ns/webs/web", None).await.expect("there");
    let events: Vec<Event> = client.list("", "").await.expect("listed");
    let text = |event: &Event| {
        format!("{}: {}", event.reason.clone().unwrap_or_default(), event.message.clone().unwrap_or_default())
    };
    let replicas = web["spec"]["replicas"].as_i64().unwrap_or_default();
    (autoscaler.status.unwrap_or_default(), replicas, events.iter().map(text).collect())
}

fn conditions(status: &Status) -> Vec<String> {
    let conditions = status.conditions.iter().flatten();
    let mut texts: Vec<String> = conditions.map(|c| format!("{}={} {}", c.type_, c.status, c.reason())).collect();
    texts.sort();
    texts
}

#[tokio::test(start_paused = true)]
async fn a_target_is_scaled_to_what_its_pods_use() {
    let of = |name: &str| {
        json!({"metadata": {"name": name}, "timestamp": "2026-01-01T00:00:00Z", "window": "30s",
            "containers": [{"name": "c", "usage": {"cpu": "1m", "memory": "90Mi"}}]})
    };
    let (status, replicas, events) = story(Some(json!([of("a"), of("b")]))).await;
    assert_eq!(replicas, 3);
    assert_eq!((status.current_replicas, status.desired_replicas), (Some(2), 3));
    let expected = [
        "AbleToScale=True SucceededRescale",
        "ScalingActive=True ValidMetricFound",
        "ScalingLimited=True TooManyReplicas",
    ];
    assert_eq!(conditions(&status), expected);
    let current = status.current_metrics.as_ref().and_then(|all| all[0].resource.clone()).expect("a metric").current;
    assert_eq!(current.average_utilization, Some(90));
    let message =
        "SuccessfulRescale: New size: 3; reason: memory resource utilization (percentage of request) above target";
    assert!(events.iter().any(|event| event == message), "{events:?}");
}

#[tokio::test(start_paused = true)]
async fn without_metrics_nothing_is_scaled_and_the_reason_is_told() {
    let (status, replicas, events) = story(Some(json!([]))).await;
    assert_eq!(replicas, 2);
    assert_eq!(
        conditions(&status),
        ["AbleToScale=True SucceededGetScale", "ScalingActive=False FailedGetResourceMetric"]
    );
    let message = "FailedGetResourceMetric: failed to get memory utilization: unable to get metrics for resource memory: \
                   no metrics returned from resource metrics API";
    assert!(events.iter().any(|event| event == message), "{events:?}");
}
