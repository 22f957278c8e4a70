//! Reads the file given to `up --config`: kind's `kind.x-k8s.io/v1alpha4` Cluster, with `healing` and `apiServerArgs` on top.

use crate::prelude::*;
use crate::spec::{ClusterSpec, Mount, Port};
use cluster_config::Healing;
use cluster_object::meta;
use ipnet::Ipv4Net;
use serde::Deserialize;
use std::net::IpAddr;

const API_VERSION: &str = "kind.x-k8s.io/v1alpha4";

/// The file, as far as it has an effect here.
#[derive(Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
struct File {
    kind: String,
    api_version: String,
    name: Option<String>,
    networking: Option<Networking>,
    nodes: Option<Vec<FileNode>>,
    healing: Option<Healing>,
    api_server_args: Option<BTreeMap<String, String>>,
}

#[derive(Default, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
struct Networking {
    pod_subnet: Option<Ipv4Net>,
    service_subnet: Option<Ipv4Net>,
    node_subnet: Option<Ipv4Net>,
    api_server_address: Option<IpAddr>,
    api_server_port: Option<u16>,
    ip_family: Option<String>,
}

#[derive(Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
struct FileNode {
    role: Option<Role>,
    labels: Option<BTreeMap<String, String>>,
    extra_mounts: Option<Vec<Mount>>,
    extra_port_mappings: Option<Vec<Port>>,
}

/// A cluster from a file's text, and what in it has no effect here. `name` overrides the file's.
pub fn parse(text: &str, name: Option<&str>, image: &str) -> Result<(ClusterSpec, Vec<String>)> {
    let mut documents = yaml::from_manifest(text).map_err(|error| invalid(error.to_string()))?;
    let (Some(document), true) = (documents.pop().filter(Value::is_object), documents.is_empty()) else {
        return Err(invalid("it must be one YAML document with a mapping".to_owned()));
    };
    if (meta::kind(&document), meta::api_version(&document)) != ("Cluster", API_VERSION) {
        return Err(invalid(format!("kind must be `Cluster` and apiVersion `{API_VERSION}`")));
    }
    let file: File = serde_path_to_error::deserialize(&document).map_err(|error| invalid(error.to_string()))?;
    let read = serde_json::to_value(&file).map_err(|error| invalid(error.to_string()))?;
    let mut warnings = Vec::new();
    unused("", &document, &read, &mut warnings);
    let mut spec = ClusterSpec::new(name.or(file.name.as_deref()).unwrap_or("dev"), image, 0, 0);
    let networking = file.networking.unwrap_or_default();
    if let Some(family) = networking.ip_family.filter(|family| family != "ipv4") {
        return Err(invalid(format!("networking.ipFamily `{family}` is not supported, only `ipv4`")));
    }
    spec.pod_subnet = networking.pod_subnet.unwrap_or(spec.pod_subnet);
    spec.service_subnet = networking.service_subnet.unwrap_or(spec.service_subnet);
    spec.subnet = networking.node_subnet;
    spec.api_address = networking.api_server_address.unwrap_or(spec.api_address);
    spec.api_port = networking.api_server_port.unwrap_or_default();
    spec.healing = file.healing.unwrap_or_default();
    let arguments = file.api_server_args.unwrap_or_default();
    let arguments: Vec<String> = arguments.into_iter().map(|(key, value)| format!("{key}={value}")).collect();
    spec.api_server = crate::api_server_arguments(&arguments)?;
    for described in file.nodes.unwrap_or_default() {
        let node = spec.push(described.role.unwrap_or(Role::Master));
        node.labels = described.labels.unwrap_or_default();
        node.mounts = described.extra_mounts.unwrap_or_default();
        node.ports = described.extra_port_mappings.unwrap_or_default();
        for mount in &mut node.mounts {
            mount.host_path = absolute(&mount.host_path)?;
        }
    }
    if spec.of(Role::Master).next().is_none() {
        spec.push(Role::Master);
    }
    if spec.of(Role::Worker).next().is_none() {
        spec.push(Role::Worker);
        warnings.push("a worker was added, because masters take no ordinary pods".to_owned());
    }
    Ok((spec, warnings))
}

/// Tells of every field that was given and not read.
fn unused(path: &str, given: &Value, read: &Value, warnings: &mut Vec<String>) {
    match (given, read) {
        (Value::Object(given), Value::Object(read)) => {
            for (field, value) in given {
                let path = if path.is_empty() { field.clone() } else { format!("{path}.{field}") };
                match read.get(field) {
                    Some(read) => unused(&path, value, read, warnings),
                    None => warnings.push(format!("`{path}` has no effect here")),
                }
            }
        }
        (Value::Array(given), Value::Array(read)) => {
            for (at, (given, read)) in given.iter().zip(read).enumerate() {
                unused(&format!("{path}[{at}]"), given, read, warnings);
            }
        }
        _ => {}
    }
}

fn absolute(path: &str) -> Result<String> {
    let path = std::path::absolute(path).map_err(|error| invalid(format!("hostPath `{path}`: {error}")))?;
    Ok(path.to_string_lossy().into_owned())
}

fn invalid(reason: String) -> Error {
    Error::Invalid(format!("the cluster's configuration file is wrong: {reason}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Protocol;

    const FULL: &str = r"
kind: Cluster
apiVersion: kind.x-k8s.io/v1alpha4
name: shop
networking:
  podSubnet: 10.50.0.0/16
  apiServerPort: 6550
  disableDefaultCNI: true
nodes:
- role: control-plane
  kubeadmConfigPatches: ['x']
- role: worker
  labels: {tier: front}
  extraMounts:
  - {hostPath: /srv, containerPath: /data, readOnly: true, propagation: None}
  extraPortMappings:
  - {containerPort: 30080, hostPort: 8080, protocol: UDP}
healing: {nodeGraceSeconds: 40, evictionSeconds: 300, leaseRenewSeconds: 10}
";

    #[test]
    fn a_kind_file_describes_nodes_networks_mounts_and_ports() {
        let (spec, warnings) = parse(FULL, None, "image").expect("valid");
        assert_eq!((spec.name.as_str(), spec.summary().as_str()), ("shop", "1 master and 1 worker"));
        assert_eq!((spec.pod_subnet.to_string().as_str(), spec.api_port), ("10.50.0.0/16", 6550));
        let worker = spec.node("worker-1").expect("a worker");
        assert_eq!(worker.labels["tier"], "front");
        assert_eq!((worker.mounts[0].container_path.as_str(), worker.mounts[0].read_only), ("/data", true));
        assert_eq!((worker.ports[0].container_port, worker.ports[0].protocol), (30080, Protocol::Udp));
        assert_eq!(spec.healing.eviction_seconds, 300);
        assert_eq!(
            warnings,
            [
                "`networking.disableDefaultCNI` has no effect here",
                "`nodes[0].kubeadmConfigPatches` has no effect here",
                "`nodes[1].extraMounts[0].propagation` has no effect here",
            ]
        );
        assert_eq!(parse(FULL, Some("other"), "image").expect("valid").0.name, "other");
    }

    #[test]
    fn kinds_smallest_file_gets_a_worker() {
        let (spec, warnings) =
            parse("kind: Cluster\napiVersion: kind.x-k8s.io/v1alpha4", None, "image").expect("valid");
        assert_eq!((spec.name.as_str(), spec.summary().as_str(), warnings.len()), ("dev", "1 master and 1 worker", 1));
    }

    #[test]
    fn a_wrong_file_is_refused_with_the_place_of_the_mistake() {
        let head = "kind: Cluster\napiVersion: kind.x-k8s.io/v1alpha4\n";
        for (text, reason) in [
            ("kind: Pod", "kind must be `Cluster`"),
            ("- 1", "one YAML document"),
            (&format!("{head}nodes: [{{role: boss}}]"), "nodes[0].role: unknown variant `boss`"),
            (
                &format!("{head}nodes: [{{extraMounts: [{{hostPath: /a}}]}}]"),
                "nodes[0].extraMounts[0]: missing field `containerPath`",
            ),
            (&format!("{head}networking: {{podSubnet: here}}"), "networking.podSubnet: "),
            (&format!("{head}networking: {{ipFamily: dual}}"), "only `ipv4`"),
        ] {
            let error = parse(text, None, "image").expect_err(text).to_string();
            assert!(error.contains(reason), "{error}");
        }
    }
}
