//! The Node authorizer: a kubelet reaches only what the pods bound to its node need.
//!
//! Rules: <https://kubernetes.io/docs/reference/access-authn-authz/node/>. What pods refer to is read when a kubelet asks,
//! which is seldom: to keep it in an index cost each write of each pod.

use super::{Rule, bootstrap};
use crate::prelude::*;
use cluster_object::meta::items;
use cluster_object::selector::FieldRequirement;
use memchr::memmem;

/// What every kubelet may do, but for what is decided object by object: the rules of the role `system:node`.
static RULES: LazyLock<Vec<Rule>> = LazyLock::new(|| {
    let role = bootstrap::policy().into_iter().find(|object| meta::name(object) == "system:node").unwrap_or_default();
    serde_json::from_value(role["rules"].clone()).expect("rules, which tests read")
});

/// Decides for kubelets; others get a denial without a reason.
pub(super) fn authorize(store: &dyn Store, user: &UserInfo, request: &RequestInfo) -> Decision {
    let Some(node) = user.node_name() else { return Decision::Deny(String::new()) };
    if !request.is_resource {
        return Decision::Deny(String::new());
    }
    let reads = matches!(&*request.verb, "get" | "list" | "watch");
    match (request.group.as_str(), request.resource.as_str(), request.subresource.as_str()) {
        ("", "secrets" | "configmaps" | "persistentvolumeclaims" | "persistentvolumes", "")
        | ("", "persistentvolumeclaims", "status")
        | ("", "serviceaccounts", "token") => authorize_reference(store, node, request),
        ("coordination.k8s.io", "leases", "") => authorize_lease(node, request),
        ("", "nodes", "") if reads => authorize_node(node, request),
        ("", "pods", "") if reads => authorize_pod(store, node, request),
        ("storage.k8s.io", "csinodes", _) if request.verb != "create" && request.name != node => {
            Decision::Deny("can only access CSINode with the same name as the requesting node".to_owned())
        }
        // Whose they are is not followed here, and no kubelet of ours asks.
        ("resource.k8s.io", ..) => Decision::Deny(String::new()),
        _ if RULES.iter().any(|rule| rule.allows(request)) => Decision::Allow(String::new()),
        _ => Decision::Deny(String::new()),
    }
}

fn authorize_reference(store: &dyn Store, node: &str, request: &RequestInfo) -> Decision {
    let (verbs, refusal) = match (request.resource.as_str(), request.subresource.as_str()) {
        (_, "token") => (&["create"][..], "can only create tokens for individual service accounts"),
        (_, "status") => (&["update", "patch"][..], "can only get/update/patch this type"),
        ("secrets" | "configmaps", _) => (&["get", "list", "watch"][..], "can only read resources of this type"),
        _ => (&["get"][..], "can only get individual resources of this type"),
    };
    if !verbs.contains(&&*request.verb) {
        return Decision::Deny(refusal.to_owned());
    }
    if request.name.is_empty() {
        return Decision::Deny("No Object name found".to_owned());
    }
    let wanted = match request.resource.as_str() {
        // Pods refer to a volume by the claim that it is bound to.
        "persistentvolumes" => claim_of(store, &request.name).unwrap_or_default(),
        resource => (resource.to_owned(), request.namespace.clone(), request.name.clone()),
    };
    if refers(store, node, &wanted) { Decision::Allow(String::new()) } else { unrelated(node) }
}

/// A pod is read by the node that it is bound to, as one of all such pods or alone.
fn authorize_pod(store: &dyn Store, node: &str, request: &RequestInfo) -> Decision {
    let is_bound = || {
        let entry = store.get(&Key::new("pods", &*request.namespace, &*request.name))?;
        Some(spec(&entry)["nodeName"] == node)
    };
    let own = |demand: &FieldRequirement| demand.equal && demand.field == "spec.nodeName" && demand.value == node;
    if request.verb != "get" && request.fields.iter().any(own) {
        Decision::Allow(String::new())
    } else if request.name.is_empty() {
        Decision::Deny("can only list/watch pods with spec.nodeName field selector".to_owned())
    } else if is_bound() == Some(true) {
        Decision::Allow(String::new())
    } else {
        unrelated(node)
    }
}

fn unrelated(node: &str) -> Decision {
    Decision::Deny(format!("no relationship found between node '{node}' and this object"))
}

fn authorize_node(node: &str, request: &RequestInfo) -> Decision {
    match request.name.as_str() {
        name if name == node => Decision::Allow(String::new()),
        "" => Decision::Deny(format!("node '{node}' cannot read all nodes, only its own Node object")),
        name => Decision::Deny(format!("node '{node}' cannot read '{name}', only its own Node object")),
    }
}

fn authorize_lease(node: &str, request: &RequestInfo) -> Decision {
    let own = request.namespace == "kube-node-lease" && (request.name == node || request.verb == "create");
    if own && matches!(&*request.verb, "get" | "create" | "update" | "patch" | "delete") {
        Decision::Allow(String::new())
    } else {
        Decision::Deny("can only access node lease with the same name as the requesting node".to_owned())
    }
}

/// The claim that a volume is bound to: resource, namespace, name.
fn claim_of(store: &dyn Store, volume: &str) -> Option<(String, String, String)> {
    let entry = store.get(&Key::new("persistentvolumes", "", volume))?;
    let volume: Value = serde_json::from_slice(&entry.bytes).ok()?;
    let claim = &volume["spec"]["claimRef"];
    let text = |field: &str| claim[field].as_str().map(str::to_owned);
    Some(("persistentvolumeclaims".to_owned(), text("namespace")?, text("name")?))
}

/// Whether a pod that is bound to the node refers to the object: resource, namespace, name.
fn refers(store: &dyn Store, node: &str, (resource, namespace, name): &(String, String, String)) -> bool {
    // Only pods that name the node are read as more than bytes: those of others are passed at some gigabytes a second.
    let bound = format!("\"nodeName\":{}", Value::from(node));
    let bound = memmem::Finder::new(&bound);
    let names_node = |entry: &Arc<Entry>| bound.find(&entry.bytes).is_some();
    let is_wanted = |(kind, own): (&str, Cow<'_, str>)| kind == resource && own == name.as_str();
    store.snapshot("pods").range(Some(namespace), None).filter(names_node).any(|entry| {
        let spec = spec(&entry);
        spec["nodeName"] == node && references(&spec, &entry.key.name).any(is_wanted)
    })
}

/// A pod's spec. The rest of it is skipped.
fn spec(pod: &Entry) -> Value {
    #[derive(Default, Deserialize)]
    struct Stored {
        spec: Value,
    }
    serde_json::from_slice::<Stored>(&pod.bytes).unwrap_or_default().spec
}

/// Everything in its namespace that a pod refers to by name.
fn references<'a>(spec: &'a Value, pod: &'a str) -> impl Iterator<Item = (&'static str, Cow<'a, str>)> {
    let made = items(&spec["volumes"]).iter().filter(|volume| volume["ephemeral"].is_object());
    let made =
        made.map(move |volume| ("persistentvolumeclaims", format!("{pod}-{}", meta::text(volume, "name")).into()));
    let named = cluster_object::pod::references(spec).into_iter().map(|(resource, name)| (resource, name.into()));
    named.chain(made)
}
