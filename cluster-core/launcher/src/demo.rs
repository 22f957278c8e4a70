//! `devcluster demo`: applies the example application and says where it answers.

use crate::prelude::*;
use cluster_client::{Informers, Patch};
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::Service;
use std::collections::BTreeSet;

const MANIFESTS: [&str; 4] = [
    include_str!("../../../examples/cats-for-gold/config.yaml"),
    include_str!("../../../examples/cats-for-gold/secret.yaml"),
    include_str!("../../../examples/cats-for-gold/auth.yaml"),
    include_str!("../../../examples/cats-for-gold/front.yaml"),
];
const NAMESPACE: &str = "default";
const SELECTOR: &str = "app.kubernetes.io/part-of=cats-for-gold";
const FRONT: &str = "front";

/// Where the demo answers.
#[derive(Debug, Clone, Serialize)]
pub struct DemoAddress {
    /// The node.
    pub node: String,
    /// For example `http://172.30.0.3:30080`.
    pub url: String,
}

impl Launcher {
    /// Applies the demo, waits for its roll-out, and returns its addresses: any node leads to it.
    pub fn demo<'a>(&'a self, cluster: &'a str, wait: Duration) -> BoxFuture<'a, Result<Vec<DemoAddress>>> {
        Box::pin(async move {
            let record = self.state.require(cluster)?;
            let client = self.client_of(&record.spec)?;
            let mut steps = Steps::new(self);
            let objects = objects()?;
            let deployments: BTreeSet<String> = objects
                .iter()
                .filter(|object| object["kind"] == "Deployment")
                .map(|object| cluster_object::meta::name(object).to_owned())
                .collect();
            steps
                .run("Applying the demo", async {
                    for object in &objects {
                        apply(&client, object).await?;
                    }
                    Ok(())
                })
                .await?;
            let rollout = self.waiting(&record.spec, "the demo's roll-out", wait, rolled_out(&client, deployments));
            steps.wait("Rolling out", rollout).await?;
            let service: Service = client.get(NAMESPACE, FRONT).await?;
            let port = service.spec.and_then(|spec| spec.ports?.into_iter().find_map(|port| port.node_port));
            let port = port.ok_or_else(|| Error::Invalid(format!("the service `{FRONT}` has no node port")))?;
            let spec = &record.spec;
            let address = |node| format!("http://{}:{port}", spec.address(node));
            Ok(spec.nodes.iter().map(|node| DemoAddress { node: node.name.clone(), url: address(node) }).collect())
        })
    }
}

fn objects() -> Result<Vec<Value>> {
    let lists = MANIFESTS.iter().map(|text| yaml::from_manifest(text));
    let lists: std::result::Result<Vec<_>, _> = lists.collect();
    Ok(lists.map_err(|error| Error::Invalid(format!("the demo's manifests: {error}")))?.concat())
}

/// The collection of the few kinds the demo has.
fn collection(kind: &str) -> Option<&'static str> {
    Some(match kind {
        "ConfigMap" => "/api/v1/namespaces/default/configmaps",
        "Secret" => "/api/v1/namespaces/default/secrets",
        "Service" => "/api/v1/namespaces/default/services",
        "Deployment" => "/apis/apps/v1/namespaces/default/deployments",
        _ => return None,
    })
}

async fn apply(client: &Client, object: &Value) -> Result<()> {
    let kind = object["kind"].as_str().unwrap_or_default();
    let name = cluster_object::meta::name(object);
    let collection = collection(kind).ok_or_else(|| Error::Invalid(format!("the demo has a {kind}")))?;
    let path = format!("{collection}/{name}?fieldManager=devcluster&force=true");
    Ok(client.raw_patch::<Value>(&path, &Patch::Apply(object.clone())).await.map(drop)?)
}

async fn rolled_out(client: &Client, mut waited: BTreeSet<String>) -> Result<()> {
    let informer = Informers::new(client.clone()).scoped::<Deployment>(SELECTOR, "");
    let mut changes = informer.subscribe();
    while !waited.is_empty() {
        let Some(change) = changes.recv().await else { break };
        if is_rolled_out(change.object()) {
            waited.remove(change.object().name());
        }
    }
    Ok(())
}

/// As `kubectl rollout status` decides it.
fn is_rolled_out(deployment: &Deployment) -> bool {
    let wanted = deployment.spec.replicas.unwrap_or(1);
    deployment.status.as_ref().is_some_and(|status| {
        let [updated, all, available] =
            [status.updated_replicas, status.replicas, status.available_replicas].map(Option::unwrap_or_default);
        status.observed_generation >= deployment.metadata.generation
            && updated >= wanted
            && all <= updated
            && available >= updated
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_object_of_the_example_has_its_place_and_its_label() {
        let objects = objects().expect("valid YAML");
        assert!(objects.len() >= 6);
        for object in &objects {
            let kind = object["kind"].as_str().unwrap_or_default();
            assert!(collection(kind).is_some(), "{kind}");
            assert_eq!(object["metadata"]["labels"]["app.kubernetes.io/part-of"], "cats-for-gold", "{kind}");
        }
    }

    #[test]
    fn a_rollout_is_over_when_all_replicas_are_new_and_available() {
        let deployment = |updated: i32, all: i32, available: i32, observed: i64| -> Deployment {
            serde_json::from_value(serde_json::json!({
                "metadata": {"generation": 2}, "spec": {"replicas": 2, "selector": {}, "template": {}},
                "status": {"updatedReplicas": updated, "replicas": all, "availableReplicas": available,
                    "observedGeneration": observed},
            }))
            .expect("a deployment")
        };
        assert!(is_rolled_out(&deployment(2, 2, 2, 2)));
        assert!(!is_rolled_out(&deployment(2, 2, 2, 1)), "the controller has not seen it");
        assert!(!is_rolled_out(&deployment(1, 2, 2, 2)), "old pods are to be replaced");
        assert!(!is_rolled_out(&deployment(2, 3, 3, 2)), "old pods are still there");
        assert!(!is_rolled_out(&deployment(2, 2, 1, 2)), "a pod is not available");
    }
}
