//! The start at login. On Linux an entry in the folder of the XDG autostart specification, below `$XDG_CONFIG_HOME`, which
//! the plugin of the other systems does not look at.

use tauri::AppHandle;

#[cfg(not(target_os = "linux"))]
mod system {
    use super::AppHandle;
    use tauri_plugin_autostart::ManagerExt;

    pub(crate) fn is_on(app: &AppHandle) -> bool {
        app.autolaunch().is_enabled().unwrap_or_default()
    }

    pub(crate) fn switch(app: &AppHandle) -> anyhow::Result<()> {
        Ok(if is_on(app) { app.autolaunch().disable() } else { app.autolaunch().enable() }?)
    }
}

#[cfg(target_os = "linux")]
mod system {
    use super::AppHandle;
    use std::path::{Path, PathBuf};
    use tauri::Manager;

    /// Whether the app starts at login.
    pub(crate) fn is_on(app: &AppHandle) -> bool {
        file(app).is_ok_and(|file| file.exists())
    }

    /// Makes it start at login, or no more.
    pub(crate) fn switch(app: &AppHandle) -> anyhow::Result<()> {
        Ok(turn(&file(app)?, &std::env::current_exe()?)?)
    }

    fn file(app: &AppHandle) -> tauri::Result<PathBuf> {
        Ok(app.path().config_dir()?.join("autostart/devcluster.desktop"))
    }

    fn turn(file: &Path, program: &Path) -> std::io::Result<()> {
        if file.exists() {
            return std::fs::remove_file(file);
        }
        if let Some(folder) = file.parent() {
            std::fs::create_dir_all(folder)?;
        }
        std::fs::write(file, entry(&program.to_string_lossy()))
    }

    /// The entry. A word of `Exec` is quoted, `%` begins a field code there, and the whole is a string with escapes of its
    /// own. Source: the Desktop Entry Specification, "The Exec key".
    fn entry(program: &str) -> String {
        let mut quoted = String::new();
        for letter in program.chars() {
            match letter {
                '\\' => quoted.push_str(r"\\\\"),
                '"' | '`' | '$' => quoted.extend([r"\\", &letter.to_string()]),
                '%' => quoted.push_str("%%"),
                _ => quoted.push(letter),
            }
        }
        let hidden = crate::HIDDEN;
        format!(
            "[Desktop Entry]\nType=Application\nVersion=1.0\nName=devcluster\nExec=\"{quoted}\" {hidden}\nTerminal=false\n"
        )
    }

    #[cfg(test)]
    mod tests {
        use super::*;

        #[test]
        fn the_entry_is_written_and_taken_away() {
            let root = std::env::temp_dir().join(format!("devcluster-autostart-{}", std::process::id()));
            let file = root.join("autostart/devcluster.desktop");
            turn(&file, Path::new("/opt/dev cluster/app")).expect("written");
            let text = std::fs::read_to_string(&file).expect("an entry");
            assert!(text.contains("\nExec=\"/opt/dev cluster/app\" --hidden\n"), "{text}");
            turn(&file, Path::new("/app")).expect("removed");
            assert!(!file.exists());
            std::fs::remove_dir_all(root).expect("removed");
        }

        #[test]
        fn a_programs_name_is_quoted() {
            for (program, quoted) in [
                ("/usr/bin/app", r#""/usr/bin/app""#),
                ("/a b/50%", r#""/a b/50%%""#),
                (r#"/$x/`y`/"z"\"#, r#""/\\$x/\\`y\\`/\\"z\\"\\\\""#),
            ] {
                assert!(entry(program).contains(&format!("\nExec={quoted} --hidden\n")), "{program}");
            }
        }
    }
}

pub(crate) use system::{is_on, switch};
