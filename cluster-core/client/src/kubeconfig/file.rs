//! One edit of a kubeconfig file: locked against kubectl and others, written whole or not at all.

use super::Kubeconfig;
use crate::Error;
use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

const LOCK_TRIES: u32 = 50;
const LOCK_PAUSE: Duration = Duration::from_millis(100);

/// Reads `path` (nothing when it does not exist), changes it and writes it back. The lock is kubectl's: a file beside
/// it with `.lock` behind the name. Blocks while another holds it, for five seconds at most.
pub fn edit(path: &Path, change: impl FnOnce(&mut Kubeconfig)) -> Result<(), Error> {
    let fail = |step: &str, e: std::io::Error| Error::Config(format!("failed to {step} {}: {e}", path.display()));
    // A link is followed, so that it stays one.
    let target = path.canonicalize().unwrap_or_else(|_| path.to_owned());
    if let Some(directory) = target.parent() {
        std::fs::create_dir_all(directory).map_err(|e| fail("make the folder of", e))?;
    }
    let _lock = Lock::take(with_suffix(&target, ".lock")).map_err(|e| fail("lock", e))?;
    let mut config = if target.exists() { Kubeconfig::read(&target)? } else { Kubeconfig::default() };
    change(&mut config);
    write_private(&target, config.to_yaml()?.as_bytes()).map_err(|e| fail("write", e))
}

fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

/// Written whole or not at all, and for its owner alone to read.
///
/// # Errors
///
/// When the file cannot be written.
pub fn write_private(path: &Path, content: &[u8]) -> std::io::Result<()> {
    let temporary = with_suffix(path, &format!(".{}.tmp", std::process::id()));
    let written = private_file(&temporary)
        .and_then(|mut file| file.write_all(content).and_then(|()| file.sync_all()))
        .and_then(|()| std::fs::rename(&temporary, path));
    if written.is_err() && temporary.exists() {
        std::fs::remove_file(&temporary)?;
    }
    written
}

/// Makes a folder, and those it is in, that its owner alone may enter.
///
/// # Errors
///
/// When it cannot be made.
pub fn private_folder(path: &Path) -> std::io::Result<()> {
    let mut builder = DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path)
}

fn private_file(path: &Path) -> std::io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

struct Lock(PathBuf);

impl Lock {
    fn take(path: PathBuf) -> std::io::Result<Self> {
        for _ in 0..LOCK_TRIES {
            match OpenOptions::new().write(true).create_new(true).open(&path) {
                Err(error) if error.kind() == ErrorKind::AlreadyExists => std::thread::sleep(LOCK_PAUSE),
                other => return other.map(|_| Self(path)),
            }
        }
        let hint = format!("{} exists; remove it when nothing else edits the file", path.display());
        Err(std::io::Error::new(ErrorKind::AlreadyExists, hint))
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        if let Err(error) = std::fs::remove_file(&self.0) {
            tracing::warn!(lock = %self.0.display(), %error, "failed to remove the lock");
        }
    }
}
