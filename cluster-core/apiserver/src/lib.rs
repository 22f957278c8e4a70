//! The API server: request pipeline, resource registry, generic verbs, admission, authentication, authorization.

pub mod admission;
mod aggregation;
mod allocate;
pub mod audit;
pub mod auth;
mod backend;
mod bootstrap;
mod condition;
mod conversion;
mod custom;
mod discovery;
mod endpoints;
mod flow;
pub mod kinds;
mod limits;
mod metrics;
pub mod openapi;
mod parsed;
mod paths;
mod pipeline;
mod prelude;
pub mod registry;
mod render;
pub mod request;
mod server;
mod subresources;
mod table;
mod usage;
mod verbs;

pub use axum::body::Body;
pub use limits::Limits;
pub use server::{ApiServer, Config, StartError};
pub use verbs::{Watched, WatchedStream};
