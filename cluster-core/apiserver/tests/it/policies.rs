//! Admission policies in CEL.

use super::hook::Hook;
use super::{Api, CONFIG_MAPS, UserInfo, config_map};
use cluster_apiserver::auth::Options;
use serde_json::{Value, json};

const GROUP: &str = "/apis/admissionregistration.k8s.io/v1";

fn policy(kind: &str, name: &str, spec: &Value) -> Value {
    let mut policy = json!({
        "apiVersion": "admissionregistration.k8s.io/v1", "kind": kind, "metadata": {"name": name},
        "spec": {"matchConstraints": {"resourceRules": [
            {"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE", "UPDATE"], "resources": ["configmaps"]},
        ]}},
    });
    for (field, value) in spec.as_object().expect("a spec") {
        policy["spec"][field] = value.clone();
    }
    policy
}

fn binding(kind: &str, policy: &str, spec: &Value) -> Value {
    let mut binding = json!({
        "apiVersion": "admissionregistration.k8s.io/v1", "kind": kind, "metadata": {"name": format!("{policy}-binding")},
        "spec": {"policyName": policy},
    });
    for (field, value) in spec.as_object().expect("a spec") {
        binding["spec"][field] = value.clone();
    }
    binding
}

/// A server with a validating policy `p` and its binding; returns the policy as it was stored.
async fn validating(spec: &Value, bound: &Value) -> (Api, Value) {
    let api = Api::start().await;
    let policy = policy("ValidatingAdmissionPolicy", "p", spec);
    let stored = api.post(&format!("{GROUP}/validatingadmissionpolicies"), &policy).await.ok();
    let binding = binding("ValidatingAdmissionPolicyBinding", "p", bound);
    api.post(&format!("{GROUP}/validatingadmissionpolicybindings"), &binding).await.ok();
    (api, stored)
}

async fn mutating(spec: &Value) -> Api {
    let api = Api::start().await;
    let policy = policy("MutatingAdmissionPolicy", "m", spec);
    api.post(&format!("{GROUP}/mutatingadmissionpolicies"), &policy).await.ok();
    let binding = binding("MutatingAdmissionPolicyBinding", "m", &json!({}));
    api.post(&format!("{GROUP}/mutatingadmissionpolicybindings"), &binding).await.ok();
    api
}

const DENIED: &str = "ValidatingAdmissionPolicy 'p' with binding 'p-binding' denied request";

#[tokio::test]
async fn what_a_policy_denies_is_refused() {
    let spec = json!({
        "variables": [{"name": "k", "expression": "object.?data.?k.orValue('')"}],
        "matchConditions": [{"name": "not-exempt", "expression": "!object.metadata.name.startsWith('exempt')"}],
        "validations": [
            {"expression": "variables.k != 'bad'"},
            {"expression": "size(variables.k) < 5", "messageExpression": "'too long: ' + variables.k", "reason": "Forbidden"},
            {"expression": "request.operation == 'CREATE' || oldObject.data == object.data", "message": "no changes"},
        ],
    });
    let (api, _) = validating(&spec, &json!({"validationActions": ["Deny"]})).await;
    let table = [
        ("bad", 422, "Invalid", format!("{DENIED}: failed expression: variables.k != 'bad'")),
        ("longer", 403, "Forbidden", format!("{DENIED}: too long: longer")),
    ];
    for (value, code, reason, why) in table {
        let message = format!("configmaps \"a\" is forbidden: {why}");
        let answer = api.post(CONFIG_MAPS, &config_map("a", &json!({"k": value}))).await;
        assert_eq!(answer.failure(), (code, reason, message.as_str()));
    }
    api.post(CONFIG_MAPS, &config_map("exempt-1", &json!({"k": "bad"}))).await.ok();
    api.post(CONFIG_MAPS, &config_map("a", &json!({"k": "good"}))).await.ok();
    let change = json!({"data": {"k": "new"}});
    let changed = api.patch(&format!("{CONFIG_MAPS}/a"), "merge-patch+json", &change).await;
    assert_eq!(changed.failure().2, format!("configmaps \"a\" is forbidden: {DENIED}: no changes"));
}

#[tokio::test]
async fn failures_follow_the_failure_policy_and_actions_the_binding() {
    for (failure_policy, actions, code, warned) in [
        ("Fail", json!(["Deny"]), 422, false),
        ("Ignore", json!(["Deny"]), 201, false),
        ("Fail", json!(["Warn", "Audit"]), 201, true),
    ] {
        let spec = json!({"failurePolicy": failure_policy, "validations": [{"expression": "object.nope == 1"}]});
        let (api, _) = validating(&spec, &json!({"validationActions": actions})).await;
        let answer = api.post(CONFIG_MAPS, &config_map("a", &json!({}))).await;
        assert_eq!((answer.code, !answer.warnings.is_empty()), (code, warned), "{answer:?}");
    }
}

#[tokio::test]
async fn a_policy_may_ask_what_somebody_is_allowed() {
    let table = [
        ("authorizer.requestResource.check('create').allowed()", true),
        ("authorizer.group('').resource('pods').namespace('default').check('delete').allowed()", true),
        ("authorizer.serviceAccount('default', 'a').group('').resource('pods').check('delete').allowed()", false),
        ("authorizer.serviceAccount('default', 'a').path('/healthz').check('get').allowed()", true),
        ("authorizer.serviceAccount('default', 'a').path('/logs').check('get').allowed()", false),
    ];
    for (expression, allowed) in table {
        let spec = json!({"validations": [{"expression": expression, "message": "not allowed"}]});
        let (api, _) = validating(&spec, &json!({"validationActions": ["Deny"]})).await;
        let answer = api.post(CONFIG_MAPS, &config_map("a", &json!({}))).await;
        assert_eq!(answer.code, if allowed { 201 } else { 422 }, "{expression}");
    }
}

#[tokio::test]
async fn parameters_come_from_the_namespace_of_the_request() {
    let spec = json!({"paramKind": {"apiVersion": "v1", "kind": "ConfigMap"},
        "matchConditions": [{"name": "c", "expression": "!object.metadata.name.startsWith('limits')"}],
        "validations": [{"expression": "size(object.data) <= int(params.data.max)"}]});
    for (reference, action, missing) in [
        (json!({"name": "limits"}), "Deny", 422),
        (json!({"selector": {"matchLabels": {"limits": "yes"}}}), "Allow", 201),
    ] {
        let mut reference = reference;
        reference["parameterNotFoundAction"] = action.into();
        let (api, _) = validating(&spec, &json!({"validationActions": ["Deny"], "paramRef": reference})).await;
        let two = config_map("two", &json!({"a": "", "b": ""}));
        let dry = format!("{CONFIG_MAPS}?dryRun=All");
        assert_eq!(api.post(&dry, &two).await.code, missing);
        // Without its parameters nothing passes, its parameters neither: the policy is made to look away.
        let off = json!({"spec": {"failurePolicy": "Ignore"}});
        let path = format!("{GROUP}/validatingadmissionpolicies/p");
        api.patch(&path, "merge-patch+json", &off).await.ok();
        let mut limits = config_map("limits", &json!({"max": "1"}));
        limits["metadata"]["labels"] = json!({"limits": "yes"});
        api.post(CONFIG_MAPS, &limits).await.ok();
        assert_eq!(api.post(&dry, &two).await.code, 422);
        assert_eq!(api.post(&dry, &config_map("one", &json!({"a": ""}))).await.code, 201);
    }
}

#[tokio::test]
async fn types_are_checked_and_told_in_the_status() {
    let rules = json!({"resourceRules": [{"apiGroups": ["apps"], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["deployments"]}]});
    let check = async |expression: &str, message: &str| {
        let spec = json!({"matchConstraints": rules, "validations": [{"expression": expression, "messageExpression": message}]});
        let (_, stored) = validating(&spec, &json!({"validationActions": ["Deny"]})).await;
        assert_eq!(stored["status"]["observedGeneration"], 1);
        stored["status"]["typeChecking"].clone()
    };
    assert_eq!(check("object.spec.replicas > 1", "'wants more'").await, json!({}));
    let confused = check("object.spec.replicas > '1'", "'wants replicas > 1, got ' + object.spec.replicas").await;
    let warnings = confused["expressionWarnings"].as_array().expect("warnings");
    for (warning, (field, text)) in warnings.iter().zip([
        ("spec.validations[0].expression", "found no matching overload for '_>_' applied to '(int, string)'"),
        ("spec.validations[0].messageExpression", "found no matching overload for '_+_' applied to '(string, int)'"),
    ]) {
        assert_eq!(warning["fieldRef"], field);
        let told = warning["warning"].as_str().unwrap_or_default();
        assert!(told.starts_with("apps/v1, Kind=Deployment: compilation failed: ERROR: <input>:1:"), "{told}");
        assert!(told.ends_with(char::is_whitespace) && told.contains(text), "{told}");
    }
    assert_eq!(warnings.len(), 2);
}

#[tokio::test]
async fn policies_that_cannot_work_are_refused() {
    let api = Api::start().await;
    let at = "spec.validations[0].expression";
    for (expression, expected) in [
        ("object.", format!("{at}: Invalid value: \"object.\": compilation failed: ERROR: <input>:1:")),
        ("1 + 1", format!("{at}: Invalid value: \"1 + 1\": must evaluate to bool")),
        ("variables.nope == 1", "undefined field 'nope'".to_owned()),
        ("authorizer.check('get').allowed()", "found no matching overload for 'check'".to_owned()),
    ] {
        let policy = policy("ValidatingAdmissionPolicy", "p", &json!({"validations": [{"expression": expression}]}));
        let answer = api.post(&format!("{GROUP}/validatingadmissionpolicies"), &policy).await;
        let (code, _, message) = answer.failure();
        assert!(code == 422 && message.contains(&expected), "{expression}: {message}");
    }
    let binding = binding("ValidatingAdmissionPolicyBinding", "p", &json!({"validationActions": ["Deny", "Warn"]}));
    assert_eq!(api.post(&format!("{GROUP}/validatingadmissionpolicybindings"), &binding).await.code, 422);
}

#[tokio::test]
async fn policies_change_objects() {
    let apply = json!({"reinvocationPolicy": "Never", "mutations": [
        {"patchType": "ApplyConfiguration", "applyConfiguration": {"expression":
            "Object{metadata: Object.metadata{labels: {'team': object.metadata.name}}}"}},
        {"patchType": "JSONPatch", "jsonPatch": {"expression":
            "[JSONPatch{op: 'add', path: '/metadata/labels/' + jsonpatch.escapeKey('example.com/x'), value: 'y'}]"}},
    ]});
    let api = mutating(&apply).await;
    let made = api.post(CONFIG_MAPS, &config_map("a", &json!({"k": "1"}))).await.ok();
    assert_eq!(made["metadata"]["labels"], json!({"team": "a", "example.com/x": "y"}));
    assert_eq!(made["data"], json!({"k": "1"}));

    let failing = json!({"reinvocationPolicy": "Never", "mutations": [{"patchType": "JSONPatch", "jsonPatch": {"expression":
        "[JSONPatch{op: 'remove', path: '/data/x'}]"}}]});
    let refused = mutating(&failing).await.post(CONFIG_MAPS, &config_map("a", &json!({"k": "1"}))).await;
    assert_eq!((refused.code, refused.failure().1), (403, "Invalid"));
    assert!(refused.failure().2.starts_with("policy 'm' with binding 'm-binding' denied request"));
}

#[tokio::test]
async fn an_expression_about_rights_hears_the_authorization_webhook() {
    let hook = Hook::start(|seen| {
        let asked = &seen.body["spec"]["resourceAttributes"];
        let allowed = asked["verb"] == "praise" || asked["resource"] == "configmaps";
        (200, json!({"kind": "SubjectAccessReview", "status": {"allowed": allowed}}))
    })
    .await;
    let options = Options { authorization_webhook: Some(hook.by_url("/")), ..Options::default() };
    let api = Api::start_with(|config| config.auth = options).await;
    let rights = "authorizer.group('example.com').resource('cats')";
    let expression = format!("{rights}.check('praise').allowed() && !{rights}.check('scold').allowed()");
    let policy = policy("ValidatingAdmissionPolicy", "p", &json!({"validations": [{"expression": expression}]}));
    api.post(&format!("{GROUP}/validatingadmissionpolicies"), &policy).await.ok();
    let binding = binding("ValidatingAdmissionPolicyBinding", "p", &json!({"validationActions": ["Deny"]}));
    api.post(&format!("{GROUP}/validatingadmissionpolicybindings"), &binding).await.ok();
    let user = UserInfo::authenticated("u", &[]);
    let made = api.call_as(&user, "POST", CONFIG_MAPS, &config_map("a", &json!({}))).await;
    assert_eq!(made.code, 201, "{made:?}");
    let asked =
        |verb: &str| hook.seen().iter().filter(|s| s.body["spec"]["resourceAttributes"]["verb"] == verb).count();
    assert_eq!((asked("praise"), asked("scold")), (1, 1));
}
