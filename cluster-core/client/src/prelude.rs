//! The names that several files of this room use.

pub(crate) use crate::client::decode;
pub(crate) use crate::{Client, Object, WatchScope};
pub(crate) use bytes::Bytes;
pub(crate) use jiff::Timestamp;
pub(crate) use serde::Deserialize;
pub(crate) use serde_json::{Value, json};
pub(crate) use std::collections::{BTreeMap, HashMap};
pub(crate) use std::path::PathBuf;
pub(crate) use std::sync::Arc;
pub(crate) use std::time::Duration;
pub(crate) use tokio::time::Instant;
