//! Roles and their bindings.

use super::BASE;
use super::cells::{OwnCell, join};
use super::walk::{At, child, default_text, each, items, text};
use crate::registry::Strategy;
use cluster_object::field::{Error, Errors};
use cluster_object::{meta, name};
use serde_json::Value;

const GROUP: &str = "rbac.authorization.k8s.io";

pub(super) const ROLE: Strategy = Strategy {
    validate: |object| {
        let (mut errors, namespaced) = (Errors::new(), meta::kind(object) == "Role");
        for rule in At::root(object).get("rules").items() {
            policy_rule(&rule, namespaced, &mut errors);
        }
        errors
    },
    validate_name: name::path_segment,
    create_on_update: true,
    ..BASE
};

pub(super) const BINDING: Strategy = Strategy {
    defaults: |object| {
        // This one Go writes even when it is empty.
        if let Some(role) = child(object, "roleRef") {
            default_text(role, "apiGroup", GROUP);
        }
        for subject in each(object, "subjects") {
            if matches!(text(&subject["kind"]), "User" | "Group") {
                default_text(subject, "apiGroup", GROUP);
            }
        }
    },
    validate: binding,
    validate_update: |new, old| {
        let mut errors = Errors::new();
        if new["roleRef"] != old["roleRef"] {
            errors.push(At::root(new).get("roleRef").invalid("cannot change roleRef"));
        }
        errors
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

fn binding(object: &Value) -> Errors {
    let (mut errors, at) = (Errors::new(), At::root(object));
    let role = at.get("roleRef");
    let kinds: &[&str] = if meta::kind(object) == "RoleBinding" { &["Role", "ClusterRole"] } else { &["ClusterRole"] };
    let kind = role.get("kind");
    if !kinds.contains(&kind.text()) {
        errors.push(Error::not_supported(&kind.path, kind.value, kinds));
    }
    for subject in at.get("subjects").items() {
        let (kind, group, namespace) = (subject.get("kind"), subject.get("apiGroup"), subject.get("namespace"));
        match kind.text() {
            "ServiceAccount" => {
                subject.get("name").optional_rule(name::dns_subdomain, &mut errors);
                if !group.is_empty() {
                    errors.push(Error::not_supported(&group.path, group.value, &[""]));
                }
                if namespace.is_empty() {
                    errors.push(namespace.missing(""));
                }
            }
            "User" | "Group" => group.one_of(&[GROUP], &mut errors),
            _ => errors.push(Error::not_supported(&kind.path, kind.value, &["ServiceAccount", "User", "Group"])),
        }
    }
    errors
}

fn subjects(binding: &Value, kind: &str) -> Value {
    let of_kind = items(&binding["subjects"]).iter().filter(|subject| subject["kind"] == kind);
    let show = |subject: &Value| match text(&subject["namespace"]) {
        "" => text(&subject["name"]).to_owned(),
        namespace => format!("{namespace}/{}", text(&subject["name"])),
    };
    join(of_kind.map(show)).replace(',', ", ").into()
}

pub(super) const BINDING_CELLS: &[OwnCell] = &[
    ("Role", |o| format!("{}/{}", text(&o["roleRef"]["kind"]), text(&o["roleRef"]["name"])).into()),
    ("Users", |o| subjects(o, "User")),
    ("Groups", |o| subjects(o, "Group")),
    ("ServiceAccounts", |o| subjects(o, "ServiceAccount")),
];
