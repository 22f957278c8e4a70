//! The node's lease: its renewal says that the node lives.

use crate::prelude::*;
use cluster_client::node_lease::renew;

/// Renews for ever.
pub(super) async fn keep(client: &Client, options: &KubeletOptions) {
    let mut timer = tokio::time::interval(options.lease_renew);
    timer.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        timer.tick().await;
        let renewal = renew(client, &options.node_name, options.lease_duration);
        match tokio::time::timeout(options.lease_renew, renewal).await {
            Ok(Ok(())) => {}
            Ok(Err(e)) => tracing::debug!("cannot renew the node's lease: {e}"),
            Err(_) => tracing::debug!("cannot renew the node's lease in time"),
        }
    }
}
