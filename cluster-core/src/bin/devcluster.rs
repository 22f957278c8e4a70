//! The `devcluster` binary.
fn main() {}
