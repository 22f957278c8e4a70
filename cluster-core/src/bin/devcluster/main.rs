//! The `devcluster` binary: reads the command line, lets the launcher work, shows what it did.

mod agent;
mod arguments;
mod commands;
mod images;
mod show;
mod sync;
mod terminal;

use anyhow::Result;
use arguments::{Arguments, Verb};
use clap::Parser;
use cluster_launcher::Error;
use std::process::ExitCode;
use tracing_subscriber::EnvFilter;

const FAILED: u8 = 1;
/// As shells report SIGINT.
const INTERRUPTED: u8 = 130;

fn main() -> ExitCode {
    run().map_or_else(|error| fail(&error), ExitCode::from)
}

fn run() -> Result<u8> {
    let arguments = Arguments::parse();
    if matches!(arguments.verb, Verb::Agent) {
        agent::log()?;
    } else {
        tracing_subscriber::fmt().with_env_filter(filter("error")).with_writer(std::io::stderr).init();
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let outcome = runtime.block_on(commands::run(arguments));
    // A read of standard input may still block a thread; it must not hold up the end.
    runtime.shutdown_background();
    outcome
}

fn filter(default: &str) -> EnvFilter {
    EnvFilter::try_from_env("DEVCLUSTER_LOG").unwrap_or_else(|_| EnvFilter::new(default))
}

fn fail(error: &anyhow::Error) -> ExitCode {
    show::error(&format!("{error:#}"));
    match error.downcast_ref::<Error>() {
        Some(Error::Cancelled) => ExitCode::from(INTERRUPTED),
        other => {
            if let Some(hint) = other.and_then(Error::hint) {
                show::hint(&hint);
            }
            ExitCode::from(FAILED)
        }
    }
}
