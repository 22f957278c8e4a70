//! The names that most files of the scheduler use.

pub(crate) use crate::diagnosis::{Diagnosis, PluginSet};
pub(crate) use crate::model::{Cluster, NodeId, NodeInfo, PodInfo};
pub(crate) use crate::profile::{Profile, Settings};
pub(crate) use cluster_client::{Object, ObjectKey, labels};
pub(crate) use cluster_object::selector::Selector;
pub(crate) use k8s_openapi::api::core::v1::{Node, Pod};
pub(crate) use k8s_openapi::api::policy::v1::PodDisruptionBudget;
pub(crate) use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;
pub(crate) use std::borrow::Cow;
pub(crate) use std::collections::{BTreeMap, HashMap};
pub(crate) use std::sync::Arc;
pub(crate) use std::time::Duration;
pub(crate) use tokio::time::Instant;
