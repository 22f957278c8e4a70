//! The names that several files of this room use.

pub(crate) use crate::meta;
pub(crate) use crate::status::Status;
pub(crate) use cluster_schema::{Field, Schema};
pub(crate) use jiff::Timestamp;
pub(crate) use serde::Deserialize;
pub(crate) use serde_json::{Map, Value, json};
pub(crate) use std::collections::{BTreeMap, HashSet};
