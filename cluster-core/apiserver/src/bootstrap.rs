//! The objects every cluster has, made at the start when they are missing.

use crate::prelude::*;
use crate::server::StartError;
use crate::verbs::{self, Managed, Part, Proposed, change};
use crate::{auth, endpoints, flow};
use futures::future::try_join_all;
use tokio::task::JoinSet;

const NAMESPACES: [&str; 4] = ["default", "kube-system", "kube-public", "kube-node-lease"];

pub(crate) async fn run(server: &Arc<ApiServer>) -> Result<(), StartError> {
    let namespaces = NAMESPACES.map(namespace);
    // Flow schemas say whether their levels are there.
    let (schemas, levels): (Vec<Value>, _) = flow::objects().into_iter().partition(|o| meta::kind(o) == "FlowSchema");
    ensure(server, namespaces.into_iter().chain(levels).collect()).await?;
    let mut objects = auth::bootstrap::policy();
    objects.extend(priority_classes());
    objects.extend(schemas);
    objects.extend(component_statuses());
    objects.push(service(server));
    objects.push(service_cidr(server));
    ensure(server, objects).await?;
    let failed = |what: &str| {
        let what = what.to_owned();
        move |source| StartError::Bootstrap { what, source }
    };
    let config = authentication(server);
    put(server, config).await.map_err(failed("the ConfigMap of extension servers"))?;
    endpoints::publish(server).await.map_err(failed("the endpoints of the servers"))
}

/// The object of a key that has just gone although it must always be there.
pub(crate) fn lost(server: &ApiServer, key: &Key) -> Option<Value> {
    match (&*key.resource, &*key.namespace, &*key.name) {
        ("namespaces", "", name) => NAMESPACES.into_iter().find(|own| *own == name).map(namespace),
        ("services", "default", "kubernetes") => Some(service(server)),
        ("endpoints" | "discovery.k8s.io/endpointslices", "default", "kubernetes") => endpoints::lost(server, key),
        _ => flow::lost(key),
    }
}

fn namespace(name: &str) -> Value {
    json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
}

/// How extension servers know the users this server names to them, for their own copy of the check.
fn authentication(server: &ApiServer) -> Value {
    json!({
        "apiVersion": "v1", "kind": "ConfigMap",
        "metadata": {"name": auth::bootstrap::AUTHENTICATION_CONFIG, "namespace": "kube-system"},
        "data": server.remotes.authentication(&server.config.client_ca),
    })
}

fn priority_classes() -> [Value; 2] {
    let class = |name: &str, value: i64, description: &str| {
        json!({
            "apiVersion": "scheduling.k8s.io/v1", "kind": "PriorityClass", "metadata": {"name": name}, "value": value,
            "description": description,
        })
    };
    let cluster = "Used for system critical pods that must run in the cluster, but can be moved to another node if \
                   necessary.";
    let node = "Used for system critical pods that must not be moved from their current node.";
    [class("system-cluster-critical", 2_000_000_000, cluster), class("system-node-critical", 2_000_001_000, node)]
}

/// The server's own process is what runs these, or holds their state: where it answers, they are there.
fn component_statuses() -> [Value; 3] {
    ["controller-manager", "scheduler", "etcd-0"].map(|name| {
        json!({
            "apiVersion": "v1", "kind": "ComponentStatus", "metadata": {"name": name},
            "conditions": [{"type": "Healthy", "status": "True", "message": "ok"}],
        })
    })
}

fn service(server: &ApiServer) -> Value {
    let address = std::net::Ipv4Addr::from(u32::from(server.config.service_subnet.network()) + 1);
    json!({
        "apiVersion": "v1", "kind": "Service",
        "metadata": {
            "name": "kubernetes", "namespace": "default",
            "labels": {"component": "apiserver", "provider": "kubernetes"},
        },
        "spec": {
            "type": "ClusterIP", "clusterIP": address.to_string(), "sessionAffinity": "None",
            "ports": [{"name": "https", "protocol": "TCP", "port": 443, "targetPort": server.config.port}],
        },
    })
}

fn service_cidr(server: &ApiServer) -> Value {
    json!({
        "apiVersion": "networking.k8s.io/v1", "kind": "ServiceCIDR", "metadata": {"name": "kubernetes"},
        "spec": {"cidrs": [server.config.service_subnet.to_string()]},
    })
}

/// Makes what is missing, on all processors: the first start makes some two hundred objects.
async fn ensure(server: &Arc<ApiServer>, objects: Vec<Value>) -> Result<(), StartError> {
    let share = objects.len().div_ceil(tokio::runtime::Handle::current().metrics().num_workers());
    let (mut tasks, mut objects) = (JoinSet::new(), objects.into_iter());
    while objects.len() > 0 {
        let mine: Vec<Value> = objects.by_ref().take(share).collect();
        let server = Arc::clone(server);
        tasks
            .spawn(async move { try_join_all(mine.into_iter().map(|object| create(&server, object))).await.map(drop) });
    }
    while let Some(made) = tasks.join_next().await {
        let failed =
            |ended| StartError::Bootstrap { what: "the first objects".into(), source: Status::internal(ended) };
        made.map_err(failed)??;
    }
    Ok(())
}

/// Makes an object that is not there yet.
pub(crate) async fn make_new(server: &ApiServer, object: Value) -> Result<(), Status> {
    make(&call_for(server, &object)?, object).await
}

async fn create(server: &ApiServer, object: Value) -> Result<(), StartError> {
    let what = what(&object);
    let failed = |source| StartError::Bootstrap { what: what.clone(), source };
    let call = call_for(server, &object).map_err(failed)?;
    let name = meta::name(&object);
    let Some(entry) = server.store.get(&call.key(name)) else { return make(&call, object).await.map_err(failed) };
    let stored: Value = serde_json::from_slice(&entry.bytes).map_err(|error| failed(Status::internal(error)))?;
    if auth::bootstrap::reconciled(&stored, &object).is_none() {
        return Ok(());
    }
    let grown =
        |old: &Value| Ok(Proposed::new(auth::bootstrap::reconciled(old, &object).unwrap_or_else(|| old.clone())));
    change(&call, name, Part::Main, grown).await.map(drop).map_err(failed)
}

/// Creates the object, or brings the present one to this state.
pub(crate) async fn put(server: &ApiServer, object: Value) -> Result<(), Status> {
    let call = call_for(server, &object)?;
    let name = meta::name(&object).to_owned();
    if server.store.get(&call.key(&name)).is_none() {
        return make(&call, object).await;
    }
    change(&call, &name, Part::Main, |_| Ok(Proposed::new(object.clone()))).await.map(drop)
}

async fn make(call: &Call<'_>, mut object: Value) -> Result<(), Status> {
    call.resource.strategy.complete(&mut object);
    match verbs::create_object(call, object, Managed::Track).await {
        Err(status) if status.is_already_exists() => Ok(()),
        result => result.map(drop),
    }
}

fn what(object: &Value) -> String {
    format!("{} {}", meta::kind(object), meta::name(object))
}

/// A call in the server's own name on the collection of `object`.
pub(crate) fn call_for<'a>(server: &'a ApiServer, object: &Value) -> Result<Call<'a>, Status> {
    let (group, version) = meta::api_version(object).rsplit_once('/').unwrap_or(("", meta::api_version(object)));
    let resource = server
        .registry
        .by_kind(group, version, meta::kind(object))
        .ok_or_else(|| Status::internal(format!("{} is not served", meta::kind(object))))?;
    Ok(Call::own(server, resource, meta::namespace(object)))
}
