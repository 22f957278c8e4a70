//! What the variable `authorizer` of an expression asks, put to this server's own rules.

use crate::admission::AdmissionRequest;
use crate::auth::reviews::interned;
use crate::auth::{Decision, UserInfo};
use crate::request::RequestInfo;
use crate::server::ApiServer;
use cluster_cel::{AUTHORIZER_VARIABLES, Activation, Authorizer, Check, authorizer};
use std::sync::{Arc, Weak};

/// The server, asked about who makes the request. A webhook that authorizes is not asked: evaluations do not wait.
struct Asker {
    server: Weak<ApiServer>,
    user: UserInfo,
}

impl Authorizer for Asker {
    fn decide(&self, check: &Check) -> (bool, String) {
        let Some(server) = self.server.upgrade() else { return (false, "the server is going down".to_owned()) };
        let account = check.service_account.as_ref();
        let account = account.map(|(namespace, name)| UserInfo::service_account(namespace, name, ""));
        let decision = server.authorizer.authorize(account.as_ref().unwrap_or(&self.user), &asked(check));
        let allowed = decision.is_allowed();
        let (Decision::Allow(reason) | Decision::Deny(reason)) = decision;
        (allowed, reason)
    }
}

fn asked(check: &Check) -> RequestInfo {
    let verb = interned(&check.verb);
    if let Some(path) = &check.path {
        return RequestInfo { verb, path: path.clone(), ..RequestInfo::default() };
    }
    RequestInfo {
        verb,
        group: check.group.clone(),
        version: "*".to_owned(),
        resource: check.resource.clone(),
        subresource: check.subresource.clone(),
        namespace: check.namespace.clone(),
        name: check.name.clone(),
        is_resource: true,
        ..RequestInfo::default()
    }
}

/// Binds both variables for this request.
pub(super) fn bind(activation: &mut Activation, server: &ApiServer, request: &AdmissionRequest<'_>) {
    let asker: Arc<dyn Authorizer> = Arc::new(Asker { server: Weak::clone(&server.this), user: request.user.clone() });
    let own = Check {
        group: request.resource.group.clone(),
        resource: request.resource.plural.clone(),
        subresource: request.subresource.to_owned(),
        namespace: request.namespace.to_owned(),
        name: request.name.to_owned(),
        ..Check::default()
    };
    for ((name, _), check) in AUTHORIZER_VARIABLES.into_iter().zip([Check::default(), own]) {
        activation.bind(name, authorizer(Arc::clone(&asker), check));
    }
}
