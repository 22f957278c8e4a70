//! What the kernel says of this node: size, names, pressure.

use crate::pod::context::Capacity;
use crate::prelude::*;

/// CPUs and memory that this node may use: the machine's, or less when its own cgroup is limited.
pub(crate) fn capacity() -> Capacity {
    let cpus = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let total = meminfo("MemTotal").unwrap_or(0);
    let limits = ["/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"];
    let limit = limits.iter().find_map(|path| number(path));
    Capacity {
        cpu_milli: cpus as i64 * 1000,
        memory: limit.filter(|l| *l < total).unwrap_or(total),
        oom_floor: oom_floor(),
    }
}

const CAP_SYS_RESOURCE: u64 = 1 << 24;

fn oom_floor() -> i64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let caps = status.lines().find_map(|line| u64::from_str_radix(line.strip_prefix("CapEff:")?.trim(), 16).ok());
    let free = caps.is_some_and(|caps| caps & CAP_SYS_RESOURCE != 0);
    if free { -1000 } else { number("/proc/self/oom_score_adj").unwrap_or(0) }
}

fn meminfo(name: &str) -> Option<i64> {
    let text = std::fs::read_to_string("/proc/meminfo").ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))?;
    line.split_whitespace().next()?.parse::<i64>().ok().map(|kib| kib * 1024)
}

/// Bytes of the file system behind `path`: all and free.
pub(crate) fn disk(path: &Path) -> (u64, u64) {
    nix::sys::statvfs::statvfs(path).map_or((0, 0), |s| {
        let unit = s.fragment_size();
        (s.blocks() * unit, s.blocks_available() * unit)
    })
}

/// What runs short, and how much memory is left.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Pressure {
    pub(crate) memory: bool,
    pub(crate) disk: bool,
    pub(crate) pids: bool,
}

/// Bytes of memory below which pods must go. Source: upstream's default threshold.
pub(crate) const LEAST_MEMORY: i64 = 100 << 20;
/// Bytes below which the disk counts as full. Not upstream's tenth: on a developer's disk that is still plenty.
pub(crate) const LEAST_DISK: u64 = 1 << 30;

/// Bytes that may still be used: the machine's, or what the node's own control group leaves of its limit.
pub(crate) fn available_memory() -> i64 {
    let machine = meminfo("MemAvailable").unwrap_or(i64::MAX);
    let own = capacity().memory - own_memory();
    machine.min(own)
}

/// The working set of the node's control group; of the whole machine where the node has none of its own.
fn own_memory() -> i64 {
    let folders = [
        ("/sys/fs/cgroup/memory/memory.usage_in_bytes", "/sys/fs/cgroup/memory/memory.stat", "total_inactive_file"),
        ("/sys/fs/cgroup/memory.current", "/sys/fs/cgroup/memory.stat", "inactive_file"),
    ];
    let working_set = |(usage, stat, inactive): (&str, &str, &str)| {
        let used = number(usage)?;
        let stat = std::fs::read_to_string(stat).ok()?;
        let free = stat.lines().find_map(|l| l.strip_prefix(inactive)?.trim().parse::<i64>().ok()).unwrap_or_default();
        Some(used - free)
    };
    let machine = || Some(meminfo("MemTotal")? - meminfo("MemAvailable")?);
    folders.into_iter().find_map(working_set).or_else(machine).unwrap_or_default()
}

/// CPU time in nanoseconds and working set in bytes of all that runs on this node.
pub(crate) fn usage() -> Usage {
    let unified = || {
        let stat = std::fs::read_to_string("/sys/fs/cgroup/cpu.stat").ok()?;
        stat.lines().find_map(|l| Some(l.strip_prefix("usage_usec ")?.parse::<i64>().ok()? * 1000))
    };
    let cpu = number("/sys/fs/cgroup/cpuacct/cpuacct.usage").or_else(unified).unwrap_or_default();
    Usage { cpu_nanoseconds: cpu.unsigned_abs(), memory_bytes: u64::try_from(own_memory()).unwrap_or_default() }
}

/// What runs short now. Source of the share of process IDs: upstream leaves it open; 5 % is enough to log in.
pub(super) fn pressure(root: &Path) -> Pressure {
    let (all, free) = disk(root);
    let load = first_line("/proc/loadavg");
    let used = load.split_whitespace().nth(3).and_then(|tasks| tasks.split('/').nth(1)?.parse::<i64>().ok());
    let pids = number("/proc/sys/kernel/pid_max").zip(used).is_some_and(|(max, used)| used * 20 > max * 19);
    Pressure { memory: available_memory() < LEAST_MEMORY, disk: all > 0 && free < LEAST_DISK, pids }
}

fn number(path: &str) -> Option<i64> {
    first_line(path).parse().ok()
}

fn first_line(path: &str) -> String {
    std::fs::read_to_string(path).map(|text| text.trim().to_owned()).unwrap_or_default()
}

/// Kernel release, operating system, machine ID, the same as a UUID, boot ID.
pub(super) fn names() -> [String; 5] {
    let machine = first_line("/etc/machine-id");
    let release = std::fs::read_to_string("/etc/os-release").unwrap_or_default();
    let pretty = release.lines().find_map(|line| line.strip_prefix("PRETTY_NAME="));
    [
        first_line("/proc/sys/kernel/osrelease"),
        pretty.unwrap_or("Linux").trim_matches('"').to_owned(),
        machine.clone(),
        system_uuid(&machine),
        first_line("/proc/sys/kernel/random/boot_id"),
    ]
}

/// A machine's ID as firmware would tell it; the real firmware's is that of all nodes on this machine.
fn system_uuid(machine: &str) -> String {
    uuid::Uuid::try_parse(machine).map(|id| id.to_string()).unwrap_or_default()
}

/// The architecture as Go calls it.
pub(super) fn architecture() -> &'static str {
    match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_nodes_uuid_is_its_machine_id_in_firmwares_writing() {
        let id = "0123456789abcdef0123456789abcdef";
        assert_eq!(system_uuid(id), "01234567-89ab-cdef-0123-456789abcdef");
        assert_eq!(system_uuid(""), "");
    }
}
