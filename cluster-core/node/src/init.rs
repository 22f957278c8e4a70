//! PID 1 of a node's container: prepares the mounts, starts the engine and the node process, restarts what dies.
//!
//! One thread, no runtime: it waits for signals and does nothing else. Orphans of the engine's containers end up here
//! and are reaped.

use crate::prelude::*;
use crate::{engine, etcd, mounts};
use nix::sys::signal::{SigSet, Signal, kill};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::{Pid, alarm};
use std::process::{Command, Stdio};
use std::time::Instant;

/// Left over when the container was killed; the next engine would take them for a living one's.
const STALE: [&str; 3] = ["/run/docker.pid", "/run/docker.sock", engine::CONTAINERD_SOCKET];
/// A process that lived longer than this is started again at once.
const STABLE: Duration = Duration::from_secs(10);
/// Seconds before a process that died young is started again.
const RESTART_DELAY: u32 = 1;

/// Runs until the container is told to stop.
pub fn run() -> Result<()> {
    let signals = blocked_signals()?;
    mounts::prepare().context("failed to prepare the node's mounts")?;
    identify(Path::new("/etc/machine-id"))?;
    for stale in STALE {
        remove_stale(Path::new(stale))?;
    }
    allow_forwarding()?;
    let mut services =
        vec![Service::new("containerd", engine::containerd_command), Service::new("engine", || own_command("engine"))];
    if crate::load_config()?.has_etcd() {
        services.push(Service::new("etcd", || etcd::command(&crate::load_config()?)));
    }
    services.push(Service::new("node", || own_command("run")));
    for service in &mut services {
        service.start()?;
    }
    loop {
        match signals.wait().context("failed to wait for a signal")? {
            Signal::SIGCHLD => reap(&mut services)?,
            Signal::SIGALRM => {
                for service in services.iter_mut().filter(|service| service.pid.is_none()) {
                    service.start()?;
                }
            }
            // The node first, while what it may be asking its engine is still answered.
            _ => return stop(services),
        }
    }
}

/// Gives the node an ID that no other has, for as long as its container lives. The machine's own is that of all nodes.
fn identify(file: &Path) -> Result<()> {
    if std::fs::metadata(file).is_ok_and(|found| found.len() > 0) {
        return Ok(());
    }
    let random = std::fs::read_to_string("/proc/sys/kernel/random/uuid").context("failed to read a random UUID")?;
    std::fs::write(file, random.replace('-', "")).with_context(|| format!("failed to write {}", file.display()))
}

/// Removes what a killed process may have left.
pub(crate) fn remove_stale(file: &Path) -> Result<()> {
    match std::fs::remove_file(file) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
        removed => removed.with_context(|| format!("failed to remove {}", file.display())),
    }
}

/// All signals that are waited for; children must get them back.
fn blocked_signals() -> Result<SigSet> {
    let mut signals = SigSet::empty();
    for signal in [Signal::SIGCHLD, Signal::SIGALRM, Signal::SIGTERM, Signal::SIGINT] {
        signals.add(signal);
    }
    signals.thread_block().context("failed to block signals")?;
    Ok(signals)
}

struct Service {
    name: &'static str,
    command: fn() -> Result<Command>,
    pid: Option<Pid>,
    started: Instant,
}

impl Service {
    fn new(name: &'static str, command: fn() -> Result<Command>) -> Self {
        Self { name, command, pid: None, started: Instant::now() }
    }

    fn start(&mut self) -> Result<()> {
        let mut command = (self.command)()?;
        unblock_in_child(&mut command);
        let child = command.spawn().with_context(|| format!("failed to start the {}", self.name))?;
        self.pid = Some(Pid::from_raw(i32::try_from(child.id()).context("process id out of range")?));
        self.started = Instant::now();
        Ok(())
    }

    /// Notes the end of the process; starts it again now or, when it died young, on the next alarm.
    fn ended(&mut self, status: WaitStatus) -> Result<()> {
        eprintln!("devcluster: the {} ended ({status:?}), starting it again", self.name);
        self.pid = None;
        if self.started.elapsed() > STABLE {
            return self.start();
        }
        alarm::set(RESTART_DELAY);
        Ok(())
    }
}

fn unblock_in_child(command: &mut Command) {
    use std::os::unix::process::CommandExt;
    let unblock = || SigSet::all().thread_unblock().map_err(std::io::Error::from);
    // SAFETY: between fork and exec only `pthread_sigmask` is called, which is async-signal-safe.
    unsafe {
        command.pre_exec(unblock);
    }
}

/// This binary with another verb.
fn own_command(verb: &str) -> Result<Command> {
    let mut command = Command::new(path::BINARY);
    command.arg(verb).stdin(Stdio::null());
    Ok(command)
}

/// Pods' packets cross the node, and come back another way than the kernel's strict check expects.
fn allow_forwarding() -> Result<()> {
    for (key, value) in [("net/ipv4/ip_forward", "1"), ("net/ipv4/conf/all/rp_filter", "0")] {
        std::fs::write(format!("/proc/sys/{key}"), value).with_context(|| format!("failed to set {key}"))?;
    }
    Ok(())
}

fn reap(services: &mut [Service]) -> Result<()> {
    loop {
        let status = match waitpid(None, Some(WaitPidFlag::WNOHANG)) {
            Ok(WaitStatus::StillAlive) | Err(nix::errno::Errno::ECHILD) => return Ok(()),
            status => status.context("failed to wait for a process")?,
        };
        if let Some(service) = services.iter_mut().find(|service| service.pid == status.pid()) {
            service.ended(status)?;
        }
    }
}

/// Ends the processes in reverse order of their start and waits for each.
fn stop(services: impl IntoIterator<Item = Service, IntoIter: DoubleEndedIterator>) -> Result<()> {
    for service in services.into_iter().rev() {
        let Some(pid) = service.pid else { continue };
        match kill(pid, Signal::SIGTERM) {
            Ok(()) => drop(waitpid(pid, None).with_context(|| format!("failed to wait for the {}", service.name))?),
            // It ended just now.
            Err(nix::errno::Errno::ESRCH) => {}
            Err(error) => return Err(error).with_context(|| format!("failed to stop the {}", service.name)),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_node_gets_an_id_of_its_own_and_keeps_it() {
        let folder = tempfile::tempdir().expect("a folder");
        let [one, other] = ["one", "other"].map(|name| folder.path().join(name));
        std::fs::write(&one, "").expect("an image's empty file");
        let id = |file: &Path| {
            identify(file).expect("identified");
            std::fs::read_to_string(file).expect("an ID")
        };
        let (first, again, another) = (id(&one), id(&one), id(&other));
        assert!(first == again && first != another, "{first} {again} {another}");
        assert!(first.trim().len() == 32 && first.trim().bytes().all(|b| b.is_ascii_hexdigit()), "{first}");
    }
}
