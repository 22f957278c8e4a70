//! The Node authorizer: a kubelet reaches only what the pods bound to its node need.
//!
//! Rules: <https://kubernetes.io/docs/reference/access-authn-authz/node/>.

use super::follow::Follower;
use super::{Rule, bootstrap};
use crate::prelude::*;
use cluster_object::meta::items;
use cluster_object::selector::FieldRequirement;
use serde_json::value::RawValue;
use std::hash::BuildHasher;

/// What every kubelet may do, but for what is decided object by object: the rules of the role `system:node`.
static RULES: LazyLock<Vec<Rule>> = LazyLock::new(|| {
    let role = bootstrap::policy().into_iter().find(|object| meta::name(object) == "system:node").unwrap_or_default();
    serde_json::from_value(role["rules"].clone()).expect("rules, which tests read")
});

/// What one pod refers to: (resource, namespace, name).
type Reference = (&'static str, Arc<str>, Box<str>);

/// A pod that has a node.
#[derive(Debug)]
struct Bound {
    node: Arc<str>,
    references: HashSet<Reference>,
    /// A hash of the spec they were read from, which most changes of a pod leave alone.
    spec: u64,
}

/// Which objects the pods of each node refer to.
pub struct NodeGraph {
    store: Arc<dyn Store>,
    state: RwLock<State>,
}

#[derive(Debug, Default)]
struct State {
    /// What is known of each bound pod.
    pods: HashMap<Key, Bound>,
    /// The pods of each node.
    nodes: HashMap<Arc<str>, HashSet<Key>>,
}

impl NodeGraph {
    /// An empty graph; the follower of `pods` fills it.
    pub(super) fn new(store: Arc<dyn Store>) -> Self {
        Self { store, state: RwLock::default() }
    }

    /// Decides for kubelets; others get a denial without a reason.
    pub fn authorize(&self, user: &UserInfo, request: &RequestInfo) -> Decision {
        let Some(node) = user.node_name() else { return Decision::Deny(String::new()) };
        if !request.is_resource {
            return Decision::Deny(String::new());
        }
        let reads = matches!(&*request.verb, "get" | "list" | "watch");
        match (request.group.as_str(), request.resource.as_str(), request.subresource.as_str()) {
            ("", "secrets" | "configmaps" | "persistentvolumeclaims" | "persistentvolumes", "")
            | ("", "persistentvolumeclaims", "status")
            | ("", "serviceaccounts", "token") => self.authorize_reference(node, request),
            ("coordination.k8s.io", "leases", "") => authorize_lease(node, request),
            ("", "nodes", "") if reads => authorize_node(node, request),
            ("", "pods", "") if reads => self.authorize_pod(node, request),
            ("storage.k8s.io", "csinodes", _) if request.verb != "create" && request.name != node => {
                Decision::Deny("can only access CSINode with the same name as the requesting node".to_owned())
            }
            // Whose they are is not followed here, and no kubelet of ours asks.
            ("resource.k8s.io", ..) => Decision::Deny(String::new()),
            _ if RULES.iter().any(|rule| rule.allows(request)) => Decision::Allow(String::new()),
            _ => Decision::Deny(String::new()),
        }
    }

    fn authorize_reference(&self, node: &str, request: &RequestInfo) -> Decision {
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
        let (resource, namespace, name) = match request.resource.as_str() {
            // Pods refer to a volume by the claim that it is bound to.
            "persistentvolumes" => self.claim_of(&request.name).unwrap_or_default(),
            resource => (resource.to_owned(), request.namespace.clone(), request.name.clone()),
        };
        let wanted = |(kind, space, own): &Reference| *kind == resource && **space == *namespace && **own == *name;
        if self.state.read().of_node(node).any(|pod| pod.references.iter().any(wanted))
            || self.binds_now(node, &namespace, wanted)
        {
            Decision::Allow(String::new())
        } else {
            unrelated(node)
        }
    }

    /// A pod is read by the node that it is bound to, as one of all such pods or alone.
    fn authorize_pod(&self, node: &str, request: &RequestInfo) -> Decision {
        let is_bound = || {
            let entry = self.store.get(&Key::new("pods", &*request.namespace, &*request.name))?;
            Some(serde_json::from_slice::<Stored<Value>>(&entry.bytes).ok()?.spec["nodeName"] == node)
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

impl NodeGraph {
    /// The claim that a volume is bound to: resource, namespace, name.
    fn claim_of(&self, volume: &str) -> Option<(String, String, String)> {
        let entry = self.store.get(&Key::new("persistentvolumes", "", volume))?;
        let volume: Value = serde_json::from_slice(&entry.bytes).ok()?;
        let claim = &volume["spec"]["claimRef"];
        let text = |field: &str| claim[field].as_str().map(str::to_owned);
        Some(("persistentvolumeclaims".to_owned(), text("namespace")?, text("name")?))
    }

    /// Whether a pod that the follower has not seen yet refers to the object: the kubelet can be faster than it.
    fn binds_now(&self, node: &str, namespace: &str, wanted: impl Fn(&Reference) -> bool) -> bool {
        let pods = self.store.snapshot("pods");
        pods.range(Some(namespace), None).any(|entry| {
            let Stored { spec } = serde_json::from_slice::<Stored<Value>>(&entry.bytes).unwrap_or_default();
            spec["nodeName"] == node && references(&spec, &entry.key).iter().any(&wanted)
        })
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

impl State {
    fn of_node(&self, node: &str) -> impl Iterator<Item = &Bound> {
        self.nodes.get(node).into_iter().flatten().filter_map(|key| self.pods.get(key))
    }

    fn forget(&mut self, key: &Key) {
        let Some(Bound { node, .. }) = self.pods.remove(key) else { return };
        if let Some(pods) = self.nodes.get_mut(&node) {
            pods.remove(key);
            if pods.is_empty() {
                self.nodes.remove(&node);
            }
        }
    }
}

impl Follower for NodeGraph {
    fn put(&self, entry: &Entry) {
        let unreadable = |error| {
            tracing::error!(pod = %entry.key.name, %error, "failed to read a stored pod; its node cannot read what it mounts");
        };
        let text = match serde_json::from_slice::<Stored<&RawValue>>(&entry.bytes) {
            Ok(Stored { spec }) => spec.get(),
            Err(error) => return unreadable(error),
        };
        let mut state = self.state.write();
        let hash = state.pods.hasher().hash_one(text);
        if state.pods.get(&entry.key).is_some_and(|known| known.spec == hash) {
            return;
        }
        state.forget(&entry.key);
        if !text.contains("\"nodeName\":") {
            return;
        }
        let spec: Value = match serde_json::from_str(text) {
            Ok(spec) => spec,
            Err(error) => return unreadable(error),
        };
        let Some(node) = spec["nodeName"].as_str().filter(|n| !n.is_empty()) else { return };
        let node: Arc<str> = Arc::from(node);
        let references = references(&spec, &entry.key);
        state.nodes.entry(Arc::clone(&node)).or_default().insert(entry.key.clone());
        state.pods.insert(entry.key.clone(), Bound { node, references, spec: hash });
    }

    fn remove(&self, key: &Key) {
        self.state.write().forget(key);
    }
}

/// What a pod's references are read from. The rest, which is most of a pod, is skipped.
#[derive(Default, Deserialize)]
struct Stored<T> {
    spec: T,
}

/// Everything a pod refers to by name.
fn references(spec: &Value, pod: &Key) -> HashSet<Reference> {
    let made = items(&spec["volumes"]).iter().filter(|volume| volume["ephemeral"].is_object());
    let made = made.map(|volume| ("persistentvolumeclaims", format!("{}-{}", pod.name, meta::text(volume, "name"))));
    let named = cluster_object::pod::references(spec).into_iter().map(|(resource, name)| (resource, name.to_owned()));
    named.chain(made).map(|(resource, name)| (resource, Arc::clone(&pod.namespace), name.into())).collect()
}
