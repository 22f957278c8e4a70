//! Rules over Kubernetes objects held as JSON values: metadata, selectors, quantities, patches, apply, strictness, YAML.
//!
//! Nothing here does I/O. The API server's write path works on these values and never on typed structs, which would
//! drop the fields they do not know.

pub mod apply;
pub mod decode;
pub mod field;
pub mod jsonpath;
pub mod lean;
pub mod meta;
pub mod name;
pub mod patch;
pub mod pod;
mod prelude;
pub mod protobuf;
pub mod quantity;
pub mod quota;
pub mod schedule;
pub mod selector;
pub mod status;
pub mod yaml;
