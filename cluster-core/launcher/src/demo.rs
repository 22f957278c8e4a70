//! `devcluster demo`: applies the example application and says where it answers.

use crate::prelude::*;
use cluster_client::{Informers, Patch};
use cluster_object::meta;
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::Service;

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
            let client = self.client(cluster)?;
            let mut steps = Steps::new(self);
            let objects = objects()?;
            let deployments = objects.iter().filter(|object| object["kind"] == "Deployment").count();
            steps
                .run("Applying the demo", async {
                    for object in &objects {
                        let path = format!("{}?fieldManager=devcluster&force=true", path(object));
                        client.raw_patch::<Value>(&path, &Patch::Apply(object.clone())).await?;
                    }
                    Ok(())
                })
                .await?;
            let rollout = rolled_out(&client, deployments);
            self.wait(&mut steps, &record.spec, ("Rolling out", "the demo's roll-out"), wait, rollout).await?;
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

/// Where an object of the demo is, whose few kinds have regular plurals.
fn path(object: &Value) -> String {
    let (version, kind, name) = (meta::api_version(object), meta::kind(object).to_lowercase(), meta::name(object));
    let root = if version.contains('/') { "apis" } else { "api" };
    format!("/{root}/{version}/namespaces/{NAMESPACE}/{kind}s/{name}")
}

async fn rolled_out(client: &Client, wanted: usize) -> Result<()> {
    let informer = Informers::new(client.clone()).scoped::<Deployment>(SELECTOR, "");
    let mut changes = informer.subscribe();
    while informer.list().iter().filter(|deployment| is_rolled_out(deployment)).count() < wanted {
        if changes.recv().await.is_none() {
            break;
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
        let places = [
            "/api/v1/namespaces/default/configmaps/",
            "/api/v1/namespaces/default/secrets/",
            "/api/v1/namespaces/default/services/",
            "/apis/apps/v1/namespaces/default/deployments/",
        ];
        for object in &objects {
            let kind = meta::kind(object);
            assert!(places.iter().any(|place| path(object).starts_with(place)), "{kind}");
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
