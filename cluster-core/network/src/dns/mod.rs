//! Cluster DNS, on every node: answers for the cluster's domain from the informers, forwards the rest.
//!
//! Rules: <https://github.com/kubernetes/dns/blob/master/docs/specification.md> (schema version 1.1.0).

use crate::prelude::*;

mod answer;
mod resolve;
mod server;
mod zone;

pub use resolve::resolve;

use crate::Error;
use cluster_client::Informers;
use futures::FutureExt;
use futures::future::BoxFuture;
use std::net::{Ipv4Addr, SocketAddr};
use tokio::net::{TcpListener, UdpSocket};
use tokio::sync::watch;

/// Serves DNS on `address` (port 53, UDP and TCP) until `cancel`; the address is added to the loopback interface.
/// `ready` becomes true when queries are answered.
pub fn run(
    informers: Informers,
    address: Ipv4Addr,
    ready: watch::Sender<bool>,
    cancel: CancellationToken,
) -> BoxFuture<'static, Result<(), Error>> {
    start(informers, address, ready, cancel).boxed()
}

async fn start(
    informers: Informers,
    address: Ipv4Addr,
    ready: watch::Sender<bool>,
    cancel: CancellationToken,
) -> Result<(), Error> {
    let zone = zone::Zone::new(&informers);
    if cancel.run_until_cancelled(zone.synced()).await.is_none() {
        return Ok(());
    }
    crate::routes::add_loopback_address(address).await?;
    let socket = SocketAddr::from((address, 53));
    let bind = |source| Error::Bind { address: socket, source };
    let udp = UdpSocket::bind(socket).await.map_err(bind)?;
    let tcp = TcpListener::bind(socket).await.map_err(bind)?;
    server::run(zone, udp, tcp, ready, cancel).await
}
