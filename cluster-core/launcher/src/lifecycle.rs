//! What happens to a whole cluster after `up`: stop, start, pause, and its end.

use crate::StepTime;
use crate::container::volumes;
use crate::prelude::*;
use bollard::query_parameters::{
    ListVolumesOptions, RemoveContainerOptions, RemoveVolumeOptions, StopContainerOptions,
};

/// How long a node may take to end its pods.
const STOP_SECONDS: i32 = 10;

impl Launcher {
    /// Removes a cluster and everything of it: containers, volumes, network, kubeconfig entries, keys.
    pub fn down<'a>(&'a self, cluster: &'a str) -> BoxFuture<'a, Result<()>> {
        Box::pin(async move {
            let _lock = self.state.lock(cluster)?;
            let record = self.state.require(cluster)?;
            self.engine_version().await?;
            Steps::new(self).run("Removing the cluster", self.destroy(&record)).await
        })
    }

    /// As [`Self::down`], without the lock and the report; leaves nothing of a cluster that was made half, too.
    pub(crate) async fn destroy(&self, record: &Record) -> Result<()> {
        let cluster = &record.spec.name;
        let containers = self.containers(cluster).await?;
        all(containers.keys().map(|name| self.remove_container(name))).await?;
        let options = ListVolumesOptions { filters: Some(cluster_filter(cluster)) };
        let volumes = self.docker.list_volumes(Some(options)).await.doing("list volumes")?.volumes.unwrap_or_default();
        all(volumes.iter().map(|volume| self.remove_volume(&volume.name))).await?;
        self.remove_networks(cluster).await?;
        Self::unmerge_kubeconfig(record)?;
        self.state.remove(cluster)
    }

    /// Removes a node's container and volumes.
    pub(crate) async fn destroy_node(&self, node: &NodeSpec) -> Result<()> {
        self.remove_container(&node.name).await?;
        all(volumes(node).iter().map(|(volume, _)| self.remove_volume(volume))).await.map(drop)
    }

    async fn remove_container(&self, name: &str) -> Result<()> {
        let options = RemoveContainerOptions { force: true, v: true, ..Default::default() };
        let removed = self.docker.remove_container(name, Some(options)).await;
        removed.if_there(format!("remove the container `{name}`")).map(drop)
    }

    async fn remove_volume(&self, name: &str) -> Result<()> {
        let removed = self.docker.remove_volume(name, Some(RemoveVolumeOptions { force: true })).await;
        removed.if_there(format!("remove the volume `{name}`")).map(drop)
    }

    /// Stops all nodes; their state stays.
    pub fn stop<'a>(&'a self, cluster: &'a str) -> BoxFuture<'a, Result<()>> {
        Box::pin(async move {
            let _lock = self.state.lock(cluster)?;
            let record = self.state.require(cluster)?;
            let stopped = all(record.spec.nodes.iter().map(|node| self.stop_container(&node.name)));
            Steps::new(self).run("Stopping nodes", stopped).await.map(drop)
        })
    }

    pub(crate) async fn stop_container(&self, name: &str) -> Result<()> {
        let options = StopContainerOptions { t: Some(STOP_SECONDS), ..Default::default() };
        self.docker.stop_container(name, Some(options)).await.doing(format!("stop the container `{name}`"))
    }

    /// Starts all nodes and waits until the cluster is of use.
    pub fn start<'a>(&'a self, cluster: &'a str, wait: Duration) -> BoxFuture<'a, Result<Vec<StepTime>>> {
        Box::pin(async move {
            let _lock = self.state.lock(cluster)?;
            let record = self.state.require(cluster)?;
            let mut steps = Steps::new(self);
            self.start_and_wait(&record.spec, &mut steps, wait).await?;
            Ok(steps.times)
        })
    }

    /// Freezes all nodes: they take no processor time, and their memory stays.
    pub fn pause<'a>(&'a self, cluster: &'a str) -> BoxFuture<'a, Result<()>> {
        Box::pin(async move { self.freeze(cluster, true).await })
    }

    /// Lets frozen nodes go on.
    pub fn unpause<'a>(&'a self, cluster: &'a str) -> BoxFuture<'a, Result<()>> {
        Box::pin(async move { self.freeze(cluster, false).await })
    }

    async fn freeze(&self, cluster: &str, frozen: bool) -> Result<()> {
        let _lock = self.state.lock(cluster)?;
        let record = self.state.require(cluster)?;
        let step = if frozen { "Pausing nodes" } else { "Resuming nodes" };
        let frozen = all(record.spec.nodes.iter().map(|node| self.freeze_container(&node.name, frozen)));
        Steps::new(self).run(step, frozen).await.map(drop)
    }

    /// Freezes a container or lets it go on; one that is as it should be stays so.
    pub(crate) async fn freeze_container(&self, name: &str, frozen: bool) -> Result<()> {
        let (done, verb, already) = if frozen {
            (self.docker.pause_container(name).await, "pause", "already paused")
        } else {
            (self.docker.unpause_container(name).await, "resume", "is not paused")
        };
        match done {
            Err(error) if error.to_string().contains(already) => Ok(()),
            other => other.doing(format!("{verb} the container `{name}`")),
        }
    }
}
