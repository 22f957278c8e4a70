//! Composes a node out of the parts of a cluster: the engine's supervisor, the control plane on masters, kubelet,
//! proxy, DNS and routes everywhere.

mod api;
mod backend;
pub mod engine;
mod etcd;
pub mod init;
mod lead;
mod master;
mod mounts;
mod options;
mod prelude;
mod run;
mod standalone;
mod supervise;

pub use api::backup;
pub use cluster_network::dns::resolve;
pub use cluster_pki::tls::install_provider as install_crypto;
pub use run::{run, shutdown_signal};
pub use standalone::{ApiOptions, Component, run_apiserver, run_component, simulate};

use crate::prelude::*;

/// Reads what the host told this node.
pub fn load_config() -> Result<NodeConfig> {
    let text = std::fs::read_to_string(path::NODE_CONFIG);
    let text = text.with_context(|| format!("failed to read {}; is this a devcluster node?", path::NODE_CONFIG))?;
    serde_json::from_str(&text).with_context(|| format!("failed to understand {}", path::NODE_CONFIG))
}
