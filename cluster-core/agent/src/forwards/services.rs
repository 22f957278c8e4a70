//! The services that are open to the outside, each with a port here.

use super::{Forward, Forwards, Protocol, ROUTABLE, TRIES, Wanted, asking, bind};
use crate::prelude::*;
use cluster_client::{Informer, Object};
use k8s_openapi::api::core::v1::Service;
use k8s_openapi::api::discovery::v1::EndpointSlice;
use std::collections::BTreeSet;

/// Changes of one rollout are taken together.
const SETTLE: Duration = Duration::from_millis(50);
const SERVICE_LABEL: &str = "kubernetes.io/service-name";

/// A port of a service that is open to the outside.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Open {
    namespace: String,
    service: String,
    port: u16,
    protocol: Protocol,
    node_port: u16,
}

/// The ports of all services that have one on the nodes. UDP only goes through a node, for port-forward knows none.
fn open(services: &[Arc<Service>]) -> BTreeSet<Open> {
    let ports = services.iter().flat_map(|service| {
        let spec = service.spec.as_ref();
        let (namespace, name) = (service.namespace(), service.name());
        let ports = spec.and_then(|spec| spec.ports.as_deref()).unwrap_or_default().iter();
        ports.filter_map(move |port| {
            let protocol = match port.protocol.as_deref().unwrap_or("TCP") {
                "TCP" => Protocol::Tcp,
                "UDP" if ROUTABLE => Protocol::Udp,
                _ => return None,
            };
            Some(Open {
                namespace: namespace.to_owned(),
                service: name.to_owned(),
                port: u16::try_from(port.port).ok()?,
                protocol,
                node_port: u16::try_from(port.node_port?).ok().filter(|port| *port > 0)?,
            })
        })
    });
    ports.collect()
}

/// The namespace and service of a slice with an endpoint that is ready.
fn answering(slice: &EndpointSlice) -> Option<(&str, &str)> {
    let service = slice.metadata.labels.as_ref()?.get(SERVICE_LABEL)?;
    let ready = |endpoint: &k8s_openapi::api::discovery::v1::Endpoint| {
        endpoint.conditions.as_ref().and_then(|conditions| conditions.ready).unwrap_or(true)
    };
    let any = slice.endpoints.iter().flatten().any(ready);
    any.then_some((slice.metadata.namespace.as_deref()?, service.as_str()))
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
    let mut present: BTreeSet<Open> = BTreeSet::new();
    let run = async {
        services.synced().await;
        slices.synced().await;
        loop {
            while of_services.try_recv().is_ok() || of_slices.try_recv().is_ok() {}
            let wanted = open(&services.list());
            reconcile(&forwards, &live.name, &present, &wanted).await;
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
    for open in &present {
        forwards.take_away(&open.id(&live.name));
    }
    for forward in of_cluster(&forwards, &live.name) {
        forwards.change(&forward.id, |forward| forward.wait(Some(asking())));
    }
}

fn of_cluster<'a>(forwards: &Forwards, cluster: &'a str) -> impl Iterator<Item = Forward> + use<'a> {
    forwards.list().into_iter().filter(move |forward| forward.cluster == cluster)
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
    let service = (forward.namespace.as_str(), forward.target.strip_prefix("service/")?);
    Some(slices.iter().any(|slice| answering(slice) == Some(service)))
}

impl Open {
    fn id(&self, cluster: &str) -> String {
        let protocol = if self.protocol == Protocol::Udp { ":udp" } else { "" };
        format!("{cluster}:{}:{}:{}:{}{protocol}", self.namespace, self.service, self.port, self.node_port)
    }
}

async fn reconcile(forwards: &Arc<Forwards>, cluster: &str, present: &BTreeSet<Open>, wanted: &BTreeSet<Open>) {
    for open in present.difference(wanted) {
        forwards.take_away(&open.id(cluster));
    }
    for open in wanted.difference(present) {
        let id = open.id(cluster);
        let kept = forwards.memory.get(|memory| memory.ports.get(&id).copied());
        let bound = bind(open.protocol, kept.unwrap_or(open.node_port), TRIES).await;
        let wanted = Wanted {
            cluster: cluster.to_owned(),
            namespace: open.namespace.clone(),
            target: format!("service/{}", open.service),
            port: open.port,
            local: None,
        };
        let forward = Forward { protocol: open.protocol, ..Forward::listening(id.clone(), wanted, true) };
        let forward = forwards.put(forward, bound, Some(open.node_port));
        // Only what differs from the node port must be remembered.
        if forward.local != 0 && kept != Some(forward.local) && forward.local != open.node_port {
            let remembered = forwards.memory.change(|memory| memory.ports.insert(id, forward.local));
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
        let found: Vec<_> = open(&services).into_iter().map(|open| open.id("dev")).collect();
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
