//! The `type` of a hostPath volume: what must be at the path, or is made there.

use k8s_openapi::api::core::v1::HostPathVolumeSource;
use std::os::unix::fs::{FileTypeExt, PermissionsExt};
use std::path::Path;

/// Checks the path against its type and makes what the type says to make.
pub(super) fn check(source: &HostPathVolumeSource) -> Result<(), String> {
    let path = Path::new(&source.path);
    let kind = source.type_.as_deref().unwrap_or_default();
    make(path, kind).map_err(|e| format!("{}: {e}", path.display()))?;
    let meta = std::fs::metadata(path).ok();
    let is = |test: fn(&std::fs::FileType) -> bool| meta.as_ref().is_some_and(|m| test(&m.file_type()));
    let (fits, what) = match kind {
        "DirectoryOrCreate" | "Directory" => (is(std::fs::FileType::is_dir), "a directory"),
        "FileOrCreate" | "File" => (is(std::fs::FileType::is_file), "a file"),
        "Socket" => (is(FileTypeExt::is_socket), "a socket file"),
        "CharDevice" => (is(FileTypeExt::is_char_device), "a character device"),
        "BlockDevice" => (is(FileTypeExt::is_block_device), "a block device"),
        _ => (true, ""),
    };
    if fits { Ok(()) } else { Err(format!("hostPath type check failed: {} is not {what}", path.display())) }
}

fn make(path: &Path, kind: &str) -> std::io::Result<()> {
    if path.exists() {
        return Ok(());
    }
    match kind {
        // Docker refuses to mount what is not there; an untyped path becomes a folder, as Docker itself would make it.
        "" | "DirectoryOrCreate" => {
            std::fs::create_dir_all(path)?;
            std::fs::set_permissions(path, PermissionsExt::from_mode(0o755))
        }
        "FileOrCreate" => {
            std::fs::File::create(path)?;
            std::fs::set_permissions(path, PermissionsExt::from_mode(0o644))
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_are_checked_and_made() {
        let root = tempfile::tempdir().expect("a folder");
        let cases = [
            ("d", "DirectoryOrCreate", true),
            ("d", "Directory", true),
            ("d", "File", false),
            ("f", "FileOrCreate", true),
            ("f", "Socket", false),
            ("none", "Directory", false),
            ("any", "", true),
        ];
        for (name, kind, wanted) in cases {
            let path = root.path().join(name).display().to_string();
            let source = HostPathVolumeSource { path, type_: Some(kind.to_owned()) };
            assert_eq!(check(&source).is_ok(), wanted, "{name} as {kind}");
        }
    }
}
