//! `devcluster doctor`: checks what clusters need of the machine; a check that fails says how to mend it.

use crate::Protocol;
use crate::engine::is_running;
use crate::prelude::*;
use bollard::Docker;
use bollard::models::{SystemInfo, SystemInfoCgroupVersionEnum};
use std::net::TcpListener;

const GIB: i64 = 1 << 30;
const MIN_MEMORY: i64 = 2 * GIB;
const MIN_DISK: u64 = 5 << 30;
const MIN_WATCHES: u64 = 65_536;
const MIN_INSTANCES: u64 = 128;

/// One check.
#[derive(Debug, Clone, Serialize)]
pub struct Check {
    /// What was checked.
    pub name: &'static str,
    /// Whether it is as clusters need it.
    pub ok: bool,
    /// What was found.
    pub found: String,
    /// The command or step that mends it; empty when nothing must be mended.
    pub remedy: String,
}

/// Checks the engine, the node image and the machine.
pub async fn doctor(image: &str) -> Vec<Check> {
    let mut checks = Vec::new();
    let asked = async {
        let launcher = Launcher::connect()?;
        checks.extend(engine(&launcher.docker.info().await.map_err(Error::no_engine)?));
        checks.push(node_image(&launcher.docker, image).await);
        checks.extend(launcher.ports().await);
        Ok::<(), Error>(())
    };
    if let Err(error) = asked.await {
        let remedy = error.hint().unwrap_or_default();
        checks.push(check("Docker engine", false, error.to_string(), &remedy));
    }
    checks.extend(machine());
    checks
}

fn check(name: &'static str, ok: bool, found: impl Into<String>, remedy: &str) -> Check {
    Check { name, ok, found: found.into(), remedy: if ok { String::new() } else { remedy.to_owned() } }
}

fn engine(info: &SystemInfo) -> Vec<Check> {
    let version = info.server_version.clone().unwrap_or_default();
    let driver = info.driver.clone().unwrap_or_default();
    let memory = info.mem_total.unwrap_or_default();
    let cgroups = match info.cgroup_version {
        Some(SystemInfoCgroupVersionEnum::_2) => "version 2",
        Some(SystemInfoCgroupVersionEnum::_1) => "version 1",
        _ => "",
    };
    let limits = info.memory_limit.unwrap_or_default() && info.cpu_cfs_quota.unwrap_or_default();
    vec![
        check("Docker engine", true, version, ""),
        check("cgroups", !cgroups.is_empty(), cgroups, "mount the cgroup file system: see `man 7 cgroups`"),
        check(
            "memory and CPU limits",
            limits,
            if limits { "supported" } else { "not supported" },
            "enable the memory and cpu cgroup controllers (kernel command line: cgroup_enable=memory)",
        ),
        check(
            "storage driver",
            driver.starts_with("overlay"),
            driver,
            "set {\"storage-driver\": \"overlay2\"} in /etc/docker/daemon.json and restart Docker",
        ),
        check(
            "memory",
            memory >= MIN_MEMORY,
            format!("{:.1} GiB", memory as f64 / GIB as f64),
            "give Docker at least 2 GiB (Docker Desktop: Settings, Resources)",
        ),
    ]
}

async fn node_image(docker: &Docker, image: &str) -> Check {
    match docker.inspect_image(image).await {
        Ok(found) => {
            let size = found.size.unwrap_or_default() / 1_000_000;
            check("node image", true, format!("{image}, {size} MB"), "")
        }
        Err(_) => check("node image", false, format!("{image} is missing"), "make image"),
    }
}

impl Launcher {
    /// The ports that clusters publish, which another program may take while they are stopped.
    async fn ports(&self) -> Option<Check> {
        let (mut wanted, mut taken) = (0, Vec::new());
        for name in self.state.clusters().ok()? {
            let spec = self.state.load(&name).ok()??.spec;
            let containers = self.containers(&name).await.ok()?;
            for node in spec.nodes.iter().filter(|node| !containers.get(&node.name).is_some_and(is_running)) {
                let api = (node.role == Role::Master).then_some((spec.api_address, spec.api_port));
                let others = node.ports.iter().filter(|port| port.protocol == Protocol::Tcp && port.host_port > 0);
                for address in api.into_iter().chain(others.map(|port| (port.listen_address, port.host_port))) {
                    wanted += 1;
                    if TcpListener::bind(address).is_err() {
                        taken.push(format!("{}:{} of {}", address.0, address.1, node.name));
                    }
                }
            }
        }
        let found = match taken.len() {
            0 => format!("{wanted} of stopped clusters, all free"),
            _ => format!("taken: {}", taken.join(", ")),
        };
        Some(check("ports", taken.is_empty(), found, "stop the program that holds the port: `sudo ss -tlnp` shows it"))
    }
}

#[cfg(not(target_os = "linux"))]
fn machine() -> Vec<Check> {
    Vec::new()
}

#[cfg(target_os = "linux")]
fn machine() -> Vec<Check> {
    let limit = |name: &'static str, key: &str, least: u64, better: u64| {
        let path = format!("/proc/sys/{}", key.replace('.', "/"));
        let value = std::fs::read_to_string(path).ok().and_then(|text| text.trim().parse::<u64>().ok());
        let found = value.map_or_else(|| "unknown".to_owned(), |value| value.to_string());
        check(name, value.is_none_or(|value| value >= least), found, &format!("sudo sysctl -w {key}={better}"))
    };
    let mut checks = vec![
        limit("inotify watches", "fs.inotify.max_user_watches", MIN_WATCHES, MIN_WATCHES * 2),
        limit("inotify instances", "fs.inotify.max_user_instances", MIN_INSTANCES, MIN_INSTANCES * 2),
        limit("IP forwarding", "net.ipv4.ip_forward", 1, 1),
    ];
    checks.extend(disk("/var/lib/docker").or_else(|| disk("/")));
    checks
}

#[cfg(target_os = "linux")]
fn disk(path: &str) -> Option<Check> {
    let found = rustix::fs::statvfs(path).ok()?;
    let free = found.f_bavail * found.f_frsize;
    let text = format!("{:.1} GiB free on {path}", free as f64 / GIB as f64);
    Some(check("disk", free >= MIN_DISK, text, "docker system prune"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_engine_without_limits_or_with_little_memory_is_reported_with_a_remedy() {
        let info = SystemInfo {
            driver: Some("vfs".to_owned()),
            cgroup_version: Some(SystemInfoCgroupVersionEnum::_2),
            memory_limit: Some(false),
            mem_total: Some(GIB),
            ..Default::default()
        };
        let failing: Vec<_> = engine(&info).into_iter().filter(|check| !check.ok).collect();
        let names: Vec<_> = failing.iter().map(|check| check.name).collect();
        assert_eq!(names, ["memory and CPU limits", "storage driver", "memory"]);
        assert!(failing.iter().all(|check| !check.remedy.is_empty()));
    }
}
