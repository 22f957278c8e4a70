//! The command line.

use clap::{Args, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;
use cluster_core::Simulate;
use std::path::PathBuf;

/// Kubernetes clusters on this machine, in seconds.
#[derive(Parser)]
#[command(name = "devcluster", version, about)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    pub(crate) verb: Verb,
    #[command(flatten)]
    pub(crate) common: Common,
}

/// What every command knows.
#[derive(Args)]
pub(crate) struct Common {
    /// The cluster.
    #[arg(long, short, global = true, env = "DEVCLUSTER_NAME")]
    pub(crate) name: Option<String>,
    /// How to print.
    #[arg(long, short, global = true, value_enum, default_value_t)]
    pub(crate) output: Format,
    /// The node image.
    #[arg(long, global = true, env = "DEVCLUSTER_IMAGE", hide = true,
        default_value = concat!("devcluster/node:", env!("CARGO_PKG_VERSION")))]
    pub(crate) image: String,
    /// The node's program; beside this one by default.
    #[arg(long, global = true, env = "DEVCLUSTER_NODE_BINARY", hide = true)]
    pub(crate) node_binary: Option<PathBuf>,
    /// How long each step of a start may take.
    #[arg(long, global = true, value_name = "SECONDS", default_value_t = 120)]
    pub(crate) wait: u64,
}

/// A way to print.
#[derive(Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// For people.
    #[default]
    Text,
    /// For programs.
    Json,
}

#[derive(Subcommand)]
pub(crate) enum Verb {
    /// Make a cluster, or bring it to run; kubectl talks to it afterwards.
    Up(UpArguments),
    /// Run a cluster without Docker in this process until Ctrl-C, for tests: its nodes are simulated. Linux only.
    Simulate(Simulate),
    /// Remove a cluster and everything of it.
    #[command(visible_alias = "delete")]
    Down,
    /// Stop a cluster; its state stays.
    Stop,
    /// Start a stopped cluster.
    Start,
    /// Freeze a cluster: it takes no processor time.
    Pause,
    /// Let a frozen cluster go on.
    Unpause,
    /// Show a cluster and its nodes.
    Status,
    /// Show all clusters.
    List,
    /// Add, remove, list, stop and start nodes.
    #[command(subcommand)]
    Node(NodeVerb),
    /// Bring a running cluster to so many nodes; the newest go first.
    #[command(group(clap::ArgGroup::new("numbers").args(["workers", "simulated"]).required(true).multiple(true)))]
    Scale {
        /// Nodes that run pods.
        #[arg(long, value_name = "COUNT")]
        workers: Option<u16>,
        /// Nodes without machines.
        #[arg(long, value_name = "COUNT")]
        simulated: Option<usize>,
    },
    /// Bring images into the nodes.
    #[command(subcommand)]
    Image(ImageVerb),
    /// Print a kubeconfig with this cluster alone.
    Kubeconfig,
    /// Print a node's log.
    Logs {
        /// The node; `worker-1` is enough.
        #[arg(default_value = "master-1")]
        node: String,
        /// Keep printing what comes.
        #[arg(long, short)]
        follow: bool,
        /// Only the last lines.
        #[arg(long, value_name = "LINES")]
        tail: Option<u32>,
    },
    /// Run a command in a node; a shell by default.
    #[command(visible_alias = "ssh")]
    Exec {
        /// The node; `worker-1` is enough.
        node: String,
        /// The command.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true, default_values_t = ["bash".to_owned()])]
        command: Vec<String>,
    },
    /// Tell of a waiting pod, node by node, why it does not run there.
    Why {
        /// The pod, as `POD` or `NAMESPACE/POD`.
        pod: String,
        /// Ask the cluster of this kubeconfig's current context instead.
        #[arg(long, value_name = "FILE")]
        kubeconfig: Option<PathBuf>,
    },
    /// Deploy the demo application and print its addresses.
    Demo,
    /// Open the dashboard in the browser.
    Dashboard {
        /// Only print its address, which is good once and for five minutes.
        #[arg(long)]
        no_open: bool,
    },
    /// Keep a cluster equal to local manifests: apply what changes, remove what goes.
    Sync(SyncArguments),
    /// Lead a port of this machine to a service, pod or deployment; without arguments, show all that are.
    Forward(ForwardArguments),
    /// Serve the dashboard; other commands start this in the background.
    #[command(hide = true)]
    Agent,
    /// Check what clusters need of this machine.
    Doctor,
    /// Print a completion script for a shell.
    Completion {
        /// The shell.
        shell: Shell,
    },
    /// Print the version.
    Version,
}

/// What `sync` knows.
#[derive(Args)]
pub(crate) struct SyncArguments {
    /// Manifests (YAML or JSON), folders of them, or folders with a kustomization.
    #[arg(required_unless_present_any = ["configmap", "secret"])]
    pub(crate) paths: Vec<PathBuf>,
    /// The namespace of objects that name none.
    #[arg(long, default_value = "default")]
    pub(crate) namespace: String,
    /// A ConfigMap of a file, or of the files of a folder.
    #[arg(long, value_name = "NAME=PATH", value_parser = named_path)]
    pub(crate) configmap: Vec<(String, PathBuf)>,
    /// A Secret of a file, or of the files of a folder.
    #[arg(long, value_name = "NAME=PATH", value_parser = named_path)]
    pub(crate) secret: Vec<(String, PathBuf)>,
    /// Do it once and end; fails when something is wrong.
    #[arg(long)]
    pub(crate) once: bool,
    /// Only show what would change; fails when something would.
    #[arg(long, conflicts_with_all = ["once", "pull"])]
    pub(crate) diff: bool,
    /// Write what was changed and added in the cluster back into the files, and end.
    #[arg(long, conflicts_with = "once")]
    pub(crate) pull: bool,
    /// Leave in the cluster what goes from the files.
    #[arg(long)]
    pub(crate) no_prune: bool,
    /// Roll workloads out anew when a ConfigMap or Secret changes that they only read at their start.
    #[arg(long)]
    pub(crate) rollout: bool,
}

fn named_path(text: &str) -> Result<(String, PathBuf), String> {
    let (name, path) = text.split_once('=').ok_or("it must be NAME=PATH")?;
    Ok((name.to_owned(), path.into()))
}

/// What `up` knows.
#[derive(Args)]
pub(crate) struct UpArguments {
    /// Nodes that run the control plane.
    #[arg(long, conflicts_with = "config")]
    pub(crate) masters: Option<u16>,
    /// Nodes that run pods.
    #[arg(long, conflicts_with = "config")]
    pub(crate) workers: Option<u16>,
    /// A description of the cluster: kind's `kind.x-k8s.io/v1alpha4` YAML; `-` is standard input.
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// Nodes without machines, as many as thousands: they live, and their pods run as annotations say.
    #[arg(long, value_name = "COUNT", default_value_t = 0)]
    pub(crate) simulated: usize,
    /// A flag of the API server by kube-apiserver's name, as `KEY=VALUE`: `oidc-issuer-url=https://...`,
    /// `audit-policy-file=policy.yaml`. May be given again; files are read here and now.
    #[arg(long, value_name = "KEY=VALUE")]
    pub(crate) apiserver_arg: Vec<String>,
}

/// What `forward` knows.
#[derive(Args)]
pub(crate) struct ForwardArguments {
    /// `service/NAME`, `pod/NAME`, `deployment/NAME` or another workload.
    #[arg(requires = "port")]
    pub(crate) target: Option<String>,
    /// Its port.
    pub(crate) port: Option<u16>,
    /// The port here; the same or the next free one by default.
    #[arg(long, value_name = "PORT")]
    pub(crate) local: Option<u16>,
    /// The target's namespace.
    #[arg(long, default_value = "default")]
    pub(crate) namespace: String,
    /// End the forward instead.
    #[arg(long, requires = "port")]
    pub(crate) remove: bool,
}

#[derive(Subcommand)]
pub(crate) enum NodeVerb {
    /// Add workers.
    Add {
        /// How many.
        #[arg(default_value_t = 1)]
        count: u16,
        /// Add this many simulated nodes instead.
        #[arg(long, value_name = "COUNT", conflicts_with = "count")]
        simulated: Option<usize>,
    },
    /// Drain a worker and remove it.
    Remove {
        /// The node.
        node: String,
    },
    /// Show the nodes.
    List,
    /// Stop a node, as if its machine was switched off.
    Stop {
        /// The node.
        node: String,
    },
    /// Start a stopped node.
    Start {
        /// The node.
        node: String,
    },
}

/// What `image build` knows.
#[derive(Args)]
pub(crate) struct BuildArguments {
    /// The folder that is built, but for what its `.dockerignore` names.
    pub(crate) path: PathBuf,
    /// The image's name; `FOLDER:dev` by default.
    #[arg(long, short, value_name = "NAME")]
    pub(crate) tag: Option<String>,
    /// The Dockerfile; the one in the folder by default.
    #[arg(long, short, value_name = "DOCKERFILE")]
    pub(crate) file: Option<PathBuf>,
    /// More for `docker build`, for example `--build-arg VERSION=2`.
    #[arg(last = true, value_name = "FLAGS")]
    pub(crate) more: Vec<String>,
}

#[derive(Subcommand)]
pub(crate) enum ImageVerb {
    /// Build an image with the host's Docker and copy it into every node.
    Build(BuildArguments),
    /// Copy images into every node: those of the host's Docker where they are missing, and archives of `docker save`.
    Load {
        /// The images, as `docker image ls` shows them, or files; `-` is an archive on standard input.
        #[arg(required = true)]
        images: Vec<String>,
    },
    /// Show the nodes' images.
    List,
}
