//! The node's lease: its renewal says that the node lives.

use crate::prelude::*;
use cluster_client::node_lease::renew;

/// Renews for ever.
pub(super) async fn keep(client: &Client, options: &KubeletOptions) {
    let period = Duration::from_secs(u64::from(options.node.healing.lease_renew_seconds.max(1)));
    let mut timer = tokio::time::interval(period);
    timer.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        timer.tick().await;
        let renewal = renew(client, &options.node.name, options.lease_duration());
        match tokio::time::timeout(period, renewal).await {
            Ok(Ok(())) => {}
            Ok(Err(e)) => tracing::debug!("cannot renew the node's lease: {e}"),
            Err(_) => tracing::debug!("cannot renew the node's lease in time"),
        }
    }
}
