//! Reviews: resources that are answered, not stored.

use super::{Authenticator, Authorizer, Decision};
use crate::kinds::prelude::*;

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
        "SelfSubjectAccessReview" | "SubjectAccessReview" | "LocalSubjectAccessReview" => {
            let errors = faults(kind, namespace, spec);
            if !errors.is_empty() {
                return Err(Status::invalid("authorization.k8s.io", kind, "", &errors));
            }
            let user = if kind == "SelfSubjectAccessReview" { caller } else { &subject(spec) };
            access(authorizer, user, spec).await
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

/// What is wrong with a question about access.
fn faults(kind: &str, namespace: &str, spec: &Value) -> Errors {
    let (mut errors, path) = (Errors::new(), Path::new("spec"));
    let (resource, other) = (&spec["resourceAttributes"], &spec["nonResourceAttributes"]);
    if !resource.is_null() && !other.is_null() {
        let why = "cannot be specified in combination with resourceAttributes";
        errors.push(Error::invalid(&path.child("nonResourceAttributes"), other, why));
    }
    if resource.is_null() && other.is_null() {
        let why = "exactly one of nonResourceAttributes or resourceAttributes must be specified";
        errors.push(Error::required(&path.child("resourceAttributes"), why));
    }
    let nobody = |field: &str| spec[field].as_str().is_none_or(str::is_empty);
    if kind != "SelfSubjectAccessReview" && nobody("user") && strings(&spec["groups"]).is_empty() {
        errors.push(Error::required(&path.child("user"), "at least one of user or group must be specified"));
    }
    if kind == "LocalSubjectAccessReview" {
        let given = resource["namespace"].as_str().unwrap_or_default();
        if !resource.is_null() && given != namespace {
            let path = path.child("resourceAttributes.namespace");
            errors.push(Error::invalid(&path, &given.into(), "must match metadata.namespace"));
        }
        if !other.is_null() {
            let why = "disallowed on this kind of request";
            errors.push(Error::invalid(&path.child("nonResourceAttributes"), other, why));
        }
    }
    errors
}

fn subject(spec: &Value) -> UserInfo {
    let text = |field: &str| spec[field].as_str().unwrap_or_default().to_owned();
    let extra = spec["extra"].as_object().into_iter().flatten();
    UserInfo {
        name: text("user"),
        uid: text("uid"),
        groups: strings(&spec["groups"]),
        extra: extra.map(|(key, values)| (key.clone(), strings(values))).collect(),
    }
}

async fn access(authorizer: &Authorizer, user: &UserInfo, spec: &Value) -> Value {
    let request = match spec.get("nonResourceAttributes") {
        Some(attributes) => path_request(attributes),
        None => resource_request(&spec["resourceAttributes"]),
    };
    let decision = authorizer.decide(user, &request).await;
    let allowed = decision.is_allowed();
    let (Decision::Allow(reason) | Decision::Deny(reason)) = decision;
    let mut status = json!({ "allowed": allowed });
    if !reason.is_empty() {
        status["reason"] = json!(reason);
    }
    status
}

fn resource_request(attributes: &Value) -> RequestInfo {
    let text = |field: &str| attributes[field].as_str().unwrap_or_default();
    let resource = ["group", "version", "resource", "subresource"].map(text);
    RequestInfo::of(text("verb").to_owned(), resource, text("namespace"), text("name"))
}

fn path_request(attributes: &Value) -> RequestInfo {
    let text = |field: &str| attributes[field].as_str().unwrap_or_default().to_owned();
    RequestInfo { verb: text("verb").into(), path: text("path"), ..RequestInfo::default() }
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
