//! The facade of devcluster: one crate to depend on.

use std::path::PathBuf;

/// How a cluster in one process is run, as both programs are told it.
#[derive(Debug, clap::Args)]
pub struct Simulate {
    /// How many nodes.
    #[arg(long, default_value_t = 1)]
    pub nodes: usize,
    /// Where the kubeconfig goes; beside the state by default.
    #[arg(long, value_name = "FILE")]
    pub kubeconfig: Option<PathBuf>,
    /// Keeps the state; a temporary folder by default.
    #[arg(long, value_name = "FOLDER")]
    pub data: Option<PathBuf>,
    /// A KubeSchedulerConfiguration.
    #[arg(long, value_name = "FILE")]
    pub scheduler_config: Option<PathBuf>,
    /// The API server's port on the loopback interface; a free one by default.
    #[arg(long, default_value_t = 0)]
    pub port: u16,
    /// A flag of the API server, as for `up`.
    #[arg(long, value_name = "KEY=VALUE")]
    pub apiserver_arg: Vec<String>,
}
