//! How long a simulated pod takes for what it does, and how often it fails.

use jiff::SignedDuration;
use k8s_openapi::api::core::v1::{Node, Pod};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;

/// The stages of a pod's life. Each is the annotation of the pod, else the one of its node, else the default.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Stages {
    /// `devcluster.io/start-delay`: from the binding until the containers run. None by default.
    pub(crate) start: SignedDuration,
    /// `devcluster.io/ready-delay`: from there until they are ready. None by default.
    pub(crate) ready: SignedDuration,
    /// `devcluster.io/run-time`: from the start until they end. One second for pods of jobs, for ever for others.
    pub(crate) run: Option<SignedDuration>,
    /// `devcluster.io/stop-delay`: from the deletion until they have ended, within the grace period. None by default.
    pub(crate) stop: SignedDuration,
    /// `devcluster.io/failure-percent`: how many of 100 runs end with exit code 1. None by default.
    pub(crate) failures: u64,
}

impl Stages {
    /// What the annotations say; one that cannot be read counts as absent.
    pub(crate) fn of(pod: &Pod, node: &Node) -> Self {
        let text = |name: &str| {
            let of = |meta: &ObjectMeta| meta.annotations.as_ref()?.get(&format!("devcluster.io/{name}")).cloned();
            of(&pod.metadata).or_else(|| of(&node.metadata))
        };
        let time = |name: &str| text(name)?.parse::<SignedDuration>().ok().filter(SignedDuration::is_positive);
        let of_a_job = pod.metadata.owner_references.iter().flatten().any(|owner| owner.kind == "Job");
        Self {
            start: time("start-delay").unwrap_or_default(),
            ready: time("ready-delay").unwrap_or_default(),
            run: time("run-time").or(of_a_job.then_some(SignedDuration::from_secs(1))),
            stop: time("stop-delay").unwrap_or_default(),
            failures: text("failure-percent").and_then(|percent| percent.parse().ok()).unwrap_or(0),
        }
    }
}
