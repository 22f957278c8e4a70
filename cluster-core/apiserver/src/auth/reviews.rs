//! Reviews: resources that are answered, not stored.

use super::{Authenticator, Authorizer, Decision, UserInfo};
use crate::request::RequestInfo;
use cluster_object::status::Status;
use parking_lot::Mutex;
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// Answers one posted review. `namespace` is the request's; `kind` one of the create-only kinds.
pub async fn answer(
    kind: &str,
    namespace: &str,
    review: &Value,
    caller: &UserInfo,
    authenticator: &Authenticator,
    authorizer: &Authorizer,
) -> Result<Value, Status> {
    let spec = &review["spec"];
    let status = match kind {
        "TokenReview" => token_review(spec, authenticator).await,
        "SelfSubjectReview" => json!({ "userInfo": caller.to_json() }),
        "SelfSubjectAccessReview" => access(authorizer, caller, spec).await?,
        "SubjectAccessReview" => access(authorizer, &subject(spec)?, spec).await?,
        "LocalSubjectAccessReview" => {
            if spec["resourceAttributes"]["namespace"].as_str().unwrap_or_default() != namespace {
                return Err(Status::bad_request(
                    "spec.resourceAttributes.namespace must match the request's namespace",
                ));
            }
            access(authorizer, &subject(spec)?, spec).await?
        }
        "SelfSubjectRulesReview" => rules(authorizer, caller, spec["namespace"].as_str().unwrap_or_default())?,
        other => return Err(Status::internal(format!("no review of kind {other}"))),
    };
    let mut answer = review.clone();
    answer["status"] = status;
    Ok(answer)
}

async fn token_review(spec: &Value, authenticator: &Authenticator) -> Value {
    let audiences = strings(&spec["audiences"]);
    let token = spec["token"].as_str().unwrap_or_default();
    match authenticator.user_of_token(token, &audiences).await {
        Some((user, audiences)) => json!({ "authenticated": true, "user": user.to_json(), "audiences": audiences }),
        None => json!({ "authenticated": false, "user": {}, "error": "invalid bearer token" }),
    }
}

fn subject(spec: &Value) -> Result<UserInfo, Status> {
    let text = |field: &str| spec[field].as_str().unwrap_or_default().to_owned();
    let user =
        UserInfo { name: text("user"), uid: text("uid"), groups: strings(&spec["groups"]), ..UserInfo::default() };
    if user.name.is_empty() && user.groups.is_empty() {
        return Err(Status::bad_request("at least one of spec.user and spec.groups must be specified"));
    }
    Ok(user)
}

async fn access(authorizer: &Authorizer, user: &UserInfo, spec: &Value) -> Result<Value, Status> {
    let request = match (spec.get("resourceAttributes"), spec.get("nonResourceAttributes")) {
        (Some(attributes), None) => resource_request(attributes),
        (None, Some(attributes)) => path_request(attributes),
        _ => {
            let text = "exactly one of spec.resourceAttributes and spec.nonResourceAttributes must be specified";
            return Err(Status::bad_request(text));
        }
    };
    let decision = authorizer.decide(user, &request).await;
    let allowed = decision.is_allowed();
    let (Decision::Allow(reason) | Decision::Deny(reason)) = decision;
    let mut status = json!({ "allowed": allowed });
    if !reason.is_empty() {
        status["reason"] = json!(reason);
    }
    Ok(status)
}

fn resource_request(attributes: &Value) -> RequestInfo {
    let text = |field: &str| attributes[field].as_str().unwrap_or_default().to_owned();
    RequestInfo {
        verb: interned(&text("verb")),
        group: text("group"),
        version: text("version"),
        resource: text("resource"),
        subresource: text("subresource"),
        namespace: text("namespace"),
        name: text("name"),
        is_resource: true,
        ..RequestInfo::default()
    }
}

fn path_request(attributes: &Value) -> RequestInfo {
    let text = |field: &str| attributes[field].as_str().unwrap_or_default().to_owned();
    RequestInfo { verb: interned(&text("verb")), path: text("path"), ..RequestInfo::default() }
}

/// How many verbs beyond those that the server knows are told apart, and how long they may be: what is kept of them is
/// never given back. One more is allowed by `*` alone.
const MOST_VERBS: usize = 1024;
const LONGEST_VERB: usize = 64;

/// Rules compare verbs as text, and people make verbs of their own.
pub(crate) fn interned(verb: &str) -> &'static str {
    const VERBS: [&str; 16] = [
        "get",
        "list",
        "watch",
        "create",
        "update",
        "patch",
        "delete",
        "deletecollection",
        "impersonate",
        "bind",
        "escalate",
        "approve",
        "attest",
        "sign",
        "use",
        "proxy",
    ];
    static OTHERS: Mutex<BTreeSet<&'static str>> = Mutex::new(BTreeSet::new());
    if let Some(known) = VERBS.into_iter().chain(["post", "put", "head", "options", "*"]).find(|known| *known == verb) {
        return known;
    }
    let mut others = OTHERS.lock();
    if let Some(known) = others.get(verb) {
        return known;
    }
    if others.len() == MOST_VERBS || verb.len() > LONGEST_VERB {
        return "unknown";
    }
    let kept: &'static str = Box::leak(verb.into());
    others.insert(kept);
    kept
}

fn rules(authorizer: &Authorizer, user: &UserInfo, namespace: &str) -> Result<Value, Status> {
    if namespace.is_empty() {
        return Err(Status::bad_request("no namespace on request"));
    }
    let (paths, resources): (Vec<_>, Vec<_>) = authorizer
        .rules_for(user, namespace)
        .into_iter()
        .partition(|rule| rule.resources.is_empty() && !rule.non_resource_urls.is_empty());
    Ok(json!({ "resourceRules": resources, "nonResourceRules": paths, "incomplete": false }))
}

fn strings(value: &Value) -> Vec<String> {
    value.as_array().into_iter().flatten().filter_map(|v| v.as_str().map(str::to_owned)).collect()
}
