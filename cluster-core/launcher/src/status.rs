//! What runs: every cluster, and every node of one.

use crate::prelude::*;
use crate::ready::is_ready;
use bollard::models::ContainerStateStatusEnum;
use bollard::query_parameters::EventsOptions;
use cluster_config::SIMULATED;
use futures::{Stream, StreamExt};

/// A cluster that hangs must not hang `status`.
const ASK_LIMIT: Duration = Duration::from_secs(3);
/// The engine's events after which a container's state is another.
const CHANGES: [&str; 6] = ["create", "start", "die", "destroy", "pause", "unpause"];

/// A cluster.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ClusterStatus {
    /// Its name.
    pub name: String,
    /// `Running`, `Stopped`, `Paused`, `Degraded` (some nodes do not run) or `Incomplete` (`up` did not end).
    pub state: &'static str,
    /// Its API server.
    pub server: String,
    /// Its kubeconfig context.
    pub context: String,
    /// Its nodes.
    pub nodes: Vec<NodeStatus>,
    /// How many simulated ones there are beside them; none are known when the API server cannot be asked.
    pub simulated: usize,
}

/// A node.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct NodeStatus {
    /// Its name.
    pub name: String,
    /// `master` or `worker`.
    pub role: &'static str,
    /// Its container: `running`, `stopped`, `paused`, ... or `missing`.
    pub container: String,
    /// Whether the API server says so; unknown when it cannot be asked.
    pub ready: Option<bool>,
    /// Its address.
    pub address: Ipv4Addr,
}

impl Launcher {
    /// One cluster.
    pub fn status<'a>(&'a self, cluster: &'a str) -> BoxFuture<'a, Result<ClusterStatus>> {
        Box::pin(self.look(cluster, true))
    }

    /// One cluster as Docker sees it: no API server is asked, so readiness stays unknown.
    pub fn glance<'a>(&'a self, cluster: &'a str) -> BoxFuture<'a, Result<ClusterStatus>> {
        Box::pin(self.look(cluster, false))
    }

    async fn look(&self, cluster: &str, ask: bool) -> Result<ClusterStatus> {
        let Record { spec, complete, .. } = self.state.require(cluster)?;
        let states = all(spec.nodes.iter().map(|node| self.container_state(&node.name))).await?;
        let mut runs = spec.nodes.iter().zip(&states).filter(|(_, state)| *state == "running");
        let serves = runs.any(|(node, _)| node.role == Role::Master);
        let known = if serves && ask { self.known_nodes(cluster).await } else { None };
        // Of a node that has just stopped the API server does not know it yet.
        let ready = |name: &str, container: &str| {
            let mut nodes = known.as_ref()?.iter();
            Some(container == "running" && nodes.any(|node| node.name() == name && is_ready(node, None)))
        };
        let status = |(node, container): (&NodeSpec, String)| NodeStatus {
            role: node.role.as_str(),
            ready: ready(&node.name, &container),
            container,
            address: spec.address(node),
            name: node.name.clone(),
        };
        let nodes: Vec<_> = spec.nodes.iter().zip(states).map(status).collect();
        Ok(ClusterStatus {
            state: if complete { summarize(&nodes) } else { "Incomplete" },
            server: spec.server_url(),
            context: spec.context(),
            nodes,
            simulated: known.iter().flatten().filter(|node| node.label(SIMULATED).is_some()).count(),
            name: spec.name,
        })
    }

    /// An item whenever a container of any cluster comes, goes or changes its state, from a time on (seconds since 1970).
    /// Ends with the engine's connection.
    pub fn changes(&self, since: i64) -> impl Stream<Item = Result<()>> + use<> {
        let filters = HashMap::from([
            ("type".to_owned(), vec!["container".to_owned()]),
            ("label".to_owned(), vec![CLUSTER_LABEL.to_owned()]),
            ("event".to_owned(), CHANGES.map(str::to_owned).to_vec()),
        ]);
        let docker = self.docker.clone();
        let options = EventsOptions { filters: Some(filters), since: Some(since.to_string()), ..Default::default() };
        let events = docker.events(Some(options));
        events.map(|event| event.doing("follow the engine's events").map(drop))
    }

    /// What Docker says of a node's container. Its list of containers is behind while it clears away after one that has
    /// ended, also when it has told of the end; who asks for the container waits until that is done.
    pub(crate) async fn container_state(&self, node: &str) -> Result<String> {
        let told = self.docker.inspect_container(node, None).await.if_there("ask for a node's container")?;
        Ok(match told.and_then(|told| told.state?.status) {
            None => "missing".to_owned(),
            Some(ContainerStateStatusEnum::EXITED | ContainerStateStatusEnum::CREATED) => "stopped".to_owned(),
            Some(other) => other.to_string(),
        })
    }

    async fn known_nodes(&self, cluster: &str) -> Option<Vec<Node>> {
        let client = self.client(cluster).ok()?;
        tokio::time::timeout(ASK_LIMIT, client.list::<Node>("", "")).await.ok()?.ok()
    }
}

fn summarize(nodes: &[NodeStatus]) -> &'static str {
    let all = |state: &str| nodes.iter().all(|node| node.container == state);
    match () {
        () if all("running") => "Running",
        () if all("stopped") => "Stopped",
        () if all("paused") => "Paused",
        () => "Degraded",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clusters_state_is_that_of_all_its_containers() {
        let nodes = |states: &[&str]| {
            let node = |state: &&str| NodeStatus {
                name: String::new(),
                role: "worker",
                container: (*state).to_owned(),
                ready: None,
                address: Ipv4Addr::LOCALHOST,
            };
            states.iter().map(node).collect::<Vec<_>>()
        };
        assert_eq!(summarize(&nodes(&["running", "running"])), "Running");
        assert_eq!(summarize(&nodes(&["stopped", "stopped"])), "Stopped");
        assert_eq!(summarize(&nodes(&["paused"])), "Paused");
        assert_eq!(summarize(&nodes(&["running", "missing"])), "Degraded");
    }
}
