//! One part alone, against any API server: `devcluster-node scheduler --kubeconfig FILE`.

use anyhow::{Context, Result};
use cluster_client::kubeconfig::Kubeconfig;
use cluster_client::{Client, Informers};
use std::path::Path;
use std::sync::Arc;
use tokio_util::sync::CancellationToken;

/// A part that needs nothing but an API server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Component {
    /// The scheduler.
    Scheduler,
    /// All controllers.
    Controllers,
}

/// Runs one part with the current context of `kubeconfig` until `cancel`.
pub async fn run_component(component: Component, kubeconfig: &Path, cancel: CancellationToken) -> Result<()> {
    let config = Kubeconfig::read(kubeconfig).with_context(|| format!("failed to load {}", kubeconfig.display()))?;
    let name = match component {
        Component::Scheduler => "kube-scheduler",
        Component::Controllers => "kube-controller-manager",
    };
    let client = Client::new(Arc::new(config.backend(None)?), name);
    let informers = Informers::new(client.clone());
    match component {
        Component::Scheduler => cluster_scheduler::run(client, informers, cancel).await?,
        Component::Controllers => cluster_controllers::run(client, informers, Default::default(), cancel).await?,
    }
    Ok(())
}
