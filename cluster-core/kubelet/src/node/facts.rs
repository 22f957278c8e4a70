//! What the kernel says of this node: size, names, pressure.

use crate::pod::context::Capacity;
use crate::prelude::*;
use crate::spec::qos::GROUPS;

/// CPUs and memory that this node may use: the machine's, or less when its own cgroup is limited.
pub(crate) fn capacity() -> Capacity {
    let cpus = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let total = meminfo("MemTotal").unwrap_or(0);
    let limit = group(Path::new(GROUPS), ["memory.max", "memory/memory.limit_in_bytes"], |text| text.parse().ok());
    Capacity {
        cpu_milli: cpus as i64 * 1000,
        memory: limit.filter(|l| *l < total).unwrap_or(total),
        oom_floor: oom_floor(),
    }
}

/// What a file of the node's own control group says: of the second kind of groups, or else of the first.
fn group<T>(groups: &Path, files: [&str; 2], read: impl Fn(&str) -> Option<T>) -> Option<T> {
    files.iter().find_map(|file| read(std::fs::read_to_string(groups.join(file)).ok()?.trim()))
}

const CAP_SYS_RESOURCE: u64 = 1 << 24;

fn oom_floor() -> i64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let caps = status.lines().find_map(|line| u64::from_str_radix(line.strip_prefix("CapEff:")?.trim(), 16).ok());
    let free = caps.is_some_and(|caps| caps & CAP_SYS_RESOURCE != 0);
    if free { -1000 } else { number("/proc/self/oom_score_adj").unwrap_or(0) }
}

fn meminfo(name: &str) -> Option<i64> {
    entry(&std::fs::read_to_string("/proc/meminfo").ok()?, &format!("{name}:")).map(|kib| kib * 1024)
}

/// The number behind a word that a line begins with.
fn entry(text: &str, key: &str) -> Option<i64> {
    text.lines().find_map(|line| line.strip_prefix(key)?.split_whitespace().next()?.parse().ok())
}

/// Bytes and files of the file system behind `path`: all and free of each.
pub(crate) fn disk(path: &Path) -> [(u64, u64); 2] {
    nix::sys::statvfs::statvfs(path).map_or_else(
        |_| Default::default(),
        |s| {
            let unit = s.fragment_size();
            [(s.blocks() * unit, s.blocks_available() * unit), (s.files(), s.files_available())]
        },
    )
}

/// Whether each condition of a shortage holds, in the order of [`super::object::SHORTAGES`]: of memory, disk and process IDs.
pub(crate) type Pressure = [bool; 3];

/// Bytes of memory below which pods must go. Source: upstream's default threshold.
pub(crate) const LEAST_MEMORY: i64 = 100 << 20;
/// Bytes below which the disk counts as full. Not upstream's tenth: on a developer's disk that is still plenty.
const LEAST_DISK: i64 = 1 << 30;
/// The part of a file system's files, and of process IDs, that must be free. Source: upstream's default for files; for IDs
/// it has none, and that is enough to log in.
const LEAST_PART: i64 = 20;

/// Something that the node can run short of. Source: upstream's signals of eviction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Supply {
    /// What pods use of it.
    pub(crate) resource: &'static str,
    /// Its place in [`Pressure`].
    pub(crate) condition: usize,
    /// Pods must go when less than this is available.
    pub(crate) least: i64,
    pub(crate) available: i64,
}

impl Supply {
    pub(crate) fn is_short(&self) -> bool {
        self.available < self.least
    }

    /// Whether images and dead containers take of it too.
    pub(crate) fn is_of_disk(&self) -> bool {
        self.condition == 1
    }
}

/// What the node whose pods are below `root` has now, what is missed most first. What cannot be told does not lack.
pub(crate) fn supplies(root: &Path) -> [Supply; 4] {
    let [bytes, files] = disk(root).map(|(all, free)| [all, free].map(|n| i64::try_from(n).unwrap_or(i64::MAX)));
    let pids = number("/proc/sys/kernel/pid_max").unwrap_or_default();
    let load = first_line("/proc/loadavg");
    let used = load.split_whitespace().nth(3).and_then(|tasks| tasks.split('/').nth(1)?.parse::<i64>().ok());
    [
        ("memory", 0, LEAST_MEMORY, available_memory()),
        ("ephemeral-storage", 1, LEAST_DISK.min(bytes[0]), bytes[1]),
        ("inodes", 1, files[0] / LEAST_PART, files[1]),
        ("pids", 2, pids / LEAST_PART, pids - used.unwrap_or_default()),
    ]
    .map(|(resource, condition, least, available)| Supply { resource, condition, least, available })
}

/// Which shortages there are.
pub(super) fn pressure(supplies: &[Supply]) -> Pressure {
    [0, 1, 2].map(|condition| supplies.iter().any(|supply| supply.condition == condition && supply.is_short()))
}

/// Bytes that may still be used: the machine's, or what the node's own control group leaves of its limit.
fn available_memory() -> i64 {
    let machine = meminfo("MemAvailable").unwrap_or(i64::MAX);
    machine.min(capacity().memory - own_memory())
}

/// The working set of the node's control group; of the whole machine where the node has none of its own.
fn own_memory() -> i64 {
    let machine = || Some(meminfo("MemTotal")? - meminfo("MemAvailable")?);
    working_set(Path::new(GROUPS)).or_else(machine).unwrap_or_default()
}

fn working_set(groups: &Path) -> Option<i64> {
    let used: i64 = group(groups, ["memory.current", "memory/memory.usage_in_bytes"], |text| text.parse().ok())?;
    let inactive = |stat: &str| entry(stat, "total_inactive_file ").or_else(|| entry(stat, "inactive_file "));
    Some(used - group(groups, ["memory.stat", "memory/memory.stat"], inactive).unwrap_or_default())
}

fn cpu_nanoseconds(groups: &Path) -> Option<i64> {
    let spent = |text: &str| text.parse().ok().or_else(|| Some(entry(text, "usage_usec ")? * 1000));
    group(groups, ["cpu.stat", "cpuacct/cpuacct.usage"], spent)
}

/// CPU time in nanoseconds and working set in bytes of all that runs on this node.
pub(crate) fn usage() -> Usage {
    let cpu_nanoseconds = cpu_nanoseconds(Path::new(GROUPS)).unwrap_or_default().unsigned_abs();
    Usage { cpu_nanoseconds, memory_bytes: u64::try_from(own_memory()).unwrap_or_default(), ..Usage::default() }
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
    fn both_kinds_of_control_groups_are_read() {
        for files in [
            &[
                ("cpu.stat", "usage_usec 7\nuser_usec 5\n"),
                ("memory.current", "90\n"),
                ("memory.stat", "anon 1\ninactive_file 20\n"),
            ][..],
            &[
                ("cpuacct/cpuacct.usage", "7000\n"),
                ("memory/memory.usage_in_bytes", "90\n"),
                ("memory/memory.stat", "inactive_file 3\ntotal_inactive_file 20\n"),
            ],
        ] {
            let groups = tempfile::tempdir().expect("a folder");
            for (file, text) in files {
                let path = groups.path().join(file);
                std::fs::create_dir_all(path.parent().expect("a folder")).expect("made");
                std::fs::write(path, text).expect("written");
            }
            assert_eq!(
                (cpu_nanoseconds(groups.path()), working_set(groups.path())),
                (Some(7000), Some(70)),
                "{files:?}"
            );
        }
    }

    #[test]
    fn each_shortage_belongs_to_its_condition_and_what_cannot_be_told_is_none() {
        let supply = |condition, available| Supply { resource: "", condition, least: 10, available };
        for (supplies, expected) in [
            (vec![supply(0, 9), supply(1, 10), supply(2, 10)], [true, false, false]),
            (vec![supply(1, 10), supply(1, 9), supply(2, 0)], [false, true, true]),
        ] {
            assert_eq!(pressure(&supplies), expected, "{supplies:?}");
        }
        let [_, bytes, inodes, _] = supplies(Path::new("/there/is/no/such/folder"));
        assert!(!bytes.is_short() && !inodes.is_short(), "{bytes:?} {inodes:?}");
    }

    #[test]
    fn a_nodes_uuid_is_its_machine_id_in_firmwares_writing() {
        let id = "0123456789abcdef0123456789abcdef";
        assert_eq!(system_uuid(id), "01234567-89ab-cdef-0123-456789abcdef");
        assert_eq!(system_uuid(""), "");
    }
}
