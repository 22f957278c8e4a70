//! The mounts that a container engine needs inside a container.

use crate::prelude::*;
use nix::mount::{MsFlags, mount};

/// Makes `/sys` and the control groups writable, and mounts propagate into pods.
pub(crate) fn prepare() -> Result<()> {
    const NONE: Option<&str> = None;
    remount_writable("/sys")?;
    let groups = "/sys/fs/cgroup";
    if Path::new(groups).join("cgroup.controllers").exists() {
        // cgroup v2: one hierarchy.
        remount_writable(groups)?;
        delegate_controllers(Path::new(groups))?;
    } else {
        for entry in std::fs::read_dir(groups).with_context(|| format!("failed to read {groups}"))? {
            let entry = entry?;
            // Links such as `cpu` lead to another entry.
            if entry.file_type()?.is_dir() {
                remount_writable(&entry.path().to_string_lossy())?;
            }
        }
    }
    // Pods' folders outlive the container, so they are kept beside the state.
    let kept = Path::new(path::STATE).join("kubelet");
    for folder in [kept.as_path(), Path::new(path::KUBELET)] {
        std::fs::create_dir_all(folder).with_context(|| format!("failed to make {}", folder.display()))?;
    }
    mount(Some(kept.as_path()), path::KUBELET, NONE, MsFlags::MS_BIND, NONE)
        .context("failed to mount the kubelet's folder")?;
    mount(NONE, "/", NONE, MsFlags::MS_REC | MsFlags::MS_SHARED, NONE).context("failed to make mounts shared")
}

fn remount_writable(target: &str) -> Result<()> {
    const NONE: Option<&str> = None;
    let flags = MsFlags::MS_REMOUNT | MsFlags::MS_BIND | MsFlags::MS_NOSUID | MsFlags::MS_NODEV | MsFlags::MS_NOEXEC;
    mount(NONE, target, NONE, flags, NONE).with_context(|| format!("failed to make {target} writable"))
}

/// With cgroup v2 a group that has processes cannot have controllers for its children: the processes move to a group
/// of their own, and all controllers are handed down. Somebody may begin a process in between, then all begins anew.
fn delegate_controllers(root: &Path) -> Result<()> {
    let init = root.join("init");
    std::fs::create_dir_all(&init).context("failed to make the init control group")?;
    let controllers = std::fs::read_to_string(root.join("cgroup.controllers"))?;
    let all: Vec<String> = controllers.split_whitespace().map(|controller| format!("+{controller}")).collect();
    loop {
        for process in std::fs::read_to_string(root.join("cgroup.procs"))?.lines() {
            // A process may have ended meanwhile, which is as good as moved.
            if let Err(error) = std::fs::write(init.join("cgroup.procs"), process)
                && error.raw_os_error() != Some(nix::libc::ESRCH)
            {
                return Err(error)
                    .with_context(|| format!("failed to move process {process} to the init control group"));
            }
        }
        match std::fs::write(root.join("cgroup.subtree_control"), all.join(" ")) {
            Err(error) if error.kind() == std::io::ErrorKind::ResourceBusy => {}
            told => return told.context("failed to hand down the controllers"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_controllers_are_handed_down_and_processes_go_to_a_group_of_their_own() {
        let root = tempfile::tempdir().expect("a folder");
        let file = |name: &str| root.path().join(name);
        for (name, text) in [("cgroup.controllers", "cpu memory pids\n"), ("cgroup.procs", "1\n7\n")] {
            std::fs::write(file(name), text).expect("written");
        }
        delegate_controllers(root.path()).expect("delegated");
        let read = |name: &str| std::fs::read_to_string(file(name)).expect("told");
        assert_eq!(read("cgroup.subtree_control"), "+cpu +memory +pids");
        assert_eq!(read("init/cgroup.procs"), "7", "the last of those that were told one by one");
    }
}
