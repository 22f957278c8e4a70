//! Lists: selectors, pages, tables.

use super::{Api, CONFIG_MAPS, PODS, config_map, pod};
use http_body_util::BodyExt;
use serde_json::{Value, json};

fn names(list: &Value) -> Vec<&str> {
    list["items"].as_array().into_iter().flatten().filter_map(|i| i["metadata"]["name"].as_str()).collect()
}

#[tokio::test]
async fn pages_show_one_revision_while_writes_go_on() {
    let api = Api::start().await;
    for i in 0..5 {
        api.post(CONFIG_MAPS, &config_map(&format!("a{i}"), &json!({}))).await.ok();
    }
    let first = api.get(&format!("{CONFIG_MAPS}?limit=2")).await.ok();
    assert_eq!(names(&first), ["a0", "a1"]);
    assert_eq!((&first["kind"], &first["metadata"]["remainingItemCount"]), (&json!("ConfigMapList"), &json!(3)));

    api.delete(&format!("{CONFIG_MAPS}/a3"), &json!({})).await.ok();
    api.post(CONFIG_MAPS, &config_map("a2b", &json!({}))).await.ok();
    let mut seen = Vec::new();
    let mut page = first.clone();
    while let Some(token) = page["metadata"]["continue"].as_str() {
        page = api.get(&format!("{CONFIG_MAPS}?limit=2&continue={token}")).await.ok();
        assert_eq!(page["metadata"]["resourceVersion"], first["metadata"]["resourceVersion"]);
        seen.extend(names(&page).into_iter().map(str::to_owned));
    }
    assert_eq!(seen, ["a2", "a3", "a4"]);

    let exact = format!(
        "resourceVersion={}&resourceVersionMatch=Exact",
        first["metadata"]["resourceVersion"].as_str().expect("a revision")
    );
    assert_eq!(names(&api.get(&format!("{CONFIG_MAPS}?{exact}")).await.ok()), ["a0", "a1", "a2", "a3", "a4"]);
    assert_eq!(api.get(&format!("{CONFIG_MAPS}?continue=nonsense")).await.code, 400);
}

#[tokio::test]
async fn selectors_narrow_a_list() {
    let api = Api::start().await;
    for (name, tier) in [("a", "web"), ("b", "db"), ("c", "web")] {
        let mut object = config_map(name, &json!({}));
        object["metadata"]["labels"] = json!({"tier": tier});
        api.post(CONFIG_MAPS, &object).await.ok();
    }
    let list = |query: &str| format!("{CONFIG_MAPS}?{query}");
    assert_eq!(names(&api.get(&list("labelSelector=tier%3Dweb")).await.ok()), ["a", "c"]);
    assert_eq!(names(&api.get(&list("labelSelector=tier+notin+(web)")).await.ok()), ["b"]);
    assert_eq!(names(&api.get(&list("fieldSelector=metadata.name%3Db")).await.ok()), ["b"]);
    assert_eq!(
        names(
            &api.get("/api/v1/configmaps?fieldSelector=metadata.name%21%3Db,metadata.namespace%3Ddefault").await.ok()
        ),
        ["a", "c"]
    );
}

#[tokio::test]
async fn a_revision_from_the_future_is_a_timeout() {
    let api = Api::start().await;
    let answer = api.get(&format!("{CONFIG_MAPS}?resourceVersion=999999")).await;
    assert_eq!((answer.code, answer.failure().1), (504, "Timeout"));
    assert_eq!(answer.body["details"]["causes"][0]["reason"], "ResourceVersionTooLarge");
    let answer = api.get(&format!("{CONFIG_MAPS}?resourceVersionMatch=Exact")).await;
    assert_eq!(answer.failure().1, "Invalid");
}

#[tokio::test]
async fn tables_and_metadata_are_served_on_demand() {
    let api = Api::start().await;
    api.post(CONFIG_MAPS, &config_map("a", &json!({"k": "v"}))).await.ok();
    let table = api.accepting(CONFIG_MAPS, "application/json;as=Table;v=v1;g=meta.k8s.io,application/json").await.ok();
    assert_eq!((&table["kind"], &table["apiVersion"]), (&json!("Table"), &json!("meta.k8s.io/v1")));
    assert_eq!(table["columnDefinitions"][0]["name"], "Name");
    let row = &table["rows"][0];
    assert_eq!((&row["cells"][0], &row["object"]["kind"]), (&json!("a"), &json!("PartialObjectMetadata")));
    let accept = "application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io";
    let partial = api.accepting(CONFIG_MAPS, accept).await.ok();
    assert_eq!(partial["kind"], "PartialObjectMetadataList");
    assert!(partial["items"][0].get("data").is_none());
    for (kind, row) in [("Table", "/rows/0/object/apiVersion"), ("PartialObjectMetadataList", "/items/0/apiVersion")] {
        let accept = format!("application/json;as={kind};v=v1beta1;g=meta.k8s.io");
        let old = api.accepting(CONFIG_MAPS, &accept).await.ok();
        let beta = json!("meta.k8s.io/v1beta1");
        assert_eq!((&old["kind"], &old["apiVersion"], old.pointer(row)), (&json!(kind), &beta, Some(&beta)));
    }
    assert_eq!(api.accepting(CONFIG_MAPS, "image/png").await.code, 406);
}

#[tokio::test]
async fn the_row_of_a_pod_says_when_it_ended() {
    let api = Api::start().await;
    api.ready_for_pods().await;
    for (name, phase) in [("a", "Running"), ("b", "Failed")] {
        api.post(PODS, &pod(name)).await.ok();
        let status = json!({"status": {"phase": phase}});
        api.patch(&format!("{PODS}/{name}/status"), "merge-patch+json", &status).await.ok();
    }
    let table = api.accepting(PODS, "application/json;as=Table;v=v1;g=meta.k8s.io").await.ok();
    let ended = json!([{"type": "Completed", "status": "True", "reason": "Failed", "message": "The pod failed."}]);
    let conditions = ["/rows/0/conditions", "/rows/1/conditions"].map(|at| table.pointer(at));
    assert_eq!(conditions, [None, Some(&ended)]);
}

#[tokio::test]
async fn a_long_list_is_whole() {
    let api = Api::start().await;
    let text = "x".repeat(2000);
    let objects: Vec<Value> = (0..200).map(|i| config_map(&format!("a{i:03}"), &json!({"k": text}))).collect();
    futures::future::join_all(objects.iter().map(|object| api.post(CONFIG_MAPS, object))).await;
    assert_eq!(names(&api.get(CONFIG_MAPS).await.ok()).len(), 200);
}

#[tokio::test]
async fn a_long_list_is_compressed_for_clients_that_take_it() {
    let api = Api::start().await;
    let text = "x".repeat(200_000);
    api.post(CONFIG_MAPS, &config_map("a", &json!({"k": text}))).await.ok();
    let request = |path: &str| {
        let request = http::Request::builder().uri(path).header("accept-encoding", "gzip, deflate");
        request.body(cluster_apiserver::Body::empty()).expect("a request")
    };
    let long = api.send(request(CONFIG_MAPS)).await;
    assert_eq!(long.headers().get("content-encoding").map(http::HeaderValue::as_bytes), Some(&b"gzip"[..]));
    let bytes = long.into_body().collect().await.expect("a body").to_bytes();
    assert!(bytes.len() < text.len());
    let list: Value = serde_json::from_reader(flate2::read::GzDecoder::new(&bytes[..])).expect("JSON");
    assert_eq!(list["items"][0]["data"]["k"], *text);
    assert!(api.send(request("/api/v1/namespaces")).await.headers().get("content-encoding").is_none());
}

#[tokio::test]
async fn reviews_are_no_tables() {
    let api = Api::start().await;
    let request = http::Request::builder()
        .method("POST")
        .uri("/apis/authorization.k8s.io/v1/selfsubjectaccessreviews")
        .header("accept", "application/json;as=Table;v=v1;g=meta.k8s.io")
        .body(cluster_apiserver::Body::from("{}"))
        .expect("a request");
    assert_eq!(api.send(request).await.status(), 406);
}

#[tokio::test]
async fn events_are_selected_by_the_names_of_their_group() {
    let api = Api::start().await;
    let event = json!({"apiVersion": "v1", "kind": "Event", "metadata": {"name": "e"}, "type": "Warning", "reason": "Bad",
        "involvedObject": {"kind": "Pod", "name": "p", "namespace": "default"}, "source": {"component": "kubelet"},
        "reportingComponent": "kubelet"});
    api.post("/api/v1/namespaces/default/events", &event).await.ok();
    let (core, newer) = ("/api/v1/events", "/apis/events.k8s.io/v1/events");
    for (path, selector, found) in [
        (core, "involvedObject.kind=Pod,reason=Bad,source=kubelet,type!=Normal", 1),
        (core, "involvedObject.name=q", 0),
        (newer, "regarding.kind=Pod,regarding.name=p,reportingController=kubelet", 1),
        (newer, "type=Normal", 0),
    ] {
        let selector = selector.replace('=', "%3D").replace(',', "%2C").replace('!', "%21");
        let list = api.get(&format!("{path}?fieldSelector={selector}")).await.ok();
        assert_eq!(list["items"].as_array().map(Vec::len), Some(found), "{path} {selector}");
    }
}

#[tokio::test]
async fn component_statuses_are_healthy() {
    let api = Api::start().await;
    let table = api.accepting("/api/v1/componentstatuses", "application/json;as=Table;v=v1;g=meta.k8s.io").await.ok();
    let rows = table["rows"].as_array().expect("rows");
    let cells: Vec<String> = rows.iter().map(|row| row["cells"].to_string()).collect();
    let healthy = |name: &str| format!("[\"{name}\",\"Healthy\",\"ok\",\"\"]");
    assert_eq!(cells, ["controller-manager", "etcd-0", "scheduler"].map(healthy));
    assert_eq!(api.get("/api/v1/componentstatuses/scheduler").await.ok()["conditions"][0]["type"], "Healthy");
}
