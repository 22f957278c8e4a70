//! Talks to an API server, in process or over TLS: typed requests, shared informers, work queues, events, leases.
//!
//! A [`Client`] speaks through a [`Backend`]; the node process implements one on top of the API server in the same
//! process, [`http::HttpBackend`] goes over the network. Everything above is the same code.

mod backend;
pub mod backoff;
mod client;
pub mod events;
mod follow;
pub mod http;
mod informer;
pub mod kubeconfig;
pub mod labels;
pub mod lease;
pub mod node_lease;
pub mod nodes;
mod object;
mod options;
pub mod pods;
mod prelude;
mod queue;
mod reflector;
pub mod trim;
pub mod volumes;

pub use backend::{Backend, ListPage, WatchEvent, WatchScope, WatchStream};
pub use client::{Client, collection_path, decode, escape, successful};
pub use cluster_object::status::Status;
pub use follow::{Follower, follow};
pub use informer::{Change, Informer, Informers, ObjectKey};
pub use k8s_openapi::apimachinery::pkg::apis::meta::v1::{DeleteOptions, Preconditions};
pub use object::Object;
pub use options::Patch;
pub use queue::{Work, WorkQueue};

/// Why a request failed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The server answered with a failure.
    #[error(transparent)]
    Api(#[from] Status),
    /// The server could not be reached, or the connection broke; a retry may help.
    #[error("failed to reach the API server: {0}")]
    Transport(String),
    /// The answer was not what the type says.
    #[error("failed to decode {kind}: {source}")]
    Decode {
        /// The kind that was expected.
        kind: &'static str,
        /// What did not fit.
        source: serde_json::Error,
    },
    /// The client's configuration is unusable.
    #[error("{0}")]
    Config(String),
}

impl Error {
    /// The server's answer, when it was one.
    pub fn status(&self) -> Option<&Status> {
        match self {
            Self::Api(status) => Some(status),
            _ => None,
        }
    }

    /// Whether the object does not exist.
    pub fn is_not_found(&self) -> bool {
        self.status().is_some_and(Status::is_not_found)
    }

    /// `None` for an object that does not exist, where that is as good as any other answer.
    pub fn ignore_gone<T>(result: Result<T, Self>) -> Result<Option<T>, Self> {
        match result {
            Err(error) if error.is_not_found() => Ok(None),
            other => other.map(Some),
        }
    }

    /// Whether the object changed in between.
    pub fn is_conflict(&self) -> bool {
        self.status().is_some_and(Status::is_conflict)
    }

    /// Whether the object was there already.
    pub fn is_already_exists(&self) -> bool {
        self.status().is_some_and(Status::is_already_exists)
    }
}
