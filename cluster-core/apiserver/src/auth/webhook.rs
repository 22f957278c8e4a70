//! Other servers that know users and rights: a TokenReview webhook and a SubjectAccessReview webhook.
//!
//! Facts: <https://kubernetes.io/docs/reference/access-authn-authz/webhook/> and the page on token authentication.

use crate::kinds::prelude::*;
use cluster_object::selector::{Operator, Requirement};

const TIMEOUT: Duration = Duration::from_secs(30);
/// `--authentication-token-webhook-cache-ttl`
const TOKEN_TTL: Duration = Duration::from_mins(2);
/// `--authorization-webhook-cache-unauthorized-ttl`, the shorter of the two, for both answers.
const ACCESS_TTL: Duration = Duration::from_secs(30);
/// The cache is emptied at this size, so that nobody makes it grow at will.
const MAX_CACHED: usize = 4096;

/// Version and kind of what is posted.
type Kind = (&'static str, &'static str);

/// A webhook and its last answers, by hash of the question.
pub(super) struct Webhook {
    /// A `clientConfig`.
    client: Value,
    kind: Kind,
    ttl: Duration,
    answers: Mutex<HashMap<[u8; 32], (Instant, Value)>>,
}

impl Webhook {
    /// A webhook for `TokenReview`.
    pub(super) fn of_tokens(client: Value) -> Self {
        let kind = ("authentication.k8s.io/v1", "TokenReview");
        Self { client, kind, ttl: TOKEN_TTL, answers: Mutex::default() }
    }

    /// A webhook for `SubjectAccessReview`.
    pub(super) fn of_access(client: Value) -> Self {
        let kind = ("authorization.k8s.io/v1", "SubjectAccessReview");
        Self { client, kind, ttl: ACCESS_TTL, answers: Mutex::default() }
    }

    /// The user of a token, and which of these audiences it is good for; an error when for none.
    pub(super) async fn user(
        &self,
        lookup: &dyn Lookup,
        token: &str,
        audiences: &[String],
    ) -> Result<(UserInfo, Vec<String>), String> {
        let status = self.ask(lookup, json!({"token": token, "audiences": audiences})).await?;
        if status["authenticated"] != true {
            return Err(format!("the webhook does not know the token: {}", text(&status["error"])));
        }
        let given = &status["user"];
        let groups: Vec<&str> = texts(&given["groups"]).collect();
        let extra = serde_json::from_value(given["extra"].clone()).unwrap_or_default();
        let uid = text(&given["uid"]).to_owned();
        let user = UserInfo { uid, extra, ..UserInfo::authenticated(text(&given["username"]), &groups) };
        // A webhook that tells no audiences knows of none: what it vouches for is good for this server.
        let told: Vec<&str> = texts(&status["audiences"]).collect();
        let good: Vec<String> =
            audiences.iter().filter(|a| told.is_empty() || told.contains(&a.as_str())).cloned().collect();
        if good.is_empty() {
            return Err(format!("the webhook's audiences {told:?} are none of {audiences:?}"));
        }
        Ok((user, good))
    }

    /// Whether the user may do this; a webhook that does not answer allows nothing.
    pub(super) async fn decide(&self, lookup: &dyn Lookup, user: &UserInfo, info: &RequestInfo) -> Decision {
        match self.ask(lookup, access(user, info)).await {
            Ok(status) => decision(&status),
            Err(error) => {
                tracing::warn!(error, "failed to ask the authorization webhook");
                Decision::Deny(String::new())
            }
        }
    }

    /// The last answer to this, when that still counts.
    pub(super) fn known(&self, user: &UserInfo, info: &RequestInfo) -> Option<Decision> {
        self.last(&hash(&self.review(access(user, info)))).map(|status| decision(&status))
    }

    fn review(&self, spec: Value) -> Value {
        json!({"apiVersion": self.kind.0, "kind": self.kind.1, "spec": spec})
    }

    fn last(&self, hash: &[u8; 32]) -> Option<Value> {
        let answers = self.answers.lock();
        answers.get(hash).filter(|(at, _)| at.elapsed() < self.ttl).map(|(_, status)| status.clone())
    }

    /// The status of the review that comes back.
    async fn ask(&self, lookup: &dyn Lookup, spec: Value) -> Result<Value, String> {
        let review = self.review(spec);
        let hash = hash(&review);
        if let Some(status) = self.last(&hash) {
            return Ok(status);
        }
        let status = backend::ask(lookup, &self.client, Some(&review), TIMEOUT).await?["status"].take();
        let mut answers = self.answers.lock();
        if answers.len() >= MAX_CACHED {
            answers.clear();
        }
        answers.insert(hash, (Instant::now(), status.clone()));
        Ok(status)
    }
}

fn hash(review: &Value) -> [u8; 32] {
    Sha256::digest(review.to_string()).into()
}

/// The spec of a `SubjectAccessReview`.
fn access(user: &UserInfo, info: &RequestInfo) -> Value {
    let mut spec = json!({"user": user.name, "groups": user.groups, "uid": user.uid, "extra": user.extra});
    if info.is_resource {
        spec["resourceAttributes"] = json!({
            "verb": info.verb, "group": info.group, "version": info.version, "resource": info.resource,
            "subresource": info.subresource, "namespace": info.namespace, "name": info.name,
        });
        let fields = info.fields.iter().map(|demand| {
            json!({"key": demand.field, "operator": if demand.equal { "In" } else { "NotIn" }, "values": [demand.value]})
        });
        let labels = info.labels.requirements().iter().filter_map(label_demand);
        for (field, demands) in [("fieldSelector", fields.collect()), ("labelSelector", labels.collect::<Value>())] {
            if !items(&demands).is_empty() {
                spec["resourceAttributes"][field] = json!({"requirements": demands});
            }
        }
    } else {
        spec["nonResourceAttributes"] = json!({"verb": info.verb, "path": info.path});
    }
    spec
}

/// A demand of a label selector as a review has it; what a review has no word for is left out.
fn label_demand(demand: &Requirement) -> Option<Value> {
    let operator = match demand.operator {
        Operator::Equals | Operator::In => "In",
        Operator::NotEquals | Operator::NotIn => "NotIn",
        Operator::Exists => "Exists",
        Operator::DoesNotExist => "DoesNotExist",
        Operator::GreaterThan | Operator::LessThan => return None,
    };
    let mut told = json!({"key": demand.key, "operator": operator});
    if !demand.values.is_empty() {
        told["values"] = json!(demand.values);
    }
    Some(told)
}

fn decision(status: &Value) -> Decision {
    let reason = text(&status["reason"]).to_owned();
    if status["allowed"] == true { Decision::Allow(reason) } else { Decision::Deny(reason) }
}
