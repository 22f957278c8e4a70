//! The API server: request pipeline, resource registry, generic verbs, admission, authentication, authorization.

pub mod admission;
pub mod auth;
pub mod discovery;
pub mod kinds;
pub mod openapi;
pub mod registry;
pub mod request;
