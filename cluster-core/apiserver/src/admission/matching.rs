//! Which requests a webhook or an admission policy is about: rules, scope, selectors, equivalent versions.
//!
//! Facts: <https://kubernetes.io/docs/reference/access-authn-authz/extensible-admission-controllers/#matching-requests-rules>.

use crate::kinds::prelude::*;

/// The resource as which the request falls under `rules`: its own, or with the match policy `Equivalent` another
/// version of it. Configurations of admission itself fall under no rule, so that nobody locks himself out.
pub(crate) fn resource(
    rules: &Value,
    match_policy: &Value,
    request: &AdmissionRequest<'_>,
    registry: &Registry,
) -> Option<Arc<Resource>> {
    let own = request.resource;
    if own.group == "admissionregistration.k8s.io" {
        return None;
    }
    let table = registry.table();
    let same = |r: &Arc<Resource>| r.group == own.group && r.version == own.version && r.plural == own.plural;
    let equivalent = |r: &Arc<Resource>| match_policy != "Exact" && r.storage == own.storage && !same(r);
    let candidates = table.resources().iter().filter(|r| same(r));
    let mut candidates = candidates.chain(table.resources().iter().filter(|r| equivalent(r)));
    candidates.find(|candidate| items(rules).iter().any(|rule| covers(rule, request, candidate))).cloned()
}

fn covers(rule: &Value, request: &AdmissionRequest<'_>, resource: &Resource) -> bool {
    let one_of = |field: &str, wanted: &str| texts(&rule[field]).any(|given| given == "*" || given == wanted);
    let clusterwide = request.namespace.is_empty() || resource.storage == "namespaces";
    let in_scope = match text(&rule["scope"]) {
        "Namespaced" => !clusterwide,
        "Cluster" => clusterwide,
        _ => true,
    };
    let names = texts(&rule["resources"]).map(|name| name.split_once('/').unwrap_or((name, "")));
    let named = |(plural, sub): (&str, &str)| {
        (plural == "*" || plural == resource.plural) && (sub == "*" || sub == request.subresource)
    };
    in_scope
        && one_of("operations", request.operation.name())
        && one_of("apiGroups", &resource.group)
        && one_of("apiVersions", &resource.version)
        && names.into_iter().any(named)
        && (is_empty(&rule["resourceNames"]) || texts(&rule["resourceNames"]).any(|name| name == request.name))
}

/// Whether the request's namespace and object are meant by `namespaceSelector` and `objectSelector` of `criteria`.
pub(crate) fn selected(criteria: &Value, request: &AdmissionRequest<'_>, lookup: &dyn Lookup) -> Result<bool, Status> {
    let selector = |field: &str| match &criteria[field] {
        Value::Null => Ok(Selector::default()),
        given => Selector::from_label_selector(given).map_err(Status::internal),
    };
    let (namespaces, objects) = (selector("namespaceSelector")?, selector("objectSelector")?);
    let fits = |selector: &Selector, object: &Value| selector.matches(|key| meta::label(object, key));
    if !objects.is_empty() {
        let present = [Some(&*request.object), request.old].into_iter().flatten().filter(|o| o.is_object());
        if !present.into_iter().any(|object| fits(&objects, object)) {
            return Ok(false);
        }
    }
    let of_namespace = request.resource.storage == "namespaces";
    if namespaces.is_empty() || (request.namespace.is_empty() && !of_namespace) {
        return Ok(true);
    }
    let written = matches!(request.operation, Operation::Create | Operation::Update) && request.subresource.is_empty();
    if of_namespace && written {
        return Ok(fits(&namespaces, request.object));
    }
    let name = if of_namespace { request.name } else { request.namespace };
    let group_resource = GroupResource { group: "", resource: "namespaces" };
    let namespace = lookup.find("namespaces", "", name).ok_or_else(|| Status::not_found(group_resource, name))?;
    Ok(fits(&namespaces, &namespace))
}
