//! What replica sets and replication controllers have in common.

use super::status::Observed;
use crate::conditions;
use crate::meta::Meta;
use cluster_client::Object;
use k8s_openapi::api::apps::v1::{ReplicaSet, ReplicaSetCondition, ReplicaSetStatus};
use k8s_openapi::api::core::v1::{
    PodTemplateSpec, ReplicationController, ReplicationControllerCondition, ReplicationControllerStatus,
};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;

/// A kind that wants a number of pods.
pub(super) trait Replicated: Object {
    fn replicas(&self) -> usize;
    fn selector(&self) -> LabelSelector;
    fn template(&self) -> PodTemplateSpec;
    fn min_ready_seconds(&self) -> i32;
    /// The object with what was observed as its status; `None` when that says nothing new.
    fn with_status(&self, observed: &Observed, failure: Option<(&str, String)>) -> Option<Self>;
}

fn set_failure<C: conditions::Condition>(list: &mut Option<Vec<C>>, failure: Option<(&str, String)>) {
    const KIND: &str = "ReplicaFailure";
    match failure {
        // Another message of the same failure is no news.
        Some(_) if conditions::get(list.as_ref(), KIND).is_some() => {}
        Some((reason, message)) => conditions::set(list, C::build(KIND, "True", reason, message)),
        None => conditions::remove(list, KIND),
    }
}

macro_rules! new_status {
    ($set:expr, $status:ty, $condition:ty, $observed:expr, $failure:expr) => {{
        let old = $set.status.clone().unwrap_or_default();
        let mut new = <$status>::clone(&old);
        new.replicas = $observed.replicas;
        new.fully_labeled_replicas = Some($observed.fully_labeled);
        new.ready_replicas = Some($observed.ready);
        new.available_replicas = Some($observed.available);
        new.observed_generation = Some($set.generation());
        set_failure::<$condition>(&mut new.conditions, $failure);
        (old, new)
    }};
}

impl Replicated for ReplicaSet {
    fn replicas(&self) -> usize {
        let replicas = self.spec.replicas.unwrap_or(1);
        replicas.try_into().unwrap_or_default()
    }

    fn selector(&self) -> LabelSelector {
        self.spec.selector.clone()
    }

    fn template(&self) -> PodTemplateSpec {
        self.spec.template.clone().unwrap_or_default()
    }

    fn min_ready_seconds(&self) -> i32 {
        self.spec.min_ready_seconds.unwrap_or_default()
    }

    fn with_status(&self, observed: &Observed, failure: Option<(&str, String)>) -> Option<Self> {
        let (old, mut new) = new_status!(self, ReplicaSetStatus, ReplicaSetCondition, observed, failure);
        new.terminating_replicas = Some(observed.terminating);
        (old != new).then(|| Self { status: Some(new), ..self.clone() })
    }
}

impl Replicated for ReplicationController {
    fn replicas(&self) -> usize {
        let replicas = self.spec.as_ref().and_then(|spec| spec.replicas).unwrap_or(1);
        replicas.try_into().unwrap_or_default()
    }

    fn selector(&self) -> LabelSelector {
        let match_labels = self.spec.as_ref().and_then(|spec| spec.selector.clone());
        LabelSelector { match_labels, match_expressions: None }
    }

    fn template(&self) -> PodTemplateSpec {
        self.spec.as_ref().and_then(|spec| spec.template.clone()).unwrap_or_default()
    }

    fn min_ready_seconds(&self) -> i32 {
        self.spec.as_ref().and_then(|spec| spec.min_ready_seconds).unwrap_or_default()
    }

    fn with_status(&self, observed: &Observed, failure: Option<(&str, String)>) -> Option<Self> {
        let (old, new) =
            new_status!(self, ReplicationControllerStatus, ReplicationControllerCondition, observed, failure);
        (old != new).then(|| Self { status: Some(new), ..self.clone() })
    }
}
