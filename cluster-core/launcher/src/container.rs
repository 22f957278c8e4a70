//! The containers of nodes: what Docker is asked for, and the files a node finds in its container.

use crate::engine::{self, CLUSTER_LABEL, ROLE_LABEL};
use crate::prelude::*;
use bollard::models::{ContainerCreateBody, PortBinding, PortMap, VolumeCreateRequest};
use bollard::query_parameters::{CreateContainerOptions, UploadToContainerOptions};
use cluster_config::{API_PORT, path};
use cluster_pki::{ClusterPki, Endpoint};
use serde_json::json;

/// What a node needs to run containers itself: instead of `--privileged`, which would hand over every device and fails
/// outright where the engine itself lacks a capability.
const CAPABILITIES: &str = "AUDIT_CONTROL AUDIT_WRITE CHOWN DAC_OVERRIDE DAC_READ_SEARCH FOWNER FSETID IPC_LOCK \
    IPC_OWNER KILL LEASE LINUX_IMMUTABLE MAC_ADMIN MAC_OVERRIDE MKNOD NET_ADMIN NET_BIND_SERVICE NET_BROADCAST \
    NET_RAW SETFCAP SETGID SETPCAP SETUID SYS_ADMIN SYS_CHROOT SYS_NICE SYS_PACCT SYS_PTRACE SYSLOG";
const SYS_RESOURCE_BIT: u32 = 24;

impl Launcher {
    /// Makes a node's volumes and its container with everything in it, not started.
    pub(crate) async fn create_node(
        &self,
        spec: &ClusterSpec,
        node: &NodeSpec,
        pki: &ClusterPki,
        binary: &Bytes,
    ) -> Result<()> {
        if self.docker.inspect_container(&node.name, None).await.is_ok() {
            return Err(Error::Foreign { what: "a container", name: node.name.clone() });
        }
        for (volume, _) in volumes(node).into_iter().chain([disks(spec)]) {
            let labels = Some(HashMap::from([(CLUSTER_LABEL.to_owned(), spec.name.clone())]));
            let request = VolumeCreateRequest { name: Some(volume.clone()), labels, ..Default::default() };
            self.docker.create_volume(request).await.doing(format!("create the volume `{volume}`"))?;
        }
        let options = CreateContainerOptions { name: Some(node.name.clone()), ..Default::default() };
        let created = self.docker.create_container(Some(options), container(spec, node, may_raise_limits())?).await;
        created.doing(format!("create the container `{}`", node.name))?;
        self.upload(&node.name, binary.clone()).await?;
        self.upload(&node.name, files(spec, node, pki)?).await
    }

    /// Unpacks an archive at the root of a container.
    async fn upload(&self, container: &str, archive: Bytes) -> Result<()> {
        let options = UploadToContainerOptions { path: "/".to_owned(), ..Default::default() };
        let body = bollard::body_full(archive);
        let uploaded = self.docker.upload_to_container(container, Some(options), body).await;
        uploaded.doing(format!("copy files into `{container}`"))
    }

    /// Whether the image is there.
    pub(crate) async fn require_image(&self, image: &str) -> Result<()> {
        let found = self.docker.inspect_image(image).await.if_there(format!("look for the image `{image}`"))?;
        found.map(drop).ok_or_else(|| Error::ImageMissing(image.to_owned()))
    }
}

/// A node's volumes and where they are mounted; state that outlives the container's file system.
pub(crate) fn volumes(node: &NodeSpec) -> [(String, &'static str); 2] {
    [(format!("{}-docker", node.name), "/var/lib/docker"), (format!("{}-state", node.name), path::STATE)]
}

/// The volume that stands for a cloud's disks, in all nodes of a cluster.
fn disks(spec: &ClusterSpec) -> (String, &'static str) {
    (format!("{}-disks", spec.name), path::DISKS)
}

/// The node's program as an archive that every node's container gets.
pub(crate) async fn binary_archive(file: &Path) -> Result<Bytes> {
    let content = match tokio::fs::read(file).await {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            return Err(Error::BinaryMissing(file.to_owned()));
        }
        other => other.map_err(Error::file("read", file))?,
    };
    archive([(path::BINARY.to_owned(), 0o755, content)])
}

fn files(spec: &ClusterSpec, node: &NodeSpec, pki: &ClusterPki) -> Result<Bytes> {
    let endpoint = Endpoint { name: &node.name, address: spec.address(node) };
    let mut keys = pki.node_files(&endpoint)?;
    if node.role == Role::Master {
        keys.extend(pki.master_files(&endpoint, spec.api_service(), &[spec.api_address.to_string()])?);
    }
    let config = serde_json::to_vec_pretty(&spec.node_config(node))
        .map_err(|error| Error::Invalid(format!("node `{}`: {error}", node.name)))?;
    let keys = keys.into_iter().map(|(name, text)| (format!("{}/{name}", path::PKI), 0o600, text.into_bytes()));
    archive(keys.chain([(path::NODE_CONFIG.to_owned(), 0o600, config)]))
}

fn archive(files: impl IntoIterator<Item = (String, u32, Vec<u8>)>) -> Result<Bytes> {
    let pack = || {
        let mut builder = tar::Builder::new(Vec::new());
        for (name, mode, content) in files {
            let mut header = tar::Header::new_gnu();
            header.set_mode(mode);
            header.set_size(content.len() as u64);
            builder.append_data(&mut header, name.trim_start_matches('/'), content.as_slice())?;
        }
        builder.into_inner()
    };
    pack().map(Bytes::from).map_err(Error::file("archive", path::NODE_CONFIG.as_ref()))
}

/// Whether containers can have CAP_SYS_RESOURCE: everywhere but on hosts that lack it themselves. A remote engine, as
/// on macOS, runs in a virtual machine that has it.
fn may_raise_limits() -> bool {
    let Ok(status) = std::fs::read_to_string("/proc/self/status") else { return true };
    let bounding = status.lines().find_map(|line| line.strip_prefix("CapBnd:"));
    bounding.and_then(|hex| u64::from_str_radix(hex.trim(), 16).ok()).is_none_or(|set| set >> SYS_RESOURCE_BIT & 1 == 1)
}

/// In the words of the engine's API.
fn container(spec: &ClusterSpec, node: &NodeSpec, may_raise_limits: bool) -> Result<ContainerCreateBody> {
    let capabilities: Vec<&str> = CAPABILITIES.split(' ').chain(may_raise_limits.then_some("SYS_RESOURCE")).collect();
    let mounted = volumes(node).into_iter().chain([disks(spec)]);
    let mut binds: Vec<String> = mounted.map(|(volume, path)| format!("{volume}:{path}")).collect();
    binds.extend(node.mounts.iter().map(|mount| {
        let mode = if mount.read_only { ":ro" } else { "" };
        format!("{}:{}{mode}", mount.host_path, mount.container_path)
    }));
    let bindings = ports(spec, node);
    let exposed: BTreeMap<&str, Value> = bindings.keys().map(|port| (port.as_str(), json!({}))).collect();
    engine::request(json!({
        "Hostname": node.name,
        "Image": spec.image,
        "Labels": {CLUSTER_LABEL: spec.name, ROLE_LABEL: node.role.as_str()},
        "ExposedPorts": exposed,
        "NetworkingConfig": {"EndpointsConfig": {spec.context(): {"IPAMConfig": {"IPv4Address": spec.address(node)}}}},
        "HostConfig": {
            "Binds": binds,
            "CapDrop": ["ALL"],
            "CapAdd": capabilities,
            "CgroupnsMode": "private",
            "DeviceCgroupRules": ["a *:* rwm"],
            "LogConfig": {"Type": "json-file", "Config": {"max-size": "10m", "max-file": "3"}},
            "MaskedPaths": [],
            "ReadonlyPaths": [],
            "NetworkMode": spec.context(),
            "PortBindings": bindings,
            "RestartPolicy": {"Name": "unless-stopped"},
            "SecurityOpt": ["seccomp=unconfined", "apparmor=unconfined"],
            "Tmpfs": {"/run": "exec", "/tmp": "exec"},
        },
    }))
}

fn ports(spec: &ClusterSpec, node: &NodeSpec) -> PortMap {
    let published = spec.of(Role::Master).next().is_some_and(|first| first.name == node.name);
    let api = published.then(|| (format!("{API_PORT}/tcp"), spec.api_address, spec.api_port));
    let extra = node.ports.iter().map(|port| {
        (format!("{}/{}", port.container_port, port.protocol.as_str()), port.listen_address, port.host_port)
    });
    let mut bindings = PortMap::new();
    for (port, address, host_port) in api.into_iter().chain(extra) {
        let binding = PortBinding { host_ip: Some(address.to_string()), host_port: Some(host_port.to_string()) };
        bindings.entry(port).or_default().get_or_insert_default().push(binding);
    }
    bindings
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Mount, Port, Protocol};

    #[test]
    fn a_node_gets_its_address_ports_and_mounts_but_no_privileges_beyond_the_list() {
        let mut spec = ClusterSpec::new("dev", "devcluster/node:1", 1, 1);
        spec.subnet = "172.30.4.0/24".parse().ok();
        spec.api_port = 6500;
        spec.nodes[1].mounts.push(Mount { host_path: "/a".into(), container_path: "/b".into(), read_only: true });
        spec.nodes[1].ports.push(Port {
            container_port: 30080,
            host_port: 8080,
            listen_address: [127, 0, 0, 1].into(),
            protocol: Protocol::Udp,
        });
        let master = container(&spec, &spec.nodes[0], false).expect("a request");
        let worker = container(&spec, &spec.nodes[1], true).expect("a request");

        let host = master.host_config.expect("host config");
        assert!(host.privileged.is_none());
        assert!(!host.cap_add.expect("capabilities").contains(&"SYS_RESOURCE".to_owned()));
        let api = host.port_bindings.expect("ports")["6443/tcp"].clone().expect("bound");
        assert_eq!((api[0].host_ip.as_deref(), api[0].host_port.as_deref()), (Some("127.0.0.1"), Some("6500")));

        let host = worker.host_config.expect("host config");
        assert!(host.cap_add.expect("capabilities").contains(&"SYS_RESOURCE".to_owned()));
        assert_eq!(
            host.binds.expect("binds"),
            [
                "dev-worker-1-docker:/var/lib/docker",
                "dev-worker-1-state:/var/lib/devcluster",
                "dev-disks:/var/lib/devcluster-disks",
                "/a:/b:ro",
            ]
        );
        assert!(host.port_bindings.expect("ports").contains_key("30080/udp"));
        let network = worker.networking_config.and_then(|config| config.endpoints_config).expect("a network");
        let ipam = network["devcluster-dev"].ipam_config.clone().expect("an address");
        assert_eq!(ipam.ipv4_address.as_deref(), Some("172.30.4.3"));
    }

    #[test]
    fn a_worker_never_gets_the_clusters_keys() {
        let mut spec = ClusterSpec::new("dev", "image", 1, 1);
        spec.subnet = "172.30.4.0/24".parse().ok();
        let pki = ClusterPki::generate("dev").expect("keys");
        let names = |node: &NodeSpec| {
            let bytes = files(&spec, node, &pki).expect("files");
            let mut archive = tar::Archive::new(bytes.as_ref());
            let entries = archive.entries().expect("entries");
            entries.map(|entry| entry.expect("entry").path().expect("path").display().to_string()).collect::<Vec<_>>()
        };
        assert!(names(&spec.nodes[0]).contains(&"etc/devcluster/pki/ca.key".to_owned()));
        let worker = names(&spec.nodes[1]);
        assert!(worker.contains(&"etc/devcluster/node.json".to_owned()));
        assert!(!worker.iter().any(|name| name.contains("ca.key") || name.contains("sa.key")));
    }
}
