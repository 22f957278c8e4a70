//! What every component asks of every object.

use crate::ObjectKey;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ObjectMeta, OwnerReference};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::fmt::Debug;

/// What a [`crate::Client`] and an informer can handle: every top-level kind.
pub trait Object:
    k8s_openapi::Metadata<Ty = ObjectMeta> + DeserializeOwned + Serialize + Clone + Debug + Send + Sync + 'static
{
    /// Empty where it has none yet.
    fn name(&self) -> &str {
        self.metadata().name.as_deref().unwrap_or_default()
    }

    /// Empty for cluster-scoped kinds.
    fn namespace(&self) -> &str {
        self.metadata().namespace.as_deref().unwrap_or_default()
    }

    /// Empty where it has none yet.
    fn uid(&self) -> &str {
        self.metadata().uid.as_deref().unwrap_or_default()
    }

    /// Namespace and name.
    fn key(&self) -> ObjectKey {
        ObjectKey::new(self.namespace(), self.name())
    }

    /// Whether its deletion was asked for.
    fn is_deleting(&self) -> bool {
        self.metadata().deletion_timestamp.is_some()
    }

    /// Counts the changes of what is wanted.
    fn generation(&self) -> i64 {
        self.metadata().generation.unwrap_or_default()
    }

    /// When it was created, in nanoseconds; what has no time yet is newest.
    fn created(&self) -> i128 {
        self.metadata().creation_timestamp.as_ref().map_or(i128::MAX, |time| time.0.as_nanosecond())
    }

    /// The value of a label.
    fn label(&self, name: &str) -> Option<&str> {
        self.metadata().labels.as_ref()?.get(name).map(String::as_str)
    }

    /// The value of an annotation.
    fn annotation(&self, name: &str) -> Option<&str> {
        self.metadata().annotations.as_ref()?.get(name).map(String::as_str)
    }

    /// What keeps it from going.
    fn finalizers(&self) -> &[String] {
        self.metadata().finalizers.as_deref().unwrap_or_default()
    }

    /// The objects it goes with.
    fn owners(&self) -> &[OwnerReference] {
        self.metadata().owner_references.as_deref().unwrap_or_default()
    }

    /// The owner that controls it.
    fn controller(&self) -> Option<&OwnerReference> {
        self.owners().iter().find(|owner| owner.controller == Some(true))
    }
}

impl<K> Object for K where
    K: k8s_openapi::Metadata<Ty = ObjectMeta> + DeserializeOwned + Serialize + Clone + Debug + Send + Sync + 'static
{
}
