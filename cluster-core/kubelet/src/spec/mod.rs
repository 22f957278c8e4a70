//! From a container's definition to what the engine is told: environment, security, resources, files of its own.

pub(crate) mod container;
pub(crate) mod env;
mod env_file;
pub(crate) mod expand;
pub(crate) mod field_ref;
pub(crate) mod files;
pub(crate) mod qos;
pub(crate) mod security;
pub(crate) mod service_env;

use k8s_openapi::api::core::v1::Container;
use std::hash::{DefaultHasher, Hash, Hasher};

/// A short fingerprint of what cannot change without a restart: the image of a definition.
pub(crate) fn hash(container: &Container) -> String {
    let mut hasher = DefaultHasher::new();
    (&container.name, &container.image).hash(&mut hasher);
    format!("{:x}", hasher.finish())
}
