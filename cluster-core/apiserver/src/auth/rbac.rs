//! Role-based access control: an index of who is bound to which rules, kept by watch.

use super::follow::Follower;
use crate::kinds::prelude::*;

pub(super) const GROUP: &str = "rbac.authorization.k8s.io";

/// The resources RBAC lives in, as the store names them.
pub(super) const RESOURCES: [&str; 4] = [
    "rbac.authorization.k8s.io/roles",
    "rbac.authorization.k8s.io/clusterroles",
    "rbac.authorization.k8s.io/rolebindings",
    "rbac.authorization.k8s.io/clusterrolebindings",
];

/// One `PolicyRule`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Rule {
    /// Verbs, `*` for all.
    pub verbs: Vec<String>,
    /// API groups, `*` for all, empty text for core.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub api_groups: Vec<String>,
    /// `pods`, `pods/log`, `*/scale`, `*`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub resources: Vec<String>,
    /// Only these objects; empty for all.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub resource_names: Vec<String>,
    /// Paths, a trailing `*` matches the rest.
    #[serde(rename = "nonResourceURLs", skip_serializing_if = "Vec::is_empty")]
    pub non_resource_urls: Vec<String>,
}

impl Rule {
    /// Whether the rule allows the request, as upstream's `RuleAllows`.
    pub fn allows(&self, request: &RequestInfo) -> bool {
        if !matches_any(&self.verbs, &request.verb) {
            return false;
        }
        if !request.is_resource {
            return self.non_resource_urls.iter().any(|url| path_matches(url, &request.path));
        }
        matches_any(&self.api_groups, &request.group)
            && self.resources.iter().any(|r| resource_matches(r, &request.resource, &request.subresource))
            && (self.resource_names.is_empty() || self.resource_names.contains(&request.name))
    }
}

/// Whether a rule's list has this value, or stands for all of them.
pub(crate) fn matches_any(allowed: &[String], value: &str) -> bool {
    allowed.iter().any(|a| a == "*" || a == value)
}

pub(crate) fn path_matches(rule: &str, path: &str) -> bool {
    rule == path || rule.strip_suffix('*').is_some_and(|prefix| path.starts_with(prefix))
}

/// Whether a rule's resource covers `resource/subresource`.
pub(super) fn resource_matches(rule: &str, resource: &str, subresource: &str) -> bool {
    match rule.split_once('/') {
        None => rule == "*" || (subresource.is_empty() && rule == resource),
        Some((of, sub)) => !subresource.is_empty() && sub == subresource && (of == "*" || of == resource),
    }
}

/// Namespace and name; the namespace is empty for cluster-wide objects.
type Id = (Arc<str>, Arc<str>);

#[derive(Debug)]
enum Subject {
    User(String),
    Group(String),
}

#[derive(Debug)]
struct Binding {
    /// The role; its namespace is empty for a ClusterRole.
    role: Id,
    subjects: Vec<Subject>,
}

impl Binding {
    fn names(&self, user: &UserInfo) -> bool {
        self.subjects.iter().any(|subject| match subject {
            Subject::User(name) => *name == user.name,
            Subject::Group(name) => user.in_group(name),
        })
    }
}

#[derive(Debug, Default)]
struct Index {
    roles: HashMap<Id, Arc<[Rule]>>,
    bindings: BTreeMap<Id, Binding>,
}

/// The RBAC authorizer.
#[derive(Debug, Default)]
pub struct Rbac {
    index: RwLock<Index>,
}

impl Rbac {
    /// Allows what any rule bound to the user or one of their groups allows.
    pub fn authorize(&self, user: &UserInfo, request: &RequestInfo) -> Decision {
        let index = self.index.read();
        for (id, binding) in index.bindings_of(user, &request.namespace) {
            let rules = index.roles.get(&binding.role);
            if rules.is_some_and(|rules| rules.iter().any(|rule| rule.allows(request))) {
                return Decision::Allow(allow_reason(id, binding));
            }
        }
        Decision::Deny(String::new())
    }

    /// All rules that apply to the user in `namespace`; cluster-wide ones alone when it is empty.
    pub fn rules_for(&self, user: &UserInfo, namespace: &str) -> Vec<Rule> {
        let index = self.index.read();
        let mut seen = HashSet::new();
        let mut rules = Vec::new();
        for (_, binding) in index.bindings_of(user, namespace) {
            let held = index.roles.get(&binding.role).into_iter().flat_map(|rules| rules.iter());
            rules.extend(held.filter(|rule| seen.insert((*rule).clone())).cloned());
        }
        rules
    }
}

fn allow_reason(id: &Id, binding: &Binding) -> String {
    let role = if binding.role.0.is_empty() { "ClusterRole" } else { "Role" };
    let kind = if id.0.is_empty() { "ClusterRoleBinding" } else { "RoleBinding" };
    let place = if id.0.is_empty() { String::new() } else { format!("/{}", id.0) };
    format!("RBAC: allowed by {kind} \"{}{place}\" of {role} {:?}", id.1, binding.role.1)
}

impl Index {
    /// The bindings that name the user: those that count everywhere, then those in the namespace.
    fn bindings_of<'a>(
        &'a self,
        user: &'a UserInfo,
        namespace: &'a str,
    ) -> impl Iterator<Item = (&'a Id, &'a Binding)> {
        let places = std::iter::once("").chain(Some(namespace).filter(|namespace| !namespace.is_empty()));
        let bindings = places.flat_map(move |place| {
            let first: Id = (place.into(), "".into());
            self.bindings.range(first..).take_while(move |((namespace, _), _)| **namespace == *place)
        });
        bindings.filter(|(_, binding)| binding.names(user))
    }
}

/// The rules of a stored role.
pub(super) fn rules(entry: &Entry) -> Result<Vec<Rule>, serde_json::Error> {
    let role: Value = serde_json::from_slice(&entry.bytes)?;
    Option::deserialize(&role["rules"]).map(Option::unwrap_or_default)
}

fn binding(namespace: &Arc<str>, bytes: &[u8]) -> Result<Binding, serde_json::Error> {
    let object: Value = serde_json::from_slice(bytes)?;
    let role = &object["roleRef"];
    let role_namespace = if role["kind"] == "ClusterRole" { Arc::from("") } else { Arc::clone(namespace) };
    let subject = |subject: &Value| {
        let name = text(&subject["name"]).to_owned();
        match text(&subject["kind"]) {
            "User" => Some(Subject::User(name)),
            "Group" => Some(Subject::Group(name)),
            "ServiceAccount" => {
                let namespace = text(&subject["namespace"]);
                Some(Subject::User(format!("system:serviceaccount:{namespace}:{name}")))
            }
            _ => None,
        }
    };
    let subjects = items(&object["subjects"]).iter().filter_map(subject).collect();
    Ok(Binding { role: (role_namespace, Arc::from(text(&role["name"]))), subjects })
}

fn is_binding(resource: &str) -> bool {
    resource.ends_with("bindings")
}

impl Follower for Rbac {
    fn put(&self, entry: &Entry) {
        let id: Id = (Arc::clone(&entry.key.namespace), Arc::clone(&entry.key.name));
        let mut index = self.index.write();
        if !is_binding(&entry.key.resource) {
            match rules(entry) {
                Ok(rules) => {
                    index.roles.insert(id, rules.into());
                }
                Err(error) => tracing::error!(%error, role = %id.1, "failed to read a stored role; it allows nothing"),
            }
            return;
        }
        match binding(&id.0, &entry.bytes) {
            Ok(binding) => drop(index.bindings.insert(id, binding)),
            Err(error) => {
                tracing::error!(%error, binding = %id.1, "failed to read a stored binding; it binds nobody");
                index.bindings.remove(&id);
            }
        }
    }

    fn remove(&self, key: &Key) {
        let id: Id = (Arc::clone(&key.namespace), Arc::clone(&key.name));
        let mut index = self.index.write();
        if is_binding(&key.resource) {
            index.bindings.remove(&id);
        } else {
            index.roles.remove(&id);
        }
    }
}
