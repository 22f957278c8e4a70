//! The names that most files of the server use.

pub(crate) use crate::admission::{AdmissionRequest, Lookup, Notes, Operation};
pub(crate) use crate::auth::{Decision, UserInfo};
pub(crate) use crate::kinds::order;
pub(crate) use crate::registry::{Registry, Resource};
pub(crate) use crate::request::RequestInfo;
pub(crate) use crate::server::ApiServer;
pub(crate) use crate::verbs::Call;
pub(crate) use crate::{backend, condition, request};
pub(crate) use axum::body::Body;
pub(crate) use bytes::Bytes;
pub(crate) use cluster_object::meta;
pub(crate) use cluster_object::status::{GroupResource, Status};
pub(crate) use cluster_schema::{Schema, Shape};
pub(crate) use cluster_store::{Entry, Key, Revision, Store};
pub(crate) use http::request::Parts;
pub(crate) use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode};
pub(crate) use jiff::Timestamp;
pub(crate) use parking_lot::{Mutex, RwLock};
pub(crate) use serde::{Deserialize, Serialize};
pub(crate) use serde_json::{Map, Value, json};
pub(crate) use std::borrow::Cow;
pub(crate) use std::collections::{BTreeMap, HashMap, HashSet};
pub(crate) use std::net::Ipv4Addr;
pub(crate) use std::sync::{Arc, LazyLock};
pub(crate) use std::time::Duration;
pub(crate) use tokio::time::Instant;
pub(crate) use tokio_util::sync::CancellationToken;
