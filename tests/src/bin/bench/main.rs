//! Measures what DESIGN.md promises, on this machine, and prints the figures beside targets and peers.
//!
//! Without flags it measures what needs no Docker; `--cluster` also makes a cluster called `bench`.

mod api;
mod cluster;
mod docker;
mod goals;
mod http;
mod latency;
mod load;
mod objects;
mod report;
mod scale;
mod schedule;
mod server;
mod stats;
mod watchers;

use anyhow::{Context, Result};
use clap::Parser;
use report::Report;
use std::path::PathBuf;

/// Measures devcluster. Build with --release.
#[derive(Parser)]
pub(crate) struct Arguments {
    /// Measure a cluster in Docker too.
    #[arg(long)]
    cluster: bool,
    /// Print JSON instead of a table.
    #[arg(long)]
    json: bool,
    /// A share of the full numbers of objects, for a quick look.
    #[arg(long, default_value_t = 1.0)]
    scale: f64,
    /// Which parts to measure.
    #[arg(long, value_delimiter = ',', default_values = ["api", "scheduler"])]
    only: Vec<Part>,
    /// The folder of the programs under test; this program's own by default.
    #[arg(long)]
    programs: Option<PathBuf>,
}

#[derive(Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Part {
    /// The API server and its store.
    Api,
    /// The scheduler on simulated nodes.
    Scheduler,
    /// 150,000 pods on 5,000 simulated nodes.
    Scale,
    /// A cluster of three nodes in Docker.
    Cluster,
}

impl Arguments {
    /// The path of a program under test.
    fn program(&self, name: &str) -> Result<PathBuf> {
        let own = std::env::current_exe().context("this program has no path")?;
        let folder = self.programs.as_deref().or(own.parent()).context("this program has no folder")?;
        Ok(folder.join(name))
    }

    /// A number of objects, scaled.
    fn count(&self, full: usize) -> usize {
        ((full as f64 * self.scale) as usize).max(1)
    }
}

// One thread: the programs under test have the other cores for themselves.
#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<()> {
    let arguments = Arguments::parse();
    cluster_pki::tls::install_provider();
    let mut report = Report::default();
    let cluster = arguments.cluster.then_some(&Part::Cluster);
    for part in arguments.only.iter().chain(cluster) {
        match part {
            Part::Api => api::measure(&arguments, &mut report).await?,
            Part::Scheduler => schedule::measure(&arguments, &mut report).await?,
            Part::Scale => scale::measure(&arguments, &mut report).await?,
            Part::Cluster => cluster::measure(&arguments, &mut report).await?,
        }
    }
    print!("{}", if arguments.json { report.to_json()? } else { report.to_table() });
    Ok(())
}

/// Tells on the terminal what is being measured.
fn note(text: &str) {
    eprintln!("bench: {text}");
}
