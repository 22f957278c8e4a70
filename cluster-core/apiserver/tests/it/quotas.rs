//! Quotas hold whatever happens side by side.

use crate::Api;
use futures::future::join_all;
use serde_json::json;

#[tokio::test(flavor = "multi_thread")]
async fn creates_side_by_side_never_exceed_a_quota() {
    let api = Api::start().await;
    let quota = json!({"apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"name": "q"},
        "spec": {"hard": {"count/configmaps": "5"}}});
    api.post("/api/v1/namespaces/default/resourcequotas", &quota).await.ok();
    let create = async |number: usize| {
        let map = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": format!("m{number}")}});
        api.post("/api/v1/namespaces/default/configmaps", &map).await
    };
    let answers = join_all((0..20).map(create)).await;
    assert_eq!(answers.iter().filter(|answer| answer.code == 201).count(), 5);
    let refused = answers.iter().find(|answer| answer.code != 201).expect("some are refused");
    let (code, reason, message) = refused.failure();
    assert_eq!((code, reason), (403, "Forbidden"));
    let why = "exceeded quota: q, requested: count/configmaps=1, used: count/configmaps=5, limited: count/configmaps=5";
    assert!(message.ends_with(why), "{message}");
}

#[tokio::test]
async fn an_update_is_charged_for_what_it_adds() {
    let api = Api::start().await;
    let quota = json!({"apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"name": "q"},
        "spec": {"hard": {"services.nodeports": "1"}}});
    api.post("/api/v1/namespaces/default/resourcequotas", &quota).await.ok();
    let service = |name: &str, kind: &str| {
        json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": name},
            "spec": {"type": kind, "ports": [{"port": 80}]}})
    };
    for name in ["a", "b"] {
        api.post("/api/v1/namespaces/default/services", &service(name, "ClusterIP")).await.ok();
    }
    let open = async |name: &str| {
        let patch = json!({"spec": {"type": "NodePort"}});
        api.patch(&format!("/api/v1/namespaces/default/services/{name}"), "merge-patch+json", &patch).await
    };
    open("a").await.ok();
    open("a").await.ok();
    let refused = open("b").await;
    assert_eq!(refused.failure().0, 403, "{refused:?}");
}
