//! Waits until a cluster is of use: the API server serves, every node is Ready, DNS answers. Every wait follows a
//! stream of events and ends early when a node's container dies.

use crate::prelude::*;
use bollard::query_parameters::{EventsOptions, LogsOptions};
use cluster_config::path;
use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use std::future::Future;
use std::pin::pin;

/// The node prints it on masters when its API server serves.
const API_READY: &str = "devcluster: api server ready";
const DNS_NAME: &str = "kubernetes.default.svc.cluster.local";
const DNS_PAUSE: Duration = Duration::from_millis(50);

/// Nodes by name. What a node said before its time here does not count: it may have been switched off so shortly that
/// nobody has noticed.
pub(crate) type Waited = HashMap<String, Option<Timestamp>>;

impl Launcher {
    /// A step that waits for something with a time limit; ends early when a container of the cluster dies.
    pub(crate) async fn wait<T>(
        &self,
        steps: &mut Steps<'_>,
        spec: &ClusterSpec,
        (step, what): (&str, &str),
        limit: Duration,
        wait: impl Future<Output = Result<T>>,
    ) -> Result<T> {
        let waited = async {
            self.require_master(spec).await?;
            tokio::select! {
                result = tokio::time::timeout(limit, Box::pin(wait)) => match result {
                    Ok(result) => result,
                    Err(_) => Err(self.timeout(spec, what, limit).await),
                },
                error = Box::pin(self.death(&spec.name)) => Err(error),
            }
        };
        steps.wait(step, waited).await
    }

    /// An error when the cluster is stopped or paused: nothing that is waited for would happen.
    pub(crate) async fn require_master(&self, spec: &ClusterSpec) -> Result<()> {
        for master in spec.of(Role::Master) {
            if self.container_state(&master.name).await? == "running" {
                return Ok(());
            }
        }
        Err(Error::Stopped(spec.name.clone()))
    }

    async fn timeout(&self, spec: &ClusterSpec, what: &str, limit: Duration) -> Error {
        let log = match spec.of(Role::Master).next() {
            Some(master) => self.log_tail(&master.name).await,
            None => String::new(),
        };
        Error::Timeout { what: what.to_owned(), seconds: limit.as_secs(), log }
    }

    /// Resolves when a container of the cluster dies.
    async fn death(&self, cluster: &str) -> Error {
        let mut filters = cluster_filter(cluster);
        filters.insert("event".to_owned(), vec!["die".to_owned()]);
        filters.insert("type".to_owned(), vec!["container".to_owned()]);
        let mut events = pin!(self.docker.events(Some(EventsOptions { filters: Some(filters), ..Default::default() })));
        match events.next().await.transpose().doing("follow the engine's events") {
            Ok(Some(event)) => {
                let name = event.actor.and_then(|actor| actor.attributes?.remove("name")).unwrap_or_default();
                let log = self.log_tail(&name).await;
                Error::NodeDied { node: name, log }
            }
            Ok(None) => Error::Invalid("the engine ended its stream of events".to_owned()),
            Err(error) => error,
        }
    }

    /// Waits until the master's log says, since its container's last start, that the API server serves.
    async fn api_ready(&self, master: &NodeSpec) -> Result<()> {
        let what = || format!("follow the log of `{}`", master.name);
        let inspected = self.docker.inspect_container(&master.name, None).await.doing(what())?;
        let started = inspected.state.and_then(|state| state.started_at).and_then(|at| at.parse().ok());
        let started = started.unwrap_or(Timestamp::UNIX_EPOCH);
        let options = LogsOptions {
            follow: true,
            stdout: true,
            stderr: true,
            timestamps: true,
            since: started.as_second() as i32,
            tail: "all".to_owned(),
            ..Default::default()
        };
        let mut lines = pin!(self.docker.logs(&master.name, Some(options)));
        while let Some(line) = lines.next().await {
            if is_ready_line(&line.doing(what())?.to_string(), started) {
                return Ok(());
            }
        }
        Err(Error::NodeDied { node: master.name.clone(), log: self.log_tail(&master.name).await })
    }

    /// Waits until all nodes are Ready.
    async fn nodes_ready(client: &Client, mut waited: Waited) -> Result<()> {
        let informer = Informers::new(client.clone()).informer::<Node>();
        let mut changes = informer.subscribe();
        while !waited.is_empty() {
            let Some(change) = changes.recv().await else { break };
            let node = change.object();
            if waited.get(node.name()).is_some_and(|since| is_ready(node, *since)) {
                waited.remove(node.name());
            }
        }
        Ok(())
    }

    /// Waits until the DNS of a worker answers for the API server's service. The name appears when the node has heard
    /// of the service; that is nothing the host can watch, so it asks again.
    async fn dns_ready(&self, node: &NodeSpec) -> Result<()> {
        loop {
            match self.output(&node.name, &[path::BINARY, "resolve", DNS_NAME]).await {
                Err(Error::Command { .. }) => tokio::time::sleep(DNS_PAUSE).await,
                other => return other.map(drop),
            }
        }
    }

    /// All three waits, as far as they concern these nodes, whose containers run.
    pub(crate) async fn nodes_of_use(
        &self,
        steps: &mut Steps<'_>,
        spec: &ClusterSpec,
        limit: Duration,
        waited: Waited,
    ) -> Result<()> {
        let concerned = |role| spec.of(role).filter(|node| waited.contains_key(&node.name));
        let (masters, worker): (Vec<_>, _) = (concerned(Role::Master).collect(), concerned(Role::Worker).next());
        if !masters.is_empty() {
            let api = futures::future::try_join_all(masters.into_iter().map(|master| self.api_ready(master)));
            self.wait(steps, spec, ("API server", "the API server's start"), limit, api).await?;
        }
        let client = self.client(&spec.name)?;
        let ready = Self::nodes_ready(&client, waited);
        self.wait(steps, spec, ("Nodes Ready", "Ready of all nodes"), limit, ready).await?;
        if let Some(worker) = worker {
            let answer = self.dns_ready(worker);
            self.wait(steps, spec, ("DNS answers", "an answer of the cluster's DNS"), limit, answer).await?;
        }
        Ok(())
    }
}

/// Whether a node says that it is Ready; with `since`, says so since then.
pub(crate) fn is_ready(node: &Node, since: Option<Timestamp>) -> bool {
    let conditions = node.status.as_ref().and_then(|status| status.conditions.as_ref());
    let fresh = |said: Option<&Time>| since.is_none_or(|since| said.is_some_and(|said| said.0 >= since));
    conditions.is_some_and(|all| {
        all.iter().any(|one| one.type_ == "Ready" && one.status == "True" && fresh(one.last_heartbeat_time.as_ref()))
    })
}

/// The present second: what heartbeats, which have no fractions, are compared with.
pub(crate) fn now() -> Timestamp {
    Timestamp::from_second(Timestamp::now().as_second()).unwrap_or_default()
}

/// Docker puts a time before each line; a line from before the container's last start does not count.
fn is_ready_line(line: &str, started: Timestamp) -> bool {
    let Some((time, text)) = line.split_once(' ') else { return false };
    text.contains(API_READY) && time.parse::<Timestamp>().is_ok_and(|time| time >= started)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_line_of_the_present_run_says_that_the_api_server_serves() {
        let started = "2026-01-02T03:04:05.1243Z".parse().expect("a time");
        assert!(is_ready_line("2026-01-02T03:04:05.124316589Z devcluster: api server ready\n", started));
        assert!(!is_ready_line("2026-01-02T03:04:05.124200000Z devcluster: api server ready\n", started));
        assert!(!is_ready_line("2026-01-02T03:04:06.000000000Z starting\n", started));
        assert!(!is_ready_line("devcluster: api server ready", started));
    }

    #[test]
    fn a_node_that_was_started_again_is_ready_when_it_says_so_anew() {
        let node: Node = serde_json::from_value(serde_json::json!({"status": {"conditions": [
            {"type": "Ready", "status": "True", "lastHeartbeatTime": "2026-01-02T03:04:05Z"}]}}))
        .expect("a node");
        let since = |text: &str| Some(text.parse().expect("a time"));
        assert!(is_ready(&node, None));
        assert!(is_ready(&node, since("2026-01-02T03:04:05Z")));
        assert!(!is_ready(&node, since("2026-01-02T03:04:06Z")));
    }
}
