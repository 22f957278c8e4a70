//! Priority and fairness: which flow schema a request belongs to, and the schemas that every cluster has.
//!
//! Facts: <https://kubernetes.io/docs/concepts/cluster-administration/flow-control/>. Requests are classified and told
//! so; the places they get are those of [`crate::limits`], not shares and queues of their level.

mod bootstrap;

use crate::auth::follow::{self, Follower};
use crate::auth::path_matches;
use crate::bootstrap::call_for;
use crate::prelude::*;
use crate::verbs::{Part, Proposed, change};
pub(crate) use bootstrap::objects;
use futures::FutureExt;
use futures::future::BoxFuture;
use http::HeaderName;

/// Where flow schemas are stored.
pub(crate) const SCHEMAS: &str = "flowcontrol.apiserver.k8s.io/flowschemas";
/// Where priority levels are stored.
pub(crate) const LEVELS: &str = "flowcontrol.apiserver.k8s.io/prioritylevelconfigurations";
/// The objects that are always there and always the same.
const MANDATORY: [&str; 2] = ["exempt", "catch-all"];

/// The schemas and levels of a server.
#[derive(Default)]
pub(crate) struct Flows {
    index: RwLock<Index>,
}

#[derive(Default)]
struct Index {
    /// By rising precedence, then by name.
    schemas: Vec<Schema>,
    /// The UIDs of the levels.
    levels: HashMap<Arc<str>, HeaderValue>,
}

struct Schema {
    name: Arc<str>,
    uid: HeaderValue,
    spec: Spec,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Spec {
    matching_precedence: i64,
    priority_level_configuration: Named,
    rules: Vec<Rules>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Named {
    namespace: String,
    name: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Rules {
    subjects: Vec<Subject>,
    resource_rules: Vec<ResourceRule>,
    non_resource_rules: Vec<PathRule>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Subject {
    user: Option<Named>,
    group: Option<Named>,
    service_account: Option<Named>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct ResourceRule {
    verbs: Vec<String>,
    api_groups: Vec<String>,
    resources: Vec<String>,
    namespaces: Vec<String>,
    cluster_scope: bool,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct PathRule {
    verbs: Vec<String>,
    #[serde(rename = "nonResourceURLs")]
    urls: Vec<String>,
}

/// Where a request belongs: the UIDs of its schema and its level, as headers tell them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Flow {
    schema: HeaderValue,
    level: HeaderValue,
}

impl Flow {
    /// Tells it in the headers of the answer.
    pub(crate) fn tell(self, headers: &mut HeaderMap) {
        headers.insert(HeaderName::from_static("x-kubernetes-pf-flowschema-uid"), self.schema);
        headers.insert(HeaderName::from_static("x-kubernetes-pf-prioritylevel-uid"), self.level);
    }
}

impl Flows {
    /// Follows schemas and levels in `store` until `cancel`.
    pub(crate) fn start(store: &Arc<dyn Store>, cancel: &CancellationToken) -> Arc<Self> {
        let flows = Arc::new(Self::default());
        for resource in [SCHEMAS, LEVELS] {
            follow::follow(store, resource, Arc::clone(&flows), cancel);
        }
        flows
    }

    /// The first schema that means this request and whose level exists.
    pub(crate) fn classify(&self, user: &UserInfo, info: &RequestInfo) -> Option<Flow> {
        let index = self.index.read();
        let mut matching = index.schemas.iter().filter(|schema| schema.spec.rules.iter().any(|r| r.means(user, info)));
        matching.find_map(|schema| {
            let level = index.levels.get(schema.spec.priority_level_configuration.name.as_str())?;
            Some(Flow { schema: schema.uid.clone(), level: level.clone() })
        })
    }
}

impl Rules {
    fn means(&self, user: &UserInfo, info: &RequestInfo) -> bool {
        self.subjects.iter().any(|subject| subject.is(user))
            && if info.is_resource {
                self.resource_rules.iter().any(|rule| rule.means(info))
            } else {
                let path = |url: &String| url == "*" || path_matches(url, &info.path);
                self.non_resource_rules.iter().any(|r| names(&r.verbs, &info.verb) && r.urls.iter().any(path))
            }
    }
}

impl Subject {
    fn is(&self, user: &UserInfo) -> bool {
        let is = |named: &Named, name: &str| named.name == "*" || named.name == name;
        let account = user.name.strip_prefix("system:serviceaccount:").and_then(|rest| rest.split_once(':'));
        self.user.as_ref().is_some_and(|named| is(named, &user.name))
            || self.group.as_ref().is_some_and(|named| user.groups.iter().any(|group| is(named, group)))
            || self.service_account.as_ref().is_some_and(|named| {
                account.is_some_and(|(namespace, name)| named.namespace == namespace && is(named, name))
            })
    }
}

impl ResourceRule {
    fn means(&self, info: &RequestInfo) -> bool {
        let resource: Cow<'_, str> = match info.subresource.as_str() {
            "" => info.resource.as_str().into(),
            subresource => format!("{}/{subresource}", info.resource).into(),
        };
        names(&self.verbs, &info.verb)
            && names(&self.api_groups, &info.group)
            && names(&self.resources, &resource)
            && if info.namespace.is_empty() { self.cluster_scope } else { names(&self.namespaces, &info.namespace) }
    }
}

fn names(list: &[String], wanted: &str) -> bool {
    list.iter().any(|given| given == "*" || given == wanted)
}

impl Follower for Flows {
    fn put(&self, entry: &Entry) {
        let Ok(mut object) = serde_json::from_slice::<Value>(&entry.bytes) else { return };
        let Ok(uid) = HeaderValue::from_str(meta::uid(&object)) else { return };
        let name = Arc::clone(&entry.key.name);
        self.remove(&entry.key);
        let mut index = self.index.write();
        if *entry.key.resource == *LEVELS {
            index.levels.insert(name, uid);
            return;
        }
        match serde_json::from_value(object["spec"].take()) {
            Ok(spec) => {
                index.schemas.push(Schema { name, uid, spec });
                index
                    .schemas
                    .sort_by(|a, b| (a.spec.matching_precedence, &a.name).cmp(&(b.spec.matching_precedence, &b.name)));
            }
            Err(error) => tracing::error!(%error, schema = %name, "failed to read a stored flow schema"),
        }
    }

    fn remove(&self, key: &Key) {
        let mut index = self.index.write();
        if *key.resource == *LEVELS {
            index.levels.remove(&key.name);
        } else {
            index.schemas.retain(|schema| schema.name != key.name);
        }
    }

    fn reset(&self, resource: &str) {
        let mut index = self.index.write();
        if resource == LEVELS {
            index.levels.clear();
        } else {
            index.schemas.clear();
        }
    }
}

/// Says in the status of a schema whether its level is there; words of upstream's `syncFlowSchemaStatus`.
pub(crate) fn complete(lookup: &dyn Lookup, schema: &mut Value) {
    let level = meta::text(schema, "spec.priorityLevelConfiguration.name").to_owned();
    let found = lookup.find(LEVELS, "", &level).is_some();
    let (reason, end) = if found { ("Found", "and it exists") } else { ("NotFound", "but there is no such object") };
    let message = format!("This FlowSchema references the PriorityLevelConfiguration object named {level:?} {end}");
    condition::set(schema, "Dangling", !found, reason, &message);
}

/// Says it of all schemas, after a level came or went.
pub(crate) fn settle(server: &ApiServer) -> BoxFuture<'_, Result<(), Status>> {
    async move {
        for schema in server.list(SCHEMAS, None) {
            let told = |old: &Value| {
                let mut object = old.clone();
                complete(server, &mut object);
                Ok(Proposed::new(object))
            };
            match change(&call_for(server, &schema)?, meta::name(&schema), Part::Status, told).await {
                Err(status) if status.code == 404 => {}
                changed => drop(changed?),
            }
        }
        Ok(())
    }
    .boxed()
}

/// The object that a deletion took away although it must always be there.
pub(crate) fn lost(key: &Key) -> Option<Value> {
    let kind = match &*key.resource {
        SCHEMAS => "FlowSchema",
        LEVELS => "PriorityLevelConfiguration",
        _ => return None,
    };
    fixed(kind, &key.name)
}

/// The object of this kind and name as it must always be; `None` when it is anybody's.
pub(crate) fn fixed(kind: &str, name: &str) -> Option<Value> {
    let mandatory = MANDATORY.contains(&name).then(objects)?;
    mandatory.into_iter().find(|object| meta::kind(object) == kind && meta::name(object) == name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::auth::group;
    use http::Method;

    #[test]
    fn requests_belong_to_the_schemas_that_upstream_gives_them() {
        let flows = Flows::default();
        for object in objects() {
            let mut object = object;
            let name = meta::name(&object).to_owned();
            meta::set(&mut object, "metadata.uid", name);
            let resource = if meta::kind(&object) == "FlowSchema" { SCHEMAS } else { LEVELS };
            let key = crate::verbs::key(resource, "", meta::name(&object));
            flows.put(&Entry::new(key, 1, object.to_string().into()));
        }
        let user = |name: &str, groups: &[&str]| UserInfo::authenticated(name, groups);
        let account = |name: &str| UserInfo::service_account("kube-system", name, "");
        let nodes = user("system:node:n", &[group::NODES]);
        for (user, method, path, schema, level) in [
            (user("a", &[group::MASTERS]), Method::GET, "/api/v1/pods", "exempt", "exempt"),
            (user("a", &[]), Method::GET, "/readyz", "probes", "exempt"),
            (user("a", &[]), Method::GET, "/api/v1/pods", "global-default", "global-default"),
            (UserInfo::anonymous(), Method::GET, "/version", "global-default", "global-default"),
            (nodes.clone(), Method::PATCH, "/api/v1/nodes/n/status", "system-node-high", "node-high"),
            (nodes, Method::GET, "/api/v1/pods", "system-nodes", "system"),
            (user("system:kube-scheduler", &[]), Method::GET, "/api/v1/pods", "kube-scheduler", "workload-high"),
            (
                user("system:kube-scheduler", &[]),
                Method::PUT,
                "/apis/coordination.k8s.io/v1/namespaces/kube-system/leases/l",
                "system-leader-election",
                "leader-election",
            ),
            (account("x"), Method::GET, "/api/v1/pods", "kube-system-service-accounts", "workload-high"),
            (
                account("endpoint-controller"),
                Method::PUT,
                "/api/v1/namespaces/a/endpoints/e",
                "endpoint-controller",
                "workload-high",
            ),
            (UserInfo::service_account("a", "b", ""), Method::GET, "/apis", "service-accounts", "workload-low"),
        ] {
            let info = RequestInfo::parse(&method, path, "");
            let found = flows.classify(&user, &info).expect("a schema");
            assert_eq!(
                (found.schema.as_bytes(), found.level.as_bytes()),
                (schema.as_bytes(), level.as_bytes()),
                "{} {path}",
                user.name
            );
        }
    }
}
