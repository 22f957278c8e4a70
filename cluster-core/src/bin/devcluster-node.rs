//! The `devcluster-node` binary.
fn main() {}
