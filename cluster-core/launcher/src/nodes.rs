//! Nodes that come and go while the cluster runs.

use crate::Event;
use crate::NodeStatus;
use crate::container::binary_archive;
use crate::prelude::*;
use crate::spec::MOST_NODES;
use cluster_client::{DeleteOptions, Informers, Object, Patch};
use cluster_config::SIMULATED;
use cluster_simulator::Taint;
use k8s_openapi::api::core::v1::{Node, Pod};
use serde_json::{Value, json};

/// How long an eviction that a disruption budget refuses waits for the next try, as kubectl's do.
const BETWEEN_EVICTIONS: Duration = Duration::from_secs(5);

impl Launcher {
    /// Adds workers to a running cluster and waits until they are Ready.
    pub fn add_nodes<'a>(
        &'a self,
        cluster: &'a str,
        count: u16,
        binary: &'a Path,
        wait: Duration,
    ) -> BoxFuture<'a, Result<Vec<NodeStatus>>> {
        Box::pin(async move {
            let (_lock, mut record) = self.take(cluster)?;
            let before = record.spec.clone();
            let added: Vec<_> = (0..count.min(MOST_NODES)).map(|_| record.spec.push(Role::Worker).clone()).collect();
            record.spec.validate()?;
            self.require_master(&record.spec).await?;
            let binary = binary_archive(binary).await?;
            let pki = self.state.pki(cluster)?;
            // Remembered first, so that `down` finds them whatever happens.
            self.state.save(&record)?;
            let spec = &record.spec;
            let mut steps = Steps::new(self);
            let work = async {
                steps.run("Nodes", self.create_nodes(spec, &added, &pki, &binary)).await?;
                let waited = added.iter().map(|node| (node.name.clone(), None)).collect();
                self.nodes_of_use(&mut steps, spec, wait, waited).await
            };
            if let Err(error) = work.await {
                for node in &added {
                    if let Err(left) = self.destroy_node(node).await {
                        (self.progress)(Event::Warn(&format!("`{}` could not be removed: {left}", node.name)));
                    }
                }
                record.spec = before;
                self.state.save(&record)?;
                return Err(error);
            }
            let all = self.status(cluster).await?.nodes;
            Ok(all.into_iter().filter(|status| added.iter().any(|node| node.name == status.name)).collect())
        })
    }

    /// Takes a worker out: no new pods, the present ones are evicted, then the node goes.
    pub fn remove_node<'a>(&'a self, cluster: &'a str, node: &'a str, wait: Duration) -> BoxFuture<'a, Result<()>> {
        Box::pin(async move {
            let _lock = self.state.lock(cluster)?;
            let (mut record, node) = match self.node(cluster, node) {
                Err(error @ Error::NoNode { .. }) => return self.remove_simulated(cluster, node).await?.ok_or(error),
                known => known?,
            };
            record.spec.nodes.retain(|other| other.name != node.name);
            if node.role == Role::Master {
                return Err(Error::Invalid(format!(
                    "`{}` is a master: how many there are is decided when the cluster is made",
                    node.name
                )));
            }
            if record.spec.of(Role::Worker).next().is_none() {
                return Err(Error::Invalid(format!("`{}` is the cluster's last worker", node.name)));
            }
            let client = self.client(cluster)?;
            let mut steps = Steps::new(self);
            // Pods of a node that does not run cannot end.
            if self.container_state(&node.name).await? == "running" {
                let draining = (&*format!("Draining {}", node.name), "the end of the node's pods");
                let drained = self.wait(&mut steps, &record.spec, draining, wait, drain(&client, &node.name)).await;
                drained.inspect_err(|_| {
                    let name = &node.name;
                    (self.progress)(Event::Warn(&format!(
                        "`{name}` takes no new pods: remove it again, or keep it with `kubectl uncordon {name}`"
                    )));
                })?;
            }
            steps
                .run(&format!("Removing {}", node.name), async {
                    self.destroy_node(&node).await?;
                    self.state.save(&record)?;
                    let deleted = client.delete::<Node>("", &node.name, &DeleteOptions::default()).await;
                    Ok(cluster_client::Error::ignore_gone(deleted).map(drop)?)
                })
                .await
        })
    }

    /// Adds simulated nodes to a running cluster; gives their names.
    pub fn add_simulated_nodes<'a>(&'a self, cluster: &'a str, count: usize) -> BoxFuture<'a, Result<Vec<String>>> {
        Box::pin(async move {
            self.require_master(&self.state.require(cluster)?.spec).await?;
            let (client, prefix) = (self.client(cluster)?, simulated_prefix(cluster));
            let added = cluster_simulator::add_nodes(&client, &prefix, count, Taint::NoSchedule);
            let mut steps = Steps::new(self);
            steps.run("Simulated nodes", async { Ok(added.await?) }).await
        })
    }

    /// Brings a running cluster to so many workers and so many simulated nodes. The newest go first, workers after their
    /// pods; `None` leaves the number as it is.
    pub fn scale<'a>(
        &'a self,
        cluster: &'a str,
        workers: Option<u16>,
        simulated: Option<usize>,
        binary: &'a Path,
        wait: Duration,
    ) -> BoxFuture<'a, Result<()>> {
        Box::pin(async move {
            let spec = self.state.require(cluster)?.spec;
            let present: Vec<_> = spec.of(Role::Worker).map(|node| node.name.clone()).collect();
            let wanted = workers.map_or(present.len(), usize::from);
            if wanted == 0 {
                return Err(Error::Invalid("a cluster needs a worker: `--workers` must be 1 or more".to_owned()));
            }
            let missing = wanted.saturating_sub(present.len());
            if missing > 0 {
                let missing = u16::try_from(missing).unwrap_or(u16::MAX);
                self.add_nodes(cluster, missing, binary, wait).await?;
            }
            for node in present.iter().skip(wanted).rev() {
                self.remove_node(cluster, node, wait).await?;
            }
            if let Some(count) = simulated {
                let scaled = self.scale_simulated(cluster, |_| count);
                Steps::new(self).run("Simulated nodes", scaled).await?;
            }
            Ok(())
        })
    }

    /// Brings the simulated nodes to a number, which may depend on the present one.
    pub(crate) async fn scale_simulated(&self, cluster: &str, wanted: impl FnOnce(usize) -> usize) -> Result<()> {
        let client = self.client(cluster)?;
        let wanted = wanted(simulated_nodes(&client).await?.len());
        Ok(cluster_simulator::scale_nodes(&client, &simulated_prefix(cluster), wanted, Taint::NoSchedule).await?)
    }

    /// Removes a simulated node; its pods go with it. None when there is no such node.
    async fn remove_simulated(&self, cluster: &str, node: &str) -> Result<Option<()>> {
        let client = self.client(cluster)?;
        let names = simulated_nodes(&client).await?.into_iter().map(|node| node.metadata.name);
        let full = format!("{cluster}-{node}");
        let Some(name) = names.flatten().find(|name| name == node || *name == full) else {
            return Ok(None);
        };
        let deleted = async { Ok(client.delete::<Node>("", &name, &DeleteOptions::default()).await?) };
        Steps::new(self).run(&format!("Removing {name}"), deleted).await.map(Some)
    }
}

/// What the names of a cluster's simulated nodes begin with.
fn simulated_prefix(cluster: &str) -> String {
    format!("{cluster}-sim")
}

async fn simulated_nodes(client: &Client) -> Result<Vec<Node>> {
    Ok(client.list::<Node>("", SIMULATED).await?)
}

/// Keeps new pods away and evicts the present ones, as `kubectl drain` does; their controllers make them anew on other
/// nodes.
async fn drain(client: &Client, node: &str) -> Result<()> {
    let patch = Patch::Strategic(json!({"spec": {"unschedulable": true}}));
    let patched = client.patch::<Node>("", node, "", &patch).await;
    if cluster_client::Error::ignore_gone(patched)?.is_none() {
        // It never joined.
        return Ok(());
    }
    let informer = Informers::new(client.clone()).scoped::<Pod>("", &format!("spec.nodeName={node}"));
    informer.synced().await;
    let mut changes = informer.subscribe();
    loop {
        let pods: Vec<_> = informer.list().into_iter().filter(|pod| leaves(pod)).collect();
        if pods.is_empty() {
            return Ok(());
        }
        // Each time, since the scheduler may have bound some before it heard of the node.
        let mut pause = Duration::MAX;
        for pod in pods.iter().filter(|pod| pod.metadata.deletion_timestamp.is_none()) {
            if !evict(client, pod).await? {
                pause = BETWEEN_EVICTIONS;
            }
        }
        // Every pod has its grace period to end in.
        if matches!(tokio::time::timeout(pause, changes.recv()).await, Ok(None)) {
            return Ok(());
        }
    }
}

/// Asks for a pod's end; false when a disruption budget does not allow it now.
async fn evict(client: &Client, pod: &Pod) -> Result<bool> {
    let (namespace, name) = (pod.namespace(), pod.name());
    let eviction = json!({"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"namespace": namespace, "name": name},
        "deleteOptions": {"preconditions": {"uid": pod.metadata.uid}}});
    match client.create_subresource::<Pod, _, Value>(namespace, name, "eviction", &eviction).await {
        Err(error) if error.status().is_some_and(|status| status.code == 429) => Ok(false),
        evicted => Ok(cluster_client::Error::ignore_gone(evicted).map(|_| true)?),
    }
}

/// Whether a pod can be waited for: static pods and those of daemon sets stay as long as their node.
fn leaves(pod: &Pod) -> bool {
    let owned = |kind: &str| pod.metadata.owner_references.iter().flatten().any(|owner| owner.kind == kind);
    !owned("DaemonSet") && !owned("Node")
}

#[cfg(test)]
mod tests {
    use super::*;
    use cluster_fake_server::FakeServer;
    use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;

    async fn pod(client: &Client, name: &str, owner: &str) {
        let pod = json!({"metadata": {"name": name, "namespace": "a", "ownerReferences": [
            {"apiVersion": "v1", "kind": owner, "name": "o", "uid": "u"}]}, "spec": {"nodeName": "n", "containers": []}});
        client.create(&serde_json::from_value::<Pod>(pod).expect("a pod")).await.expect("made");
    }

    #[tokio::test(start_paused = true)]
    async fn draining_waits_for_budgets_and_evicts_what_comes_late() {
        let server = FakeServer::new();
        let client = server.client();
        let node =
            Node { metadata: ObjectMeta { name: Some("n".to_owned()), ..ObjectMeta::default() }, ..Node::default() };
        client.create(&node).await.expect("made");
        pod(&client, "early", "ReplicaSet").await;
        pod(&client, "daemon", "DaemonSet").await;
        server.allow_evictions(false);
        let allowed = async {
            tokio::time::sleep(BETWEEN_EVICTIONS / 2).await;
            pod(&client, "late", "ReplicaSet").await;
            tokio::time::sleep(BETWEEN_EVICTIONS * 2).await;
            assert_eq!(client.list::<Pod>("", "").await.expect("a list").len(), 3, "none may go yet");
            server.allow_evictions(true);
        };
        let (drained, ()) = tokio::join!(drain(&client, "n"), allowed);
        drained.expect("drained");
        let left = client.list::<Pod>("", "").await.expect("a list");
        assert_eq!(left.iter().map(Object::name).collect::<Vec<_>>(), ["daemon"]);
        let node = client.get::<Node>("", "n").await.expect("there");
        assert_eq!(node.spec.and_then(|spec| spec.unschedulable), Some(true));
    }
}
