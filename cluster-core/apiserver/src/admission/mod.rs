//! Admission: what a write may still change in an object, and what forbids it, beyond the rules of its kind.

use crate::auth::UserInfo;
use crate::registry::Resource;
use cluster_object::status::Status;
use serde_json::Value;

/// What is done to the object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operation {
    /// A new object, or the use of a subresource with a body (binding, eviction, token).
    Create,
    /// A change.
    Update,
    /// A delete; the object is the one that goes.
    Delete,
    /// exec, attach, port-forward, proxy.
    Connect,
}

/// One write on its way in.
pub struct AdmissionRequest<'a> {
    /// Who asks.
    pub user: &'a UserInfo,
    /// What for.
    pub operation: Operation,
    /// Of which resource.
    pub resource: &'a Resource,
    /// Of which subresource; empty for the object itself.
    pub subresource: &'a str,
    /// In which namespace; empty for cluster-wide ones.
    pub namespace: &'a str,
    /// The object's name; may be empty on create with generateName.
    pub name: &'a str,
    /// The new object; null on delete.
    pub object: &'a mut Value,
    /// What is stored now.
    pub old: Option<&'a Value>,
    /// Whether nothing will be stored.
    pub dry_run: bool,
}

/// Read access to stored objects.
pub trait Lookup {
    /// One object by its storage (`pods`, `apps/deployments`), namespace and name.
    fn get(&self, storage: &str, namespace: &str, name: &str) -> Option<Value>;
    /// All objects of a storage, in one namespace or in all.
    fn list(&self, storage: &str, namespace: Option<&str>) -> Vec<Value>;
}

/// What may be set on the plugins.
#[derive(Debug, Clone)]
pub struct Options {
    /// Seconds a pod without tolerations of its own stays on a node that is not ready or unreachable.
    pub default_toleration_seconds: i64,
}

impl Default for Options {
    fn default() -> Self {
        Self { default_toleration_seconds: 300 }
    }
}

/// Runs the mutating plugins: completes `request.object` or refuses it. Runs before validation.
pub fn admit(request: &mut AdmissionRequest<'_>, lookup: &dyn Lookup, options: &Options) -> Result<(), Status> {
    let _ = (request, lookup, options);
    Ok(())
}

/// Runs the validating plugins on the final object. Runs after the kind's own validation.
pub fn validate(request: &AdmissionRequest<'_>, lookup: &dyn Lookup) -> Result<(), Status> {
    let _ = (request, lookup);
    Ok(())
}
