//! Other servers that know users and rights: a TokenReview webhook and a SubjectAccessReview webhook.
//!
//! Facts: <https://kubernetes.io/docs/reference/access-authn-authz/webhook/> and the page on token authentication.

use crate::kinds::prelude::*;
use sha2::{Digest as _, Sha256};

const TIMEOUT: Duration = Duration::from_secs(30);
/// `--authentication-token-webhook-cache-ttl`
const TOKEN_TTL: Duration = Duration::from_mins(2);
/// `--authorization-webhook-cache-unauthorized-ttl`, the shorter of the two, for both answers.
const ACCESS_TTL: Duration = Duration::from_secs(30);
/// The cache is emptied at this size, so that nobody makes it grow at will.
const MAX_CACHED: usize = 4096;

/// A webhook and its last answers, by hash of the question.
pub(super) struct Webhook {
    /// A `clientConfig`.
    client: Value,
    ttl: Duration,
    answers: Mutex<HashMap<[u8; 32], (Instant, Value)>>,
}

impl Webhook {
    /// A webhook for `TokenReview`.
    pub(super) fn of_tokens(client: Value) -> Self {
        Self { client, ttl: TOKEN_TTL, answers: Mutex::default() }
    }

    /// A webhook for `SubjectAccessReview`.
    pub(super) fn of_access(client: Value) -> Self {
        Self { client, ttl: ACCESS_TTL, answers: Mutex::default() }
    }

    /// The user of a token, and which of these audiences it is good for; an error when for none.
    pub(super) async fn user(
        &self,
        lookup: &dyn Lookup,
        token: &str,
        audiences: &[String],
    ) -> Result<(UserInfo, Vec<String>), String> {
        let status = self
            .ask(lookup, "authentication.k8s.io/v1", "TokenReview", json!({"token": token, "audiences": audiences}))
            .await?;
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
        match self.ask(lookup, ACCESS.0, ACCESS.1, access(user, info)).await {
            Ok(status) => decision(&status),
            Err(error) => {
                tracing::warn!(error, "failed to ask the authorization webhook");
                Decision::Deny(String::new())
            }
        }
    }

    /// The last answer to this, when that still counts.
    pub(super) fn known(&self, user: &UserInfo, info: &RequestInfo) -> Option<Decision> {
        self.last(&hash(&review(ACCESS.0, ACCESS.1, access(user, info)))).map(|status| decision(&status))
    }

    fn last(&self, hash: &[u8; 32]) -> Option<Value> {
        let answers = self.answers.lock();
        answers.get(hash).filter(|(at, _)| at.elapsed() < self.ttl).map(|(_, status)| status.clone())
    }

    /// The status of the review that comes back.
    async fn ask(&self, lookup: &dyn Lookup, version: &str, kind: &str, spec: Value) -> Result<Value, String> {
        let review = review(version, kind, spec);
        let hash = hash(&review);
        if let Some(status) = self.last(&hash) {
            return Ok(status);
        }
        let status = backend::post(lookup, &self.client, &review, TIMEOUT).await?["status"].take();
        let mut answers = self.answers.lock();
        if answers.len() >= MAX_CACHED {
            answers.clear();
        }
        answers.insert(hash, (Instant::now(), status.clone()));
        Ok(status)
    }
}

const ACCESS: (&str, &str) = ("authorization.k8s.io/v1", "SubjectAccessReview");

fn review(version: &str, kind: &str, spec: Value) -> Value {
    json!({"apiVersion": version, "kind": kind, "spec": spec})
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
    } else {
        spec["nonResourceAttributes"] = json!({"verb": info.verb, "path": info.path});
    }
    spec
}

fn decision(status: &Value) -> Decision {
    let reason = text(&status["reason"]).to_owned();
    if status["allowed"] == true { Decision::Allow(reason) } else { Decision::Deny(reason) }
}
