//! Roles and their bindings.

use crate::kinds::prelude::*;

const GROUP: &str = "rbac.authorization.k8s.io";

pub(super) const ROLE: Strategy = Strategy {
    validate: |at, errors| {
        let namespaced = meta::kind(at.value) == "Role";
        for rule in at.get("rules").items() {
            policy_rule(&rule, namespaced, errors);
        }
    },
    ..Strategy::NONE
};

pub(super) const BINDING: Strategy = Strategy {
    validate: binding,
    validate_update: |at, old, errors| {
        if at.value["roleRef"] != old["roleRef"] {
            errors.push(at.get("roleRef").invalid("cannot change roleRef"));
        }
    },
    ..ROLE
};

fn policy_rule(rule: &At<'_>, namespaced: bool, errors: &mut Errors) {
    let urls = rule.get("nonResourceURLs");
    if !urls.is_empty() {
        if namespaced {
            errors.push(urls.invalid("namespaced rules cannot apply to non-resource URLs"));
        }
        if ["apiGroups", "resources", "resourceNames"].iter().any(|field| !rule.get(field).is_empty()) {
            errors.push(urls.invalid("rules cannot apply to both regular resources and non-resource URLs"));
        }
        return;
    }
    if rule.get("apiGroups").is_empty() {
        errors.push(rule.get("apiGroups").missing("resource rules must supply at least one api group"));
    }
    if rule.get("resources").is_empty() {
        errors.push(rule.get("resources").missing("resource rules must supply at least one resource"));
    }
}

fn binding(at: &At<'_>, errors: &mut Errors) {
    let role = at.get("roleRef");
    let kinds: &[&str] =
        if meta::kind(at.value) == "RoleBinding" { &["Role", "ClusterRole"] } else { &["ClusterRole"] };
    let kind = role.get("kind");
    if !kinds.contains(&kind.text()) {
        errors.push(Error::not_supported(&kind.path, kind.value, kinds));
    }
    for subject in at.get("subjects").items() {
        let (kind, group, namespace) = (subject.get("kind"), subject.get("apiGroup"), subject.get("namespace"));
        match kind.text() {
            "ServiceAccount" => {
                subject.get("name").optional_rule(name::dns_subdomain, errors);
                if !group.is_empty() {
                    errors.push(Error::not_supported(&group.path, group.value, &[""]));
                }
                if namespace.is_empty() {
                    errors.push(namespace.missing(""));
                }
            }
            "User" | "Group" => group.one_of(&[GROUP], errors),
            _ => errors.push(Error::not_supported(&kind.path, kind.value, &["ServiceAccount", "User", "Group"])),
        }
    }
}
