//! The API server: request pipeline, resource registry, generic verbs, admission, authentication, authorization.

pub mod kinds;
pub mod registry;
