//! The whole definition of a container, and of a pod's sandbox, for the engine.

use super::expand::{expand, expand_all};
use super::{env, files, hash, qos, security};
use crate::prelude::*;
use crate::runtime::{ContainerSpec, ImageInfo, Mount, Namespace};
use crate::volume::{self, subpath};

/// What a container is made from, beside its definition.
pub(crate) struct Parts<'a> {
    pub(crate) context: &'a Context,
    pub(crate) pod: &'a Pod,
    pub(crate) image: &'a ImageInfo,
    pub(crate) sandbox: &'a str,
    /// The container whose processes an ephemeral one sees.
    pub(crate) target: Option<&'a str>,
    pub(crate) attempt: u32,
    pub(crate) volumes: &'a BTreeMap<String, PathBuf>,
    /// The pod's folder.
    pub(crate) dir: &'a Path,
}

fn text(field: Option<&String>) -> String {
    field.cloned().unwrap_or_default()
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

fn host_or(host: Option<bool>, otherwise: Namespace) -> Namespace {
    if host == Some(true) { Namespace::Host } else { otherwise }
}

/// The pause container. It is made for its pod, not taken from a pool: Docker gives a container that joins a network
/// the host name of the network's owner, and no engine lets that be changed later.
pub(crate) fn sandbox(context: &Context, pod: &Pod, attempt: u32, handler: &str) -> ContainerSpec {
    let spec = pod.spec.clone().unwrap_or_default();
    let security = spec.security_context.clone().unwrap_or_default();
    let named = || files::kernel_hostname(pod, &context.options.cluster_domain);
    let hostname = if spec.host_network == Some(true) { String::new() } else { named() };
    let sysctls = security.sysctls.iter().flatten().map(|s| (s.name.clone(), s.value.clone())).collect();
    ContainerSpec {
        name: engine_name(pod, label::SANDBOX, attempt),
        image: context.options.pause_image.clone(),
        hostname,
        labels: labels(pod, label::SANDBOX, attempt),
        network: host_or(spec.host_network, Namespace::Private),
        pid: host_or(spec.host_pid, Namespace::Private),
        ipc: host_or(spec.host_ipc, Namespace::Private),
        sysctls,
        runtime: handler.to_owned(),
        limits: crate::runtime::Limits {
            cpu_shares: 2,
            oom_score_adj: context.capacity.oom_floor.max(-998),
            ..Default::default()
        },
        cgroup_parent: qos::cgroup_parent(&spec, &context.cgroup_driver),
        security_options: vec!["seccomp=unconfined".to_owned()],
        ..ContainerSpec::default()
    }
}

/// A container of the pod; an `Err` is the message of a `CreateContainerConfigError`.
pub(crate) async fn container(parts: &Parts<'_>, definition: &Container) -> Result<ContainerSpec, String> {
    let (context, pod) = (parts.context, parts.pod);
    let spec = pod.spec.as_ref().ok_or("the pod has no spec")?;
    let place = context.place(pod);
    let services = context.service_env(pod);
    let sources =
        env::Sources { pod, place: &place, objects: context.objects.as_ref(), volumes: parts.volumes, services };
    let variables = env::environment(&sources, definition).await?;
    let value = |name: &str| variables.iter().find(|(k, _)| k == name).map(|(_, v)| v.as_str());
    let expanded = |list: Option<&Vec<String>>| list.into_iter().flatten().map(|t| expand(t, value)).collect();
    let join = Namespace::Container(parts.sandbox.to_owned());
    let shared_pid = match parts.target {
        _ if spec.share_process_namespace == Some(true) => join.clone(),
        Some(target) => Namespace::Container(target.to_owned()),
        None => Namespace::Private,
    };
    let mut labels = labels(pod, &definition.name, parts.attempt);
    labels.insert(label::HASH.to_owned(), hash(definition));
    labels.insert(label::IMAGE.to_owned(), text(definition.image.as_ref()));
    let mut out = ContainerSpec {
        name: engine_name(pod, &definition.name, parts.attempt),
        image: if parts.image.id.is_empty() { text(definition.image.as_ref()) } else { parts.image.id.clone() },
        command: expanded(definition.command.as_ref()),
        args: expanded(definition.args.as_ref()),
        env: Vec::new(),
        working_dir: text(definition.working_dir.as_ref()),
        labels,
        mounts: mounts(parts, definition, &value)?,
        network: host_or(spec.host_network, join.clone()),
        pid: host_or(spec.host_pid, shared_pid),
        ipc: host_or(spec.host_ipc, join),
        limits: qos::limits(spec, definition, context.capacity.memory),
        cgroup_parent: qos::cgroup_parent(spec, &context.cgroup_driver),
        tty: definition.tty.unwrap_or_default(),
        stdin: definition.stdin.unwrap_or_default(),
        stdin_once: definition.stdin_once.unwrap_or_default(),
        stop_signal: text(definition.lifecycle.as_ref().and_then(|l| l.stop_signal.as_ref())),
        ..ContainerSpec::default()
    };
    out.limits.oom_score_adj = out.limits.oom_score_adj.max(context.capacity.oom_floor);
    security::apply(spec, definition, parts.image, &mut out)?;
    out.env = variables.iter().map(|(name, value)| format!("{name}={value}")).collect();
    Ok(out)
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
        let target = format!("/{}", wanted.mount_path.strip_prefix('/').unwrap_or(&wanted.mount_path));
        out.push(Mount {
            source: source.display().to_string(),
            target,
            read_only: wanted.read_only.unwrap_or_default() || read_only(&wanted.name),
            recursive: volume::is_recursive(wanted),
            propagation: wanted.mount_propagation.clone(),
        });
    }
    let termination = definition.termination_message_path.as_deref().unwrap_or("/dev/termination-log");
    let log = message_file(parts.dir, &definition.name, parts.attempt);
    log.parent().map_or(Ok(()), std::fs::create_dir_all).map_err(|e| e.to_string())?;
    std::fs::write(&log, "").map_err(|e| format!("{}: {e}", log.display()))?;
    let open = std::os::unix::fs::PermissionsExt::from_mode(0o666);
    std::fs::set_permissions(&log, open).map_err(|e| e.to_string())?;
    let mut own = vec![(log, termination.to_owned())];
    for name in ["hosts", "resolv.conf"] {
        own.push((parts.dir.join("etc").join(name), format!("/etc/{name}")));
    }
    for (source, target) in own {
        if !out.iter().any(|m| m.target == target) {
            out.push(Mount { source: source.display().to_string(), target, ..Mount::default() });
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
    let options = &context.options;
    let domain = &options.cluster_domain;
    let resolver = files::resolv_conf(spec, pod.namespace(), options.dns_address, domain, &read("/etc/resolv.conf"));
    std::fs::write(etc.join("hosts"), files::hosts(pod, ip, domain, &read("/etc/hosts")))?;
    std::fs::write(etc.join("resolv.conf"), resolver)
}
