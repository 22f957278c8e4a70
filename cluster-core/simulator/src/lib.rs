//! Nodes without machines: every Node with the label [`SIMULATED`] lives, and its pods run as their stages say.
//!
//! The Node object is all there is to configure: whoever creates one with the label has one more node, and deleting it
//! takes the node away. [`add_nodes`] makes them in numbers, [`run`] renews their leases and plays their pods.

mod addresses;
mod heartbeat;
mod node;
mod play;
mod stages;

pub use cluster_config::SIMULATED;
pub use node::{POD_SUBNET, Taint, add_nodes, scale_nodes};

use cluster_client::{Client, Informers};
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// Why the simulator stopped, or could not make nodes.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A watch ended for good.
    #[error("a watch ended")]
    WatchEnded,
    /// A request failed.
    #[error(transparent)]
    Client(#[from] cluster_client::Error),
    /// Every number that has pod addresses is taken.
    #[error("there are addresses for the pods of {0} simulated nodes and no more")]
    TooMany(u32),
}

/// Simulates all nodes that have the label until `cancel`. Every lease is renewed once in `renew`.
pub async fn run(
    client: Client,
    informers: Informers,
    renew: Duration,
    cancel: CancellationToken,
) -> Result<(), Error> {
    let ended = async {
        tokio::join!(play::run(&client, &informers), heartbeat::run(&client, &informers, renew));
    };
    match cancel.run_until_cancelled(ended).await {
        Some(()) => Err(Error::WatchEnded),
        None => Ok(()),
    }
}
