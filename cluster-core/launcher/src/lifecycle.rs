//! What happens to a whole cluster after `up`: stop, start, pause, and its end.

use crate::Event;
use crate::container::volumes;
use crate::prelude::*;
use bollard::query_parameters::{
    ListVolumesOptions, RemoveContainerOptions, RemoveVolumeOptions, StopContainerOptions, WaitContainerOptions,
};
use std::fs::File;

/// How long a node may take to end its pods.
const STOP_SECONDS: i32 = 10;

/// What can be done to a node that runs.
#[derive(Debug, Clone, Copy)]
pub enum Switch {
    /// Ends its processes, as if its machine was shut down.
    Stop,
    /// Ends it without a word, as if its power failed.
    Kill,
    /// Freezes it: it takes no processor time, and its memory stays.
    Pause,
    /// Lets it go on when it is frozen.
    Resume,
}

impl Switch {
    /// As an error and a step say it.
    fn words(self) -> (&'static str, &'static str) {
        match self {
            Self::Stop => ("stop", "Stopping"),
            Self::Kill => ("kill", "Killing"),
            Self::Pause => ("pause", "Pausing"),
            Self::Resume => ("resume", "Resuming"),
        }
    }
}

/// The nodes that an operation is about: all of a cluster, which then belongs to this process, or one.
struct Meant {
    spec: ClusterSpec,
    nodes: Vec<NodeSpec>,
    /// For people.
    what: String,
    _lock: Option<File>,
}

impl Launcher {
    /// Removes a cluster and everything of it: containers, volumes, network, kubeconfig entries, keys.
    pub fn down<'a>(&'a self, cluster: &'a str) -> BoxFuture<'a, Result<()>> {
        Box::pin(async move {
            let (_lock, mut record) = self.take(cluster)?;
            self.engine_answers().await?;
            // If this process is killed, `up` begins anew instead of missing what is gone.
            record.complete = false;
            self.state.save(&record)?;
            Steps::new(self).report("Removing the cluster", self.destroy(&record)).await
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
        let mut removed = self.docker.remove_container(name, Some(options.clone())).await;
        if removed.as_ref().is_err_and(|error| error.to_string().contains("already in progress")) {
            // A command that was killed began it. However that ends, the engine is asked again.
            let gone = WaitContainerOptions { condition: "removed".to_owned() };
            self.docker.wait_container(name, Some(gone)).next().await;
            removed = self.docker.remove_container(name, Some(options)).await;
        }
        removed.if_there(format!("remove the container `{name}`")).map(drop)
    }

    async fn remove_volume(&self, name: &str) -> Result<()> {
        let removed = self.docker.remove_volume(name, Some(RemoveVolumeOptions { force: true })).await;
        removed.if_there(format!("remove the volume `{name}`")).map(drop)
    }

    /// Stops, kills, pauses or resumes a node, or all nodes of a cluster; their state stays.
    pub fn switch<'a>(&'a self, cluster: &'a str, node: Option<&'a str>, switch: Switch) -> BoxFuture<'a, Result<()>> {
        Box::pin(async move {
            let Meant { nodes, what, .. } = self.meant(cluster, node)?;
            let switched = all(nodes.iter().map(|node| self.switch_container(&node.name, switch)));
            Steps::new(self).report(&format!("{} {what}", switch.words().1), switched).await.map(drop)
        })
    }

    /// A container that is as it should be stays so.
    pub(crate) async fn switch_container(&self, name: &str, switch: Switch) -> Result<()> {
        let stop = StopContainerOptions { t: Some(STOP_SECONDS), ..Default::default() };
        let done = match switch {
            Switch::Stop => self.docker.stop_container(name, Some(stop)).await,
            Switch::Kill => self.docker.kill_container(name, None).await,
            Switch::Pause => self.docker.pause_container(name).await,
            Switch::Resume => self.docker.unpause_container(name).await,
        };
        match done {
            Err(error) if ["already paused", "is not paused"].iter().any(|said| error.to_string().contains(said)) => {
                Ok(())
            }
            other => other.doing(format!("{} the container `{name}`", switch.words().0)),
        }
    }

    /// Starts what does not run of a node or of all nodes of a cluster, and waits until they are of use.
    pub fn start<'a>(&'a self, cluster: &'a str, node: Option<&'a str>, wait: Duration) -> BoxFuture<'a, Result<()>> {
        Box::pin(async move {
            let Meant { spec, nodes, what, .. } = self.meant(cluster, node)?;
            let (mut steps, step) = (Steps::new(self), format!("Starting {what}"));
            let started = self.start_and_wait((&spec, &nodes), &step, &mut steps, wait).await;
            if matches!(started, Err(Error::Cancelled)) {
                (self.progress)(Event::Warn("what was started goes on; the same command waits for it again"));
            }
            started
        })
    }

    fn meant(&self, cluster: &str, node: Option<&str>) -> Result<Meant> {
        let Some(node) = node else {
            let (lock, Record { spec, .. }) = self.take(cluster)?;
            return Ok(Meant { nodes: spec.nodes.clone(), what: "nodes".to_owned(), spec, _lock: Some(lock) });
        };
        let (Record { spec, .. }, node) = self.node(cluster, node)?;
        Ok(Meant { spec, what: node.name.clone(), nodes: vec![node], _lock: None })
    }
}
