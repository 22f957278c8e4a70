//! The objects every cluster has, made at the start when they are missing.

use crate::prelude::*;
use crate::server::StartError;
use crate::{auth, endpoints, flow};
use tokio::task::JoinSet;

pub(crate) async fn run(server: &Arc<ApiServer>) -> Result<(), StartError> {
    // What others are in, or speak of.
    let first = |object: &Value| matches!(meta::kind(object), "Namespace" | "PriorityLevelConfiguration");
    let objects = fixed().into_iter().chain(flow::objects()).chain(auth::bootstrap::policy());
    let objects = objects.chain([service(server), service_cidr(server)]);
    let (first, rest) = objects.partition(first);
    ensure(server, first).await?;
    ensure(server, rest).await?;
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
        ("namespaces", "", name) => {
            fixed().into_iter().find(|object| meta::kind(object) == "Namespace" && meta::name(object) == name)
        }
        ("services", "default", "kubernetes") => Some(service(server)),
        ("endpoints" | "discovery.k8s.io/endpointslices", "default", "kubernetes") => endpoints::lost(server, key),
        (flow::SCHEMAS, "", name) => flow::fixed("FlowSchema", name),
        (flow::LEVELS, "", name) => flow::fixed("PriorityLevelConfiguration", name),
        _ => None,
    }
}

/// What does not depend on the server. Its own process is what runs the components, or holds their state: where it answers,
/// they are there.
fn fixed() -> Vec<Value> {
    serde_json::from_str(include_str!("bootstrap.json")).expect("a list of objects, which every start reads")
}

/// How extension servers know the users this server names to them, for their own copy of the check.
fn authentication(server: &ApiServer) -> Value {
    json!({
        "apiVersion": "v1", "kind": "ConfigMap",
        "metadata": {"name": auth::bootstrap::AUTHENTICATION_CONFIG, "namespace": "kube-system"},
        "data": server.remotes.authentication(&server.config.client_ca),
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
    let mut tasks = JoinSet::new();
    for object in objects {
        let server = Arc::clone(server);
        tasks.spawn(async move { create(&server, object).await });
    }
    let ended = |source| StartError::Bootstrap { what: "the first objects".into(), source: Status::internal(source) };
    while let Some(made) = tasks.join_next().await {
        made.map_err(ended)??;
    }
    Ok(())
}

async fn create(server: &ApiServer, mut object: Value) -> Result<(), StartError> {
    let what = format!("{} {}", meta::kind(&object), meta::name(&object));
    let failed = |source| StartError::Bootstrap { what: what.clone(), source };
    let call = call_for(server, &object).map_err(failed)?;
    let present = server.store.get(&call.key(meta::name(&object)));
    let Some(entry) = present else { return make(&call, object).await.map_err(failed) };
    let stored: Value = serde_json::from_slice(&entry.bytes).map_err(|error| failed(Status::internal(error)))?;
    call.resource.strategy.complete(&mut object);
    let reconciled = |old: &Value| match meta::kind(&object) {
        "FlowSchema" | "PriorityLevelConfiguration" => flow::reconciled(old, &object),
        _ => auth::bootstrap::reconciled(old, &object),
    };
    if reconciled(&stored).is_none() {
        return Ok(());
    }
    let grown = |old: &Value| Ok(Proposed::new(reconciled(old).unwrap_or_else(|| old.clone())));
    change(&call, meta::name(&object), Part::Main, grown).await.map(drop).map_err(failed)
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

/// Changes a part of the object in the server's own name, unless it has gone.
pub(crate) async fn amend(
    server: &ApiServer,
    object: &Value,
    part: Part,
    make: impl Fn(&mut Value) + Send + Sync,
) -> Result<(), Status> {
    let propose = |old: &Value| {
        let mut object = old.clone();
        make(&mut object);
        Ok(Proposed::new(object))
    };
    match change(&call_for(server, object)?, meta::name(object), part, propose).await {
        Err(status) if !status.is_not_found() => Err(status),
        _ => Ok(()),
    }
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
