//! Nodes that come and go while the cluster runs.

use crate::container::binary_archive;
use crate::engine::Launcher;
use crate::error::Doing;
use crate::progress::Steps;
use crate::{Error, NodeStatus, Result};
use cluster_client::{Client, DeleteOptions, ListOptions, Patch, PatchOptions};
use cluster_config::Role;
use k8s_openapi::api::core::v1::{Node, Pod};
use serde_json::json;
use std::collections::BTreeSet;
use std::path::Path;
use std::time::Duration;

impl Launcher {
    /// Adds workers to a running cluster and waits until they are Ready.
    pub async fn add_nodes(&self, cluster: &str, count: u16, binary: &Path, wait: Duration) -> Result<Vec<NodeStatus>> {
        let _lock = self.state.lock(cluster)?;
        let mut record = self.state.require(cluster)?;
        let before = record.spec.clone();
        let added: Vec<_> = (0..count).map(|_| record.spec.push(Role::Worker).clone()).collect();
        record.spec.validate()?;
        let binary = binary_archive(binary).await?;
        let pki = self.state.pki(cluster)?;
        // Remembered first, so that `down` finds them whatever happens.
        self.state.save(&record)?;
        let spec = &record.spec;
        let mut steps = Steps::new(&*self.progress);
        let work = async {
            for node in &added {
                steps.run(&format!("Creating {}", node.name), self.create_node(spec, node, &pki, &binary)).await?;
            }
            steps.run("Starting nodes", self.start_nodes(spec)).await?;
            let names: BTreeSet<String> = added.iter().map(|node| node.name.clone()).collect();
            let client = self.client_of(spec)?;
            let ready = Self::nodes_ready(&client, names);
            steps.run("Nodes Ready", self.waiting(spec, "Ready of the new nodes", wait, ready)).await
        };
        if let Err(error) = work.await {
            for node in &added {
                if let Err(left) = self.destroy_node(node).await {
                    self.progress.warn(&format!("`{}` could not be removed: {left}", node.name));
                }
            }
            record.spec = before;
            self.state.save(&record)?;
            return Err(error);
        }
        let all = self.node_states(spec).await?;
        Ok(all.into_iter().filter(|status| added.iter().any(|node| node.name == status.name)).collect())
    }

    /// Takes a worker out: no new pods, the present ones are deleted, then the node goes.
    pub async fn remove_node(&self, cluster: &str, node: &str) -> Result<()> {
        let _lock = self.state.lock(cluster)?;
        let (mut record, node) = self.node(cluster, node)?;
        record.spec.nodes.retain(|other| other.name != node.name);
        if node.role == Role::Master {
            return Err(Error::Invalid(format!("`{}` is the cluster's only master", node.name)));
        }
        if record.spec.of(Role::Worker).next().is_none() {
            return Err(Error::Invalid(format!("`{}` is the cluster's last worker", node.name)));
        }
        let client = self.client(cluster)?;
        let mut steps = Steps::new(&*self.progress);
        steps.run(&format!("Draining {}", node.name), drain(&client, &node.name)).await?;
        steps
            .run(&format!("Removing {}", node.name), async {
                self.destroy_node(&node).await?;
                match client.delete::<Node>("", &node.name, &DeleteOptions::default()).await {
                    Err(error) if !error.is_not_found() => Err(error.into()),
                    _ => Ok(()),
                }
            })
            .await?;
        self.state.save(&record)
    }

    /// Stops one node, as if its machine was switched off.
    pub async fn stop_node(&self, cluster: &str, node: &str) -> Result<()> {
        let (_, node) = self.node(cluster, node)?;
        let step = format!("Stopping {}", node.name);
        Steps::new(&*self.progress).run(&step, self.stop_container(&node.name)).await
    }

    /// Starts a stopped node and waits until it is Ready.
    pub async fn start_node(&self, cluster: &str, node: &str, wait: Duration) -> Result<()> {
        let (record, node) = self.node(cluster, node)?;
        let mut steps = Steps::new(&*self.progress);
        let what = format!("start the container `{}`", node.name);
        let started = async { self.docker.start_container(&node.name, None).await.doing(what) };
        steps.run(&format!("Starting {}", node.name), started).await?;
        if node.role == Role::Master {
            let ready = self.api_ready(&node);
            steps.run("API server", self.waiting(&record.spec, "the API server's start", wait, ready)).await?;
        }
        let client = self.client_of(&record.spec)?;
        let ready = Self::nodes_ready(&client, BTreeSet::from([node.name.clone()]));
        steps.run("Node Ready", self.waiting(&record.spec, "Ready of the node", wait, ready)).await
    }
}

/// Keeps new pods away and deletes the present ones; their controllers make them anew on other nodes.
async fn drain(client: &Client, node: &str) -> Result<()> {
    let patch = Patch::Strategic(json!({"spec": {"unschedulable": true}}));
    match client.patch::<Node>("", node, "", &patch, &PatchOptions::default()).await {
        // It never joined.
        Err(error) if error.is_not_found() => return Ok(()),
        other => other.map(drop)?,
    }
    let on_node = ListOptions { field_selector: format!("spec.nodeName={node}"), ..Default::default() };
    for pod in client.list::<Pod>("", &on_node).await? {
        let (namespace, name) = (pod.metadata.namespace.unwrap_or_default(), pod.metadata.name.unwrap_or_default());
        match client.delete::<Pod>(&namespace, &name, &DeleteOptions::default()).await {
            Err(error) if !error.is_not_found() => return Err(error.into()),
            _ => {}
        }
    }
    Ok(())
}
