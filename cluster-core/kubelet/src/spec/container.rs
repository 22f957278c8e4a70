//! The whole definition of a container, and of a pod's sandbox, for the engine.

use super::expand::{expand, expand_all};
use super::{env, files, hash, qos, security};
use crate::pod::StartOrder;
use crate::prelude::*;
use crate::volume::{self, subpath};
use bollard::models::{
    ContainerCreateBody, HostConfig, Mount, MountBindOptions, MountBindOptionsPropagationEnum as Propagation, MountType,
};

/// What a container is made from, beside its definition.
pub(crate) struct Parts<'a> {
    pub(crate) context: &'a Context,
    pub(crate) pod: &'a Pod,
    pub(crate) image: &'a ImageInfo,
    pub(crate) order: &'a StartOrder,
    pub(crate) volumes: &'a BTreeMap<String, PathBuf>,
    /// The pod's folder.
    pub(crate) dir: &'a Path,
    /// The engine's name of a runtime class's handler; the engine's own choice when empty.
    pub(crate) runtime: &'a str,
}

fn engine_name(pod: &Pod, container: &str, attempt: u32) -> String {
    format!("k8s_{container}_{}_{}_{}_{attempt}", pod.name(), pod.namespace(), pod.uid())
}

fn labels(pod: &Pod, container: &str, attempt: u32) -> HashMap<String, String> {
    HashMap::from([
        (label::POD_NAME.to_owned(), pod.name().to_owned()),
        (label::POD_NAMESPACE.to_owned(), pod.namespace().to_owned()),
        (label::POD_UID.to_owned(), pod.uid().to_owned()),
        (label::CONTAINER.to_owned(), container.to_owned()),
        (label::RESTARTS.to_owned(), attempt.to_string()),
    ])
}

/// The engine's word for a namespace of the node, if the pod is to have that.
fn on_node(host: Option<bool>) -> Option<String> {
    (host == Some(true)).then(|| "host".to_owned())
}

/// The pause container. It is made for its pod, not taken from a pool: Docker gives a container that joins a network
/// the host name of the network's owner, and no engine lets that be changed later.
pub(crate) fn sandbox(context: &Context, pod: &Pod, attempt: u32, handler: &str) -> (String, ContainerCreateBody) {
    let spec = pod.spec.clone().unwrap_or_default();
    let sysctls = spec.security_context.iter().flat_map(|security| security.sysctls.iter().flatten());
    let host = HostConfig {
        network_mode: on_node(spec.host_network),
        uts_mode: on_node(spec.host_network),
        pid_mode: on_node(spec.host_pid),
        ipc_mode: on_node(spec.host_ipc).or_else(|| Some("shareable".to_owned())),
        sysctls: Some(sysctls.map(|s| (s.name.clone(), s.value.clone())).collect()),
        runtime: Some(handler.to_owned()),
        cpu_shares: Some(2),
        oom_score_adj: Some(context.capacity.oom_floor.max(-998)),
        cgroup_parent: Some(qos::cgroup_parent(&spec, pod.uid())),
        security_opt: Some(vec!["seccomp=unconfined".to_owned()]),
        ..HostConfig::default()
    };
    let body = ContainerCreateBody {
        hostname: (spec.host_network != Some(true)).then(|| files::kernel_hostname(pod)),
        image: Some(context.options.pause_image.clone()),
        labels: Some(labels(pod, label::SANDBOX, attempt)),
        host_config: Some(host),
        ..ContainerCreateBody::default()
    };
    (engine_name(pod, label::SANDBOX, attempt), body)
}

/// A container of the pod under its name; an `Err` is the message of a `CreateContainerConfigError`.
pub(crate) async fn container(
    parts: &Parts<'_>,
    definition: &Container,
) -> Result<(String, ContainerCreateBody), String> {
    let (context, pod) = (parts.context, parts.pod);
    let spec = pod.spec.as_ref().ok_or("the pod has no spec")?;
    let place = context.place(pod);
    let services = context.service_env(pod);
    let sources = env::Sources { pod, place: &place, objects: &context.objects, volumes: parts.volumes, services };
    let variables = env::environment(&sources, definition).await?;
    let value = |name: &str| variables.iter().find(|(k, _)| k == name).map(|(_, v)| v.as_str());
    let expanded = |list: Option<&Vec<String>>| {
        let texts = list.filter(|texts| !texts.is_empty())?;
        Some(texts.iter().map(|text| expand(text, value)).collect())
    };
    let join = |id: &str| Some(format!("container:{id}"));
    let sandbox = join(&parts.order.sandbox);
    let shares_processes = spec.share_process_namespace == Some(true);
    let processes = if shares_processes { sandbox.clone() } else { parts.order.target.as_deref().and_then(join) };
    let mut labels = labels(pod, &definition.name, parts.order.attempt);
    let image = definition.image.clone().unwrap_or_default();
    labels.insert(label::HASH.to_owned(), hash(definition));
    let limits = qos::limits(spec, definition, context.capacity.memory);
    let mut host = HostConfig {
        network_mode: on_node(spec.host_network).or(sandbox.clone()),
        uts_mode: on_node(spec.host_network),
        pid_mode: on_node(spec.host_pid).or(processes),
        ipc_mode: on_node(spec.host_ipc).or(sandbox),
        mounts: Some(mounts(parts, definition, &value)?),
        cpu_shares: Some(limits.cpu_shares),
        cpu_period: Some(100_000),
        cpu_quota: Some(limits.cpu_quota),
        memory: Some(limits.memory),
        memory_swap: Some(limits.memory),
        oom_score_adj: Some(limits.oom_score_adj.max(context.capacity.oom_floor)),
        cgroup_parent: Some(qos::cgroup_parent(spec, pod.uid())),
        runtime: Some(parts.runtime.to_owned()),
        ..HostConfig::default()
    };
    let body = ContainerCreateBody {
        user: security::apply(spec, definition, parts.image, &mut host)?,
        image: Some(if parts.image.id.is_empty() { image } else { parts.image.id.clone() }),
        entrypoint: expanded(definition.command.as_ref()),
        cmd: expanded(definition.args.as_ref()),
        env: Some(variables.iter().map(|(name, value)| format!("{name}={value}")).collect()),
        working_dir: definition.working_dir.clone(),
        labels: Some(labels),
        tty: definition.tty,
        open_stdin: definition.stdin,
        stdin_once: definition.stdin_once,
        stop_signal: definition.lifecycle.as_ref().and_then(|l| l.stop_signal.clone()),
        host_config: Some(host),
        ..ContainerCreateBody::default()
    };
    Ok((engine_name(pod, &definition.name, parts.order.attempt), body))
}

fn bind(source: &Path, target: &str) -> Mount {
    let (source, target) = (Some(source.display().to_string()), Some(target.to_owned()));
    Mount { source, target, typ: Some(MountType::BIND), ..Mount::default() }
}

fn propagation(wanted: Option<&str>) -> Option<Propagation> {
    match wanted {
        Some("Bidirectional") => Some(Propagation::RSHARED),
        Some("HostToContainer") => Some(Propagation::RSLAVE),
        // The engine's choice is a private mount, and a slave where its own folder is inside, as in the node's root.
        _ => None,
    }
}

fn mounts<'v>(
    parts: &Parts<'_>,
    definition: &Container,
    value: &impl Fn(&str) -> Option<&'v str>,
) -> Result<Vec<Mount>, String> {
    let mut out = Vec::new();
    let volumes = || parts.pod.spec.iter().flat_map(|s| s.volumes.iter().flatten());
    let read_only = |name: &str| volumes().any(|v| v.name == name && volume::read_only(v));
    for (index, wanted) in definition.volume_mounts.iter().flatten().enumerate() {
        let volume = parts.volumes.get(&wanted.name).ok_or_else(|| format!("volume {:?} not found", wanted.name))?;
        let sub = match (&wanted.sub_path, &wanted.sub_path_expr) {
            (Some(path), _) if !path.is_empty() => Some(path.clone()),
            (_, Some(expression)) if !expression.is_empty() => Some(expand_all(expression, value)?),
            _ => None,
        };
        let source = match sub {
            Some(sub) => {
                let target = parts.dir.join("volume-subpaths").join(&wanted.name).join(&definition.name);
                let bound = subpath::bind(volume, &sub, &target.join(index.to_string()));
                bound.map_err(|e| {
                    format!(
                        "failed to prepare subPath for volumeMount {:?} of container {:?}: {e}",
                        wanted.name, definition.name
                    )
                })?
            }
            None => volume.clone(),
        };
        let read_only = wanted.read_only.unwrap_or_default() || read_only(&wanted.name);
        let options = MountBindOptions {
            propagation: propagation(wanted.mount_propagation.as_deref()),
            // Docker's own choice is as deep as the kernel can.
            read_only_non_recursive: Some(read_only && !volume::is_recursive(wanted)),
            ..MountBindOptions::default()
        };
        let target = format!("/{}", wanted.mount_path.strip_prefix('/').unwrap_or(&wanted.mount_path));
        out.push(Mount { read_only: Some(read_only), bind_options: Some(options), ..bind(&source, &target) });
    }
    let termination = definition.termination_message_path.as_deref().unwrap_or("/dev/termination-log");
    let log = message_file(parts.dir, &definition.name, parts.order.attempt);
    log.parent().map_or(Ok(()), std::fs::create_dir_all).map_err(|e| e.to_string())?;
    std::fs::write(&log, "").map_err(|e| format!("{}: {e}", log.display()))?;
    let open = std::os::unix::fs::PermissionsExt::from_mode(0o666);
    std::fs::set_permissions(&log, open).map_err(|e| e.to_string())?;
    let etc = parts.dir.join("etc");
    let own = [(log, termination), (etc.join("hosts"), "/etc/hosts"), (etc.join("resolv.conf"), "/etc/resolv.conf")];
    for (source, target) in own {
        if out.iter().all(|mount| mount.target.as_deref() != Some(target)) {
            out.push(bind(&source, target));
        }
    }
    Ok(out)
}

/// The file behind a container's termination message path.
pub(crate) fn message_file(dir: &Path, container: &str, attempt: u32) -> PathBuf {
    dir.join("containers").join(container).join(attempt.to_string())
}

/// Writes the pod's own /etc files.
pub(crate) fn write_etc(context: &Context, pod: &Pod, dir: &Path, ip: &str) -> std::io::Result<()> {
    let Some(spec) = pod.spec.as_ref() else { return Ok(()) };
    let etc = dir.join("etc");
    std::fs::create_dir_all(&etc)?;
    let read = |path: &str| std::fs::read_to_string(path).unwrap_or_default();
    let resolver =
        files::resolv_conf(spec, pod.namespace(), context.options.node.dns_address, &read("/etc/resolv.conf"));
    std::fs::write(etc.join("hosts"), files::hosts(pod, ip, &read("/etc/hosts")))?;
    std::fs::write(etc.join("resolv.conf"), resolver)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mount_leaves_the_engine_its_choice_of_propagation() {
        for (wanted, asked) in [
            (None, None),
            (Some("None"), None),
            (Some("HostToContainer"), Some(Propagation::RSLAVE)),
            (Some("Bidirectional"), Some(Propagation::RSHARED)),
        ] {
            assert_eq!(propagation(wanted), asked, "{wanted:?}");
        }
    }
}
