//! Reviews: resources that are answered, not stored.

use super::{Authenticator, Authorizer, Decision};
use crate::kinds::prelude::*;
use cluster_object::selector::{FieldRequirement, Operator, Requirement};

/// Answers one posted review.
pub(crate) async fn answer(call: &Call<'_>, review: &Value) -> Result<Value, Status> {
    let (server, kind, spec) = (call.server, call.resource.kind.as_str(), &review["spec"]);
    let status = match kind {
        "TokenReview" if text(&spec["token"]).is_empty() => {
            return Err(Status::bad_request("token is required for TokenReview in authentication"));
        }
        "TokenReview" => token_review(spec, &server.authenticator).await,
        "SelfSubjectReview" => json!({ "userInfo": call.user.to_json() }),
        "SelfSubjectAccessReview" | "SubjectAccessReview" | "LocalSubjectAccessReview" => {
            let errors = faults(kind, &call.info.namespace, review);
            call.invalid_if("", &errors)?;
            let user = if kind == "SelfSubjectAccessReview" { &call.user } else { &subject(spec) };
            access(&server.authorizer, user, spec).await
        }
        "SelfSubjectRulesReview" => rules(&server.authorizer, &call.user, text(&spec["namespace"]))?,
        other => return Err(Status::internal(format!("no review of kind {other}"))),
    };
    let mut answer = review.clone();
    answer["status"] = status;
    Ok(answer)
}

async fn token_review(spec: &Value, authenticator: &Authenticator) -> Value {
    let audiences = strings(&spec["audiences"]);
    match authenticator.user_of_token(text(&spec["token"]), &audiences).await {
        Some((user, audiences)) => json!({ "authenticated": true, "user": user.to_json(), "audiences": audiences }),
        None => json!({ "authenticated": false, "user": {}, "error": "invalid bearer token" }),
    }
}

/// What is wrong with a question about access.
fn faults(kind: &str, namespace: &str, review: &Value) -> Errors {
    let (mut errors, spec) = (Errors::new(), At::root(review).get("spec"));
    let (resource, other) = (spec.get("resourceAttributes"), spec.get("nonResourceAttributes"));
    if resource.is_set() && other.is_set() {
        errors.push(other.invalid("cannot be specified in combination with resourceAttributes"));
    }
    if !resource.is_set() && !other.is_set() {
        errors.push(resource.missing("exactly one of nonResourceAttributes or resourceAttributes must be specified"));
    }
    for selector in ["fieldSelector", "labelSelector"].map(|field| resource.get(field)) {
        let (raw, demands) = (selector.get("rawSelector"), selector.get("requirements"));
        if !raw.is_empty() && !demands.is_empty() {
            errors.push(raw.invalid("may not specified at the same time as requirements"));
        } else if selector.is_set() && raw.is_empty() && demands.is_empty() {
            let why = format!("when {} is specified, requirements or rawSelector is required", selector.path);
            errors.push(demands.missing(&why));
        }
    }
    if kind != "SelfSubjectAccessReview" && spec.get("user").is_empty() && spec.get("groups").is_empty() {
        errors.push(spec.get("user").missing("at least one of user or group must be specified"));
    }
    if kind == "LocalSubjectAccessReview" {
        let given = resource.get("namespace");
        if resource.is_set() && given.text() != namespace {
            errors.push(Error::invalid(&given.path, &given.text().into(), "must match metadata.namespace"));
        }
        if other.is_set() {
            errors.push(other.invalid("disallowed on this kind of request"));
        }
    }
    errors
}

fn subject(spec: &Value) -> UserInfo {
    let text = |field: &str| text(&spec[field]).to_owned();
    UserInfo {
        name: text("user"),
        uid: text("uid"),
        groups: strings(&spec["groups"]),
        extra: entries(&spec["extra"]).map(|(key, values)| (key.clone(), strings(values))).collect(),
    }
}

async fn access(authorizer: &Authorizer, user: &UserInfo, spec: &Value) -> Value {
    let mut unread = Vec::new();
    let request = match spec.get("nonResourceAttributes") {
        Some(attributes) => path_request(attributes),
        None => resource_request(&spec["resourceAttributes"], &mut unread),
    };
    let decision = authorizer.decide(user, &request).await;
    let allowed = decision.is_allowed();
    let (Decision::Allow(reason) | Decision::Deny(reason)) = decision;
    let mut status = json!({ "allowed": allowed });
    if !reason.is_empty() {
        status["reason"] = json!(reason);
    }
    if !unread.is_empty() {
        status["evaluationError"] = json!(unread.join("; "));
    }
    status
}

/// What is asked. What cannot be read of the selectors limits nothing, and is said in `unread`.
fn resource_request(attributes: &Value, unread: &mut Vec<String>) -> RequestInfo {
    let text = |field: &str| attributes[field].as_str().unwrap_or_default();
    let version = Some(text("version")).filter(|version| !version.is_empty()).unwrap_or("*");
    let resource = [text("group"), version, text("resource"), text("subresource")];
    let request = RequestInfo::of(text("verb").to_owned(), resource, text("namespace"), text("name"));
    let fields = |raw: &str| FieldSelector::parse(raw).map(|selector| selector.requirements().to_vec());
    let labels = |raw: &str| Selector::parse(raw).map(|selector| selector.requirements().to_vec());
    let fields = demands(attributes, "fieldSelector", fields, of_field, unread);
    let labels = Selector::from_requirements(demands(attributes, "labelSelector", labels, of_label, unread));
    RequestInfo { fields, labels, ..request }
}

/// What a selector demands, as one text or one by one.
fn demands<T>(
    attributes: &Value,
    selector: &str,
    parse: impl Fn(&str) -> Result<Vec<T>, String>,
    read: impl Fn(&Value) -> Option<T>,
    unread: &mut Vec<String>,
) -> Vec<T> {
    let given = &attributes[selector];
    let demands: Vec<Option<T>> = match text(&given["rawSelector"]) {
        "" => items(&given["requirements"]).iter().map(read).collect(),
        raw => parse(raw).map_or_else(|_| vec![None], |all| all.into_iter().map(Some).collect()),
    };
    let whole = demands.iter().all(Option::is_some);
    let known: Vec<T> = demands.into_iter().flatten().collect();
    if !whole {
        let part = if known.is_empty() { "" } else { "partially " };
        unread.push(format!("spec.resourceAttributes.{selector} {part}ignored due to parse error"));
    }
    known
}

fn of_field(demand: &Value) -> Option<FieldRequirement> {
    let ([value], operator) = (items(&demand["values"]), text(&demand["operator"])) else { return None };
    let (field, value) = (text(&demand["key"]).to_owned(), text(value).to_owned());
    matches!(operator, "In" | "NotIn").then(|| FieldRequirement { field, equal: operator == "In", value })
}

fn of_label(demand: &Value) -> Option<Requirement> {
    let operator = Operator::named(text(&demand["operator"])).ok()?;
    Requirement::new(text(&demand["key"]), operator, strings(&demand["values"])).ok()
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
    let beyond = authorizer.beyond_rules(user);
    let mut status = json!({ "resourceRules": resources, "nonResourceRules": paths, "incomplete": beyond.is_some() });
    if let Some(why) = beyond {
        status["evaluationError"] = json!(why);
    }
    Ok(status)
}

fn strings(value: &Value) -> Vec<String> {
    texts(value).map(str::to_owned).collect()
}
