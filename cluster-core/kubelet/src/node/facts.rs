//! What the kernel says of this node: size, names, pressure.

use crate::pod::context::Capacity;
use std::path::Path;

/// CPUs and memory that this node may use: the machine's, or less when its own cgroup is limited.
pub(crate) fn capacity() -> Capacity {
    let cpus = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let total = meminfo("MemTotal").unwrap_or(0);
    let limits = ["/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"];
    let limit = limits.iter().find_map(|p| std::fs::read_to_string(p).ok()?.trim().parse::<i64>().ok());
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
    if free { -1000 } else { first_line("/proc/self/oom_score_adj").parse().unwrap_or(0) }
}

fn meminfo(name: &str) -> Option<i64> {
    let text = std::fs::read_to_string("/proc/meminfo").ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))?;
    line.split_whitespace().next()?.parse::<i64>().ok().map(|kib| kib * 1024)
}

/// Bytes of the file system behind `path`: all and free.
pub(super) fn disk(path: &Path) -> (u64, u64) {
    nix::sys::statvfs::statvfs(path).map_or((0, 0), |s| {
        let unit = s.fragment_size();
        (s.blocks() * unit, s.blocks_available() * unit)
    })
}

/// What runs short.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Pressure {
    pub(super) memory: bool,
    pub(super) disk: bool,
    pub(super) pids: bool,
}

/// Upstream's default thresholds: 100 MiB of memory, 10 % of the disk; and 5 % of the process IDs.
pub(super) fn pressure(root: &Path) -> Pressure {
    let (all, free) = disk(root);
    let number = |path: &str| std::fs::read_to_string(path).ok()?.trim().parse::<u64>().ok();
    let used = std::fs::read_to_string("/proc/loadavg")
        .ok()
        .and_then(|text| text.split_whitespace().nth(3)?.split('/').nth(1)?.parse::<u64>().ok());
    let pids = number("/proc/sys/kernel/pid_max").zip(used).is_some_and(|(max, used)| used * 20 > max * 19);
    Pressure {
        memory: meminfo("MemAvailable").is_some_and(|bytes| bytes < 100 << 20),
        disk: all > 0 && free * 10 < all,
        pids,
    }
}

fn first_line(path: &str) -> String {
    std::fs::read_to_string(path).map(|text| text.trim().to_owned()).unwrap_or_default()
}

/// Kernel release, operating system, machine ID, boot ID.
pub(super) fn names() -> [String; 4] {
    let release = std::fs::read_to_string("/etc/os-release").unwrap_or_default();
    let pretty = release.lines().find_map(|line| line.strip_prefix("PRETTY_NAME="));
    [
        first_line("/proc/sys/kernel/osrelease"),
        pretty.unwrap_or("Linux").trim_matches('"').to_owned(),
        first_line("/etc/machine-id"),
        first_line("/proc/sys/kernel/random/boot_id"),
    ]
}

/// The architecture as Go calls it.
pub(super) fn architecture() -> &'static str {
    match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        other => other,
    }
}
