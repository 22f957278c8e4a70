//! What all pod actors share: engine, API objects, the node's measures.

use crate::node::Pressure;
use crate::prelude::*;
use crate::spec::{field_ref::Place, service_env::service_env};
use k8s_openapi::api::core::v1::{ObjectReference, Service};

/// The pause after a call that the engine failed at.
const RETRY: Duration = Duration::from_secs(1);

/// The size of the node.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Capacity {
    pub(crate) cpu_milli: i64,
    pub(crate) memory: i64,
    /// The least oom_score_adj that may be given: the kernel lets only CAP_SYS_RESOURCE go lower.
    pub(crate) oom_floor: i64,
}

/// Shared by all actors.
pub(crate) struct Context {
    pub(crate) runtime: Arc<dyn Runtime>,
    pub(crate) client: Client,
    pub(crate) objects: Arc<Objects>,
    pub(crate) services: Informer<Service>,
    /// This node alone.
    pub(crate) nodes: Informer<Node>,
    pub(crate) recorder: Recorder,
    /// What the node runs short of.
    pub(crate) pressure: watch::Receiver<Pressure>,
    pub(crate) options: Arc<KubeletOptions>,
    pub(crate) capacity: Capacity,
}

impl Context {
    /// The folder of a pod.
    pub(crate) fn pod_dir(&self, pod: &Pod) -> PathBuf {
        self.options.root.join("pods").join(pod.metadata.uid.as_deref().unwrap_or("none"))
    }

    /// What the pod may read of its surroundings.
    pub(crate) fn place(&self, pod: &Pod) -> Place {
        Place {
            pod_ip: pod.status.as_ref().and_then(|s| s.pod_ip.clone()).unwrap_or_default(),
            host_ip: self.options.node.address.to_string(),
            allocatable: crate::node::allocatable(&self.options, None),
        }
    }

    /// Variables of the services that the pod sees; of `kubernetes` alone when it wants no links.
    pub(crate) fn service_env(&self, pod: &Pod) -> Vec<(String, String)> {
        let links = pod.spec.as_ref().and_then(|s| s.enable_service_links).unwrap_or(true);
        let mut services = self.services.list();
        services.retain(|service| {
            let master = (service.namespace(), service.name()) == ("default", "kubernetes");
            master || (links && service.namespace() == pod.namespace())
        });
        services.sort_by(|a, b| a.metadata.name.cmp(&b.metadata.name));
        service_env(services.iter())
    }

    /// A container as soon as the engine answers; nothing when there is none.
    pub(crate) async fn find(&self, id: &str) -> Option<ContainerInfo> {
        let look = || async {
            match self.runtime.inspect(id).await {
                Err(RuntimeError::NotFound(_)) => Ok(None),
                other => other.map(Some),
            }
        };
        insist(&format!("look at container {id}"), look).await
    }

    /// A pod's containers in the engine.
    pub(crate) async fn containers(&self, uid: &str) -> Result<Vec<ContainerInfo>, RuntimeError> {
        let mut all = self.runtime.list().await?;
        all.retain(|c| c.label(label::POD_UID) == uid);
        Ok(all)
    }

    /// Removes a container that nobody needs any more; one that stays is told of in the log.
    pub(crate) async fn discard(&self, id: &str) {
        if let Err(e) = self.runtime.remove(id).await {
            tracing::warn!("cannot remove container {id}: {e}");
        }
    }

    /// Records an event about a pod or one of its containers, given by its field path.
    pub(crate) fn record(&self, pod: &Pod, path: Option<String>, warning: bool, reason: &str, message: &str) {
        tracing::debug!(pod = pod.name(), reason, message);
        let mut about: ObjectReference = cluster_client::events::reference(pod);
        about.field_path = path;
        self.recorder.event(&about, if warning { "Warning" } else { "Normal" }, reason, message);
    }
}

/// Tries something until it works.
pub(crate) async fn insist<T, E, F>(what: &str, attempt: impl Fn() -> F) -> T
where
    E: std::fmt::Display,
    F: Future<Output = Result<T, E>>,
{
    loop {
        match attempt().await {
            Ok(done) => return done,
            Err(e) => tracing::warn!("cannot {what}: {e}"),
        }
        tokio::time::sleep(RETRY).await;
    }
}

/// `spec.containers{name}`, as events point at containers.
pub(crate) fn field_path(pod: &Pod, container: &str) -> String {
    let init = pod.spec.iter().flat_map(|s| s.init_containers.iter().flatten()).any(|c| c.name == container);
    if init { format!("spec.initContainers{{{container}}}") } else { format!("spec.containers{{{container}}}") }
}
