//! The roles and bindings that every cluster starts with.
//!
//! Facts: <https://kubernetes.io/docs/reference/access-authn-authz/rbac/#default-roles-and-role-bindings>.

use crate::prelude::*;

/// A rule as `(verbs, API groups, resources)`, each a list separated by spaces; `core` is the core group. With the
/// groups empty, the resources are paths.
type RuleRow = (&'static str, &'static str, &'static str);

/// What `bootstrap.json` holds.
///
/// The controllers of one process share one identity. The garbage collector and the namespace controller delete objects
/// of every kind, so there is nothing smaller to grant to `system:kube-controller-manager`.
#[derive(Deserialize)]
struct Tables {
    /// Each of view, edit and admin is the sum of what is labelled for it; edit contains view, admin contains edit.
    #[serde(borrow)]
    aggregated: [(&'static str, Vec<RuleRow>); 3],
    /// Cluster roles that are granted as they stand: name and rules.
    roles: Vec<(&'static str, Vec<RuleRow>)>,
    /// Of each binding and its role the name and the subjects: kind and name.
    bindings: Vec<(&'static str, Vec<(&'static str, &'static str)>)>,
}

/// The ConfigMap in `kube-system` by which extension servers learn whom to trust.
pub const AUTHENTICATION_CONFIG: &str = "extension-apiserver-authentication";

/// The role that may read [`AUTHENTICATION_CONFIG`], bound to the system's own readers; others bind it themselves.
pub fn authentication_reader() -> [Value; 2] {
    let mut metadata = metadata("extension-apiserver-authentication-reader");
    metadata["namespace"] = json!("kube-system");
    let mut bound = metadata.clone();
    bound["name"] = json!("system::extension-apiserver-authentication-reader");
    let (group, version) = ("rbac.authorization.k8s.io", "rbac.authorization.k8s.io/v1");
    let subjects = ["system:kube-controller-manager", "system:kube-scheduler"]
        .map(|name| json!({ "kind": "User", "name": name, "apiGroup": group }));
    let mut rule = rule(&("get list watch", "core", "configmaps"));
    rule["resourceNames"] = json!([AUTHENTICATION_CONFIG]);
    [
        json!({
            "apiVersion": version, "kind": "RoleBinding", "metadata": bound, "subjects": subjects,
            "roleRef": { "apiGroup": group, "kind": "Role", "name": metadata["name"] },
        }),
        json!({ "apiVersion": version, "kind": "Role", "metadata": metadata, "rules": [rule] }),
    ]
}

/// All cluster roles and cluster role bindings, complete objects; created when they are missing.
pub fn policy() -> Vec<Value> {
    let aggregate = |to: &str| format!("system:aggregate-to-{to}");
    let label = |to: &str| format!("rbac.authorization.k8s.io/aggregate-to-{to}");
    let tables: Tables =
        serde_json::from_str(include_str!("bootstrap.json")).expect("tables of texts, which tests read");
    let mut objects: Vec<Value> = tables.roles.iter().map(|(name, rows)| cluster_role(name, rows)).collect();
    let mut sum: Vec<RuleRow> = Vec::new();
    for ((name, rows), into) in tables.aggregated.iter().zip([Some("edit"), Some("admin"), None]) {
        sum.extend_from_slice(rows);
        let mut part = cluster_role(&aggregate(name), rows);
        part["metadata"]["labels"][label(name)] = json!("true");
        let mut whole = cluster_role(name, &sum);
        whole["aggregationRule"] = json!({ "clusterRoleSelectors": [{ "matchLabels": { (label(name)): "true" } }] });
        if let Some(into) = into {
            whole["metadata"]["labels"][label(into)] = json!("true");
        }
        objects.extend([part, whole]);
    }
    objects.extend(tables.bindings.iter().map(binding));
    objects
}

fn cluster_role(name: &str, rows: &[RuleRow]) -> Value {
    let rules: Vec<Value> = rows.iter().map(rule).collect();
    json!({
        "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole", "metadata": metadata(name), "rules": rules,
    })
}

fn metadata(name: &str) -> Value {
    json!({
        "name": name,
        "labels": { "kubernetes.io/bootstrapping": "rbac-defaults" },
        "annotations": { "rbac.authorization.kubernetes.io/autoupdate": "true" },
    })
}

fn rule((verbs, groups, resources): &RuleRow) -> Value {
    let list = |text: &str| text.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
    if groups.is_empty() {
        return json!({ "verbs": list(verbs), "nonResourceURLs": list(resources) });
    }
    let groups: Vec<String> = list(groups).into_iter().map(|g| if g == "core" { String::new() } else { g }).collect();
    json!({ "verbs": list(verbs), "apiGroups": groups, "resources": list(resources) })
}

fn binding((name, subjects): &(&str, Vec<(&str, &str)>)) -> Value {
    let subject = |(kind, name): &(&str, &str)| match *kind {
        "ServiceAccount" => json!({ "kind": kind, "name": name, "namespace": "kube-system" }),
        _ => json!({ "kind": kind, "name": name, "apiGroup": "rbac.authorization.k8s.io" }),
    };
    json!({
        "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRoleBinding", "metadata": metadata(name),
        "roleRef": { "apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": name },
        "subjects": subjects.iter().map(subject).collect::<Vec<_>>(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_binding_names_a_role_that_exists_and_each_object_stands_once() {
        let objects = policy();
        let names = |kind: &str| -> Vec<&str> {
            objects.iter().filter(|o| o["kind"] == kind).filter_map(|o| o["metadata"]["name"].as_str()).collect()
        };
        let roles = names("ClusterRole");
        let mut unique = roles.clone();
        unique.sort_unstable();
        unique.dedup();
        assert_eq!(unique.len(), roles.len());
        for binding in names("ClusterRoleBinding") {
            assert!(roles.contains(&binding), "{binding}");
        }
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
