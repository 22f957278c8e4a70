//! `up`: from nothing to a cluster that is of use, or back to nothing.

use crate::Event;
use crate::container::binary_archive;
use crate::engine::is_running;
use crate::lifecycle::Switch;
use crate::prelude::*;
use crate::ready::now;
use crate::status::{ClusterStatus, NodeStatus};
use bollard::models::ContainerSummaryStateEnum;
use std::net::{SocketAddr, TcpListener};
use std::time::Instant;

/// What `up` is asked for.
#[derive(Debug, Clone)]
pub struct UpOptions {
    /// The cluster.
    pub spec: ClusterSpec,
    /// Whether the caller named the nodes; if not, a cluster that is there already stays as it is.
    pub explicit: bool,
    /// The node's program.
    pub binary: PathBuf,
    /// How long to wait for each step of the start.
    pub wait: Duration,
    /// How many simulated nodes there are beside the real ones, at least.
    pub simulated: usize,
}

/// What `up` did.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Report {
    /// The cluster.
    pub cluster: String,
    /// Its kubeconfig context.
    pub context: String,
    /// Its API server.
    pub server: String,
    /// Whether it was there and ran already.
    pub unchanged: bool,
    /// Its nodes.
    pub nodes: Vec<NodeStatus>,
    /// How long each step took.
    pub steps: Vec<crate::StepTime>,
    /// How long all took.
    pub total_millis: u64,
}

impl Launcher {
    /// Makes the cluster, or brings it to run if it is there. On failure, and when the user interrupts, everything it
    /// made is removed again.
    pub fn up(&self, options: UpOptions) -> BoxFuture<'_, Result<Report>> {
        Box::pin(async move {
            options.spec.validate()?;
            let start = Instant::now();
            let name = options.spec.name.clone();
            let _lock = self.state.lock(&name)?;
            let mut steps = Steps::new(self);
            steps.run("Docker engine", self.engine_answers()).await?;
            let (mut unchanged, simulated) = (false, options.simulated);
            match self.state.load(&name)? {
                Some(record) if record.complete => {
                    let differs = options.spec.differs(&record.spec).filter(|_| options.explicit);
                    if let Some((present, wanted)) = differs {
                        return Err(Error::Differs { name, present, wanted });
                    }
                    unchanged = self.resume(record, &options, &mut steps).await?;
                }
                leftover => {
                    if let Some(record) = leftover {
                        self.destroy(&record).await?;
                    }
                    self.create(options, &mut steps).await?;
                }
            }
            if simulated > 0 {
                let scaled = self.scale_simulated(&name, |present| present.max(simulated));
                steps.run("Simulated nodes", scaled).await?;
            }
            let ClusterStatus { context, server, nodes, .. } = self.status(&name).await?;
            Ok(Report {
                context,
                server,
                unchanged,
                nodes,
                cluster: name,
                steps: steps.times,
                total_millis: start.elapsed().as_millis() as u64,
            })
        })
    }

    /// Starts what does not run. True when everything ran already.
    async fn resume(&self, mut record: Record, options: &UpOptions, steps: &mut Steps<'_>) -> Result<bool> {
        let containers = self.containers(&record.spec.name).await?;
        let lost: Vec<&str> =
            record.spec.nodes.iter().map(|n| n.name.as_str()).filter(|name| !containers.contains_key(*name)).collect();
        let cluster = &record.spec.name;
        if !lost.is_empty() {
            return Err(Error::Invalid(format!(
                "the containers of {} are gone: remove a worker with `devcluster node remove --name {cluster} NODE`, or \
                 the cluster with `devcluster down --name {cluster}`",
                lost.join(", "),
            )));
        }
        let running = record.spec.nodes.iter().all(|node| containers.get(&node.name).is_some_and(is_running));
        if !running {
            self.start_and_wait((&record.spec, &record.spec.nodes), "Starting nodes", steps, options.wait).await?;
        }
        self.merge_kubeconfig(&mut record)?;
        self.state.save(&record)?;
        Ok(running)
    }

    async fn create(&self, options: UpOptions, steps: &mut Steps<'_>) -> Result<()> {
        let UpOptions { mut spec, binary, wait, .. } = options;
        let inputs = async {
            self.require_image(&spec.image).await?;
            binary_archive(&binary).await
        };
        let binary = steps.run("Node image", inputs).await?;
        spec.api_port = choose_port(&spec)?;
        let mut record = Record { spec, complete: false, previous_context: String::new() };
        self.state.save(&record)?;
        if let Err(error) = self.build(&mut record, &binary, wait, steps).await {
            if let Err(left) = steps.report("Removing what was made", self.destroy(&record)).await {
                (self.progress)(Event::Warn(&format!("not everything could be removed: {left}")));
            }
            return Err(error);
        }
        Ok(())
    }

    async fn build(&self, record: &mut Record, binary: &Bytes, wait: Duration, steps: &mut Steps<'_>) -> Result<()> {
        let pki = steps.run("Certificates", async { self.state.pki(&record.spec.name) }).await?;
        steps.run("Network", self.create_network(&mut record.spec)).await?;
        self.state.save(record)?;
        steps.run("Nodes", self.create_nodes(&record.spec, &record.spec.nodes, &pki, binary)).await?;
        let waited = record.spec.nodes.iter().map(|node| (node.name.clone(), None)).collect();
        self.nodes_of_use(steps, &record.spec, wait, waited).await?;
        record.complete = true;
        steps.report("Kubeconfig", async { self.merge_kubeconfig(record) }).await?;
        self.state.save(record)
    }

    /// Makes and starts nodes, each as soon as its container is made.
    pub(crate) async fn create_nodes(
        &self,
        spec: &ClusterSpec,
        nodes: &[NodeSpec],
        pki: &ClusterPki,
        binary: &Bytes,
    ) -> Result<()> {
        let node = async |node: &NodeSpec| {
            self.create_node(spec, node, pki, binary).await?;
            self.start_container(&node.name).await
        };
        all(nodes.iter().map(node)).await.map(drop)
    }

    /// Starts every container of some nodes that does not run, and waits until they are of use.
    pub(crate) async fn start_and_wait(
        &self,
        (spec, nodes): (&ClusterSpec, &[NodeSpec]),
        step: &str,
        steps: &mut Steps<'_>,
        wait: Duration,
    ) -> Result<()> {
        let since = now();
        let containers = self.containers(&spec.name).await?;
        let state = |node: &NodeSpec| containers.get(&node.name).and_then(|container| container.state);
        let start = async |node: &NodeSpec| match state(node) {
            Some(ContainerSummaryStateEnum::RUNNING) => Ok((node.name.clone(), None)),
            Some(ContainerSummaryStateEnum::PAUSED) => {
                self.switch_container(&node.name, Switch::Resume).await?;
                Ok((node.name.clone(), None))
            }
            _ => {
                self.start_container(&node.name).await?;
                Ok((node.name.clone(), Some(since)))
            }
        };
        let waited = steps.run(step, all(nodes.iter().map(start))).await?;
        self.nodes_of_use(steps, spec, wait, waited.into_iter().collect()).await
    }

    pub(crate) async fn start_container(&self, name: &str) -> Result<()> {
        self.docker.start_container(name, None).await.doing(format!("start the container `{name}`"))
    }
}

/// The API server's port on the host: the one that was asked for if it is free, else any.
fn choose_port(spec: &ClusterSpec) -> Result<u16> {
    let wanted = SocketAddr::new(spec.api_address, spec.api_port);
    let bound = TcpListener::bind(wanted).and_then(|listener| listener.local_addr());
    let address = bound.map_err(|error| {
        Error::Invalid(format!("{wanted} cannot be the API server's address: {error}; choose another apiServerPort"))
    })?;
    Ok(address.port())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_that_is_taken_is_refused_before_anything_is_made() {
        let mut spec = ClusterSpec::new("dev", "image", 1, 1);
        assert_ne!(choose_port(&spec).expect("any port"), 0);
        let holder = TcpListener::bind("127.0.0.1:0").expect("a port");
        spec.api_port = holder.local_addr().expect("its address").port();
        let error = choose_port(&spec).expect_err("it is taken").to_string();
        assert!(error.contains("choose another apiServerPort"), "{error}");
    }
}
