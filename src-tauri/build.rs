//! Packs the page, the icons and the permissions into the program.

fn main() -> Result<(), Box<dyn std::error::Error>> {
    // The only command there is; no page may call it but those that capabilities/ names.
    let commands = tauri_build::AppManifest::new().commands(&["start"]);
    tauri_build::try_build(tauri_build::Attributes::new().app_manifest(commands))?;
    Ok(())
}
