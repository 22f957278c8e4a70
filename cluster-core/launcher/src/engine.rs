//! The connection to the Docker engine, and what every operation starts from.

use crate::Progress;
use crate::prelude::*;
use crate::state::{self, State};
use bollard::Docker;
use bollard::models::{ContainerSummary, ContainerSummaryStateEnum};
use bollard::query_parameters::ListContainersOptions;
use serde::de::DeserializeOwned;
use std::fs::File;

/// The cluster a container, volume or network belongs to.
pub(crate) const CLUSTER_LABEL: &str = "devcluster.io/cluster";
/// A container's role.
pub(crate) const ROLE_LABEL: &str = "devcluster.io/role";

/// Makes clusters and takes care of them.
#[derive(Clone)]
pub struct Launcher {
    pub(crate) docker: Docker,
    pub(crate) state: State,
    pub(crate) progress: Progress,
    /// Triggered by the user's interrupt.
    pub(crate) cancel: CancellationToken,
}

impl std::fmt::Debug for Launcher {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Launcher").field("state", &self.state).finish_non_exhaustive()
    }
}

impl Launcher {
    /// Connects to the engine that `$DOCKER_HOST` names, else to the local one. Fails later, when the engine is first
    /// needed, if it does not run. What goes on is told nobody.
    pub fn connect() -> Result<Self> {
        Self::connect_in(state::home()?)
    }

    /// As [`Self::connect`], with the state in a folder of its own.
    pub fn connect_in(home: PathBuf) -> Result<Self> {
        let docker = Docker::connect_with_defaults().map_err(Error::no_engine)?;
        Ok(Self { docker, state: State(home), progress: Arc::new(|_| {}), cancel: CancellationToken::new() })
    }

    /// The same connection and state for an operation that tells what it does, and that `cancel` interrupts.
    #[must_use]
    pub fn reporting_to(&self, progress: Progress, cancel: CancellationToken) -> Self {
        Self { progress, cancel, ..self.clone() }
    }

    /// Whether the engine answers.
    pub(crate) async fn engine_answers(&self) -> Result<()> {
        self.docker.version().await.map(drop).map_err(Error::no_engine)
    }

    /// The names of all clusters.
    pub fn clusters(&self) -> Result<Vec<String>> {
        self.state.clusters()
    }

    /// The folder of all that the host's side remembers.
    pub fn home(&self) -> &Path {
        &self.state.0
    }

    /// The containers of a cluster, running or not, by name.
    pub(crate) async fn containers(&self, cluster: &str) -> Result<HashMap<String, ContainerSummary>> {
        let options = ListContainersOptions { all: true, filters: Some(cluster_filter(cluster)), ..Default::default() };
        let list = self.docker.list_containers(Some(options)).await.doing("list containers")?;
        let named = |container: ContainerSummary| {
            let name = container.names.as_ref()?.first()?.trim_start_matches('/').to_owned();
            Some((name, container))
        };
        Ok(list.into_iter().filter_map(named).collect())
    }

    /// A cluster that is there, for this process alone.
    pub(crate) fn take(&self, cluster: &str) -> Result<(File, Record)> {
        Ok((self.state.lock(cluster)?, self.state.require(cluster)?))
    }

    /// A node of a cluster that is there.
    pub(crate) fn node(&self, cluster: &str, node: &str) -> Result<(Record, NodeSpec)> {
        let record = self.state.require(cluster)?;
        let found = record.spec.node(node).cloned().ok_or_else(|| Error::NoNode {
            cluster: cluster.to_owned(),
            node: node.to_owned(),
            nodes: record.spec.nodes.iter().map(|node| node.name.as_str()).collect::<Vec<_>>().join(", "),
        })?;
        Ok((record, found))
    }
}

pub(crate) fn cluster_filter(cluster: &str) -> HashMap<String, Vec<String>> {
    HashMap::from([("label".to_owned(), vec![format!("{CLUSTER_LABEL}={cluster}")])])
}

/// A request as the engine's API writes it.
pub(crate) fn request<T: DeserializeOwned>(body: Value) -> Result<T> {
    serde_json::from_value(body).map_err(|error| Error::Invalid(format!("a request to the engine: {error}")))
}

pub(crate) fn is_running(container: &ContainerSummary) -> bool {
    container.state == Some(ContainerSummaryStateEnum::RUNNING)
}
