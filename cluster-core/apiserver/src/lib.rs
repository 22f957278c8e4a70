//! The API server: request pipeline, resource registry, generic verbs, admission, authentication, authorization.

pub mod admission;
mod allocate;
pub mod auth;
mod bootstrap;
mod custom;
pub mod discovery;
pub mod kinds;
mod metrics;
pub mod openapi;
mod paths;
mod pipeline;
pub mod registry;
mod render;
pub mod request;
mod server;
mod subresources;
mod table;
mod verbs;

pub use axum::body::Body;
pub use server::{ApiServer, Config, StartError};
pub use verbs::{Watched, WatchedStream};
