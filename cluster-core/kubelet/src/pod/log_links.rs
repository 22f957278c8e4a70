//! Where collectors of logs look: `/var/log/pods/NAMESPACE_POD_UID/CONTAINER/RESTARTS.log` leads to the file that the
//! engine writes, and `/var/log/containers/POD_NAMESPACE_CONTAINER-ID.log` leads there. Source: upstream's kubelet.

use crate::prelude::*;
use std::io::{ErrorKind, Result};
use std::os::unix::fs::symlink;

/// The two links of a container, below the folder of logs: that of its pod, and that beside those of all others.
fn links(logs: &Path, container: &ContainerInfo) -> (PathBuf, PathBuf) {
    let [namespace, pod, uid, name] =
        [label::POD_NAMESPACE, label::POD_NAME, label::POD_UID, label::CONTAINER].map(|key| container.label(key));
    let attempt = container.restarts();
    let of_pod = logs.join("pods").join(format!("{namespace}_{pod}_{uid}")).join(name).join(format!("{attempt}.log"));
    (of_pod, logs.join("containers").join(format!("{pod}_{namespace}_{name}-{}.log", container.id)))
}

/// Makes a container's links. One whose log the engine keeps in no file has none.
pub(super) fn make(logs: &Path, container: &ContainerInfo) -> Result<()> {
    let Some(file) = &container.log_path else { return Ok(()) };
    let (of_pod, beside) = links(logs, container);
    for (from, to) in [(&of_pod, file), (&beside, &of_pod)] {
        if let Some(folder) = from.parent() {
            std::fs::create_dir_all(folder)?;
        }
        absent(std::fs::remove_file(from))?;
        symlink(to, from)?;
    }
    Ok(())
}

/// Removes a container's links, and the folders that have become empty.
pub(super) fn remove(logs: &Path, container: &ContainerInfo) -> Result<()> {
    let (of_pod, beside) = links(logs, container);
    absent(std::fs::remove_file(beside))?;
    absent(std::fs::remove_file(&of_pod))?;
    let of_container = of_pod.parent();
    for folder in of_container.into_iter().chain(of_container.and_then(Path::parent)) {
        match std::fs::remove_dir(folder) {
            Err(error) if error.kind() == ErrorKind::DirectoryNotEmpty => break,
            removed => absent(removed)?,
        }
    }
    Ok(())
}

/// What is not there need not be removed.
fn absent(removed: Result<()>) -> Result<()> {
    removed.or_else(|error| if error.kind() == ErrorKind::NotFound { Ok(()) } else { Err(error) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn collectors_find_the_engines_file_by_both_names_while_the_container_is_there() {
        let folder = tempfile::tempdir().unwrap();
        let logs = folder.path().join("log");
        let file = folder.path().join("abc-json.log");
        std::fs::write(&file, "{}").unwrap();
        let container = |attempt: &str, id: &str| ContainerInfo {
            id: id.to_owned(),
            log_path: Some(file.clone()),
            labels: [
                (label::POD_NAMESPACE, "shop"),
                (label::POD_NAME, "front-1"),
                (label::POD_UID, "u"),
                (label::CONTAINER, "web"),
                (label::RESTARTS, attempt),
            ]
            .map(|(key, value)| (key.to_owned(), value.to_owned()))
            .into(),
            ..ContainerInfo::default()
        };
        let (first, second) = (container("0", "abc"), container("1", "def"));
        for one in [&first, &second, &second] {
            make(&logs, one).unwrap();
        }
        for path in
            ["pods/shop_front-1_u/web/0.log", "pods/shop_front-1_u/web/1.log", "containers/front-1_shop_web-def.log"]
        {
            assert_eq!(std::fs::canonicalize(logs.join(path)).unwrap(), file.canonicalize().unwrap(), "{path}");
        }
        remove(&logs, &first).unwrap();
        assert!(logs.join("pods/shop_front-1_u/web/1.log").exists());
        for _ in 0..2 {
            remove(&logs, &second).unwrap();
        }
        assert_eq!(std::fs::read_dir(logs.join("pods")).unwrap().count(), 0);
        assert_eq!(std::fs::read_dir(logs.join("containers")).unwrap().count(), 0);
    }
}
