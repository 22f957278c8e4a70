//! The roles and bindings that every cluster starts with.
//!
//! Facts: <https://kubernetes.io/docs/reference/access-authn-authz/rbac/#default-roles-and-role-bindings>.

use serde_json::{Value, json};

/// A rule as `(verbs, API groups, resources)`, each a list separated by spaces; `core` is the core group. With the
/// groups empty, the resources are paths.
type RuleRow = (&'static str, &'static str, &'static str);

const READ: &str = "get list watch";
const WRITE: &str = "create delete deletecollection patch update";
const ALL_VERBS: &str = "create delete deletecollection get list patch update watch";

const VIEW: &[RuleRow] = &[
    (
        READ,
        "core",
        "configmaps endpoints persistentvolumeclaims persistentvolumeclaims/status pods replicationcontrollers \
         replicationcontrollers/scale serviceaccounts services services/status bindings events limitranges \
         namespaces/status pods/log pods/status replicationcontrollers/status resourcequotas resourcequotas/status \
         namespaces",
    ),
    (READ, "discovery.k8s.io", "endpointslices"),
    (
        READ,
        "apps",
        "controllerrevisions daemonsets daemonsets/status deployments deployments/scale deployments/status replicasets \
         replicasets/scale replicasets/status statefulsets statefulsets/scale statefulsets/status",
    ),
    (READ, "autoscaling", "horizontalpodautoscalers horizontalpodautoscalers/status"),
    (READ, "batch", "cronjobs cronjobs/status jobs jobs/status"),
    (READ, "policy", "poddisruptionbudgets poddisruptionbudgets/status"),
    (READ, "networking.k8s.io", "ingresses ingresses/status networkpolicies"),
    (READ, "metrics.k8s.io", "nodes pods"),
];

const EDIT: &[RuleRow] = &[
    (READ, "core", "pods/attach pods/exec pods/portforward pods/proxy secrets services/proxy"),
    ("impersonate", "core", "serviceaccounts"),
    (WRITE, "core", "pods pods/attach pods/exec pods/portforward pods/proxy"),
    ("create", "core", "pods/eviction serviceaccounts/token"),
    (
        WRITE,
        "core",
        "configmaps events persistentvolumeclaims replicationcontrollers replicationcontrollers/scale secrets \
         serviceaccounts services services/proxy",
    ),
    (
        WRITE,
        "apps",
        "daemonsets deployments deployments/rollback deployments/scale replicasets replicasets/scale statefulsets \
         statefulsets/scale",
    ),
    (WRITE, "autoscaling", "horizontalpodautoscalers"),
    (WRITE, "batch", "cronjobs jobs"),
    (WRITE, "policy", "poddisruptionbudgets"),
    (WRITE, "networking.k8s.io", "ingresses networkpolicies"),
    (ALL_VERBS, "coordination.k8s.io", "leases"),
];

const ADMIN: &[RuleRow] = &[
    ("create", "authorization.k8s.io", "localsubjectaccessreviews"),
    (ALL_VERBS, "rbac.authorization.k8s.io", "rolebindings roles"),
];

/// Cluster roles that are granted as they stand: name and rules.
const CLUSTER_ROLES: &[(&str, &[RuleRow])] = &[
    ("cluster-admin", &[("*", "*", "*"), ("*", "", "*")]),
    (
        "system:discovery",
        &[("get", "", "/api /api/* /apis /apis/* /healthz /livez /openapi /openapi/* /readyz /version /version/")],
    ),
    (
        "system:basic-user",
        &[
            ("create", "authorization.k8s.io", "selfsubjectaccessreviews selfsubjectrulesreviews"),
            ("create", "authentication.k8s.io", "selfsubjectreviews"),
        ],
    ),
    ("system:public-info-viewer", &[("get", "", "/healthz /livez /readyz /version /version/")]),
    (
        "system:monitoring",
        &[("get", "", "/healthz /healthz/* /livez /livez/* /metrics /metrics/slis /readyz /readyz/*")],
    ),
    ("system:service-account-issuer-discovery", &[("get", "", "/.well-known/openid-configuration /openid/v1/jwks")]),
    (
        "system:auth-delegator",
        &[
            ("create", "authentication.k8s.io", "tokenreviews"),
            ("create", "authorization.k8s.io", "subjectaccessreviews"),
        ],
    ),
    (
        "system:node-proxier",
        &[
            (READ, "core", "services endpoints nodes"),
            ("create patch update", "core events.k8s.io", "events"),
            (READ, "discovery.k8s.io", "endpointslices"),
            (READ, "networking.k8s.io", "servicecidrs networkpolicies"),
            (READ, "core", "pods namespaces"),
        ],
    ),
    ("system:kube-dns", &[("list watch", "core", "endpoints services")]),
    (
        "system:kube-scheduler",
        &[
            ("create patch update", "core events.k8s.io", "events"),
            ("create get list patch update watch", "coordination.k8s.io", "leases"),
            ("get list watch", "core", "nodes namespaces"),
            ("delete get list watch", "core", "pods"),
            ("create", "core", "bindings pods/binding"),
            ("patch update", "core", "pods/status"),
            (READ, "core", "replicationcontrollers services"),
            (READ, "apps", "replicasets statefulsets"),
            (READ, "policy", "poddisruptionbudgets"),
            ("get list patch update watch", "core", "persistentvolumeclaims persistentvolumes"),
            ("create", "authentication.k8s.io", "tokenreviews"),
            ("create", "authorization.k8s.io", "subjectaccessreviews"),
            (READ, "storage.k8s.io", "csinodes csidrivers csistoragecapacities storageclasses volumeattachments"),
            (READ, "resource.k8s.io", "deviceclasses resourceclaims resourceslices"),
            ("patch update", "resource.k8s.io", "resourceclaims resourceclaims/status"),
        ],
    ),
    // The controllers of one process share one identity. The garbage collector and the namespace controller delete
    // objects of every kind, so there is nothing smaller to grant.
    ("system:kube-controller-manager", &[("*", "*", "*"), ("get", "", "*")]),
    ("system:node", &[]),
    ("system:node-bootstrapper", &[("create get list watch", "certificates.k8s.io", "certificatesigningrequests")]),
    (
        "system:certificates.k8s.io:certificatesigningrequests:nodeclient",
        &[("create", "certificates.k8s.io", "certificatesigningrequests/nodeclient")],
    ),
    (
        "system:certificates.k8s.io:certificatesigningrequests:selfnodeclient",
        &[("create", "certificates.k8s.io", "certificatesigningrequests/selfnodeclient")],
    ),
    (
        "system:persistent-volume-provisioner",
        &[
            ("create delete get list watch", "core", "persistentvolumes"),
            ("get list update watch", "core", "persistentvolumeclaims"),
            (READ, "storage.k8s.io", "storageclasses"),
            ("create get list patch update watch", "core", "events"),
        ],
    ),
];

/// (binding and role, subject kind, subject)
const CLUSTER_ROLE_BINDINGS: &[(&str, &str, &str)] = &[
    ("cluster-admin", "Group", "system:masters"),
    ("system:monitoring", "Group", "system:monitoring"),
    ("system:discovery", "Group", "system:authenticated"),
    ("system:basic-user", "Group", "system:authenticated"),
    ("system:public-info-viewer", "Group", "system:authenticated"),
    ("system:public-info-viewer", "Group", "system:unauthenticated"),
    ("system:node-proxier", "User", "system:kube-proxy"),
    ("system:kube-controller-manager", "User", "system:kube-controller-manager"),
    ("system:kube-scheduler", "User", "system:kube-scheduler"),
    ("system:kube-dns", "ServiceAccount", "kube-dns"),
    ("system:service-account-issuer-discovery", "Group", "system:serviceaccounts"),
];

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
    let mut rule = rule(&(READ, "core", "configmaps"));
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
    let mut objects: Vec<Value> = CLUSTER_ROLES.iter().map(|(name, rows)| cluster_role(name, rows)).collect();

    // Each of view, edit and admin is the sum of what is labelled for it; edit contains view, admin contains edit.
    let chain: [(&str, &[RuleRow], Option<&str>); 3] =
        [("view", VIEW, Some("edit")), ("edit", EDIT, Some("admin")), ("admin", ADMIN, None)];
    let mut sum: Vec<RuleRow> = Vec::new();
    for (name, rows, into) in chain {
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
    objects.extend(bindings());
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

fn bindings() -> Vec<Value> {
    let mut objects: Vec<Value> = Vec::new();
    for (name, kind, subject) in CLUSTER_ROLE_BINDINGS {
        let subject = match *kind {
            "ServiceAccount" => json!({ "kind": kind, "name": subject, "namespace": "kube-system" }),
            _ => json!({ "kind": kind, "name": subject, "apiGroup": "rbac.authorization.k8s.io" }),
        };
        let present = objects.iter_mut().find(|o| o["metadata"]["name"] == *name);
        if let Some(subjects) = present.and_then(|o| o["subjects"].as_array_mut()) {
            subjects.push(subject);
            continue;
        }
        objects.push(json!({
            "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRoleBinding", "metadata": metadata(name),
            "roleRef": { "apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": name },
            "subjects": [subject],
        }));
    }
    objects
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
