//! scale, binding, eviction, token; and services' addresses.

use super::{Api, PODS, pod};
use serde_json::{Value, json};

const SERVICES: &str = "/api/v1/namespaces/default/services";

#[tokio::test]
async fn a_deployment_is_scaled() {
    let api = Api::start().await;
    let deployments = "/apis/apps/v1/namespaces/default/deployments";
    let template = json!({"metadata": {"labels": {"a": "b"}}, "spec": {"containers": [{"name": "c", "image": "x"}]}});
    let spec = json!({"replicas": 2, "selector": {"matchLabels": {"a": "b"}}, "template": template});
    api.post(deployments, &json!({"metadata": {"name": "d"}, "spec": spec})).await.ok();
    let path = format!("{deployments}/d/scale");
    let scale = api.get(&path).await.ok();
    assert_eq!(
        (&scale["kind"], &scale["spec"], &scale["status"]["selector"]),
        (&json!("Scale"), &json!({"replicas": 2}), &json!("a=b"))
    );
    let mut wanted = scale;
    wanted["spec"]["replicas"] = json!(5);
    assert_eq!(api.put(&path, &wanted).await.ok()["spec"]["replicas"], 5);
    let patched = api.patch(&path, "merge-patch+json", &json!({"spec": {"replicas": 1}})).await.ok();
    assert_eq!(patched["spec"]["replicas"], 1);
    assert_eq!(api.get(&format!("{deployments}/d")).await.ok()["metadata"]["generation"], 3);
    let negative = api.patch(&path, "merge-patch+json", &json!({"spec": {"replicas": -1}})).await;
    let message =
        "Scale.autoscaling \"d\" is invalid: spec.replicas: Invalid value: -1: must be greater than or equal to 0";
    assert_eq!(negative.failure(), (422, "Invalid", message));
}

#[tokio::test]
async fn a_pod_is_bound_once() {
    let api = Api::start().await;
    api.ready_for_pods().await;
    api.post(PODS, &pod("a")).await.ok();
    let binding = json!({"metadata": {"name": "a"}, "target": {"kind": "Node", "name": "n"}});
    let mut stale = binding.clone();
    stale["metadata"]["uid"] = json!("of-another");
    let refused = api.post(&format!("{PODS}/a/binding"), &stale).await;
    let (code, reason, message) = refused.failure();
    assert_eq!((code, reason), (409, "Conflict"));
    assert!(
        message.contains("Precondition failed: UID in precondition: of-another, UID in object meta: "),
        "{message}"
    );
    assert_eq!(api.post("/api/v1/namespaces/default/bindings", &binding).await.code, 201);
    let bound = api.get(&format!("{PODS}/a")).await.ok();
    assert_eq!(bound["spec"]["nodeName"], "n");
    let owned: Vec<_> = bound["metadata"]["managedFields"].as_array().into_iter().flatten().collect();
    assert!(owned.iter().all(|entry| entry["fieldsV1"]["f:spec"]["f:nodeName"].is_null()), "nobody owns it: {owned:?}");
    let condition = &bound["status"]["conditions"][0];
    assert_eq!((&condition["type"], &condition["observedGeneration"]), (&json!("PodScheduled"), &json!(1)));
    let again = api.post(&format!("{PODS}/a/binding"), &binding).await;
    let message = "Operation cannot be fulfilled on pods/binding \"a\": pod a is already assigned to node \"n\"";
    assert_eq!(again.failure(), (409, "Conflict", message));
    assert_eq!(
        api.get(&format!("{PODS}?fieldSelector=spec.nodeName%3Dn")).await.ok()["items"].as_array().map(Vec::len),
        Some(1)
    );
    let log = api.get(&format!("{PODS}/a/log?container=zzz")).await;
    assert_eq!(log.failure(), (400, "BadRequest", "container zzz is not valid for pod a"));
}

#[tokio::test]
async fn an_eviction_asks_the_budget_and_says_why_the_pod_goes() {
    let api = Api::start().await;
    api.ready_for_pods().await;
    let mut object = pod("a");
    object["metadata"]["finalizers"] = json!(["example.com/hold"]);
    api.post(PODS, &object).await.ok();
    let ready =
        |ready: &str| json!({"status": {"phase": "Running", "conditions": [{"type": "Ready", "status": ready}]}});
    api.patch(&format!("{PODS}/a/status"), "merge-patch+json", &ready("True")).await.ok();
    let budgets = "/apis/policy/v1/namespaces/default/poddisruptionbudgets";
    let budget =
        json!({"metadata": {"name": "b"}, "spec": {"minAvailable": 1, "selector": {"matchLabels": {"app": "a"}}}});
    api.post(budgets, &budget).await.ok();
    let status = |allowed: i64| json!({"status": {"observedGeneration": 1, "disruptionsAllowed": allowed, "desiredHealthy": 1, "currentHealthy": 1, "expectedPods": 1}});
    api.patch(&format!("{budgets}/b/status"), "merge-patch+json", &status(0)).await.ok();
    let eviction = json!({"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": "a"}});
    let refused = api.post(&format!("{PODS}/a/eviction"), &eviction).await;
    let message = "Cannot evict pod as it would violate the pod's disruption budget.";
    assert_eq!(refused.failure(), (429, "TooManyRequests", message));
    let cause = &refused.body["details"]["causes"][0];
    assert_eq!(cause["message"], "The disruption budget b needs 1 healthy pods and has 1 currently");
    let dry = format!("{PODS}/a/eviction?dryRun=All");
    assert_eq!(api.post(&dry, &eviction).await.code, 429, "a dry run asks the budget too");
    // A pod that is not ready is none of the healthy ones, of which there are enough.
    api.patch(&format!("{PODS}/a/status"), "merge-patch+json", &ready("False")).await.ok();
    assert_eq!(api.post(&dry, &eviction).await.code, 201);
    api.patch(&format!("{PODS}/a/status"), "merge-patch+json", &ready("True")).await.ok();
    api.patch(&format!("{budgets}/b/status"), "merge-patch+json", &status(1)).await.ok();
    let mut tried = eviction.clone();
    tried["deleteOptions"] = json!({"dryRun": ["All"]});
    assert_eq!(api.post(&format!("{PODS}/a/eviction"), &tried).await.code, 201);
    assert_eq!(api.get(&format!("{budgets}/b")).await.ok()["status"]["disruptionsAllowed"], 1);
    assert_eq!(api.post(&format!("{PODS}/a/eviction"), &eviction).await.code, 201);
    assert_eq!(api.get(&format!("{budgets}/b")).await.ok()["status"]["disruptionsAllowed"], 0);
    let evicted = api.get(&format!("{PODS}/a")).await.ok();
    let condition = &evicted["status"]["conditions"][1];
    assert_eq!(
        (&condition["type"], &condition["reason"], &condition["observedGeneration"]),
        (&json!("DisruptionTarget"), &json!("EvictionByEvictionAPI"), &json!(1))
    );
    assert!(evicted["metadata"]["deletionTimestamp"].is_string());
}

#[tokio::test]
async fn a_token_is_issued_for_a_service_account() {
    let api = Api::start().await;
    api.ready_for_pods().await;
    let request = json!({"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {}});
    let path = "/api/v1/namespaces/default/serviceaccounts/default/token";
    let answer = api.post(path, &request).await.ok();
    assert!(answer["status"]["token"].is_string());
}

fn service(name: &str, spec: &Value) -> Value {
    let mut object = json!({"metadata": {"name": name}, "spec": {"ports": [{"port": 80}]}});
    for (field, value) in spec.as_object().into_iter().flatten() {
        object["spec"][field] = value.clone();
    }
    object
}

#[tokio::test]
async fn services_get_addresses_and_ports_of_their_own() {
    let api = Api::start().await;
    let first = api.post(SERVICES, &service("a", &json!({"type": "NodePort"}))).await.ok();
    let address = first["spec"]["clusterIP"].as_str().expect("an address");
    assert!(address.starts_with("10.96."), "{address}");
    assert_eq!(first["spec"]["clusterIPs"], json!([address]));
    let port = first["spec"]["ports"][0]["nodePort"].as_u64().expect("a port");
    assert!((30000..=32767).contains(&port));

    let taken = api.post(SERVICES, &service("b", &json!({"clusterIP": address}))).await;
    let message = format!(
        "Service \"b\" is invalid: spec.clusterIPs: Invalid value: [\"{address}\"]: failed to allocate IP {address}: provided IP is already allocated"
    );
    assert_eq!(taken.failure(), (422, "Invalid", message.as_str()));
    let ports = json!([{"port": 80, "nodePort": port}]);
    let taken = api.post(SERVICES, &service("b", &json!({"type": "NodePort", "ports": ports}))).await;
    let message = format!(
        "Service \"b\" is invalid: spec.ports[0].nodePort: Invalid value: {port}: provided port is already allocated"
    );
    assert_eq!(taken.failure(), (422, "Invalid", message.as_str()));

    let headless = api.post(SERVICES, &service("h", &json!({"clusterIP": "None"}))).await.ok();
    assert_eq!(headless["spec"]["clusterIPs"], json!(["None"]));

    // What a deleted service had is free again, and an update keeps what there is.
    let kept = api.put(&format!("{SERVICES}/a"), &service("a", &json!({"type": "NodePort"}))).await.ok();
    assert_eq!((&kept["spec"]["clusterIP"], &kept["spec"]["ports"][0]["nodePort"]), (&json!(address), &json!(port)));
    api.delete(&format!("{SERVICES}/a"), &json!({})).await.ok();
    let ports = json!([{"port": 80, "nodePort": port}]);
    let spec = json!({"type": "NodePort", "ports": ports, "clusterIP": address});
    assert_eq!(api.post(SERVICES, &service("b", &spec)).await.code, 201);
}

#[tokio::test]
async fn addresses_are_objects_and_run_out_until_a_network_is_added() {
    const GROUP: &str = "/apis/networking.k8s.io/v1";
    let api = Api::start_with(|config| config.service_subnet = "10.96.0.0/28".parse().expect("a network")).await;
    let default = api.get(&format!("{GROUP}/servicecidrs/kubernetes")).await.ok();
    assert_eq!(
        (&default["spec"]["cidrs"], &default["status"]["conditions"][0]["type"]),
        (&json!(["10.96.0.0/28"]), &json!("Ready"))
    );
    let create = async |name: String| api.post(SERVICES, &service(&name, &json!({}))).await;
    let made = futures::future::join_all((0..13).map(|n| create(format!("s{n}")))).await;
    let address = |made: super::Answer| made.ok()["spec"]["clusterIP"].as_str().unwrap_or_default().to_owned();
    let mut addresses: Vec<String> = made.into_iter().map(address).collect();
    let first = addresses[0].clone();
    addresses.sort_unstable();
    addresses.dedup();
    assert_eq!(addresses.len(), 13);
    let held = api.get(&format!("{GROUP}/ipaddresses/{first}")).await.ok();
    let parent = json!({"resource": "services", "namespace": "default", "name": "s0"});
    assert_eq!(
        (&held["spec"]["parentRef"], &held["metadata"]["labels"]["ipaddress.kubernetes.io/ip-family"]),
        (&parent, &json!("IPv4"))
    );

    let full = create("full".to_owned()).await;
    assert!(full.code == 422 && full.failure().2.contains("range is full"), "{full:?}");
    api.delete(&format!("{SERVICES}/s0"), &json!({})).await.ok();
    assert_eq!(address(create("again".to_owned()).await), first);
    let more = json!({"apiVersion": "networking.k8s.io/v1", "kind": "ServiceCIDR", "metadata": {"name": "more"},
        "spec": {"cidrs": ["10.97.0.0/24"]}});
    api.post(&format!("{GROUP}/servicecidrs"), &more).await.ok();
    let other = address(create("other".to_owned()).await);
    assert!(other.starts_with("10.97.0."), "{other}");

    let more = format!("{GROUP}/servicecidrs/more");
    api.delete(&more, &json!({})).await.ok();
    let going = api.get(&more).await.ok();
    assert!(going["metadata"]["deletionTimestamp"].is_string());
    let condition = &going["status"]["conditions"][0];
    assert_eq!((&condition["status"], &condition["reason"]), (&json!("False"), &json!("Terminating")));
    assert_eq!(create("full".to_owned()).await.code, 422);
    api.delete(&format!("{SERVICES}/other"), &json!({})).await.ok();
    assert_eq!((api.get(&more).await.code, api.get(&format!("{GROUP}/ipaddresses/{other}")).await.code), (404, 404));
}

#[tokio::test]
async fn services_get_ports_of_the_range_that_is_set_and_addresses_of_the_one_family_there_is() {
    let api = Api::start_with(|config| config.node_ports = 20000..=20100).await;
    let made = api.post(SERVICES, &service("a", &json!({"type": "NodePort"}))).await.ok();
    let port = made["spec"]["ports"][0]["nodePort"].as_u64().expect("a port");
    assert!((20000..=20100).contains(&port));
    let range = "provided port is not in the valid range. The range of valid ports is 20000-20100";
    let ports = json!([{"port": 80, "nodePort": 30000}]);
    let health =
        |port: u16| json!({"type": "LoadBalancer", "externalTrafficPolicy": "Local", "healthCheckNodePort": port});
    for (spec, code, why) in [
        (json!({"type": "NodePort", "ports": ports}), 422, range.to_owned()),
        (health(22), 500, format!("failed to allocate requested HealthCheck NodePort 22: {range}")),
        (json!({"ipFamilies": ["IPv6"]}), 422, "spec.ipFamilies[0]: Invalid value: \"IPv6\": not configured on this cluster".to_owned()),
        (
            json!({"ipFamilyPolicy": "RequireDualStack"}),
            422,
            "spec.ipFamilyPolicy: Invalid value: \"RequireDualStack\": this cluster is not configured for dual-stack services".to_owned(),
        ),
        (
            json!({"clusterIP": "10.96.0.7", "clusterIPs": ["10.96.0.8"]}),
            422,
            "spec.clusterIPs: Invalid value: [\"10.96.0.8\"]: first value must match `clusterIP`".to_owned(),
        ),
    ] {
        let refused = api.post(SERVICES, &service("b", &spec)).await;
        assert!(refused.code == code && refused.failure().2.contains(&why), "{refused:?}");
    }
    api.post(SERVICES, &service("b", &json!({"ipFamilyPolicy": "PreferDualStack"}))).await.ok();
    let open = json!({"clusterIP": "None", "ipFamilyPolicy": "RequireDualStack", "ipFamilies": ["IPv4", "IPv6"]});
    api.post(SERVICES, &service("c", &open)).await.ok();
    let mut checked = api.post(SERVICES, &service("d", &health(20050))).await.ok();
    checked["spec"]["healthCheckNodePort"] = 20051.into();
    let refused = api.put(&format!("{SERVICES}/d"), &checked).await;
    assert!(refused.failure().2.ends_with("spec.healthCheckNodePort: Forbidden: field is immutable"), "{refused:?}");
}

#[tokio::test]
async fn a_request_for_a_certificate_is_put_again_as_it_was_made() {
    let api = Api::start().await;
    let path = "/apis/certificates.k8s.io/v1/certificatesigningrequests";
    let manifest = super::plugins::request("a", "example.com/x");
    api.post(path, &manifest).await.ok();
    let put = api.put(&format!("{path}/a"), &manifest).await.ok();
    assert_eq!(put["spec"]["username"], "admin");
    let approved = json!({"status": {"conditions": [{"type": "Approved", "status": "True", "reason": "a"}]}});
    let approved = api.patch(&format!("{path}/a/approval"), "merge-patch+json", &approved).await.ok();
    assert_eq!(approved["status"]["conditions"][0]["type"], "Approved");
    let metadata = approved["metadata"].as_object().expect("metadata");
    assert!(metadata.values().all(|value| !value.is_null()), "{metadata:?}");
}

#[tokio::test]
async fn attempts_side_by_side_leave_the_service_what_it_has() {
    let api = Api::start().await;
    let ports = json!([{"port": 80, "nodePort": 30500}]);
    let spec = json!({"type": "NodePort", "clusterIP": "10.96.0.77", "ports": ports});
    let (first, other) = (service("a", &spec), service("b", &json!({"type": "NodePort", "ports": ports})));
    let made = futures::future::join_all((0..8).map(|_| api.post(SERVICES, &first))).await;
    let codes: Vec<u16> = made.iter().map(|made| made.code).collect();
    assert_eq!(codes.iter().filter(|code| **code == 201).count(), 1, "{codes:?}");
    assert!(codes.iter().all(|code| matches!(code, 201 | 409)), "{codes:?}");
    assert_eq!(api.post(SERVICES, &other).await.code, 422);
    api.get("/apis/networking.k8s.io/v1/ipaddresses/10.96.0.77").await.ok();
}
