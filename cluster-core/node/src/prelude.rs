//! The names that most files of the node use.

pub(crate) use crate::supervise::supervise;
pub(crate) use anyhow::{Context, Result};
pub(crate) use cluster_client::{Client, Informers};
pub(crate) use cluster_config::{NodeConfig, path};
pub(crate) use std::net::Ipv4Addr;
pub(crate) use std::path::{Path, PathBuf};
pub(crate) use std::sync::Arc;
pub(crate) use std::time::Duration;
pub(crate) use tokio::net::TcpListener;
pub(crate) use tokio_util::sync::CancellationToken;
pub(crate) use tokio_util::task::TaskTracker;
