//! The Node authorizer: a kubelet reaches only what the pods bound to its node need.
//!
//! Rules: <https://kubernetes.io/docs/reference/access-authn-authz/node/>.

use super::follow::Follower;
use super::rbac::resource_matches;
use crate::prelude::*;
use cluster_object::meta::items;
use serde_json::value::RawValue;
use std::hash::BuildHasher;

/// (verbs, API group, resources) that every kubelet may use.
const RULES: &[(&str, &str, &str)] = &[
    ("create", "authentication.k8s.io", "tokenreviews"),
    ("create", "authorization.k8s.io", "subjectaccessreviews localsubjectaccessreviews"),
    ("get list watch", "", "services"),
    ("create get list watch", "", "nodes"),
    ("update patch", "", "nodes nodes/status"),
    ("create update patch", "", "events"),
    ("create update patch", "events.k8s.io", "events"),
    ("get list watch create delete", "", "pods"),
    ("update patch", "", "pods/status"),
    ("create", "", "pods/eviction"),
    ("create get list watch", "certificates.k8s.io", "certificatesigningrequests"),
    ("get list watch", "storage.k8s.io", "csidrivers volumeattachments"),
    ("get create update patch delete", "storage.k8s.io", "csinodes"),
    ("get list watch", "node.k8s.io", "runtimeclasses"),
];

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
    /// How many pods of a node refer to an object.
    references: HashMap<Arc<str>, HashMap<Reference, usize>>,
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
        match (request.group.as_str(), request.resource.as_str(), request.subresource.as_str()) {
            ("", "secrets" | "configmaps" | "persistentvolumeclaims" | "persistentvolumes", "") => {
                self.authorize_reference(node, request)
            }
            ("", "serviceaccounts", "token") if request.verb == "create" => self.authorize_reference(node, request),
            ("coordination.k8s.io", "leases", "") => authorize_lease(node, request),
            _ if allowed_by_rules(request) => Decision::Allow(String::new()),
            _ => Decision::Deny(String::new()),
        }
    }

    fn authorize_reference(&self, node: &str, request: &RequestInfo) -> Decision {
        let reads = matches!(&*request.verb, "get" | "list" | "watch");
        if !(reads || request.subresource == "token") {
            return Decision::Deny("can only read resources of this type".to_owned());
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
        let known = self.state.read().references.get(node).is_some_and(|known| known.keys().any(wanted));
        if known || self.binds_now(node, &namespace, wanted) {
            Decision::Allow(String::new())
        } else {
            Decision::Deny(format!("no relationship found between node '{node}' and this object"))
        }
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

fn allowed_by_rules(request: &RequestInfo) -> bool {
    RULES.iter().any(|(verbs, group, resources)| {
        *group == request.group
            && verbs.split(' ').any(|v| v == request.verb)
            && resources.split(' ').any(|r| resource_matches(r, &request.resource, &request.subresource))
    })
}

impl State {
    fn forget(&mut self, key: &Key) {
        let Some(Bound { node, references, .. }) = self.pods.remove(key) else { return };
        let Some(counts) = self.references.get_mut(&node) else { return };
        for reference in references {
            if let Some(count) = counts.get_mut(&reference) {
                *count -= 1;
                if *count == 0 {
                    counts.remove(&reference);
                }
            }
        }
        if counts.is_empty() {
            self.references.remove(&node);
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
        let counts = state.references.entry(Arc::clone(&node)).or_default();
        for reference in &references {
            *counts.entry(reference.clone()).or_default() += 1;
        }
        state.pods.insert(entry.key.clone(), Bound { node, references, spec: hash });
    }

    fn remove(&self, key: &Key) {
        self.state.write().forget(key);
    }

    fn reset(&self, _resource: &str) {
        *self.state.write() = State::default();
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
