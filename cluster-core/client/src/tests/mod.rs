//! What tests need in place of a server, those of other crates too.

pub mod testing;
