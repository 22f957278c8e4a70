//! Facts about every field of every kind: types, list kinds, merge keys, and their lookup.
//!
//! A [`Schema`] describes one JSON value. The built-in kinds come from a generated, checked-in table
//! ([`builtin`]); a CustomResourceDefinition's structural schema becomes the same type at run time
//! ([`custom_resource`]), so that pruning, patching, applying and strict decoding are written once for both.

pub mod protobuf;
mod shape;
mod structural;
mod table;

pub use shape::{Field, List, ListKind, Map, MapKey, Object, PatchStrategy, Reference, Schema, Shape};
pub use structural::{custom_resource, from_openapi};
pub use table::{Definition, GroupVersionKind, builtin, builtin_definition, definition, definitions, named_definition};

/// The definition every object's `metadata` refers to.
pub const OBJECT_META: &str = "io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta";

#[cfg(test)]
mod tests;
