//! What the variable `authorizer` of an expression asks, put to this server's own rules.

use crate::prelude::*;
use cluster_cel::{AUTHORIZER_VARIABLES, Activation, Authorizer, Check, authorizer};

/// What evaluations asked that only a webhook knows.
pub(super) type Unknown = Arc<Mutex<Vec<(UserInfo, RequestInfo)>>>;

/// The server, asked about who makes the request. Evaluations do not wait: what a webhook was not asked lately is
/// denied, and noted so that it can be asked before the next try.
struct Asker {
    server: Weak<ApiServer>,
    user: UserInfo,
    unknown: Unknown,
}

impl Authorizer for Asker {
    fn decide(&self, check: &Check) -> (bool, String) {
        let Some(server) = self.server.upgrade() else { return (false, "the server is going down".to_owned()) };
        let account = check.service_account.as_ref();
        let account = account.map(|(namespace, name)| UserInfo::service_account(namespace, name, ""));
        let (user, asked) = (account.as_ref().unwrap_or(&self.user), asked(check));
        let Some(decision) = server.authorizer.known(user, &asked) else {
            self.unknown.lock().push((user.clone(), asked));
            return (false, String::new());
        };
        let allowed = decision.is_allowed();
        let (Decision::Allow(reason) | Decision::Deny(reason)) = decision;
        (allowed, reason)
    }
}

fn asked(check: &Check) -> RequestInfo {
    let verb = check.verb.clone().into();
    if let Some(path) = &check.path {
        return RequestInfo { verb, path: path.clone(), ..RequestInfo::default() };
    }
    let resource = [check.group.as_str(), "*", &check.resource, &check.subresource];
    let mut request = RequestInfo::of(verb, resource, &check.namespace, &check.name);
    request.select(&check.fields, &check.labels);
    request
}

/// Binds both variables for this request. Returns where unknown answers are noted.
pub(super) fn bind(activation: &mut Activation, server: &ApiServer, request: &AdmissionRequest<'_>) -> Unknown {
    let (server, unknown) = (Weak::clone(&server.this), Unknown::default());
    let asker = Asker { server, user: request.user.clone(), unknown: Arc::clone(&unknown) };
    let asker: Arc<dyn Authorizer> = Arc::new(asker);
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
    unknown
}
