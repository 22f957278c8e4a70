//! Priority and fairness: which flow schema a request belongs to, and the schemas that every cluster has.
//!
//! Facts: <https://kubernetes.io/docs/concepts/cluster-administration/flow-control/>. Requests are classified and told
//! so; the places they get are those of [`crate::limits`], not shares and queues of their level.

use crate::auth::follow::{self, Follower};
use crate::auth::{matches_any, path_matches};
use crate::bootstrap::amend;
use crate::prelude::*;
use k8s_openapi::api::flowcontrol::v1::{FlowSchemaSpec, PolicyRulesWithSubjects, ResourcePolicyRule, Subject};

/// Where flow schemas are stored.
pub(crate) const SCHEMAS: &str = "flowcontrol.apiserver.k8s.io/flowschemas";
/// Where priority levels are stored.
pub(crate) const LEVELS: &str = "flowcontrol.apiserver.k8s.io/prioritylevelconfigurations";
/// Whether a start of the server may change an object's spec.
const AUTOUPDATE: &str = "apf.kubernetes.io/autoupdate-spec";
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
    spec: FlowSchemaSpec,
}

/// Where a request belongs: the UIDs of its schema and its level, as headers tell them.
pub(crate) type Flow = [(HeaderName, HeaderValue); 2];

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
        let concerned = |rules: &PolicyRulesWithSubjects| concern(rules, user, info);
        let mut matching = index.schemas.iter().filter(|s| s.spec.rules.iter().flatten().any(concerned));
        matching.find_map(|schema| {
            let level = index.levels.get(schema.spec.priority_level_configuration.name.as_str())?;
            let names = ["x-kubernetes-pf-flowschema-uid", "x-kubernetes-pf-prioritylevel-uid"];
            let [of_schema, of_level] = names.map(HeaderName::from_static);
            Some([(of_schema, schema.uid.clone()), (of_level, level.clone())])
        })
    }
}

/// Whether the rules are about such a request of this user.
fn concern(rules: &PolicyRulesWithSubjects, user: &UserInfo, info: &RequestInfo) -> bool {
    rules.subjects.iter().any(|subject| is(subject, user))
        && if info.is_resource {
            rules.resource_rules.iter().flatten().any(|rule| covers(rule, info))
        } else {
            let path = |url: &String| path_matches(url, &info.path);
            let mut paths = rules.non_resource_rules.iter().flatten();
            paths.any(|rule| matches_any(&rule.verbs, &info.verb) && rule.non_resource_urls.iter().any(path))
        }
}

fn is(subject: &Subject, user: &UserInfo) -> bool {
    let named = |wanted: &str, name: &str| wanted == "*" || wanted == name;
    let account = user.name.strip_prefix("system:serviceaccount:").and_then(|rest| rest.split_once(':'));
    subject.user.as_ref().is_some_and(|wanted| named(&wanted.name, &user.name))
        || subject.group.as_ref().is_some_and(|wanted| user.groups.iter().any(|group| named(&wanted.name, group)))
        || subject.service_account.as_ref().is_some_and(|wanted| {
            account.is_some_and(|(namespace, name)| wanted.namespace == namespace && named(&wanted.name, name))
        })
}

fn covers(rule: &ResourcePolicyRule, info: &RequestInfo) -> bool {
    matches_any(&rule.verbs, &info.verb)
        && matches_any(&rule.api_groups, &info.group)
        && matches_any(&rule.resources, &info.combined())
        && match info.namespace.as_str() {
            "" => rule.cluster_scope == Some(true),
            namespace => rule.namespaces.as_ref().is_some_and(|allowed| matches_any(allowed, namespace)),
        }
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
}

/// The priority levels and flow schemas that every cluster has; levels first, because schemas name them.
///
/// Facts: <https://kubernetes.io/docs/concepts/cluster-administration/flow-control/#defaults>.
pub(crate) fn objects() -> Vec<Value> {
    let rows: Vec<(&str, &str, Value)> = serde_json::from_str(include_str!("bootstrap.json"))
        .expect("a table of kinds, names and specs, which tests read");
    let object = |(kind, name, spec)| {
        json!({
            "apiVersion": "flowcontrol.apiserver.k8s.io/v1", "kind": kind, "spec": spec,
            "metadata": {"name": name, "annotations": {(AUTOUPDATE): "true"}},
        })
    };
    rows.into_iter().map(object).collect()
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
            amend(server, &schema, Part::Status, |schema| complete(server, schema)).await?;
        }
        Ok(())
    }
    .boxed()
}

/// A stored schema or level with this version's spec, as it gets at each start; `None` when it has that, or is its owner's.
pub(crate) fn reconciled(stored: &Value, own: &Value) -> Option<Value> {
    let ours = meta::annotation(stored, AUTOUPDATE) == Some("true") || MANDATORY.contains(&meta::name(own));
    let spec = own["spec"].clone();
    (ours && stored["spec"] != spec).then(|| {
        let mut object = stored.clone();
        object["spec"] = spec;
        object
    })
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
    fn a_start_gives_objects_of_ours_the_spec_of_this_version() {
        let own = objects().into_iter().find(|object| meta::name(object) == "workload-low").expect("a level");
        let mut old = own.clone();
        old["spec"]["limited"]["nominalConcurrencyShares"] = 7.into();
        assert_eq!(reconciled(&old, &own).map(|grown| grown["spec"].clone()), Some(own["spec"].clone()));
        assert_eq!(reconciled(&own, &own), None, "what says the same is left alone");
        old["metadata"]["annotations"][AUTOUPDATE] = "false".into();
        assert_eq!(reconciled(&old, &own), None, "its owner keeps it");
    }

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
                (found[0].1.as_bytes(), found[1].1.as_bytes()),
                (schema.as_bytes(), level.as_bytes()),
                "{} {path}",
                user.name
            );
        }
    }
}
