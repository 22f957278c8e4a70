//! Packs the page, the icons, the permissions and what the agent says into the program.

use std::error::Error;
use std::path::{Path, PathBuf};
use std::{env, fs};

/// The agent's sayings: a file for each language.
const SAYINGS: &str = "../cluster-core/agent/src/sayings";

fn main() -> Result<(), Box<dyn Error>> {
    // The only command there is; no page may call it but those that capabilities/ names.
    let commands = tauri_build::AppManifest::new().commands(&["start"]);
    tauri_build::try_build(tauri_build::Attributes::new().app_manifest(commands))?;
    gather_sayings(&Path::new(&env::var("OUT_DIR")?).join("sayings.json"))
}

/// Writes all languages as one table: the folder is the list of them.
fn gather_sayings(to: &Path) -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed={SAYINGS}");
    let mut languages = Vec::new();
    for entry in fs::read_dir(SAYINGS)? {
        let path: PathBuf = entry?.path();
        let language = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        languages.push(format!("\"{language}\": {}", fs::read_to_string(&path)?));
    }
    fs::write(to, format!("{{{}}}", languages.join(",\n")))?;
    Ok(())
}
