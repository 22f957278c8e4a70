//! Parts of which only one instance may work at a time: the one that holds the part's lease.

use crate::prelude::*;
use anyhow::bail;
use cluster_client::lease::LeaderElection;
use std::future::Future;

/// How long a part may take to end.
const GRACE: Duration = Duration::from_secs(2);

/// A name for this process that no other has.
pub(crate) fn identity() -> Result<String> {
    let read = |file: &str| std::fs::read_to_string(file).with_context(|| format!("failed to read {file}"));
    let (host, id) = (read("/proc/sys/kernel/hostname")?, read("/proc/sys/kernel/random/uuid")?);
    Ok(format!("{}_{}", host.trim(), id.trim()))
}

/// Waits for the lease of `name` and runs `part` while it is held, until `cancel`. Fails when another takes over; `part`
/// was dropped where it stood then.
pub(crate) async fn lead<E>(
    name: &str,
    identity: &str,
    client: &Client,
    cancel: &CancellationToken,
    part: impl Future<Output = Result<(), E>>,
) -> Result<()>
where
    E: Into<anyhow::Error>,
{
    let election = LeaderElection::new("kube-system", name, identity);
    let part = async { part.await.map_err(Into::into) };
    tokio::pin! {
        let led = election.run(client, part);
    }
    match cancel.run_until_cancelled(&mut led).await {
        Some(Some(result)) => result,
        Some(None) => bail!("lost the lease {name}: another instance leads now"),
        // The part ends by itself, and the lease is given back. One that only waits for it may be dropped.
        None => tokio::time::timeout(GRACE, led).await.ok().flatten().unwrap_or(Ok(())),
    }
}
