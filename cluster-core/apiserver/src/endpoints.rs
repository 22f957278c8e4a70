//! The endpoints of `default/kubernetes`: all servers, or of several those that live.
//!
//! As upstream's lease reconciler: each of several servers renews a lease that no URL reaches, and lists the servers
//! whose leases are fresh. All of them run on one machine, so their clocks agree.

use crate::bootstrap::put;
use crate::prelude::*;
use crate::verbs::{draft, key};
use futures::future::try_join_all;
use jiff::SignedDuration;
use tokio::time::{MissedTickBehavior, interval_at};

const LEASES: &str = "masterleases";
/// `DefaultEndpointReconcilerTTL`
const TTL: SignedDuration = SignedDuration::from_secs(15);
/// `DefaultEndpointReconcilerInterval`
const RENEW: Duration = Duration::from_secs(10);

/// Renews this server's lease, if there are several, and lists who serves.
pub(crate) async fn publish(server: &ApiServer) -> Result<(), Status> {
    if let Some(own) = server.config.leased {
        let name = own.to_string();
        let lease = json!({"metadata": {"name": name}, "spec": {"renewTime": meta::now_micro()}});
        let renewed = Store::put(&*server.store, key(LEASES, "", &name), Expect::Any, draft(&lease)).await;
        renewed.map_err(Status::internal)?;
    }
    let addresses = serving(server);
    if addresses.is_empty() {
        return Ok(());
    }
    try_join_all(objects(server, &addresses).into_iter().map(|object| put(server, object))).await.map(drop)
}

/// The object of a key of `default/kubernetes` with who serves now.
pub(crate) fn lost(server: &ApiServer, key: &Key) -> Option<Value> {
    let addresses = serving(server);
    let [endpoints, slice] = objects(server, &addresses);
    (!addresses.is_empty()).then_some(if &*key.resource == "endpoints" { endpoints } else { slice })
}

/// Goes on publishing until the server closes.
pub(crate) async fn keep(server: Arc<ApiServer>) {
    let mut turns = interval_at(Instant::now() + RENEW, RENEW);
    turns.set_missed_tick_behavior(MissedTickBehavior::Delay);
    while server.closing.run_until_cancelled(turns.tick()).await.is_some() {
        if let Err(error) = publish(&server).await {
            tracing::warn!(%error, "failed to renew the lease of this server");
        }
    }
}

/// All servers that serve now.
fn serving(server: &ApiServer) -> Vec<Ipv4Addr> {
    match server.config.leased {
        None => server.config.addresses.clone(),
        Some(_) => living(&server.list(LEASES, None), Timestamp::now()),
    }
}

/// The servers whose leases are fresh, in order.
fn living(leases: &[Arc<Value>], now: Timestamp) -> Vec<Ipv4Addr> {
    let fresh = leases.iter().filter(|lease| {
        let renewed: Option<Timestamp> = meta::text(lease, "spec.renewTime").parse().ok();
        renewed.is_some_and(|renewed| now.duration_since(renewed) < TTL)
    });
    let mut addresses: Vec<Ipv4Addr> = fresh.filter_map(|lease| meta::name(lease).parse().ok()).collect();
    addresses.sort_unstable();
    addresses
}

fn objects(server: &ApiServer, addresses: &[Ipv4Addr]) -> [Value; 2] {
    let ports = json!([{"name": "https", "port": server.config.port, "protocol": "TCP"}]);
    let ips: Vec<Value> = addresses.iter().map(|ip| json!({"ip": ip})).collect();
    let slice: Vec<Value> =
        addresses.iter().map(|ip| json!({"addresses": [ip], "conditions": {"ready": true}})).collect();
    let labels = json!({"endpointslice.kubernetes.io/skip-mirror": "true"});
    [
        json!({
            "apiVersion": "v1", "kind": "Endpoints",
            "metadata": {"name": "kubernetes", "namespace": "default", "labels": labels},
            "subsets": [{"addresses": ips, "ports": ports}],
        }),
        json!({
            "apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice", "addressType": "IPv4",
            "metadata": {
                "name": "kubernetes", "namespace": "default", "labels": {"kubernetes.io/service-name": "kubernetes"},
            },
            "endpoints": slice, "ports": ports,
        }),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_lives_while_its_lease_is_fresh() {
        let now: Timestamp = "2026-01-01T00:00:20Z".parse().expect("a time");
        let lease = |name: &str, renewed: &str| json!({"metadata": {"name": name}, "spec": {"renewTime": renewed}});
        let leases = [
            lease("10.0.0.10", "2026-01-01T00:00:06.000000Z"),
            lease("10.0.0.9", "2026-01-01T00:00:20.100000Z"),
            lease("10.0.0.8", "2026-01-01T00:00:05.000000Z"),
            lease("10.0.0.7", ""),
        ]
        .map(Arc::new);
        assert_eq!(living(&leases, now), [Ipv4Addr::new(10, 0, 0, 9), Ipv4Addr::new(10, 0, 0, 10)]);
    }
}
