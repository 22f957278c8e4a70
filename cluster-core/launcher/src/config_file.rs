//! Reads the file given to `up --config`: kind's `kind.x-k8s.io/v1alpha4` Cluster, with `healing` and `apiServerArgs` on top.

use crate::prelude::*;
use crate::spec::{ClusterSpec, Mount, Port, Protocol};
use serde::de::DeserializeOwned;
use serde_json::Map;

const API_VERSION: &str = "kind.x-k8s.io/v1alpha4";

/// A cluster from a file's text, and what in it has no effect here. `name` overrides the file's.
pub fn parse(text: &str, name: Option<&str>, image: &str) -> Result<(ClusterSpec, Vec<String>)> {
    let mut documents = yaml::from_manifest(text).map_err(|error| invalid(error.to_string()))?;
    let (Some(Value::Object(file)), true) = (documents.pop(), documents.is_empty()) else {
        return Err(invalid("it must be one YAML document with a mapping".to_owned()));
    };
    let mut file = Section { path: String::new(), fields: file, warnings: Vec::new() };
    let kind: Option<String> = file.take("kind")?;
    let version: Option<String> = file.take("apiVersion")?;
    if kind.as_deref() != Some("Cluster") || version.as_deref() != Some(API_VERSION) {
        return Err(invalid(format!("kind must be `Cluster` and apiVersion `{API_VERSION}`")));
    }
    let in_file: Option<String> = file.take("name")?;
    let name = name.map(str::to_owned).or(in_file).unwrap_or_else(|| "dev".to_owned());
    let mut spec = ClusterSpec::new(&name, image, 0, 0);
    networking(file.section("networking")?, &mut spec, &mut file.warnings)?;
    if let Some(healing) = file.take("healing")? {
        spec.healing = healing;
    }
    let arguments: BTreeMap<String, String> = file.take("apiServerArgs")?.unwrap_or_default();
    let arguments: Vec<String> = arguments.into_iter().map(|(key, value)| format!("{key}={value}")).collect();
    spec.api_server = crate::api_server_arguments(&arguments)?;
    let nodes: Vec<Map<String, Value>> = file.take("nodes")?.unwrap_or_default();
    for (at, fields) in nodes.into_iter().enumerate() {
        node(Section { path: format!("nodes[{at}]."), fields, warnings: Vec::new() }, &mut spec, &mut file.warnings)?;
    }
    let missing = [Role::Master, Role::Worker].map(|role| spec.of(role).next().is_none());
    if missing[0] {
        spec.push(Role::Master);
    }
    if missing[1] {
        spec.push(Role::Worker);
        file.warnings.push("a worker was added, because masters take no ordinary pods".to_owned());
    }
    let warnings = file.finish();
    Ok((spec, warnings))
}

fn networking(section: Option<Section>, spec: &mut ClusterSpec, warnings: &mut Vec<String>) -> Result<()> {
    let Some(mut section) = section else { return Ok(()) };
    section.set("podSubnet", &mut spec.pod_subnet)?;
    section.set("serviceSubnet", &mut spec.service_subnet)?;
    section.set("apiServerAddress", &mut spec.api_address)?;
    section.set("apiServerPort", &mut spec.api_port)?;
    spec.subnet = section.take("nodeSubnet")?;
    if let Some(family) = section.take::<String>("ipFamily")?.filter(|family| family != "ipv4") {
        return Err(invalid(format!("networking.ipFamily `{family}` is not supported, only `ipv4`")));
    }
    warnings.extend(section.finish());
    Ok(())
}

fn node(mut section: Section, spec: &mut ClusterSpec, warnings: &mut Vec<String>) -> Result<()> {
    let path = section.path.clone();
    let role = match section.take::<String>("role")?.as_deref() {
        Some("control-plane" | "master") | None => Role::Master,
        Some("worker") => Role::Worker,
        Some(other) => return Err(invalid(format!("{path}role `{other}` is neither `control-plane` nor `worker`"))),
    };
    let labels = section.take("labels")?.unwrap_or_default();
    let mut mounts = Vec::new();
    for mut mount in section.sections("extraMounts")? {
        mounts.push(Mount {
            host_path: absolute(&mount.require::<String>("hostPath")?)?,
            container_path: mount.require("containerPath")?,
            read_only: mount.take("readOnly")?.unwrap_or_default(),
        });
        warnings.extend(mount.finish());
    }
    let mut ports = Vec::new();
    for mut port in section.sections("extraPortMappings")? {
        ports.push(Port {
            container_port: port.require("containerPort")?,
            host_port: port.take("hostPort")?.unwrap_or_default(),
            listen_address: port.take("listenAddress")?.unwrap_or([0, 0, 0, 0].into()),
            protocol: port.take::<Protocol>("protocol")?.unwrap_or_default(),
        });
        warnings.extend(port.finish());
    }
    warnings.extend(section.finish());
    let node = spec.push(role);
    (node.labels, node.mounts, node.ports) = (labels, mounts, ports);
    Ok(())
}

/// A mapping whose fields are taken out one by one; what is left has no effect.
struct Section {
    /// Of the mapping in the file, with a dot behind it.
    path: String,
    fields: Map<String, Value>,
    warnings: Vec<String>,
}

impl Section {
    fn take<T: DeserializeOwned>(&mut self, field: &str) -> Result<Option<T>> {
        match self.fields.remove(field) {
            None | Some(Value::Null) => Ok(None),
            Some(value) => {
                let wrong = |error| invalid(format!("{}{field}: {error}", self.path));
                serde_json::from_value(value).map(Some).map_err(wrong)
            }
        }
    }

    fn require<T: DeserializeOwned>(&mut self, field: &str) -> Result<T> {
        let path = format!("{}{field}", self.path);
        self.take(field)?.ok_or_else(|| invalid(format!("{path} is missing")))
    }

    fn set<T: DeserializeOwned>(&mut self, field: &str, target: &mut T) -> Result<()> {
        if let Some(value) = self.take(field)? {
            *target = value;
        }
        Ok(())
    }

    fn section(&mut self, field: &str) -> Result<Option<Self>> {
        let path = format!("{}{field}.", self.path);
        Ok(self.take(field)?.map(|fields| Self { path, fields, warnings: Vec::new() }))
    }

    fn sections(&mut self, field: &str) -> Result<Vec<Self>> {
        let path = format!("{}{field}", self.path);
        let list: Vec<Map<String, Value>> = self.take(field)?.unwrap_or_default();
        let section = |(at, fields)| Self { path: format!("{path}[{at}]."), fields, warnings: Vec::new() };
        Ok(list.into_iter().enumerate().map(section).collect())
    }

    fn finish(self) -> Vec<String> {
        let unused = self.fields.keys().map(|field| format!("`{}{field}` has no effect here", self.path));
        self.warnings.into_iter().chain(unused).collect()
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
            (&format!("{head}nodes: [{{role: boss}}]"), "nodes[0].role `boss`"),
            (
                &format!("{head}nodes: [{{extraMounts: [{{hostPath: /a}}]}}]"),
                "nodes[0].extraMounts[0].containerPath is missing",
            ),
            (&format!("{head}networking: {{podSubnet: here}}"), "networking.podSubnet: "),
            (&format!("{head}networking: {{ipFamily: dual}}"), "only `ipv4`"),
        ] {
            let error = parse(text, None, "image").expect_err(text).to_string();
            assert!(error.contains(reason), "{error}");
        }
    }
}
