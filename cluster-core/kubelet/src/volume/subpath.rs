//! `subPath` of a mount: a place below a volume that is opened without following links out of it, then bind-mounted, so
//! that nothing the pod does later can turn it into another place.

use nix::fcntl::{OFlag, OpenHow, ResolveFlag, open, openat2};
use nix::mount::{MntFlags, MsFlags, mount, umount2};
use nix::sys::stat::{Mode, SFlag, fstat, mkdirat, stat};
use std::fs::Permissions;
use std::io::ErrorKind;
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

/// Makes `target` show `volume`/`sub`; a missing folder is made. Answers `target`.
pub(crate) fn bind(volume: &Path, sub: &str, target: &Path) -> Result<PathBuf, String> {
    let place = open_inside(volume, sub)?;
    let wanted = fstat(&place).map_err(text)?;
    if is_mounted(target) {
        let shown = stat(target).map_err(text)?;
        if (shown.st_dev, shown.st_ino) == (wanted.st_dev, wanted.st_ino) {
            return Ok(target.to_owned());
        }
        // The volume's files were swapped since: the old one cannot be mounted into a new container.
        umount2(target, MntFlags::MNT_DETACH).map_err(text)?;
    }
    let is_dir = SFlag::from_bits_truncate(wanted.st_mode) & SFlag::S_IFMT == SFlag::S_IFDIR;
    make_target(target, is_dir).map_err(|e| e.to_string())?;
    // Without what is mounted below: unmounting a copy of that would unmount the node's own too.
    let source = PathBuf::from(format!("/proc/self/fd/{}", place.as_raw_fd()));
    mount(Some(&source), target, None::<&str>, MsFlags::MS_BIND, None::<&str>).map_err(text)?;
    Ok(target.to_owned())
}

fn text(error: nix::Error) -> String {
    error.to_string()
}

fn is_mounted(target: &Path) -> bool {
    super::mounts().iter().any(|path| path == target)
}

fn make_target(target: &Path, is_dir: bool) -> std::io::Result<()> {
    if is_dir {
        return std::fs::create_dir_all(target);
    }
    target.parent().map_or(Ok(()), std::fs::create_dir_all)?;
    std::fs::OpenOptions::new().create(true).append(true).open(target).map(drop)
}

/// Opens `sub` below `volume`; links may not lead out of it. What is made is as open as the volume, for a group that may
/// write there.
fn open_inside(volume: &Path, sub: &str) -> Result<OwnedFd, String> {
    let root = open(volume, OFlag::O_PATH | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC, Mode::empty()).map_err(text)?;
    open_below(&root, Path::new(sub)).map_err(|e| match e.kind() {
        ErrorKind::CrossesDevices => format!("subPath {sub:?} leaves the volume"),
        _ => e.to_string(),
    })
}

fn open_below(root: &OwnedFd, sub: &Path) -> std::io::Result<OwnedFd> {
    let how = OpenHow::new().flags(OFlag::O_PATH | OFlag::O_CLOEXEC).resolve(ResolveFlag::RESOLVE_BENEATH);
    match (openat2(root, sub, how), sub.parent().zip(sub.file_name())) {
        (Err(nix::Error::ENOENT), Some((parent, name))) => {
            let parent = if parent.as_os_str().is_empty() { Path::new(".") } else { parent };
            mkdirat(open_below(root, parent)?, name, Mode::S_IRWXU)?;
            let made = openat2(root, sub, how)?;
            let as_the_volume = Permissions::from_mode(fstat(root)?.st_mode & 0o7777);
            std::fs::set_permissions(format!("/proc/self/fd/{}", made.as_raw_fd()), as_the_volume)?;
            Ok(made)
        }
        (opened, _) => Ok(opened?),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    #[test]
    fn links_may_point_inside_but_never_out_and_new_folders_are_as_open_as_the_volume() {
        let root = tempfile::tempdir().expect("a folder");
        let volume = root.path().join("v");
        std::fs::create_dir_all(volume.join("real")).expect("made");
        std::fs::set_permissions(&volume, Permissions::from_mode(0o755)).expect("closed");
        std::fs::write(root.path().join("secret"), "x").expect("written");
        symlink("real", volume.join("inner")).expect("linked");
        symlink("../secret", volume.join("outer")).expect("linked");
        symlink("../gone", volume.join("dangling")).expect("linked");
        let cases = [
            ("real", true),
            ("inner", true),
            ("new/deep", true),
            ("outer", false),
            ("dangling", false),
            ("../secret", false),
            ("/etc", false),
        ];
        for (sub, wanted) in cases {
            assert_eq!(open_inside(&volume, sub).is_ok(), wanted, "{sub}");
        }
        std::fs::set_permissions(&volume, Permissions::from_mode(0o3777)).expect("opened");
        open_inside(&volume, "open/deep").expect("made");
        for (made, wanted) in [("new/deep", 0o755), ("open", 0o3777), ("open/deep", 0o3777)] {
            let mode = volume.join(made).metadata().expect("a folder").permissions().mode();
            assert_eq!(mode & 0o7777, wanted, "{made}");
        }
    }
}
