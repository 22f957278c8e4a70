//! What replica sets and replication controllers have in common.

use crate::prelude::*;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::borrow::Cow;

/// A kind that wants a number of pods.
pub(crate) trait Replicated: Object + PartialEq {
    /// Who its events are from.
    const COMPONENT: &'static str;

    /// The same as a replica set.
    fn as_set(&self) -> Cow<'_, ReplicaSet>;

    fn set_status(&mut self, status: ReplicaSetStatus);

    fn replicas(&self) -> usize {
        self.as_set().spec.replicas.unwrap_or(1).try_into().unwrap_or_default()
    }

    fn selector(&self) -> LabelSelector {
        self.as_set().spec.selector.clone()
    }

    fn template(&self) -> PodTemplateSpec {
        self.as_set().spec.template.clone().unwrap_or_default()
    }

    fn min_ready_seconds(&self) -> i32 {
        self.as_set().spec.min_ready_seconds.unwrap_or_default()
    }

    /// The object with what was observed as its status; `None` when that says nothing new.
    fn with_status(&self, observed: ReplicaSetStatus, failure: Option<(&str, String)>) -> Option<Self> {
        const KIND: &str = "ReplicaFailure";
        let mut updated = self.clone();
        let conditions = self.as_set().status.as_ref().and_then(|status| status.conditions.clone());
        let mut new = ReplicaSetStatus { observed_generation: Some(self.generation()), conditions, ..observed };
        let list = &mut new.conditions;
        match failure {
            // Another message of the same failure is no news.
            Some(_) if conditions::get(list.as_ref(), KIND).is_some() => {}
            Some((reason, message)) => {
                conditions::set(list, ReplicaSetCondition::build(KIND, "True", reason, message));
            }
            None => conditions::remove(list, KIND),
        }
        updated.set_status(new);
        (updated != *self).then_some(updated)
    }
}

impl Replicated for ReplicaSet {
    const COMPONENT: &'static str = "replicaset-controller";

    fn as_set(&self) -> Cow<'_, Self> {
        Cow::Borrowed(self)
    }

    fn set_status(&mut self, status: ReplicaSetStatus) {
        self.status = Some(status);
    }
}

impl Replicated for ReplicationController {
    const COMPONENT: &'static str = "replication-controller";

    fn as_set(&self) -> Cow<'_, ReplicaSet> {
        let spec = self.spec.clone().unwrap_or_default();
        let spec = ReplicaSetSpec {
            selector: LabelSelector { match_labels: spec.selector, match_expressions: None },
            min_ready_seconds: spec.min_ready_seconds,
            replicas: spec.replicas,
            template: spec.template,
        };
        let status = self.status.as_ref().map(converted);
        Cow::Owned(ReplicaSet { metadata: self.metadata.clone(), spec, status })
    }

    fn set_status(&mut self, status: ReplicaSetStatus) {
        self.status = Some(converted(&status));
    }
}

/// The status of the other kind, which has the same fields.
fn converted<T: DeserializeOwned + Default>(status: &impl Serialize) -> T {
    serde_json::to_value(status).and_then(serde_json::from_value).unwrap_or_default()
}
