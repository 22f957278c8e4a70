//! Lists of status conditions: one entry per type, a transition time that moves only when the status does.

use crate::prelude::*;
use k8s_openapi::api::autoscaling::v2::HorizontalPodAutoscalerCondition;
use k8s_openapi::api::certificates::v1::CertificateSigningRequestCondition;

/// What the condition types of all kinds share.
pub(crate) trait Condition: Sized {
    fn kind(&self) -> &str;
    fn status(&self) -> &str;
    fn reason(&self) -> &str;
    fn transition(&mut self) -> &mut Option<Time>;
    fn build(kind: &str, status: &str, reason: &str, message: String) -> Self;
}

/// Some kinds' conditions hold their type and status as an option.
fn text<'a>(field: impl Into<Option<&'a String>>) -> &'a str {
    field.into().map_or("", String::as_str)
}

macro_rules! condition {
    ($($kind:ty),+) => {$(
        impl Condition for $kind {
            fn kind(&self) -> &str {
                text(&self.type_)
            }

            fn status(&self) -> &str {
                text(&self.status)
            }

            fn reason(&self) -> &str {
                self.reason.as_deref().unwrap_or_default()
            }

            fn transition(&mut self) -> &mut Option<Time> {
                &mut self.last_transition_time
            }

            #[allow(clippy::needless_update, reason = "some of the types have more fields")]
            fn build(kind: &str, status: &str, reason: &str, message: String) -> Self {
                Self {
                    type_: kind.to_owned().into(),
                    status: status.to_owned().into(),
                    reason: Some(reason.to_owned()),
                    message: Some(message),
                    last_transition_time: Some(meta::now()),
                    ..Self::default()
                }
            }
        }
    )+};
}

condition!(
    CertificateSigningRequestCondition,
    DaemonSetCondition,
    DeploymentCondition,
    HorizontalPodAutoscalerCondition,
    JobCondition,
    NamespaceCondition,
    NodeCondition,
    PodCondition,
    ReplicaSetCondition,
    StatefulSetCondition
);

pub(crate) fn get<'a, C: Condition>(conditions: Option<&'a Vec<C>>, kind: &str) -> Option<&'a C> {
    conditions?.iter().find(|condition| condition.kind() == kind)
}

pub(crate) fn is_true<C: Condition>(conditions: Option<&Vec<C>>, kind: &str) -> bool {
    get(conditions, kind).is_some_and(|condition| condition.status() == "True")
}

/// Puts a condition in the place of the one of its type; one with the same status keeps its transition time.
pub(crate) fn set<C: Condition>(conditions: &mut Option<Vec<C>>, mut new: C) {
    let conditions = conditions.get_or_insert_default();
    match conditions.iter_mut().find(|old| old.kind() == new.kind()) {
        Some(old) => {
            if old.status() == new.status() {
                *new.transition() = old.transition().clone();
            }
            *old = new;
        }
        None => conditions.push(new),
    }
}

pub(crate) fn remove<C: Condition>(conditions: &mut Option<Vec<C>>, kind: &str) {
    if let Some(conditions) = conditions {
        conditions.retain(|condition| condition.kind() != kind);
    }
}
