//! The agent's log: a file that begins anew when it is large, with the one before kept beside it.

use crate::prelude::*;
use std::fs::{File, OpenOptions};
use std::io::{self, Write};

const MOST_BYTES: u64 = 1 << 20;

/// Where the log of the agent of a state folder is.
pub fn path(home: &Path) -> PathBuf {
    home.join("agent.log")
}

/// The open log.
#[derive(Debug)]
pub struct Log {
    path: PathBuf,
    file: File,
}

impl Log {
    /// Opens the log in a state folder, which must exist.
    pub fn open(home: &Path) -> Result<Self, Error> {
        let path = path(home);
        let file = append(&path).map_err(Error::file("open", &path))?;
        Ok(Self { path, file })
    }
}

pub(crate) fn append(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.append(true).create(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

impl Write for Log {
    fn write(&mut self, text: &[u8]) -> io::Result<usize> {
        if self.file.metadata()?.len() >= MOST_BYTES {
            std::fs::rename(&self.path, self.path.with_extension("log.1"))?;
            self.file = append(&self.path)?;
        }
        self.file.write(text)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_log_stays_within_its_bound() {
        let home = tempfile::tempdir().expect("a folder");
        let mut log = Log::open(home.path()).expect("a log");
        let line = vec![b'x'; 64 * 1024];
        for _ in 0..64 {
            log.write_all(&line).expect("written");
        }
        let length = |name: &str| std::fs::metadata(home.path().join(name)).expect("there").len();
        assert!(length("agent.log") <= MOST_BYTES && length("agent.log.1") <= MOST_BYTES);
        assert_eq!(std::fs::read_dir(home.path()).expect("the folder").count(), 2);
    }
}
