//! Who asks and whether they may: authentication, authorization, reviews, tokens, bootstrap roles, TLS accept loop.

mod authenticator;
pub mod bootstrap;
mod bootstrap_token;
pub(crate) mod escalation;
pub(crate) mod follow;
mod impersonation;
mod node;
mod oidc;
mod rbac;
pub(crate) mod reviews;
pub mod serve;
#[cfg(test)]
mod tests;
pub mod tokens;
mod unread;
mod user;
mod webhook;

pub use authenticator::Authenticator;
pub use jsonwebtoken::Algorithm;
pub use rbac::{Rbac, Rule};
pub(crate) use rbac::{matches_any, path_matches};
pub(crate) use user::PeerAddress;
pub use user::{UserInfo, group};

use crate::prelude::*;
use webhook::Webhook;

/// The answer of an authorizer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decision {
    /// Allowed, with the reason.
    Allow(String),
    /// Nobody allows it; the reason may be empty.
    Deny(String),
}

impl Decision {
    /// Whether the request may go on.
    pub fn is_allowed(&self) -> bool {
        matches!(self, Self::Allow(_))
    }

    /// 403 unless the request is allowed.
    pub(crate) fn or_forbidden(self, user: &UserInfo, request: &RequestInfo) -> Result<(), Status> {
        match self {
            Self::Allow(_) => Ok(()),
            Self::Deny(reason) => Err(forbidden(user, request, &reason)),
        }
    }
}

/// Other servers that are asked who somebody is and what he may do.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// An issuer of ID tokens.
    pub oidc: Option<cluster_config::Oidc>,
    /// `--authentication-token-webhook-config-file`: a `clientConfig` (`url`, `caBundle`), with the `user` of a
    /// kubeconfig when the server is to identify itself.
    pub token_webhook: Option<Value>,
    /// `--authorization-webhook-config-file`, likewise; asked when Node and RBAC do not allow.
    pub authorization_webhook: Option<Value>,
}

/// Node and RBAC authorization over the server's own store.
pub struct Authorizer {
    store: Arc<dyn Store>,
    webhook: Option<Webhook>,
    rbac: Arc<Rbac>,
}

impl Authorizer {
    /// Starts to follow roles and bindings in `store` until `cancel`.
    pub fn start(store: &Arc<dyn Store>, options: &Options, cancel: &CancellationToken) -> Self {
        let rbac = Arc::new(Rbac::default());
        for resource in rbac::RESOURCES {
            follow::follow(store, resource, Arc::clone(&rbac), cancel);
        }
        let webhook = options.authorization_webhook.clone().map(Webhook::of_access);
        Self { store: Arc::clone(store), webhook, rbac }
    }

    /// The decision as far as it is known now; `None` when a webhook has the last word and was not asked lately.
    pub(crate) fn known(&self, user: &UserInfo, request: &RequestInfo) -> Option<Decision> {
        let own = self.authorize(user, request);
        let webhook = self.webhook.as_ref().filter(|_| !own.is_allowed());
        webhook.map_or(Some(own), |webhook| webhook.known(user, request))
    }

    /// Decides about one request; asks the webhook too, when there is one.
    pub async fn decide(&self, user: &UserInfo, request: &RequestInfo) -> Decision {
        match (self.authorize(user, request), &self.webhook) {
            (Decision::Deny(own), Some(webhook)) => match webhook.decide(&self.store, user, request).await {
                Decision::Deny(reason) if reason.is_empty() => Decision::Deny(own),
                decision => decision,
            },
            (decision, _) => decision,
        }
    }

    /// 403 unless the user may do this.
    pub(crate) async fn require(&self, user: &UserInfo, request: &RequestInfo) -> Result<(), Status> {
        self.decide(user, request).await.or_forbidden(user, request)
    }

    /// Decides about one request by Node and RBAC alone.
    pub fn authorize(&self, user: &UserInfo, request: &RequestInfo) -> Decision {
        if user.in_group(group::MASTERS) {
            return Decision::Allow(String::new());
        }
        match node::authorize(&*self.store, user, request) {
            Decision::Allow(reason) => Decision::Allow(reason),
            Decision::Deny(node_reason) => match self.rbac.authorize(user, request) {
                Decision::Deny(reason) if reason.is_empty() => Decision::Deny(node_reason),
                decision => decision,
            },
        }
    }

    /// The rules that apply to `user` in `namespace`, for `SelfSubjectRulesReview` and escalation checks.
    pub fn rules_for(&self, user: &UserInfo, namespace: &str) -> Vec<Rule> {
        self.rbac.rules_for(user, namespace)
    }

    /// Why the rules of a user do not tell all that he may do; `None` when they do.
    pub(crate) fn beyond_rules(&self, user: &UserInfo) -> Option<String> {
        let authorizers = [("node", user.node_name().is_some()), ("webhook", self.webhook.is_some())];
        let silent = authorizers.into_iter().filter(|(_, decides)| *decides);
        let said = silent.map(|(name, _)| format!("{name} authorizer does not support user rule resolution"));
        let said: Vec<String> = said.collect();
        (!said.is_empty()).then(|| if said.len() > 1 { format!("[{}]", said.join(", ")) } else { said.concat() })
    }

    /// The rules of a role that a binding names, the namespace empty for a ClusterRole; 404 when there is none, for who
    /// makes it later would grant what nobody judged.
    pub(crate) fn rules_of_role(&self, namespace: &str, name: &str) -> Result<Vec<Rule>, Status> {
        let resource = if namespace.is_empty() { "clusterroles" } else { "roles" };
        let of = GroupResource { group: rbac::GROUP, resource };
        let entry = self.store.get(&Key::new(format!("{}/{resource}", rbac::GROUP), namespace, name));
        let entry = entry.ok_or_else(|| Status::not_found(of, name))?;
        rbac::rules(&entry).map_err(Status::internal)
    }
}

/// The 403 for a denied request, worded as upstream.
fn forbidden(user: &UserInfo, request: &RequestInfo, reason: &str) -> Status {
    let who = &user.name;
    let tail = if reason.is_empty() { String::new() } else { format!(": {reason}") };
    if !request.is_resource {
        let text = format!("User {who:?} cannot {} path {:?}{tail}", request.verb, request.path);
        return Status::forbidden(GroupResource { group: "", resource: "" }, "", &text);
    }
    let resource = request.combined();
    let place = match request.namespace.as_str() {
        "" => "at the cluster scope".to_owned(),
        namespace => format!("in the namespace {namespace:?}"),
    };
    let text = format!(
        "User {who:?} cannot {} resource {resource:?} in API group {:?} {place}{tail}",
        request.verb, request.group
    );
    Status::forbidden(GroupResource { group: &request.group, resource: &request.resource }, &request.name, &text)
}
