//! What is served: one declarative entry per resource, built-in or custom, and its lookup.

mod resource;

pub use resource::{Column, Conversion, Deletion, Resource, Scope, Strategy, Subresource, Verbs};
