//! Admission webhooks.

use super::hook::{Hook, Seen};
use super::{Answer, Api, Body, CONFIG_MAPS, PODS, config_map, pod};
use base64::Engine as _;
use serde_json::{Value, json};

const MUTATING: &str = "/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations";
const VALIDATING: &str = "/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations";

/// The answer `response` to the review that was asked.
fn review(seen: &Seen, mut response: Value) -> (u16, Value) {
    response["uid"] = seen.body["request"]["uid"].clone();
    (200, json!({"kind": "AdmissionReview", "apiVersion": "admission.k8s.io/v1", "response": response}))
}

fn patch(operations: &Value) -> Value {
    let patch = base64::engine::general_purpose::STANDARD.encode(operations.to_string());
    json!({"allowed": true, "patchType": "JSONPatch", "patch": patch})
}

/// A webhook for everything that happens to config maps, changed by `changes`.
fn entry(name: &str, client: &Value, changes: &Value) -> Value {
    let mut entry = json!({
        "name": name, "clientConfig": client, "sideEffects": "None", "admissionReviewVersions": ["v1"],
        "rules": [{"operations": ["*"], "apiGroups": [""], "apiVersions": ["v1"], "resources": ["configmaps"]}],
    });
    for (key, value) in changes.as_object().into_iter().flatten() {
        entry[key] = value.clone();
    }
    entry
}

async fn configure(api: &Api, path: &str, name: &str, webhooks: Value) {
    let kind = if path == MUTATING { "MutatingWebhookConfiguration" } else { "ValidatingWebhookConfiguration" };
    let object = json!({
        "kind": kind, "apiVersion": "admissionregistration.k8s.io/v1", "metadata": {"name": name}, "webhooks": webhooks,
    });
    api.delete(&format!("{path}/{name}"), &json!({})).await;
    api.post(path, &object).await.ok();
}

/// Allows, denies or answers wrongly by path.
fn by_path(seen: &Seen) -> (u16, Value) {
    match seen.path.split('?').next().unwrap_or_default() {
        "/allow" => review(seen, json!({"allowed": true, "warnings": ["mind \"the\" gap"]})),
        "/deny" => {
            review(seen, json!({"allowed": false, "status": {"code": 403, "reason": "Forbidden", "message": "no"}}))
        }
        "/patch" => review(seen, patch(&json!([{"op": "add", "path": "/data/by", "value": "hook"}]))),
        "/other" => {
            (200, json!({"kind": "AdmissionReview", "apiVersion": "admission.k8s.io/v1", "response": {"uid": "x"}}))
        }
        "/redirect" => (302, json!({})),
        "/broken" => (500, json!("broken")),
        _ => (404, json!({})),
    }
}

async fn create(api: &Api, name: &str) -> Answer {
    api.post(CONFIG_MAPS, &config_map(name, &json!({"a": "b"}))).await
}

#[tokio::test]
async fn a_webhook_that_says_no_or_fails_decides_by_its_policy() {
    let (api, hook) = (Api::start().await, Hook::start(by_path).await);
    let failed = "Internal error occurred: failed calling webhook \"a.b.example\": ";
    let url = |path: &str| format!("Post \"https://localhost:{}{path}?timeout=10s\": ", hook.port);
    let ignore = json!({"failurePolicy": "Ignore"});
    let mut untrusted = hook.by_url("/allow");
    untrusted["caBundle"] = json!(Hook::start(by_path).await.ca_bundle);
    let nowhere = json!({"service": {"namespace": "default", "name": "nobody"}, "caBundle": hook.ca_bundle});
    let cases = [
        (hook.by_url("/allow"), json!({}), 201, String::new()),
        (hook.by_url("/deny"), json!({}), 403, "admission webhook \"a.b.example\" denied the request: no".to_owned()),
        (hook.by_url("/deny"), ignore.clone(), 403, "admission webhook".to_owned()),
        (
            hook.by_url("/other"),
            json!({}),
            500,
            format!("{failed}received invalid webhook response: expected response.uid="),
        ),
        (hook.by_url("/other"), ignore.clone(), 201, String::new()),
        (
            hook.by_url("/redirect"),
            json!({}),
            500,
            format!("{failed}failed to call webhook: the server responded with the status code 302"),
        ),
        (hook.by_url("/broken"), json!({}), 500, format!("{failed}failed to call webhook: an error on the server (")),
        (
            hook.by_url("/none"),
            json!({}),
            500,
            format!("{failed}failed to call webhook: the server could not find the requested resource"),
        ),
        (untrusted, json!({}), 500, format!("{failed}failed to call webhook: {}tls: failed to verify", url("/allow"))),
        (nowhere.clone(), json!({}), 500, format!("{failed}failed to call webhook: services \"nobody\" not found")),
        (nowhere, ignore, 201, String::new()),
        (hook.by_url("/deny"), json!({"objectSelector": {"matchLabels": {"x": "y"}}}), 201, String::new()),
        (hook.by_url("/deny"), json!({"namespaceSelector": {"matchLabels": {"x": "y"}}}), 201, String::new()),
        (
            hook.by_url("/deny"),
            json!({"rules": [{"operations": ["UPDATE"], "apiGroups": ["*"], "apiVersions": ["*"], "resources": ["*/*"]}]}),
            201,
            String::new(),
        ),
        (
            hook.by_url("/deny"),
            json!({"rules": [{"operations": ["*"], "apiGroups": ["*"], "apiVersions": ["*"], "resources": ["*"], "scope": "Cluster"}]}),
            201,
            String::new(),
        ),
        (
            hook.by_url("/deny"),
            json!({"rules": [{"operations": ["*"], "apiGroups": ["*"], "apiVersions": ["*"], "resources": ["*"], "scope": "Namespaced"}]}),
            403,
            String::new(),
        ),
    ];
    for (index, (client, changes, code, message)) in cases.into_iter().enumerate() {
        configure(&api, VALIDATING, "a", json!([entry("a.b.example", &client, &changes)])).await;
        let answer = create(&api, &format!("c{index}")).await;
        assert_eq!(answer.code, code, "{client} {changes} {answer:?}");
        assert!(code == 201 || answer.failure().2.starts_with(&message), "{message} {answer:?}");
    }
}

#[tokio::test]
async fn match_conditions_decide_whether_a_webhook_is_asked() {
    let (api, hook) = (Api::start().await, Hook::start(by_path).await);
    let condition = |name: &str, expression: &str| json!({"name": name, "expression": expression});
    let (no, yes) = (condition("no", "object.data.a != 'b'"), condition("yes", "request.name == object.metadata.name"));
    let broken = condition("broken", "oldObject.data.a == 'b'");
    for (index, (conditions, policy, code)) in [
        (json!([yes]), "Fail", 403),
        (json!([yes, no]), "Fail", 201),
        (json!([broken, no]), "Fail", 201),
        (json!([yes, broken]), "Ignore", 201),
    ]
    .into_iter()
    .enumerate()
    {
        let changes = json!({"matchConditions": conditions, "failurePolicy": policy});
        configure(&api, VALIDATING, "a", json!([entry("a.b.example", &hook.by_url("/deny"), &changes)])).await;
        assert_eq!(create(&api, &format!("c{index}")).await.code, code, "{changes}");
    }
    let changes = json!({"matchConditions": [broken]});
    configure(&api, MUTATING, "a", json!([entry("a.b.example", &hook.by_url("/patch"), &changes)])).await;
    let refused = create(&api, "x").await;
    let why = "configmaps \"x\" is forbidden: expression 'oldObject.data.a == 'b'' resulted in error: ";
    assert!(refused.code == 403 && refused.failure().2.starts_with(why), "{refused:?}");
    assert_eq!(hook.seen().len(), 1);
}

#[tokio::test]
async fn match_conditions_that_cannot_work_are_refused() {
    let api = Api::start().await;
    let many: Vec<Value> = (0..65).map(|n| json!({"name": format!("n{n}"), "expression": "true"})).collect();
    let at = "webhooks[0].matchConditions";
    for (conditions, message) in [
        (
            json!([{"name": "a", "expression": "... [] bad expression"}]),
            format!(
                "{at}[0].expression: Invalid value: \"... [] bad expression\": compilation failed: ERROR: <input>:1:"
            ),
        ),
        (json!([{"name": "a", "expression": "params.x"}]), "undeclared reference to 'params'".to_owned()),
        (
            json!([{"name": "a", "expression": "1"}]),
            format!("{at}[0].expression: Invalid value: \"1\": must evaluate to bool"),
        ),
        (
            json!([{"name": "a", "expression": "true"}, {"name": "a", "expression": "true"}]),
            format!("{at}[1].name: Duplicate value: \"a\""),
        ),
        (Value::from(many), format!("{at}: Too many: 65: must have at most 64 items")),
    ] {
        let hook = entry("a.b.example", &json!({"url": "https://localhost"}), &json!({"matchConditions": conditions}));
        for (path, kind) in [(MUTATING, "MutatingWebhookConfiguration"), (VALIDATING, "ValidatingWebhookConfiguration")]
        {
            let object = json!({"kind": kind, "apiVersion": "admissionregistration.k8s.io/v1",
                "metadata": {"name": "c"}, "webhooks": [hook]});
            let answer = api.post(path, &object).await;
            assert!(answer.code == 422 && answer.failure().2.contains(&message), "{message}: {answer:?}");
        }
    }
}

#[tokio::test]
async fn a_review_tells_all_about_the_request_and_its_warnings_reach_the_caller() {
    let (api, hook) = (Api::start().await, Hook::start(by_path).await);
    // By service: the address is the service's, the name in the certificate its DNS name.
    let service = json!({"kind": "Service", "apiVersion": "v1", "metadata": {"name": "hook"},
        "spec": {"type": "ExternalName", "externalName": "localhost"}});
    api.post("/api/v1/namespaces/default/services", &service).await.ok();
    let client = json!({"caBundle": hook.ca_bundle,
        "service": {"namespace": "default", "name": "hook", "path": "/allow", "port": hook.port}});
    configure(&api, VALIDATING, "a", json!([entry("a.b.example", &client, &json!({"timeoutSeconds": 5}))])).await;
    let created = create(&api, "x").await;
    assert_eq!((created.code, &created.warnings[..]), (201, &["299 - \"mind \\\"the\\\" gap\"".to_owned()][..]));
    api.patch(&format!("{CONFIG_MAPS}/x?dryRun=All&fieldManager=me"), "merge-patch+json", &json!({"data": {"c": "d"}}))
        .await
        .ok();
    api.delete(&format!("{CONFIG_MAPS}/x"), &json!({"propagationPolicy": "Foreground"})).await.ok();
    let seen = hook.seen();
    assert_eq!(seen[0].path, "/allow?timeout=5s");
    let asked: Vec<&Value> = seen.iter().map(|seen| &seen.body["request"]).collect();
    let config_maps = json!({"group": "", "version": "v1", "resource": "configmaps"});
    assert_eq!((&asked[0]["resource"], &asked[0]["requestResource"]), (&config_maps, &config_maps));
    assert_eq!(asked[0]["kind"], json!({"group": "", "version": "v1", "kind": "ConfigMap"}));
    let expected = [
        (
            "CREATE",
            json!({"a": "b"}),
            Value::Null,
            false,
            json!({"kind": "CreateOptions", "apiVersion": "meta.k8s.io/v1"}),
        ),
        (
            "UPDATE",
            json!({"a": "b", "c": "d"}),
            json!({"a": "b"}),
            true,
            json!({"kind": "UpdateOptions", "apiVersion": "meta.k8s.io/v1", "dryRun": ["All"], "fieldManager": "me"}),
        ),
        (
            "DELETE",
            Value::Null,
            json!({"a": "b"}),
            false,
            json!({"kind": "DeleteOptions", "apiVersion": "meta.k8s.io/v1", "propagationPolicy": "Foreground"}),
        ),
    ];
    for (asked, (operation, data, old, dry, options)) in asked.iter().zip(expected) {
        assert_eq!(
            (
                &asked["operation"],
                &asked["object"]["data"],
                &asked["oldObject"]["data"],
                &asked["dryRun"],
                &asked["options"]
            ),
            (&json!(operation), &data, &old, &json!(dry), &options)
        );
        assert_eq!(
            (&asked["name"], &asked["namespace"], &asked["userInfo"]["username"]),
            (&json!("x"), &json!("default"), &json!("admin"))
        );
    }
}

#[tokio::test]
async fn mutating_webhooks_see_what_those_before_them_made_and_are_asked_again() {
    let count = |seen: &Seen| {
        let data = &seen.body["request"]["object"]["data"];
        let calls = data["calls"].as_str().unwrap_or("0").parse::<u32>().unwrap_or_default() + 1;
        review(seen, patch(&json!([{"op": "add", "path": "/data/calls", "value": calls.to_string()}])))
    };
    let (api, counting, hook) = (Api::start().await, Hook::start(count).await, Hook::start(by_path).await);
    let again = json!({"reinvocationPolicy": "IfNeeded"});
    let first = entry("first.b.example", &counting.by_url("/"), &again);
    configure(&api, MUTATING, "a", json!([first])).await;
    configure(&api, MUTATING, "b", json!([entry("second.b.example", &hook.by_url("/patch"), &json!({}))])).await;
    let made = create(&api, "x").await.ok();
    assert_eq!(made["data"], json!({"a": "b", "by": "hook", "calls": "2"}));
    // What a webhook adds belongs to nobody.
    assert_eq!(made["metadata"]["managedFields"][0]["fieldsV1"]["f:data"], json!({".": {}, "f:a": {}}));
    let deleted = api.delete(&format!("{CONFIG_MAPS}/x"), &json!({})).await;
    assert_eq!(
        deleted.failure().2,
        "Internal error occurred: admission webhook \"first.b.example\" attempted to modify the object, which is not supported for this operation"
    );
}

#[tokio::test]
async fn a_webhook_that_spoils_the_owners_of_fields_is_told_and_overruled() {
    let table = [
        (json!([{"manager": "m"}]), "operation must be `Apply` or `Update`"),
        (json!([{"operation": "Update"}]), "apiVersion must not be empty"),
        (json!([{"operation": "Apply", "apiVersion": "v1"}]), "missing fieldsType in managed fields entry 0"),
        (
            json!([{"operation": "Apply", "apiVersion": "v1", "fieldsType": "X"}]),
            "invalid fieldsType \"X\" in managed fields entry 0",
        ),
    ];
    for (entries, why) in table {
        let spoil = json!([{"op": "add", "path": "/metadata/managedFields", "value": entries}]);
        let hook = Hook::start(move |seen| review(seen, patch(&spoil))).await;
        let api = Api::start().await;
        configure(&api, MUTATING, "a", json!([entry("a.b.example", &hook.by_url("/"), &json!({}))])).await;
        let made = create(&api, "x").await;
        assert!(made.warnings[0].replace('\\', "").contains(why), "{why}: {:?}", made.warnings);
        assert_eq!(made.ok()["metadata"]["managedFields"][0]["fieldsV1"]["f:data"], json!({".": {}, "f:a": {}}));
    }
}

#[tokio::test]
async fn subresources_and_other_versions_of_the_kind_are_covered() {
    let (api, hook) = (Api::start().await, Hook::start(by_path).await);
    api.ready_for_pods().await;
    api.post(PODS, &pod("p")).await.ok();
    let rule = |group: &str, version: &str, resource: &str| json!({"rules": [{"operations": ["*"], "apiGroups": [group], "apiVersions": [version], "resources": [resource]}]});
    let exec = entry("exec.b.example", &hook.by_url("/deny"), &rule("", "v1", "pods/exec"));
    let eviction = entry("evict.b.example", &hook.by_url("/deny"), &rule("", "v1", "pods/eviction"));
    let scale = entry("scale.b.example", &hook.by_url("/deny"), &rule("apps", "v1", "*/scale"));
    let scaler = entry("hpa.b.example", &hook.by_url("/deny"), &rule("autoscaling", "v1", "horizontalpodautoscalers"));
    configure(&api, VALIDATING, "a", json!([exec, eviction, scale, scaler])).await;

    let answer = api.call("POST", &format!("{PODS}/p/exec?command=ls&command=-l&tty=true"), "", Body::empty()).await;
    assert_eq!(answer.failure().2, "admission webhook \"exec.b.example\" denied the request: no");
    let asked = &hook.seen()[0].body["request"];
    assert_eq!(
        (&asked["operation"], &asked["subResource"], &asked["kind"]["kind"]),
        (&json!("CONNECT"), &json!("exec"), &json!("PodExecOptions"))
    );
    assert_eq!(
        (&asked["object"]["command"], &asked["object"]["tty"], &asked["options"]),
        (&json!(["ls", "-l"]), &json!(true), &Value::Null)
    );

    let body = json!({"kind": "Eviction", "apiVersion": "policy/v1", "metadata": {"name": "p"}});
    assert_eq!(api.post(&format!("{PODS}/p/eviction"), &body).await.code, 403);
    assert_eq!(hook.seen()[1].body["request"]["kind"], json!({"group": "policy", "version": "v1", "kind": "Eviction"}));

    let labels = json!({"app": "d"});
    let deployment = json!({"kind": "Deployment", "apiVersion": "apps/v1", "metadata": {"name": "d"}, "spec": {
        "selector": {"matchLabels": labels},
        "template": {"metadata": {"labels": labels}, "spec": {"containers": [{"name": "c", "image": "x"}]}}}});
    api.post("/apis/apps/v1/namespaces/default/deployments", &deployment).await.ok();
    let scaled = json!({"spec": {"replicas": 3}});
    let answer = api.patch("/apis/apps/v1/namespaces/default/deployments/d/scale", "merge-patch+json", &scaled).await;
    assert_eq!(answer.code, 403);
    let asked = &hook.seen()[2].body["request"];
    assert_eq!((&asked["object"]["kind"], &asked["object"]["spec"]), (&json!("Scale"), &json!({"replicas": 3})));

    let target = json!({"kind": "Deployment", "name": "d", "apiVersion": "apps/v1"});
    let scaler = json!({"kind": "HorizontalPodAutoscaler", "apiVersion": "autoscaling/v2", "metadata": {"name": "h"},
        "spec": {"maxReplicas": 3, "scaleTargetRef": target}});
    let answer = api.post("/apis/autoscaling/v2/namespaces/default/horizontalpodautoscalers", &scaler).await;
    assert_eq!(answer.code, 403);
    let asked = &hook.seen()[3].body["request"];
    assert_eq!(
        (&asked["kind"]["version"], &asked["requestKind"]["version"], &asked["object"]["apiVersion"]),
        (&json!("v1"), &json!("v2"), &json!("autoscaling/v1"))
    );
}

#[tokio::test]
async fn a_binding_is_reviewed_once_and_as_a_binding() {
    let (api, hook) = (Api::start().await, Hook::start(by_path).await);
    api.ready_for_pods().await;
    api.post(PODS, &pod("p")).await.ok();
    let rules =
        json!({"rules": [{"operations": ["*"], "apiGroups": [""], "apiVersions": ["v1"], "resources": ["pods/*"]}]});
    configure(&api, VALIDATING, "a", json!([entry("bind.b.example", &hook.by_url("/allow"), &rules)])).await;
    let binding = json!({"kind": "Binding", "apiVersion": "v1", "metadata": {"name": "p"},
        "target": {"kind": "Node", "name": "n"}});
    api.post(&format!("{PODS}/p/binding"), &binding).await.ok();
    let asked: Vec<Value> = hook.seen().iter().map(|seen| seen.body["request"]["object"]["kind"].clone()).collect();
    assert_eq!(asked, [json!("Binding")]);
}

#[tokio::test]
async fn a_webhook_changes_no_more_than_the_write_that_it_sees_may() {
    let answer = |seen: &Seen| {
        let image = json!({"op": "replace", "path": "/spec/containers/0/image", "value": "evil"});
        let phase = json!({"op": "replace", "path": "/status/phase", "value": "Failed"});
        let generation = json!({"op": "add", "path": "/metadata/generation", "value": 9});
        review(seen, patch(&json!([image, phase, generation])))
    };
    let (api, hook) = (Api::start().await, Hook::start(answer).await);
    api.ready_for_pods().await;
    api.post(PODS, &pod("p")).await.ok();
    let rules = |resource: &str| json!({"rules": [{"operations": ["UPDATE"], "apiGroups": [""], "apiVersions": ["v1"], "resources": [resource]}]});
    configure(&api, MUTATING, "a", json!([entry("a.b.example", &hook.by_url("/"), &rules("pods/*"))])).await;
    let path = format!("{PODS}/p");
    let debugger = json!({"spec": {"ephemeralContainers": [{"name": "d", "image": "d"}]}});
    let status = json!({"status": {"message": "hello"}});
    let resources = json!({"spec": {"containers": [{"name": "c", "resources": {"requests": {}}}]}});
    for (part, patch) in [("ephemeralcontainers", debugger), ("resize", resources)] {
        let made = api.patch(&format!("{path}/{part}"), "strategic-merge-patch+json", &patch).await.ok();
        assert_eq!(
            (&made["spec"]["containers"][0]["image"], &made["status"]["phase"]),
            (&json!("x"), &json!("Pending"))
        );
    }
    let made = api.patch(&format!("{path}/status"), "merge-patch+json", &status).await.ok();
    let seen = (&made["spec"]["containers"][0]["image"], &made["status"]["message"], &made["status"]["phase"]);
    assert_eq!(seen, (&json!("x"), &json!("hello"), &json!("Failed")), "the status is what it may change");
    assert_eq!(made["metadata"]["generation"], 2, "the debugger's");

    configure(&api, MUTATING, "a", json!([entry("a.b.example", &hook.by_url("/"), &rules("pods"))])).await;
    api.patch(&format!("{path}/status"), "merge-patch+json", &json!({"status": {"phase": "Running"}})).await.ok();
    let made = api.patch(&path, "merge-patch+json", &json!({"metadata": {"labels": {"a": "b"}}})).await.ok();
    let seen = (&made["spec"]["containers"][0]["image"], &made["status"]["phase"]);
    assert_eq!(seen, (&json!("evil"), &json!("Running")), "an image may change, a status may not");
}

#[tokio::test]
async fn a_webhook_is_asked_in_the_first_version_that_both_know() {
    let answer =
        |seen: &Seen| (200, json!({"response": {"allowed": seen.body["apiVersion"] == "admission.k8s.io/v1beta1"}}));
    let (api, hook) = (Api::start().await, Hook::start(answer).await);
    let versions = json!({"admissionReviewVersions": ["v2", "v1beta1", "v1"]});
    configure(&api, VALIDATING, "a", json!([entry("a.b.example", &hook.by_url("/"), &versions)])).await;
    create(&api, "a").await.ok();
    let unknown = entry("a.b.example", &hook.by_url("/"), &json!({"admissionReviewVersions": ["v2"]}));
    let refused = api.post(VALIDATING, &json!({"metadata": {"name": "b"}, "webhooks": [unknown]})).await;
    let why = "webhooks[0].admissionReviewVersions: Invalid value: [\"v2\"]: must include at least one of v1, v1beta1";
    assert!(refused.failure().2.contains(why), "{refused:?}");
}

#[tokio::test]
async fn an_eviction_is_admitted_once_and_as_an_eviction() {
    let (api, hook) = (Api::start().await, Hook::start(by_path).await);
    api.ready_for_pods().await;
    api.post(PODS, &pod("p")).await.ok();
    let rule = |resource: &str, url: &str| {
        let rules = json!([{"operations": ["*"], "apiGroups": [""], "apiVersions": ["v1"], "resources": [resource]}]);
        entry("a.b.example", &hook.by_url(url), &json!({"rules": rules}))
    };
    configure(&api, VALIDATING, "a", json!([rule("pods", "/deny")])).await;
    configure(&api, VALIDATING, "b", json!([rule("pods/status", "/deny")])).await;
    configure(&api, VALIDATING, "c", json!([rule("pods/eviction", "/allow")])).await;
    let eviction = json!({"kind": "Eviction", "apiVersion": "policy/v1", "metadata": {"name": "p"}});
    api.post(&format!("{PODS}/p/eviction"), &eviction).await.ok();
    assert_eq!((hook.seen().len(), api.get(&format!("{PODS}/p")).await.code), (1, 404));
}
