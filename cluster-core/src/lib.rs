//! The facade of devcluster: one crate to depend on.
