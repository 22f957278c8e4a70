//! Bad input: upstream's reason and message, and nothing changes.

use super::{Api, CONFIG_MAPS, PODS, config_map, pod};
use cluster_apiserver::Body;
use cluster_object::protobuf;
use http::Request;
use http_body_util::BodyExt;
use serde_json::{Value, json};

#[tokio::test]
async fn an_unknown_field_warns_or_fails() {
    let api = Api::start().await;
    let mut object = config_map("a", &json!({}));
    object["bogus"] = json!(1);
    let strict = api.post(&format!("{CONFIG_MAPS}?fieldValidation=Strict"), &object).await;
    let message = "ConfigMap in version \"v1\" cannot be handled as a ConfigMap: strict decoding error: unknown field \
                   \"bogus\"";
    assert_eq!(strict.failure(), (400, "BadRequest", message));
    assert_eq!(api.get(&format!("{CONFIG_MAPS}/a")).await.code, 404);

    let warned = api.post(CONFIG_MAPS, &object).await;
    assert_eq!(warned.warnings, ["299 - \"unknown field \\\"bogus\\\"\""]);
    assert!(warned.ok().get("bogus").is_none());
}

#[tokio::test]
async fn a_key_that_comes_again_in_yaml_warns_or_fails_and_the_last_counts() {
    let api = Api::start().await;
    let text = "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: a\n  name: b\ndata: {k: v, k: w}\nbogus: 1\n";
    let lines = ["line 5: key \"name\" already set in map", "line 6: key \"k\" already set in map"];
    let (create, apply) = ("application/yaml", "application/apply-patch+yaml");
    let errors = format!("yaml: unmarshal errors:\n  {}\n  {}", lines[0], lines[1]);
    let strict = api.call("POST", &format!("{CONFIG_MAPS}?fieldValidation=Strict"), create, text).await;
    let start = "ConfigMap in version \"v1\" cannot be handled as a ConfigMap: strict decoding error: ";
    assert_eq!(strict.failure(), (400, "BadRequest", &*format!("{start}{errors}, unknown field \"bogus\"")));

    let header = |text: &str| format!("299 - \"{}\"", text.replace('"', "\\\""));
    let mut warnings = lines.map(header).to_vec();
    warnings.push(header("unknown field \"bogus\""));
    let warned = api.call("POST", CONFIG_MAPS, create, text).await;
    assert_eq!(warned.warnings, warnings);
    let object = warned.ok();
    assert_eq!((&object["metadata"]["name"], &object["data"]), (&json!("b"), &json!({"k": "w"})));
    let ignored = api.call("PUT", &format!("{CONFIG_MAPS}/b?fieldValidation=Ignore"), create, text).await;
    assert_eq!((ignored.code, ignored.warnings.len()), (200, 0));

    let applied = text.replace("bogus: 1\n", "");
    let path = format!("{CONFIG_MAPS}/b?fieldManager=m&force=true&fieldValidation");
    let strict = api.call("PATCH", &format!("{path}=Strict"), apply, applied.clone()).await;
    let message = format!("error strict decoding YAML: error converting YAML to JSON: {errors}");
    assert_eq!(strict.failure(), (400, "BadRequest", &*message));
    let warned = api.call("PATCH", &format!("{path}=Warn"), apply, applied).await;
    assert_eq!((warned.code, warned.warnings), (200, lines.map(header).to_vec()));
}

#[tokio::test]
async fn a_wrong_type_is_a_bad_request() {
    let api = Api::start().await;
    let mut object = pod("a");
    object["spec"]["containers"] = json!("none");
    let answer = api.post(PODS, &object).await;
    let (code, reason, message) = answer.failure();
    assert_eq!((code, reason), (400, "BadRequest"));
    let start = "Pod in version \"v1\" cannot be handled as a Pod: json: cannot unmarshal string into Go struct field";
    assert!(message.starts_with(start), "{message}");
}

#[tokio::test]
async fn a_duplicate_name_already_exists() {
    let api = Api::start().await;
    api.post(CONFIG_MAPS, &config_map("a", &json!({}))).await.ok();
    let answer = api.post(CONFIG_MAPS, &config_map("a", &json!({"k": "v"}))).await;
    assert_eq!(answer.failure(), (409, "AlreadyExists", "configmaps \"a\" already exists"));
    assert!(api.get(&format!("{CONFIG_MAPS}/a")).await.ok()["data"].get("k").is_none());
}

#[tokio::test]
async fn an_illegal_label_or_name_is_invalid() {
    let api = Api::start().await;
    let mut object = config_map("a", &json!({}));
    object["metadata"]["labels"] = json!({"a": "not ok"});
    let answer = api.post(CONFIG_MAPS, &object).await;
    let (code, reason, message) = answer.failure();
    assert_eq!((code, reason), (422, "Invalid"));
    let start = "ConfigMap \"a\" is invalid: metadata.labels: Invalid value: \"not ok\": a valid label must be";
    assert!(message.starts_with(start), "{message}");
    let cause = &answer.body["details"]["causes"][0];
    assert_eq!((&cause["reason"], &cause["field"]), (&json!("FieldValueInvalid"), &json!("metadata.labels")));

    let answer = api.post(CONFIG_MAPS, &config_map("A_b", &json!({}))).await;
    assert_eq!(answer.failure().1, "Invalid");
    let answer = api.post(CONFIG_MAPS, &json!({"metadata": {}})).await;
    let message = "ConfigMap \"\" is invalid: metadata.name: Required value: name or generateName is required";
    assert_eq!(answer.failure(), (422, "Invalid", message));
}

#[tokio::test]
async fn a_body_over_the_limit_is_too_large() {
    let api = Api::start().await;
    let object = config_map("a", &json!({"k": "x".repeat(3 * 1024 * 1024)}));
    let answer = api.post(CONFIG_MAPS, &object).await;
    let message = "Request entity too large: limit is 3145728";
    assert_eq!(answer.failure(), (413, "RequestEntityTooLarge", message));
}

#[tokio::test]
async fn text_that_is_no_json_or_no_utf8_is_a_bad_request() {
    let api = Api::start().await;
    for body in [&b"{\"metadata\":"[..], b"{\"metadata\":{\"name\":\"\xff\xfe\"}}"] {
        let answer = api.call("POST", CONFIG_MAPS, "application/json", body.to_vec()).await;
        assert_eq!((answer.code, answer.failure().1), (400, "BadRequest"), "{answer:?}");
    }
    let protobuf = api.call("POST", CONFIG_MAPS, "application/vnd.kubernetes.protobuf", "k8s").await;
    assert_eq!((protobuf.code, protobuf.failure().1), (400, "BadRequest"));
    let other = api.call("POST", CONFIG_MAPS, "application/x-unicorn", "k8s").await;
    assert_eq!((other.code, other.failure().1), (415, "UnsupportedMediaType"));
}

#[tokio::test]
async fn protobuf_bodies_are_read_as_go_clients_write_them() {
    let api = Api::start().await;
    // What `kubectl create configmap c --from-literal=k=v` sends.
    let body = b"k8s\0\n\x0f\n\x02v1\x12\tConfigMap\x12\x1b\n\x11\n\x01c\x12\0\x1a\0\"\0*\x002\x008\0B\0\x12\x06\n\x01k\x12\x01v\x1a\0\"\0";
    let answer = api.call("POST", CONFIG_MAPS, "application/vnd.kubernetes.protobuf", body.to_vec()).await.ok();
    assert_eq!((&answer["metadata"]["name"], &answer["data"]), (&json!("c"), &json!({"k": "v"})));
}

#[tokio::test]
async fn who_accepts_nothing_but_protobuf_gets_it() {
    const PROTOBUF: &str = "application/vnd.kubernetes.protobuf";
    let api = Api::start().await;
    api.post(CONFIG_MAPS, &config_map("a", &json!({"k": "v"}))).await.ok();
    let send = async |path: &str, accept: &str| {
        let request = Request::builder().uri(path).header("accept", accept).body(Body::empty()).expect("a request");
        api.send(request).await
    };
    let read = async |path: &str, accept: &str| {
        let response = send(path, accept).await;
        assert_eq!(response.headers()["content-type"], PROTOBUF, "{path}");
        let body = response.into_body().collect().await.expect("a body").to_bytes();
        protobuf::decode(&body).expect("an object in protobuf")
    };
    let one = format!("{CONFIG_MAPS}/a");
    assert_eq!(read(&one, PROTOBUF).await, api.get(&one).await.ok());
    let (list, expected) = (read(CONFIG_MAPS, PROTOBUF).await, api.get(CONFIG_MAPS).await.ok());
    assert_eq!((&list["kind"], &list["metadata"]), (&json!("ConfigMapList"), &expected["metadata"]));
    assert_eq!(list["items"][0]["metadata"], expected["items"][0]["metadata"]);
    let missing = read(&format!("{CONFIG_MAPS}/b"), PROTOBUF).await;
    assert_eq!((&missing["kind"], &missing["reason"]), (&json!("Status"), &json!("NotFound")));
    assert_eq!(read("/apis/apps/v1", PROTOBUF).await["kind"], "APIResourceList");

    let response = send(&format!("{CONFIG_MAPS}?watch=1&timeoutSeconds=1"), PROTOBUF).await;
    assert_eq!(response.headers()["content-type"], "application/vnd.kubernetes.protobuf;stream=watch");
    let frame = response.into_body().frame().await.expect("an event").expect("a frame").into_data().expect("bytes");
    assert_eq!(u32::from_be_bytes(frame[..4].try_into().expect("a length")) as usize, frame.len() - 4);
    assert_eq!(&frame[4..11], b"\x0a\x05ADDED");

    let both = format!("{PROTOBUF}, application/json");
    assert_eq!(send(&one, &both).await.headers()["content-type"], "application/json");
    let metadata = ";as=PartialObjectMetadata;v=v1;g=meta.k8s.io";
    let metadata = format!("{PROTOBUF}{metadata},application/json{metadata},application/json");
    assert_eq!(send(&one, &metadata).await.headers()["content-type"], PROTOBUF, "it is made for each answer");
    assert_eq!(send(&one, &format!("{PROTOBUF};as=Table;v=v1;g=meta.k8s.io")).await.status(), 406);
    let definitions = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";
    assert_eq!(read(definitions, PROTOBUF).await["kind"], "CustomResourceDefinitionList");
    let requests = "/apis/certificates.k8s.io/v1/podcertificaterequests";
    assert_eq!(read(requests, PROTOBUF).await["kind"], "PodCertificateRequestList");
}

#[tokio::test]
async fn options_are_checked_in_upstreams_words() {
    let api = Api::start().await;
    let long = "x".repeat(129);
    let table = [
        (
            "GET",
            "resourceVersionMatch=Exact&sendInitialEvents=true".to_owned(),
            422,
            "ListOptions.meta.k8s.io \"\" is invalid: [resourceVersionMatch: Forbidden: resourceVersionMatch is forbidden unless resourceVersion is provided, sendInitialEvents: Forbidden: sendInitialEvents is forbidden for list]",
        ),
        ("GET", "limit=x".to_owned(), 400, "strconv.ParseInt: parsing \"x\": invalid syntax"),
        (
            "GET",
            "resourceVersion=7&continue=eyJ2IjoibWV0YS5rOHMuaW8vdjEiLCJydiI6Miwic3RhcnQiOiJkZWZhdWx0L2FcdTAwMDAifQ"
                .to_owned(),
            400,
            "specifying resource version is not allowed when using continue",
        ),
        ("GET", "dryRun=x".to_owned(), 200, ""),
        (
            "GET",
            "includeObject=x".to_owned(),
            400,
            "Unable to convert to Table as requested: includeObject: Invalid value: \"x\": must be 'Metadata', 'Object', 'None', or empty",
        ),
        (
            "POST",
            "dryRun=".to_owned(),
            422,
            "CreateOptions.meta.k8s.io \"\" is invalid: dryRun: Unsupported value: [\"\"]: supported values: \"All\"",
        ),
        (
            "POST",
            "dryRun=x".to_owned(),
            422,
            "CreateOptions.meta.k8s.io \"\" is invalid: dryRun: Unsupported value: [\"x\"]: supported values: \"All\"",
        ),
        (
            "POST",
            format!("fieldManager={long}"),
            422,
            "CreateOptions.meta.k8s.io \"\" is invalid: fieldManager: Too long: may not be more than 128 bytes",
        ),
        (
            "DELETE",
            "propagationPolicy=x".to_owned(),
            422,
            "DeleteOptions.meta.k8s.io \"\" is invalid: propagationPolicy: Unsupported value: \"x\": supported values: \"Foreground\", \"Background\", \"Orphan\", \"nil\"",
        ),
    ];
    for (method, query, code, message) in table {
        let body = if method == "POST" { config_map("a", &json!({})).to_string() } else { String::new() };
        let answer = api.call(method, &format!("{CONFIG_MAPS}?{query}"), "application/json", body).await;
        assert_eq!((answer.code, answer.failure().2), (code, message), "{method} {query}");
    }
    let answer = api.delete(CONFIG_MAPS, &json!({"propagationPolicy": "x"})).await;
    assert_eq!((answer.code, answer.failure().1), (422, "Invalid"));
}

#[tokio::test]
async fn wrong_base64_is_told_at_decoding() {
    let api = Api::start().await;
    let secret =
        json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "a"}, "data": {"k": "QQ==", "l": "a?"}});
    let message = "Secret in version \"v1\" cannot be handled as a Secret: illegal base64 data at input byte 1";
    let answer = api.post("/api/v1/namespaces/default/secrets", &secret).await;
    assert_eq!(answer.failure(), (400, "BadRequest", message));
}

#[tokio::test]
async fn questions_about_access_are_checked() {
    let api = Api::start().await;
    let ask = async |path: &str, kind: &str, spec: Value| {
        let review = json!({"apiVersion": "authorization.k8s.io/v1", "kind": kind, "spec": spec});
        api.post(&format!("/apis/authorization.k8s.io/v1/{path}"), &review).await
    };
    let pods = json!({"verb": "x-own", "resource": "pods", "namespace": "other"});
    let (reviews, local) = ("subjectaccessreviews", "namespaces/default/localsubjectaccessreviews");
    let answer = ask(reviews, "SubjectAccessReview", json!({})).await;
    let message = "SubjectAccessReview.authorization.k8s.io \"\" is invalid: [spec.resourceAttributes: Required value: exactly one of nonResourceAttributes or resourceAttributes must be specified, spec.user: Required value: at least one of user or group must be specified]";
    assert_eq!(answer.failure(), (422, "Invalid", message));
    let answer = ask(local, "LocalSubjectAccessReview", json!({"user": "u", "resourceAttributes": pods})).await;
    assert!(
        answer
            .failure()
            .2
            .contains("spec.resourceAttributes.namespace: Invalid value: \"other\": must match metadata.namespace")
    );
    let answer =
        ask(reviews, "SubjectAccessReview", json!({"groups": ["system:masters"], "resourceAttributes": pods})).await;
    assert_eq!(answer.ok()["status"]["allowed"], true);
}

#[tokio::test]
async fn another_kind_version_namespace_or_name_is_a_bad_request() {
    let api = Api::start().await;
    let mut object = config_map("a", &json!({}));
    object["apiVersion"] = json!("v2");
    let message = "the API version in the data (v2) does not match the expected API version (v1)";
    assert_eq!(api.post(CONFIG_MAPS, &object).await.failure(), (400, "BadRequest", message));
    let mut object = config_map("a", &json!({}));
    object["metadata"]["namespace"] = json!("other");
    let message = "the namespace of the provided object does not match the namespace sent on the request";
    assert_eq!(api.post(CONFIG_MAPS, &object).await.failure(), (400, "BadRequest", message));
    let message = "the name of the object (a) does not match the name on the URL (b)";
    let answer = api.put(&format!("{CONFIG_MAPS}/b"), &config_map("a", &json!({}))).await;
    assert_eq!(answer.failure(), (400, "BadRequest", message));
    assert_eq!(api.post(CONFIG_MAPS, &json!({"kind": "Secret", "metadata": {"name": "a"}})).await.code, 400);
}

#[tokio::test]
async fn what_the_system_sets_cannot_be_set_by_a_patch() {
    let api = Api::start().await;
    api.post(CONFIG_MAPS, &config_map("a", &json!({}))).await.ok();
    let immutable = "is invalid: metadata.FIELD: Invalid value: VALUE: field is immutable";
    let table = [
        (json!({"uid": "x"}), immutable.replace("FIELD", "uid").replace("VALUE", "\"x\"")),
        (
            json!({"deletionTimestamp": "2020-01-01T00:00:00Z"}),
            immutable.replace("FIELD", "deletionTimestamp").replace("VALUE", "\"2020-01-01T00:00:00Z\""),
        ),
        (
            json!({"deletionGracePeriodSeconds": 5}),
            immutable.replace("FIELD", "deletionGracePeriodSeconds").replace("VALUE", "5"),
        ),
        (json!({"namespace": "x"}), "the namespace of the provided object does not match".to_owned()),
        (json!({"name": ""}), "the name of the object (a based on URL) was undeterminable: name must be".to_owned()),
        (json!({"creationTimestamp": "2020-01-01T00:00:00Z", "generation": 9, "selfLink": "/a"}), String::new()),
    ];
    for (metadata, expected) in table {
        let path = format!("{CONFIG_MAPS}/a");
        let answer = api.patch(&path, "merge-patch+json", &json!({"metadata": metadata})).await;
        let said = answer.body["message"].as_str().unwrap_or_default();
        assert!(said.contains(&expected) && said.is_empty() == expected.is_empty(), "{metadata}: {said}");
    }
}

#[tokio::test]
async fn a_custom_object_says_what_it_is() {
    let api = Api::start().await;
    let definition = json!({"metadata": {"name": "cats.example.com"}, "spec": {"group": "example.com",
        "scope": "Cluster", "names": {"plural": "cats", "kind": "Cat"}, "versions": [{"name": "v1", "served": true,
            "storage": true, "schema": {"openAPIV3Schema": {"type": "object"}}}]}});
    api.post("/apis/apiextensions.k8s.io/v1/customresourcedefinitions", &definition).await.ok();
    let missing = "the object provided is unrecognized (must be of type Cat): ";
    let table = [
        ("", 400, format!("{missing}Object 'Kind' is missing in '' (<empty>)")),
        ("null", 400, format!("{missing}Object 'Kind' is missing in 'null' (6e756c6c)")),
        ("{}", 400, format!("{missing}Object 'Kind' is missing in '{{}}' ({{}})")),
        (
            r#"{"kind":"Cat"}"#,
            400,
            "the API version in the data () does not match the expected API version (example.com/v1)".to_owned(),
        ),
        (
            r#"{"apiVersion":"example.com/v1","kind":"Dog"}"#,
            422,
            "Dog.example.com \"\" is invalid: kind: Invalid value: \"Dog\": must be Cat".to_owned(),
        ),
    ];
    for (body, code, message) in table {
        let kind = if body.is_empty() { "application/yaml" } else { "application/json" };
        let answer = api.call("POST", "/apis/example.com/v1/cats", kind, body).await;
        assert_eq!((answer.code, answer.failure().2), (code, message.as_str()), "{body}");
    }
}

#[tokio::test]
async fn an_error_comes_in_the_encoding_that_was_asked_for() {
    let api = Api::start().await;
    let missing = format!("{CONFIG_MAPS}/a");
    for (path, accept) in [(&*missing, "application/yaml"), ("/apis", "application/yaml, application/json")] {
        let text = api.accepting(path, accept).await.body;
        let text = text.as_str().unwrap_or_else(|| panic!("{path} is answered with JSON"));
        assert!(text.contains(if path == missing { "reason: NotFound\n" } else { "kind: APIGroupList\n" }), "{text}");
    }
    for accept in ["application/json;as=Table;v=v1;g=meta.k8s.io", "image/png"] {
        assert_eq!(api.accepting(&missing, accept).await.body["kind"], "Status", "{accept}");
    }
}

#[tokio::test]
async fn unknown_resources_and_methods_are_refused() {
    let api = Api::start().await;
    let answer = api.get("/apis/apps/v1/nothings").await;
    let message = "the server could not find the requested resource";
    assert_eq!(answer.failure(), (404, "NotFound", message));
    let answer = api.call("POST", &format!("{CONFIG_MAPS}/a"), "application/json", "{}").await;
    assert_eq!(answer.code, 405);
    let answer = api.get("/api/v1/configmaps?fieldSelector=data.x%3D1").await;
    let message = "Unable to find \"/v1, Resource=configmaps\" that match label selector \"\", field selector \
                   \"data.x=1\": field label not supported: data.x";
    assert_eq!(answer.failure(), (400, "BadRequest", message));
}

#[tokio::test]
async fn finalizers_and_owners_that_nobody_would_ever_serve_are_refused() {
    let api = Api::start().await;
    let event = json!({"apiVersion": "v1", "kind": "Event", "name": "e", "uid": "u"});
    for (metadata, why) in [
        (
            json!({"finalizers": ["hold"]}),
            "metadata.finalizers[0]: Invalid value: \"hold\": name is neither a standard finalizer name nor is it fully qualified",
        ),
        (
            json!({"finalizers": ["orphan", "foregroundDeletion"]}),
            "finalizer orphan and foregroundDeletion cannot be both set",
        ),
        (json!({"ownerReferences": [event]}), "/v1, Kind=Event is disallowed from being an owner"),
    ] {
        let mut object = config_map("a", &json!({}));
        object["metadata"].as_object_mut().expect("metadata").extend(metadata.as_object().cloned().expect("fields"));
        let refused = api.post(CONFIG_MAPS, &object).await;
        let (code, reason, message) = refused.failure();
        assert_eq!((code, reason, message.contains(why)), (422, "Invalid", true), "{message}");
    }
}
