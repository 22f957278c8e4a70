//! Admission by policies in CEL: `ValidatingAdmissionPolicy` and `MutatingAdmissionPolicy` with their bindings.
//!
//! Facts: <https://kubernetes.io/docs/reference/access-authn-authz/validating-admission-policy/> and
//! <https://kubernetes.io/docs/reference/access-authn-authz/mutating-admission-policy/>.

mod authorizer;
mod compiled;
pub(crate) mod definition;
mod evaluation;
mod mutating;
mod params;
mod typecheck;
mod validating;

pub(crate) use compiled::Cache;
pub(super) use compiled::Compiled;
pub(super) use evaluation::{Evaluation, settled};
pub(super) use mutating::mutate;
pub(crate) use typecheck::complete;
pub(super) use validating::validate;

use super::matching;
use crate::kinds::prelude::*;

pub(crate) const VALIDATING: &str = "admissionregistration.k8s.io/validatingadmissionpolicies";
const VALIDATING_BINDINGS: &str = "admissionregistration.k8s.io/validatingadmissionpolicybindings";
const MUTATING: &str = "admissionregistration.k8s.io/mutatingadmissionpolicies";
const MUTATING_BINDINGS: &str = "admissionregistration.k8s.io/mutatingadmissionpolicybindings";

/// A policy that the request falls under, with those of its bindings that do too.
struct Applicable {
    policy: Arc<Compiled>,
    resource: Arc<Resource>,
    bindings: Vec<Arc<Value>>,
}

/// The policies stored as `storage` that this request falls under.
fn applicable(
    server: &ApiServer,
    request: &AdmissionRequest<'_>,
    storage: &str,
    bindings: &str,
) -> Result<Vec<Applicable>, Status> {
    let snapshot = server.store.snapshot(storage);
    // Until the server is ready it writes only what every cluster has.
    if snapshot.is_empty() || !server.is_ready() {
        return Ok(Vec::new());
    }
    let bindings = server.list(bindings, None);
    let mut found = Vec::new();
    for entry in snapshot.range(None, None) {
        let bound: Vec<&Arc<Value>> = bindings.iter().filter(|b| b["spec"]["policyName"] == *entry.key.name).collect();
        if bound.is_empty() {
            continue;
        }
        let Some(policy) = server.policies.get(&entry)?.first().cloned() else { continue };
        let constraints = &policy.spec["matchConstraints"];
        let Some(resource) = matches(constraints, request, server)? else { continue };
        let mut matched = Vec::new();
        for binding in bound {
            let resources = &binding["spec"]["matchResources"];
            if resources.is_null() || matches(resources, request, server)?.is_some() {
                matched.push(binding.clone());
            }
        }
        if !matched.is_empty() {
            found.push(Applicable { policy, resource, bindings: matched });
        }
    }
    Ok(found)
}

/// What is meant where no rules say what.
static EVERYTHING: LazyLock<Value> =
    LazyLock::new(|| json!([{"operations": ["*"], "apiGroups": ["*"], "apiVersions": ["*"], "resources": ["*/*"]}]));

/// The resource as which the request is meant by `matchConstraints` or `matchResources`.
fn matches(
    criteria: &Value,
    request: &AdmissionRequest<'_>,
    server: &ApiServer,
) -> Result<Option<Arc<Resource>>, Status> {
    let (rules, policy) = (&criteria["resourceRules"], &criteria["matchPolicy"]);
    let rules = if is_empty(rules) { &EVERYTHING } else { rules };
    let Some(found) = matching::resource(rules, policy, request, &server.registry) else {
        return Ok(None);
    };
    if matching::resource(&criteria["excludeResourceRules"], policy, request, &server.registry).is_some() {
        return Ok(None);
    }
    Ok(matching::selected(criteria, request, server)?.then_some(found))
}

/// Whether a failure of the policy refuses the request.
fn fails_closed(policy: &Compiled) -> bool {
    policy.spec["failurePolicy"] != "Ignore"
}

/// The refusal of a request in these words of a policy.
fn denied(request: &AdmissionRequest<'_>, message: String, reason: &str, code: u16) -> Status {
    let mut status = request.forbidden(&message);
    (status.reason, status.code) = (reason.to_owned(), code);
    if let Some(details) = &mut status.details {
        details.causes.push(cluster_object::status::Cause { message, ..Default::default() });
    }
    status
}
