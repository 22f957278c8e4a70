//! The services that are open to the outside, each with a port here.

use super::{Forward, Forwards, ROUTABLE, TRIES, asking, bind};
use crate::prelude::*;
use cluster_client::{Informer, Object};
use cluster_launcher::Protocol;
use k8s_openapi::api::core::v1::Service;
use k8s_openapi::api::discovery::v1::{Endpoint, EndpointSlice};

/// Changes of one rollout are taken together.
const SETTLE: Duration = Duration::from_millis(50);
const SERVICE_LABEL: &str = "kubernetes.io/service-name";

/// The ports of all services of a cluster that have one on the nodes, as forwards. UDP only goes through a
/// node, for port-forward knows none.
fn open(cluster: &str, services: &[Arc<Service>]) -> BTreeMap<String, Forward> {
    let ports = services.iter().flat_map(|service| {
        let (namespace, name) = (service.namespace(), service.name());
        let ports = service.spec.as_ref().and_then(|spec| spec.ports.as_deref()).unwrap_or_default().iter();
        ports.filter_map(move |port| {
            let (protocol, suffix) = match port.protocol.as_deref().unwrap_or("TCP") {
                "TCP" => (Protocol::Tcp, ""),
                "UDP" if ROUTABLE => (Protocol::Udp, ":udp"),
                _ => return None,
            };
            let node_port = u16::try_from(port.node_port?).ok().filter(|port| *port > 0)?;
            let forward = Forward {
                id: format!("{cluster}:{namespace}:{name}:{}:{node_port}{suffix}", port.port),
                cluster: cluster.to_owned(),
                namespace: namespace.to_owned(),
                target: format!("service/{name}"),
                port: u16::try_from(port.port).ok()?,
                protocol,
                automatic: true,
                node_port: Some(node_port),
                ..Forward::default()
            };
            Some((forward.id.clone(), forward))
        })
    });
    ports.collect()
}

/// Follows every cluster that runs.
pub(super) async fn follow_all(forwards: Arc<Forwards>) {
    let mut changes = forwards.clusters.changes();
    let mut followed: HashMap<String, CancellationToken> = HashMap::new();
    loop {
        followed.retain(|_, ended| !ended.is_cancelled());
        let list = changes.borrow_and_update().clone();
        for cluster in list.iter().filter(|cluster| cluster.state != "creating") {
            if let Ok(live) = forwards.clusters.live(&cluster.name)
                && !followed.contains_key(&cluster.name)
            {
                followed.insert(cluster.name.clone(), live.ended.clone());
                tokio::spawn(follow(forwards.clone(), live));
            }
        }
        if changes.changed().await.is_err() {
            return;
        }
    }
}

/// Keeps the forwards of one cluster equal to its services until it ends.
async fn follow(forwards: Arc<Forwards>, live: Arc<Live>) {
    let (services, slices): (Informer<Service>, Informer<EndpointSlice>) =
        (live.informers.informer(), live.informers.informer());
    let (mut of_services, mut of_slices) = (services.subscribe(), slices.subscribe());
    let mut present = BTreeMap::new();
    let run = async {
        services.synced().await;
        slices.synced().await;
        loop {
            while of_services.try_recv().is_ok() || of_slices.try_recv().is_ok() {}
            let wanted = open(&live.name, &services.list());
            reconcile(&forwards, &present, &wanted).await;
            present = wanted;
            judge(&forwards, &live.name, &slices.list());
            let changed = tokio::select! {
                change = of_services.recv() => change.is_some(),
                change = of_slices.recv() => change.is_some(),
            };
            if !changed {
                return;
            }
            tokio::time::sleep(SETTLE).await;
        }
    };
    tokio::select! {
        () = run => {}
        () = live.ended.cancelled() => {}
    }
    for id in present.keys() {
        forwards.board.take_away(id);
    }
    for forward in of_cluster(&forwards, &live.name) {
        forwards.change(&forward.id, |forward| forward.wait(Some(asking())));
    }
}

fn of_cluster<'a>(forwards: &Forwards, cluster: &'a str) -> impl Iterator<Item = Forward> + use<'a> {
    forwards.board.list().into_iter().filter(move |forward| forward.cluster == cluster)
}

/// Tells of all forwards of a cluster that lead to a service whether a pod is ready behind it.
fn judge(forwards: &Forwards, cluster: &str, slices: &[Arc<EndpointSlice>]) {
    for forward in of_cluster(forwards, cluster) {
        if let Some(answers) = answers(&forward, slices) {
            forwards.change(&forward.id, |forward| forward.judge(answers));
        }
    }
}

/// Whether a pod is ready behind a forward's service, if it leads to one.
pub(super) fn answers(forward: &Forward, slices: &[Arc<EndpointSlice>]) -> Option<bool> {
    let service = forward.target.strip_prefix("service/")?;
    let mut of_service = slices.iter().filter(|slice| {
        slice.namespace() == forward.namespace && slice.label(SERVICE_LABEL).is_some_and(|name| name == service)
    });
    let is_ready = |one: &Endpoint| one.conditions.as_ref().and_then(|conditions| conditions.ready).unwrap_or(true);
    Some(of_service.any(|slice| slice.endpoints.iter().flatten().any(is_ready)))
}

async fn reconcile(forwards: &Arc<Forwards>, present: &BTreeMap<String, Forward>, wanted: &BTreeMap<String, Forward>) {
    for id in present.keys().filter(|id| !wanted.contains_key(*id)) {
        forwards.board.take_away(id);
    }
    for (id, forward) in wanted.iter().filter(|(id, _)| !present.contains_key(*id)) {
        let kept = forwards.memory.get(|memory| memory.ports.get(id).copied());
        let usual = forward.node_port.unwrap_or(forward.port);
        let bound = bind(forward.protocol, kept.unwrap_or(usual), TRIES).await;
        let local = forwards.put(forward.clone(), bound).local;
        // Only what differs from the node port must be remembered.
        if local != 0 && kept != Some(local) && local != usual {
            let remembered = forwards.memory.change(|memory| memory.ports.insert(id.clone(), local));
            if let Err(error) = remembered {
                tracing::warn!(%error, "the local port is not remembered");
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn read<T: serde::de::DeserializeOwned>(value: Value) -> Arc<T> {
        Arc::new(serde_json::from_value(value).expect("an object"))
    }

    #[test]
    fn every_port_that_is_open_on_the_nodes_gets_one_here() {
        let service = |name: &str, ports: Value| {
            read::<Service>(json!({"metadata": {"namespace": "shop", "name": name}, "spec": {"ports": ports}}))
        };
        let services = [
            service("inside", json!([{"port": 80}])),
            service(
                "front",
                json!([{"port": 80, "nodePort": 30080}, {"port": 53, "nodePort": 30053, "protocol": "UDP"},
                    {"port": 9, "nodePort": 30009, "protocol": "SCTP"}]),
            ),
            service("dead", json!([{"port": 81, "nodePort": 30081, "protocol": "TCP"}])),
        ];
        let found: Vec<_> = open("dev", &services).into_keys().collect();
        let udp = ROUTABLE.then_some("dev:shop:front:53:30053:udp");
        let expected: Vec<_> =
            ["dev:shop:dead:81:30081"].into_iter().chain(udp).chain(["dev:shop:front:80:30080"]).collect();
        assert_eq!(found, expected);
    }

    #[test]
    fn a_service_answers_when_one_of_its_endpoints_is_ready() {
        for (target, ready, expected) in [
            ("service/web", json!(false), Some(false)),
            ("service/web", json!(true), Some(true)),
            ("service/web", Value::Null, Some(true)),
            ("service/other", json!(true), Some(false)),
            ("deployment/web", json!(false), None),
        ] {
            let forward = Forward { namespace: "shop".to_owned(), target: target.to_owned(), ..Forward::default() };
            let slice = json!({"metadata": {"namespace": "shop", "labels": {SERVICE_LABEL: "web"}},
                "addressType": "IPv4", "endpoints": [{"addresses": ["10.0.0.1"], "conditions": {"ready": ready}}]});
            assert_eq!(answers(&forward, &[read(slice)]), expected, "{target} {ready}");
        }
    }
}
