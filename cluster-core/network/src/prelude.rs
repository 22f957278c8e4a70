//! The names that several files of this room use.

pub(crate) use cluster_client::{Informers, Object};
pub(crate) use cluster_config::NodeConfig;
pub(crate) use k8s_openapi::api::core::v1::{Node, Service};
pub(crate) use k8s_openapi::api::discovery::v1::EndpointSlice;
pub(crate) use std::collections::{BTreeMap, BTreeSet};
pub(crate) use std::net::Ipv4Addr;
pub(crate) use std::sync::Arc;
pub(crate) use tokio::net::TcpListener;
pub(crate) use tokio_util::sync::CancellationToken;
