//! The `devcluster-node` binary: everything that runs inside a node's container.

use anyhow::{Context, Result};
use clap::{Parser, Subcommand};
use cluster_core::Simulate;
use cluster_node::{ApiOptions, Component, run_component};
use std::path::PathBuf;
use tracing_subscriber::EnvFilter;

/// The API server makes and drops many small values with each request: this takes a fifth less time for them than the
/// system's allocator, and gives freed memory back.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// A node of a devcluster.
#[derive(Parser)]
#[command(version, about)]
struct Arguments {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Subcommand)]
enum Verb {
    /// Run as PID 1 of the node's container: prepare mounts, start the engine and the node, restart what dies.
    Init,
    /// Become the node's container engine.
    Engine,
    /// Run the node: the control plane on a master, kubelet, proxy and DNS everywhere.
    Run,
    /// Ask the cluster's DNS for a name and print its addresses, as a host that waits for the node does.
    Resolve {
        /// The name, for example `kubernetes.default.svc.cluster.local`.
        name: String,
    },
    /// Copy the state of an API server, as of one moment, while it goes on working.
    Backup {
        /// The folder of the API server's state.
        #[arg(long)]
        data: PathBuf,
        /// The new file; put in the place of `store.db` it is the state of that moment.
        to: PathBuf,
    },
    /// Run the scheduler alone against any API server.
    Scheduler {
        #[command(flatten)]
        options: Standalone,
        /// A KubeSchedulerConfiguration.
        #[arg(long)]
        config: Option<PathBuf>,
    },
    /// Run the controllers alone against any API server.
    Controllers(Standalone),
    /// Keep the simulated nodes of any API server alive, and play the pods on them.
    Simulator(Standalone),
    /// Run a whole cluster in one process, whose nodes are simulated.
    Simulate(Simulate),
    /// Run an API server without nodes; its kubeconfig is in the data folder.
    Apiserver {
        /// Keeps certificates and state; made when it is missing.
        #[arg(long)]
        data: PathBuf,
        /// The port on the loopback interface; 0 takes a free one.
        #[arg(long, default_value_t = 0)]
        port: u16,
        /// What else runs in the process.
        #[arg(long, value_delimiter = ',')]
        with: Vec<Component>,
        /// A flag of the API server, as `KEY=VALUE`.
        #[arg(long)]
        apiserver_arg: Vec<String>,
    },
}

#[derive(clap::Args)]
struct Standalone {
    /// The kubeconfig whose current context is used.
    #[arg(long)]
    kubeconfig: PathBuf,
}

fn main() -> Result<()> {
    match Arguments::parse().verb {
        // One thread alone: PID 1 blocks signals for itself and waits for them.
        Verb::Init => cluster_node::init::run(),
        Verb::Engine => match cluster_node::engine::exec(&cluster_node::load_config()?)? {},
        verb => {
            let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
            runtime.context("failed to start the runtime")?.block_on(run(verb))
        }
    }
}

async fn run(verb: Verb) -> Result<()> {
    let filter =
        EnvFilter::try_from_env("DEVCLUSTER_LOG").unwrap_or_else(|_| EnvFilter::new("info,hickory_server=warn"));
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).with_ansi(false).init();
    cluster_node::install_crypto();
    let cancel = cluster_node::shutdown_signal()?;
    match verb {
        Verb::Init | Verb::Engine => unreachable!("handled before the runtime started"),
        Verb::Run => cluster_node::run(cluster_node::load_config()?, cancel).await,
        Verb::Resolve { name } => {
            for address in cluster_node::resolve(&name, cluster_node::load_config()?.dns_address).await? {
                println!("{address}");
            }
            Ok(())
        }
        Verb::Backup { data, to } => cluster_node::backup(&data, &to).await,
        Verb::Scheduler { options, config } => {
            run_component(Component::Scheduler, &options.kubeconfig, config.as_deref(), cancel).await
        }
        Verb::Controllers(options) => run_component(Component::Controllers, &options.kubeconfig, None, cancel).await,
        Verb::Simulator(options) => run_component(Component::Simulator, &options.kubeconfig, None, cancel).await,
        Verb::Simulate(Simulate { nodes, data, kubeconfig, port, scheduler_config, apiserver_arg }) => {
            let told = cluster_launcher::api_server_arguments(&apiserver_arg)?;
            let with = vec![Component::Scheduler, Component::Controllers, Component::Simulator];
            let options = ApiOptions { port, with, kubeconfig, scheduler_config, told };
            cluster_node::simulate(data.as_deref(), nodes, &options, cancel).await
        }
        Verb::Apiserver { data, port, with, apiserver_arg } => {
            let told = cluster_launcher::api_server_arguments(&apiserver_arg)?;
            let options = ApiOptions { port, with, kubeconfig: None, scheduler_config: None, told };
            cluster_node::run_apiserver(&data, &options, cancel).await
        }
    }
}
