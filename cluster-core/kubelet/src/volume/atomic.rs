//! Files that change all at once: a folder of links into `..data`, which is swapped by one rename.

use crate::prelude::*;
use std::io;
use std::os::unix::fs::{PermissionsExt, chown, symlink};
use std::path::Component;

/// The link to the present files.
pub(super) const DATA: &str = "..data";
const DATA_TMP: &str = "..data_tmp";

/// A file's bytes and permissions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct File {
    pub(crate) bytes: Vec<u8>,
    pub(crate) mode: u32,
}

/// Files by path below the volume.
pub(crate) type Payload = BTreeMap<String, File>;

/// Who owns the files; nothing means root.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Owner {
    pub(crate) user: Option<u32>,
    pub(crate) group: Option<u32>,
}

/// Makes `dir` show exactly `payload`; readers see the old files or the new ones, never a mixture. Answers whether
/// anything changed.
pub(crate) fn write(dir: &Path, payload: &Payload, owner: Owner) -> io::Result<bool> {
    if let Some(bad) = payload.keys().find(|path| !is_inside(path)) {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, format!("invalid path: {bad}")));
    }
    std::fs::create_dir_all(dir)?;
    let old = std::fs::read_link(dir.join(DATA)).ok();
    if old.as_ref().is_some_and(|old| matches(&dir.join(old), payload)) {
        return Ok(false);
    }
    let stamp = Timestamp::now().strftime("..%Y_%m_%d_%H_%M_%S.%N").to_string();
    let fresh = dir.join(&stamp);
    std::fs::create_dir(&fresh)?;
    std::fs::set_permissions(&fresh, PermissionsExt::from_mode(0o755))?;
    chown(&fresh, None, owner.group)?;
    for (path, file) in payload {
        write_file(&fresh, path, file, owner)?;
    }
    let tmp = dir.join(DATA_TMP);
    remove_if_present(&tmp)?;
    symlink(&stamp, &tmp)?;
    std::fs::rename(&tmp, dir.join(DATA))?;
    link_top_level(dir, payload)?;
    if let Some(old) = old {
        std::fs::remove_dir_all(dir.join(old))?;
    }
    Ok(true)
}

fn is_inside(path: &str) -> bool {
    !path.is_empty()
        && !path.starts_with("..")
        && Path::new(path).components().all(|part| matches!(part, Component::Normal(_)))
}

fn write_file(root: &Path, path: &str, file: &File, owner: Owner) -> io::Result<()> {
    let target = root.join(path);
    if let Some(parent) = target.parent() {
        std::fs::create_dir_all(parent)?;
    }
    std::fs::write(&target, &file.bytes)?;
    let group_read = if owner.group.is_some() { 0o440 } else { 0 };
    std::fs::set_permissions(&target, PermissionsExt::from_mode(file.mode | group_read))?;
    if owner != Owner::default() {
        chown(&target, owner.user, owner.group)?;
    }
    Ok(())
}

fn remove_if_present(path: &Path) -> io::Result<()> {
    match std::fs::remove_file(path) {
        Err(e) if e.kind() != io::ErrorKind::NotFound => Err(e),
        _ => Ok(()),
    }
}

fn top_level(path: &str) -> &str {
    path.split('/').next().unwrap_or(path)
}

/// Links the names users see to `..data/NAME` and drops those that are no more.
fn link_top_level(dir: &Path, payload: &Payload) -> io::Result<()> {
    for name in payload.keys().map(|p| top_level(p)) {
        let link = dir.join(name);
        if !link.is_symlink() {
            symlink(PathBuf::from(DATA).join(name), &link)?;
        }
    }
    for entry in std::fs::read_dir(dir)? {
        let name = entry?.file_name();
        let name = name.to_string_lossy();
        if !name.starts_with("..") && !payload.keys().any(|p| top_level(p) == name) {
            remove_if_present(&dir.join(name.as_ref()))?;
        }
    }
    Ok(())
}

fn matches(data: &Path, payload: &Payload) -> bool {
    let mut seen = 0;
    for (path, file) in payload {
        let target = data.join(path);
        let mode = std::fs::metadata(&target).map_or(0, |m| m.permissions().mode() & 0o777);
        if std::fs::read(&target).is_ok_and(|bytes| bytes == file.bytes) && mode & file.mode == file.mode {
            seen += 1;
        }
    }
    seen == payload.len() && count_files(data) == payload.len()
}

fn count_files(dir: &Path) -> usize {
    let Ok(entries) = std::fs::read_dir(dir) else { return 0 };
    entries.flatten().map(|e| if e.path().is_dir() { count_files(&e.path()) } else { 1 }).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn payload(files: &[(&str, &str)]) -> Payload {
        let file = |text: &str| File { bytes: text.as_bytes().to_vec(), mode: 0o644 };
        files.iter().map(|(path, text)| ((*path).to_owned(), file(text))).collect()
    }

    #[test]
    fn a_change_swaps_all_files_and_leaves_no_old_ones() {
        let root = tempfile::tempdir().expect("a folder");
        let dir = root.path().join("volume");
        let read = |path: &str| std::fs::read_to_string(dir.join(path)).ok();
        assert!(write(&dir, &payload(&[("a", "1"), ("sub/b", "2")]), Owner::default()).expect("written"));
        assert_eq!((read("a").as_deref(), read("sub/b").as_deref()), (Some("1"), Some("2")));
        assert!(!write(&dir, &payload(&[("a", "1"), ("sub/b", "2")]), Owner::default()).expect("unchanged"));
        assert!(write(&dir, &payload(&[("a", "3"), ("c", "4")]), Owner::default()).expect("written"));
        assert_eq!((read("a").as_deref(), read("sub/b"), read("c").as_deref()), (Some("3"), None, Some("4")));
        let names = std::fs::read_dir(&dir).expect("a folder").count();
        assert_eq!(names, 4, "two links, ..data and one folder");
    }

    #[test]
    fn paths_that_leave_the_volume_are_refused() {
        let root = tempfile::tempdir().expect("a folder");
        for path in ["../x", "/x", "a/../../x", "..data", ""] {
            assert!(write(root.path(), &payload(&[(path, "")]), Owner::default()).is_err(), "{path}");
        }
    }
}
