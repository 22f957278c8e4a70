//! The names that several files of the launcher use.

pub(crate) use crate::engine::{CLUSTER_LABEL, Launcher, cluster_filter};
pub(crate) use crate::error::Doing;
pub(crate) use crate::progress::{Steps, all};
pub(crate) use crate::state::Record;
pub(crate) use crate::{ClusterSpec, Error, NodeSpec, Result};
pub(crate) use bytes::Bytes;
pub(crate) use cluster_client::{Client, Informers, Object};
pub(crate) use cluster_config::Role;
pub(crate) use cluster_object::yaml;
pub(crate) use cluster_pki::ClusterPki;
pub(crate) use futures::StreamExt;
pub(crate) use futures::future::BoxFuture;
pub(crate) use k8s_openapi::api::core::v1::Node;
pub(crate) use serde::Serialize;
pub(crate) use serde_json::Value;
pub(crate) use std::collections::{BTreeMap, HashMap};
pub(crate) use std::net::Ipv4Addr;
pub(crate) use std::path::{Path, PathBuf};
pub(crate) use std::sync::Arc;
pub(crate) use std::time::Duration;
pub(crate) use tokio_util::sync::CancellationToken;
