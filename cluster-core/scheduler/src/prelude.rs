//! The names that several files of the scheduler use.

pub(crate) use crate::diagnosis::{Diagnosis, PluginSet};
pub(crate) use crate::model::{Cluster, NodeId, NodeInfo, PodInfo};
pub(crate) use crate::plugins::{Cycle, Refusal};
pub(crate) use crate::profile::{Profile, Settings};
pub(crate) use cluster_client::volumes::volume_name;
pub(crate) use cluster_client::{Object, ObjectKey, labels};
pub(crate) use cluster_object::pod::Demand;
pub(crate) use cluster_object::selector::Selector;
pub(crate) use k8s_openapi::api::core::v1::{
    Node, NodeAffinity, NodeSelectorTerm, PersistentVolume, PersistentVolumeClaim, Pod, PodSpec, Service, Taint,
};
pub(crate) use k8s_openapi::api::policy::v1::PodDisruptionBudget;
pub(crate) use k8s_openapi::api::storage::v1::StorageClass;
pub(crate) use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;
pub(crate) use std::borrow::Cow;
pub(crate) use std::collections::{BTreeMap, HashMap};
pub(crate) use std::sync::Arc;
pub(crate) use std::time::Duration;
pub(crate) use tokio::time::Instant;
