//! The names that several files of the controllers use.

pub(crate) use crate::claims::claim;
pub(crate) use crate::conditions::Condition;
pub(crate) use crate::index::{BY_NODE, BY_OWNER, near};
pub(crate) use crate::meta::{Labels, controller_key, controller_reference, scaled, seconds, since};
pub(crate) use crate::pod_control::{BURST, PodControl, from_template};
pub(crate) use crate::pods::{is_active, is_available, is_finished, is_ready, phase, until_available};
pub(crate) use crate::resources::{Partial, Resource, discover};
pub(crate) use crate::runner::{Outcome, Runner};
pub(crate) use crate::{
    Context, Error, conditions, delete, ignore_gone, index, meta, pods, remove_finalizer, write_status,
};
pub(crate) use cluster_client::events::{Recorder, reference};
pub(crate) use cluster_client::volumes::{claim_key, volume_name};
pub(crate) use cluster_client::{
    Change, Client, DeleteOptions, Informer, Informers, Object, ObjectKey, Patch, WatchScope, Work, WorkQueue,
};
pub(crate) use cluster_object::quantity::Quantity;
pub(crate) use cluster_object::selector::Selector;
pub(crate) use futures::FutureExt;
pub(crate) use futures::future::{BoxFuture, join_all};
pub(crate) use http::Method;
pub(crate) use jiff::{SignedDuration, Timestamp};
pub(crate) use k8s_openapi::api::apps::v1::*;
pub(crate) use k8s_openapi::api::batch::v1::*;
pub(crate) use k8s_openapi::api::core::v1::*;
pub(crate) use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ObjectMeta, OwnerReference, Time};
pub(crate) use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
pub(crate) use parking_lot::Mutex;
pub(crate) use serde_json::{Value, json};
pub(crate) use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
pub(crate) use std::sync::Arc;
pub(crate) use std::time::Duration;
pub(crate) use tokio::task::JoinSet;
pub(crate) use tokio::time::Instant;
