//! Random requests: none panics, fails inside or takes long, every refusal is a `Status`, and the server lives on.
//!
//! Requests follow from their number: `FUZZ_FROM=N` begins with another one than the gate does.

use super::{Api, answer};
use cluster_apiserver::Body;
use cluster_apiserver::registry::{Resource, Verbs};
use cluster_schema::{Schema, Shape};
use futures::FutureExt;
use http::Request;
use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use rand::{Rng, SeedableRng};
use serde_json::{Value, json};
use std::panic::AssertUnwindSafe;
use std::time::Duration;

/// What one test tries: some servers, and so many requests to each.
const SERVERS: u64 = 4;
const REQUESTS: u64 = 500;
/// Far more than any request takes, also on a slow machine.
const PATIENCE: Duration = Duration::from_secs(20);

/// Parts of messages of failures that upstream answers with code 500 as well.
const UPSTREAMS_OWN: [&str; 2] =
    ["resourceVersion should not be set on objects to be created", "failed to create typed patch object"];

#[rustfmt::skip]
const TEXTS: &[&str] = &[
    "", "a", "a", "default", "*", "-1", "0", "99999999999999999999", "1e999", "1E-999", "NaN", "10Ei", "\0", "a/b/c", "../..",
    "~2", "{{}}", "\u{202e}", "2026-01-02T03:04:05Z", "9999999-01-01T00:00:00Z", "10.96.0.1", "::ffff:1.2.3.4/33",
    "0.0.0.0/0", "200%", "http://[::1", "self.a.b[0] ==", "(((((", "All", "true", "Exact", "a in (b,c", "!a,b==c",
    "metadata.name=a", "18446744073709551615", "-9223372036854775808", "Foreground", "Strict", "1h99999999999999h",
    "eyJ2IjoibWV0YS5rOHMuaW8vdjEiLCJydiI6OTk5OTk5OTk5LCJzdGFydCI6Ii8ifQ",
];
const NUMBERS: &[i64] = &[0, 1, -1, 2, 65_536, i32::MAX as i64, i32::MIN as i64, i64::MAX, i64::MIN];
#[rustfmt::skip]
const POINTERS: &[&str] = &[
    "", "/", "/metadata", "/metadata/name", "/metadata/labels/a", "/spec", "/spec/1000000", "/data/a", "/a~2b",
    "/spec/containers/0", "/spec/containers/-", "/spec/containers/-1", "/metadata/finalizers/00",
];
#[rustfmt::skip]
const OPTIONS: &[&str] = &[
    "labelSelector", "fieldSelector", "limit", "continue", "resourceVersion", "resourceVersionMatch", "sendInitialEvents",
    "timeoutSeconds", "timeout", "dryRun", "fieldManager", "fieldValidation", "force", "pretty", "watch",
    "propagationPolicy", "gracePeriodSeconds", "allowWatchBookmarks", "container", "tailLines", "command", "ports",
];
#[rustfmt::skip]
const METHODS: &[&str] =
    &["GET", "GET", "POST", "POST", "POST", "PUT", "PUT", "PATCH", "PATCH", "PATCH", "DELETE", "HEAD", "OPTIONS", "TRACE"];
#[rustfmt::skip]
const TYPES: &[&str] = &[
    "application/json", "application/yaml", "application/json-patch+json", "application/merge-patch+json",
    "application/strategic-merge-patch+json", "application/apply-patch+yaml", "application/vnd.kubernetes.protobuf", "a;b=c;;",
];
const ACCEPTED: &[&str] =
    &["", "application/json", "application/yaml", "application/json;as=Table;v=v1;g=meta.k8s.io", "image/png"];
#[rustfmt::skip]
const PATHS: &[&str] = &[
    "/", "/apis", "/openapi/v2", "/openapi/v3/%00", "/metrics", "/api/v1/watch/pods", "/apis//v1/x", "//", "/readyz/x",
    "/api/v1/namespaces//pods", "/apis/example.com/v1/namespaces/default/things/a", "/%ff%fe", "/version/",
];

/// Where the random values of one request come from.
struct Dice(StdRng);

impl Dice {
    /// True once in `times`.
    fn once_in(&mut self, times: u32) -> bool {
        self.0.random_ratio(1, times)
    }

    fn one<T: Copy>(&mut self, of: &[T]) -> T {
        *of.choose(&mut self.0).expect("a table with entries")
    }

    fn bytes(&mut self, most: usize) -> Vec<u8> {
        (0..self.0.random_range(0..=most)).map(|_| self.0.random()).collect()
    }

    /// A value that may have another type than the schema says.
    fn value(&mut self, schema: &Schema, depth: usize) -> Value {
        let schema = schema.resolve();
        match &schema.shape {
            _ if self.once_in(25) => self.nasty(),
            Shape::Object(object) if depth > 0 => {
                let odds = if object.fields.len() > 8 { 5 } else { 2 };
                let fields = object.fields.iter().filter(|field| field.required || self.once_in(odds));
                let fields: Vec<_> = fields.collect();
                fields.iter().map(|field| (field.name.to_string(), self.value(&field.schema, depth - 1))).collect()
            }
            Shape::Map(map) if depth > 0 => json!({(self.one(TEXTS)): self.value(&map.values, depth - 1)}),
            Shape::List(list) if depth > 0 => {
                (0..self.0.random_range(0..3)).map(|_| self.value(&list.items, depth - 1)).collect()
            }
            Shape::Integer | Shape::Number => self.one(NUMBERS).into(),
            Shape::IntOrString | Shape::Quantity if self.once_in(2) => self.one(NUMBERS).into(),
            Shape::Boolean => self.once_in(2).into(),
            _ if schema.enumeration.is_empty() => self.one(TEXTS).into(),
            _ => schema.enumeration.choose(&mut self.0).expect("an entry").to_string().into(),
        }
    }

    fn nasty(&mut self) -> Value {
        let one =
            json!([null, [], {}, 1.5, 1e300, "x".repeat(300), [[{"a": [null]}]], self.one(NUMBERS), self.one(TEXTS)]);
        one[self.0.random_range(0..9)].clone()
    }

    /// Changes a value somewhere inside an object.
    fn mutate(&mut self, value: &mut Value) {
        match value {
            Value::Object(fields) if !fields.is_empty() && !self.once_in(6) => {
                let chosen = self.0.random_range(0..fields.len());
                self.mutate(fields.iter_mut().nth(chosen).expect("one of them").1);
            }
            Value::Array(items) if !items.is_empty() && !self.once_in(6) => {
                let chosen = self.0.random_range(0..items.len());
                self.mutate(&mut items[chosen]);
            }
            other => *other = self.nasty(),
        }
    }

    fn json_patch(&mut self) -> Value {
        let operation = |dice: &mut Self| {
            let op = dice.one(&["add", "remove", "replace", "move", "copy", "test", "none"]);
            json!({"op": op, "path": dice.one(POINTERS), "from": dice.one(POINTERS), "value": dice.nasty()})
        };
        (0..self.0.random_range(0..4)).map(|_| operation(self)).collect()
    }

    /// A protobuf message whose fields are messages of random fields.
    fn message(&mut self, depth: usize) -> Vec<u8> {
        let mut message = Vec::new();
        for _ in 0..self.0.random_range(0..5) {
            let inner = if depth == 0 || self.once_in(3) { self.bytes(20) } else { self.message(depth - 1) };
            let length = u8::try_from(inner.len() % 128).expect("it is small");
            message.extend([self.0.random_range(0..16) << 3 | self.one(&[2, 2, 2, 0, 1, 5]), length]);
            message.extend(inner);
        }
        message
    }

    fn query(&mut self) -> String {
        let mut pairs = url::form_urlencoded::Serializer::new(String::new());
        for _ in 0..self.0.random_range(0..4) {
            pairs.append_pair(self.one(OPTIONS), self.one(TEXTS));
        }
        pairs.finish()
    }

    /// A path of a resource, and an object of its kind.
    fn target(&mut self, resource: &Resource) -> (String, Value) {
        let version = resource.api_version();
        let root = if resource.group.is_empty() { "/api" } else { "/apis" };
        let namespace = if resource.namespaced() { "/namespaces/default" } else { "" };
        let mut path = format!("{root}/{version}{namespace}/{}", resource.plural);
        if !self.once_in(3) {
            path += self.one(&["/a", "/a", "/a", "/default", "/kube-system", "/..", "/%00", "/a%2Fb", "/x/y/z"]);
            if let (true, Some(sub)) = (self.once_in(3), resource.subresources.choose(&mut self.0)) {
                path = format!("{path}/{}", sub.name);
            }
        }
        let mut object = resource.schema().map_or(Value::Null, |schema| self.value(schema, 9));
        if let (Value::Object(fields), false) = (&mut object, self.once_in(8)) {
            let known =
                [("apiVersion", json!(version)), ("kind", json!(resource.kind)), ("metadata", json!({"name": "a"}))];
            fields.extend(known.map(|(name, value)| (name.to_owned(), value)));
        }
        (path, object)
    }
}

/// Request number `seed`, and how it is shown.
fn request(seed: u64, resources: &[Resource], stored: &[(String, Value)]) -> (String, Request<Body>) {
    let dice = &mut Dice(StdRng::seed_from_u64(seed));
    let (mut path, mut object) = if dice.once_in(2) {
        let chosen = dice.0.random_range(0..resources.len());
        dice.target(&resources[chosen])
    } else {
        stored.choose(&mut dice.0).expect("an object").clone()
    };
    for _ in 0..dice.0.random_range(0..3) {
        dice.mutate(&mut object);
    }
    if dice.once_in(20) {
        dice.one(PATHS).clone_into(&mut path);
    }
    let method = dice.one(METHODS);
    let kind = if dice.once_in(3) || method == "PATCH" { dice.one(TYPES) } else { TYPES[0] };
    let body = match kind {
        _ if dice.once_in(10) => dice.bytes(60),
        "application/json-patch+json" => dice.json_patch().to_string().into_bytes(),
        "application/vnd.kubernetes.protobuf" => {
            let text = |field: &str| object[field].as_str().unwrap_or_default().to_owned();
            let (version, kind, raw) = (text("apiVersion"), text("kind"), dice.message(4));
            [b"k8s\0", &*field(1, &[field(1, version.as_bytes()), field(2, kind.as_bytes())].concat()), &field(2, &raw)]
                .concat()
        }
        _ => object.to_string().into_bytes(),
    };
    let path = format!("{path}?{}", dice.query());
    let shown = format!("{seed}: {method} {path} {kind} {}", String::from_utf8_lossy(&body));
    let request = Request::builder().method(method).uri(path).header("content-type", kind);
    (shown, request.header("accept", dice.one(ACCEPTED)).body(body.into()).expect("a request"))
}

/// A length-delimited field of a protobuf message; what is too long is cut.
fn field(number: u8, content: &[u8]) -> Vec<u8> {
    let content = &content[..content.len().min(16_000)];
    let length = u16::try_from(content.len()).expect("it is cut").to_le_bytes();
    let length = [length[0] | 0x80, length[1] << 1 | length[0] >> 7];
    [&[number << 3 | 2], &length[..], content].concat()
}

/// Objects to ask for and to change, and their paths. All have the name `a`, as most requests do.
async fn prepare(api: &Api) -> Vec<(String, Value)> {
    api.ready_for_pods().await;
    let containers = json!([{"name": "c", "image": "x", "env": [{"name": "A", "value": "b"}],
        "ports": [{"containerPort": 80}], "resources": {"requests": {"cpu": "1m"}}}]);
    let pod =
        json!({"containers": containers, "serviceAccountName": "default", "volumes": [{"name": "v", "emptyDir": {}}]});
    let workload = json!({"selector": {"matchLabels": {"a": "b"}}, "serviceName": "a",
        "template": {"metadata": {"labels": {"a": "b"}}, "spec": pod}});
    let job = json!({"spec": {"template": {"spec": {"restartPolicy": "Never", "containers": containers}}}});
    let properties = json!({"spec": {"type": "object", "properties": {"n": {"type": "integer", "maximum": 5},
        "l": {"type": "array", "items": {"type": "string"}, "x-kubernetes-list-type": "set"}},
        "x-kubernetes-validations": [{"rule": "!has(self.n) || self.n >= 0"}]}});
    let definition = json!({"metadata": {"name": "things.example.com"}, "spec": {"group": "example.com",
        "scope": "Namespaced", "names": {"plural": "things", "kind": "Thing"}, "versions": [{"name": "v1", "served": true,
            "storage": true, "schema": {"openAPIV3Schema": {"type": "object", "properties": properties}}}]}});
    api.post("/apis/apiextensions.k8s.io/v1/customresourcedefinitions", &definition).await.ok();
    let mut stored = Vec::new();
    for (root, plural, content) in [
        (
            "/apis/example.com/v1",
            "things",
            json!({"apiVersion": "example.com/v1", "kind": "Thing", "spec": {"n": 1, "l": ["a"]}}),
        ),
        ("/api/v1", "configmaps", json!({"data": {"a": "b"}})),
        ("/api/v1", "pods", json!({"spec": pod})),
        ("/api/v1", "services", json!({"spec": {"ports": [{"port": 80}], "selector": {"a": "b"}}})),
        ("/apis/apps/v1", "deployments", json!({"spec": workload})),
        ("/apis/apps/v1", "statefulsets", json!({"spec": workload})),
        ("/apis/batch/v1", "cronjobs", json!({"spec": {"schedule": "* * * * *", "jobTemplate": job}})),
        (
            "/apis/rbac.authorization.k8s.io/v1",
            "roles",
            json!({"rules": [{"apiGroups": [""], "resources": ["pods"], "verbs": ["get"]}]}),
        ),
    ] {
        let path = format!("{root}/namespaces/default/{plural}");
        let mut object = content;
        object["metadata"] = json!({"name": "a"});
        let mut object = api.post(&path, &object).await.ok();
        object["metadata"] = json!({"name": "a"});
        stored.extend([(format!("{path}/a"), object.clone()), (format!("{path}/a"), object.clone()), (path, object)]);
    }
    stored
}

/// What is wrong with an answer.
async fn fault(api: &Api, request: Request<Body>) -> Option<String> {
    let (method, resource) = (request.method().clone(), request.uri().path().starts_with("/api"));
    let response = api.send(request).await;
    // A watch has no end, and not every good answer is an object.
    if response.status().as_u16() < 400 || method == "HEAD" {
        return (response.status().as_u16() == 500).then(|| "500".to_owned());
    }
    let mut answer = answer(response).await;
    // Some requests wanted YAML.
    let yaml = answer.body.as_str().and_then(|text| cluster_object::yaml::from_manifest(text).ok());
    if let Some(status) = yaml.and_then(|documents| documents.into_iter().next()).filter(Value::is_object) {
        answer.body = status;
    }
    let (code, _, message) = answer.failure();
    let unavailable = matches!(code, 501 | 503 | 504);
    let known = code < 500 || unavailable || UPSTREAMS_OWN.iter().any(|part| message.contains(part));
    let body = &answer.body;
    let status = body["kind"] == "Status" && body["apiVersion"] == "v1" && body["status"] == "Failure";
    let told = status && body["code"] == code && !message.is_empty();
    let plain = body.is_string() && !resource;
    (!known || !(told || plain)).then(|| format!("{answer:?}"))
}

#[tokio::test]
async fn no_request_panics_or_fails_inside() {
    let from = std::env::var("FUZZ_FROM").ok().and_then(|from| from.parse().ok()).unwrap_or(0);
    let mut faults = Vec::new();
    for first in (from..from + SERVERS * REQUESTS).step_by(usize::try_from(REQUESTS).expect("a few")) {
        let api = Api::start().await;
        let stored = prepare(&api).await;
        // What these say would change what later requests meet.
        let harmful = ["admissionregistration.k8s.io", "apiregistration.k8s.io"];
        let table = api.server.registry().table();
        let harmless = |r: &&Resource| !harmful.contains(&&*r.group) || r.verbs == Verbs::CreateOnly;
        let resources: Vec<Resource> = table.resources().iter().map(AsRef::as_ref).filter(harmless).cloned().collect();
        for seed in first..first + REQUESTS {
            let (shown, request) = request(seed, &resources, &stored);
            let answered = AssertUnwindSafe(tokio::time::timeout(PATIENCE, fault(&api, request))).catch_unwind().await;
            let fault = match answered {
                Ok(Ok(fault)) => fault,
                Ok(Err(_)) => Some("no answer".to_owned()),
                Err(_) => Some("a panic".to_owned()),
            };
            faults.extend(fault.map(|fault| format!("{shown}\n  {fault}\n")));
        }
        assert_eq!(api.get("/readyz").await.code, 200);
        api.post("/api/v1/namespaces", &json!({"metadata": {"name": "after"}})).await.ok();
        api.post("/api/v1/namespaces/after/configmaps", &json!({"metadata": {"name": "fine"}})).await.ok();
    }
    assert!(faults.is_empty(), "{} of them:\n{}", faults.len(), faults.join("\n"));
}
