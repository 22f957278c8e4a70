//! Tasks of the workspace: `cargo xtask codegen WHEEL`, `cargo xtask protobuf API APIMACHINERY`,
//! `cargo xtask tidy`.

mod codegen;
mod protobuf;
mod tidy;

use anyhow::Context as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

const USAGE: &str = "usage: cargo xtask codegen UNPACKED-WHEEL | protobuf API-SOURCE APIMACHINERY-SOURCE | tidy";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let outcome = match words[..] {
        ["codegen", wheel] => codegen::run(Path::new(wheel), &workspace()),
        ["protobuf", api, apimachinery] => protobuf::run(Path::new(api), Path::new(apimachinery), &workspace()),
        ["tidy"] => tidy::run(&workspace()),
        _ => Err(anyhow::anyhow!(USAGE)),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// The root of the workspace: the folder above this crate's.
fn workspace() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().map_or_else(PathBuf::new, Path::to_path_buf)
}

/// Writes a table that is checked in, and says where.
fn write(target: &Path, text: &str) -> anyhow::Result<()> {
    std::fs::write(target, text).with_context(|| format!("cannot write {}", target.display()))?;
    println!("wrote {}", target.display());
    Ok(())
}
