//! The roles and bindings that every cluster starts with.
//!
//! Facts: <https://kubernetes.io/docs/reference/access-authn-authz/rbac/#default-roles-and-role-bindings>.

use super::{Rule, escalation};
use crate::prelude::*;

/// A rule: verbs, API groups, resources and, where it is for some objects only, their names; each a list separated by
/// spaces. `core` is the core group. With the groups empty, the resources are paths.
type RuleRow<'a> = Vec<&'a str>;

/// Whom a role is given to: kind and name.
type Subject<'a> = (&'a str, &'a str);

/// Namespace, name, whom a binding of that name gives it to when there is one, and rules.
type RoleRow<'a> = (Option<&'a str>, &'a str, Option<Vec<Subject<'a>>>, Vec<RuleRow<'a>>);

/// What `bootstrap.json` holds.
///
/// The controllers of one process share one identity. The garbage collector and the namespace controller delete objects
/// of every kind, so there is nothing smaller to grant to `system:kube-controller-manager`. Upstream's own have a service
/// account each, which their roles are bound to.
#[derive(Deserialize)]
struct Tables<'a> {
    /// Each of view, edit and admin is the sum of what is labelled for it; edit contains view, admin contains edit.
    #[serde(borrow)]
    aggregated: [(&'a str, Vec<RuleRow<'a>>); 3],
    roles: Vec<RoleRow<'a>>,
}

/// The ConfigMap in `kube-system` by which extension servers learn whom to trust.
pub const AUTHENTICATION_CONFIG: &str = "extension-apiserver-authentication";

/// All roles and bindings, complete objects; created when they are missing.
pub fn policy() -> Vec<Value> {
    let aggregate = |to: &str| format!("system:aggregate-to-{to}");
    let label = |to: &str| format!("rbac.authorization.k8s.io/aggregate-to-{to}");
    let tables: Tables<'_> =
        serde_json::from_str(include_str!("bootstrap.json")).expect("tables of texts, which tests read");
    let mut objects = Vec::new();
    for (namespace, name, subjects, rows) in &tables.roles {
        objects.push(role(*namespace, name, rows));
        objects.extend(subjects.iter().map(|subjects| binding(*namespace, name, subjects)));
    }
    let mut sum: Vec<RuleRow<'_>> = Vec::new();
    for ((name, rows), into) in tables.aggregated.iter().zip([Some("edit"), Some("admin"), None]) {
        sum.extend_from_slice(rows);
        let mut part = role(None, &aggregate(name), rows);
        part["metadata"]["labels"][label(name)] = json!("true");
        let mut whole = role(None, name, &sum);
        whole["aggregationRule"] = json!({ "clusterRoleSelectors": [{ "matchLabels": { (label(name)): "true" } }] });
        if let Some(into) = into {
            whole["metadata"]["labels"][label(into)] = json!("true");
        }
        objects.extend([part, whole]);
    }
    objects
}

/// A stored role or binding with all that this version's grants beyond it, as it is at each start; `None` when nothing is
/// missing, or its owner wants it left alone. What an aggregated role holds is another's business.
pub(crate) fn reconciled(stored: &Value, own: &Value) -> Option<Value> {
    if meta::annotation(stored, AUTOUPDATE) != Some("true") || own["aggregationRule"].is_object() {
        return None;
    }
    let of = |object: &Value, field: &str| meta::items(&object[field]).to_vec();
    let held: Vec<Rule> = serde_json::from_value(of(stored, "rules").into()).ok()?;
    let covered = |rule: &Value| Rule::deserialize(rule).is_ok_and(|rule| escalation::covered(&held, &rule));
    let (subjects, mut grown) = (of(stored, "subjects"), stored.clone());
    let missing = |field: &str, there: &dyn Fn(&Value) -> bool| -> Vec<Value> {
        of(own, field).into_iter().filter(|item| !there(item)).collect()
    };
    let (rules, named) = (missing("rules", &covered), missing("subjects", &|subject| subjects.contains(subject)));
    for (field, more) in [("rules", &rules), ("subjects", &named)] {
        if !more.is_empty() {
            grown[field] = of(stored, field).iter().chain(more).cloned().collect();
        }
    }
    (!(rules.is_empty() && named.is_empty())).then_some(grown)
}

/// Whether a start of the server may add to the object.
const AUTOUPDATE: &str = "rbac.authorization.kubernetes.io/autoupdate";
const GROUP: &str = "rbac.authorization.k8s.io";

fn object(namespace: Option<&str>, kind: &str, name: &str) -> Value {
    let mut object = json!({
        "apiVersion": "rbac.authorization.k8s.io/v1", "kind": format!("Cluster{kind}"),
        "metadata": {
            "name": name,
            "labels": { "kubernetes.io/bootstrapping": "rbac-defaults" },
            "annotations": { (AUTOUPDATE): "true" },
        },
    });
    if let Some(namespace) = namespace {
        object["kind"] = json!(kind);
        object["metadata"]["namespace"] = json!(namespace);
    }
    object
}

fn role(namespace: Option<&str>, name: &str, rows: &[RuleRow<'_>]) -> Value {
    let mut role = object(namespace, "Role", name);
    role["rules"] = rows.iter().map(|row| rule(row)).collect();
    role
}

fn rule(row: &[&str]) -> Value {
    const FIELDS: [&str; 4] = ["verbs", "apiGroups", "resources", "resourceNames"];
    let word = |word: &str| if word == "core" { String::new() } else { word.to_owned() };
    let list = |text: &str| -> Value { text.split_whitespace().map(word).collect() };
    if let [verbs, "", paths] = row {
        return json!({ "verbs": list(verbs), "nonResourceURLs": list(paths) });
    }
    FIELDS.iter().zip(row).map(|(field, text)| ((*field).to_owned(), list(text))).collect()
}

fn binding(namespace: Option<&str>, name: &str, subjects: &[Subject<'_>]) -> Value {
    let subject = |(kind, name): &Subject<'_>| match *kind {
        "ServiceAccount" => json!({ "kind": kind, "name": name, "namespace": "kube-system" }),
        _ => json!({ "kind": kind, "name": name, "apiGroup": GROUP }),
    };
    // The one role whose name others are to bind themselves leaves that name free.
    let own = if name == "extension-apiserver-authentication-reader" { "system::" } else { "" };
    let mut binding = object(namespace, "RoleBinding", &format!("{own}{name}"));
    let kind = if namespace.is_some() { "Role" } else { "ClusterRole" };
    binding["roleRef"] = json!({ "apiGroup": GROUP, "kind": kind, "name": name });
    binding["subjects"] = subjects.iter().map(subject).collect();
    binding
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_binding_names_a_role_that_exists_and_each_object_stands_once() {
        let objects = policy();
        let key = |o: &Value, kind: &Value, name: &Value| format!("{} {kind} {name}", o["metadata"]["namespace"]);
        let all: Vec<String> = objects.iter().map(|o| key(o, &o["kind"], &o["metadata"]["name"])).collect();
        let unique: std::collections::BTreeSet<&String> = all.iter().collect();
        assert_eq!(unique.len(), all.len());
        for (binding, reference) in objects.iter().map(|o| (o, &o["roleRef"])).filter(|(_, r)| r.is_object()) {
            assert!(unique.contains(&key(binding, &reference["kind"], &reference["name"])), "{binding}");
        }
    }

    #[test]
    fn each_controller_of_upstream_has_a_role_for_its_service_account() {
        let objects = policy();
        let find = |kind: &str, name: &str| {
            objects.iter().find(|o| o["kind"] == kind && o["metadata"]["name"] == name).expect("object")
        };
        let name = "system:controller:certificate-controller";
        let account =
            json!([{ "kind": "ServiceAccount", "name": "certificate-controller", "namespace": "kube-system" }]);
        assert_eq!(find("ClusterRoleBinding", name)["subjects"], account);
        let approve = json!({
            "verbs": ["approve"], "apiGroups": ["certificates.k8s.io"], "resources": ["signers"],
            "resourceNames": ["kubernetes.io/kube-apiserver-client-kubelet"],
        });
        assert!(find("ClusterRole", name)["rules"].as_array().expect("rules").contains(&approve));
        assert_eq!(find("ClusterRoleBinding", "system:node")["subjects"], json!([]), "the Node authorizer does it");
        let reader = find("RoleBinding", "system::extension-apiserver-authentication-reader");
        assert_eq!(reader["roleRef"]["name"], "extension-apiserver-authentication-reader");
        assert_eq!(reader["metadata"]["namespace"], "kube-system");
    }

    #[test]
    fn view_cannot_read_secrets_and_edit_can() {
        let objects = policy();
        let reads_secrets = |name: &str| {
            let role = objects.iter().find(|o| o["metadata"]["name"] == name).expect("role");
            role["rules"].as_array().expect("rules").iter().any(|rule| {
                let has = |field: &str, value: &str| rule[field].as_array().is_some_and(|l| l.contains(&json!(value)));
                has("resources", "secrets") && has("verbs", "get")
            })
        };
        assert!(!reads_secrets("view"));
        assert!(reads_secrets("edit") && reads_secrets("admin"));
    }
}
