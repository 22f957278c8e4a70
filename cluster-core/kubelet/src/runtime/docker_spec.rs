//! Turns a [`ContainerSpec`] into what Docker's API calls a container, and Docker's answers into our words.

use super::{ContainerInfo, ContainerSpec, ImageInfo, Limits, Mount, Namespace};
use bollard::models::{
    ContainerCreateBody, ContainerInspectResponse, ContainerUpdateBody, HostConfig, ImageInspect, Mount as DockerMount,
    MountBindOptions, MountBindOptionsPropagationEnum, MountType,
};
use jiff::Timestamp;

fn some<T: Default + PartialEq>(value: T) -> Option<T> {
    (value != T::default()).then_some(value)
}

fn namespace(ns: &Namespace, private: Option<&str>) -> Option<String> {
    match ns {
        Namespace::Private => private.map(str::to_owned),
        Namespace::Host => Some("host".to_owned()),
        Namespace::Container(id) => Some(format!("container:{id}")),
    }
}

fn mount(mount: &Mount) -> DockerMount {
    let propagation = match mount.propagation.as_deref() {
        Some("Bidirectional") => Some(MountBindOptionsPropagationEnum::RSHARED),
        Some("HostToContainer") => Some(MountBindOptionsPropagationEnum::RSLAVE),
        // The engine's choice is a private mount, and a slave where its own folder is inside, as in the node's root.
        _ => None,
    };
    DockerMount {
        target: Some(mount.target.clone()),
        source: Some(mount.source.clone()),
        typ: Some(MountType::BIND),
        read_only: Some(mount.read_only),
        bind_options: Some(MountBindOptions {
            propagation,
            // Docker's own choice is as deep as the kernel can.
            read_only_non_recursive: (mount.read_only && !mount.recursive).then_some(true),
            ..MountBindOptions::default()
        }),
        ..DockerMount::default()
    }
}

/// The body of `POST /containers/create`.
pub(super) fn create_body(spec: &ContainerSpec) -> ContainerCreateBody {
    let limits = &spec.limits;
    let host = HostConfig {
        cpu_shares: some(limits.cpu_shares),
        cpu_quota: some(limits.cpu_quota),
        cpu_period: (limits.cpu_quota != 0).then_some(100_000),
        memory: some(limits.memory),
        memory_swap: some(limits.memory),
        oom_score_adj: Some(limits.oom_score_adj),
        cgroup_parent: some(spec.cgroup_parent.clone()),
        mounts: some(spec.mounts.iter().map(mount).collect()),
        network_mode: namespace(&spec.network, None),
        pid_mode: namespace(&spec.pid, None),
        ipc_mode: namespace(&spec.ipc, Some("shareable")),
        uts_mode: (spec.network == Namespace::Host).then(|| "host".to_owned()),
        cap_add: some(spec.cap_add.clone()),
        cap_drop: some(spec.cap_drop.clone()),
        group_add: some(spec.groups.clone()),
        privileged: Some(spec.privileged),
        readonly_rootfs: Some(spec.read_only_root),
        security_opt: some(spec.security_options.clone()),
        sysctls: some(spec.sysctls.clone()),
        runtime: some(spec.runtime.clone()),
        ..HostConfig::default()
    };
    ContainerCreateBody {
        hostname: some(spec.hostname.clone()),
        user: some(spec.user.clone()),
        env: some(spec.env.clone()),
        entrypoint: some(spec.command.clone()),
        cmd: some(spec.args.clone()),
        image: Some(spec.image.clone()),
        working_dir: some(spec.working_dir.clone()),
        labels: Some(spec.labels.clone()),
        tty: Some(spec.tty),
        open_stdin: Some(spec.stdin),
        stdin_once: Some(spec.stdin_once),
        stop_signal: some(spec.stop_signal.clone()),
        host_config: Some(host),
        ..ContainerCreateBody::default()
    }
}

/// The body of `POST /containers/ID/update`, to which 0 means "as it was": Docker refuses to take a limit of memory
/// away, and Kubernetes never asks for that.
pub(super) fn update_body(limits: &Limits) -> ContainerUpdateBody {
    ContainerUpdateBody {
        cpu_shares: Some(limits.cpu_shares),
        cpu_period: Some(100_000),
        cpu_quota: Some(if limits.cpu_quota == 0 { -1 } else { limits.cpu_quota }),
        memory: Some(limits.memory),
        memory_swap: Some(limits.memory),
        ..ContainerUpdateBody::default()
    }
}

/// Docker writes year 1 for "never".
fn time(text: Option<&String>) -> Option<Timestamp> {
    text.and_then(|t| t.parse::<Timestamp>().ok()).filter(|t| t.as_second() > 0)
}

/// Reads `GET /containers/ID/json`.
pub(super) fn info(answer: ContainerInspectResponse) -> ContainerInfo {
    let state = answer.state.unwrap_or_default();
    let config = answer.config.unwrap_or_default();
    let networks = answer.network_settings.and_then(|n| n.networks).unwrap_or_default();
    let ip = networks.into_values().filter_map(|e| e.ip_address).find(|ip| !ip.is_empty()).unwrap_or_default();
    let mounts = answer.mounts.unwrap_or_default();
    ContainerInfo {
        id: answer.id.unwrap_or_default(),
        labels: config.labels.unwrap_or_default(),
        running: state.running.unwrap_or_default(),
        created: state.status.is_some_and(|s| s.to_string() == "created"),
        exit_code: state.exit_code.unwrap_or_default() as i32,
        oom_killed: state.oom_killed.unwrap_or_default(),
        error: state.error.unwrap_or_default(),
        started_at: time(state.started_at.as_ref()),
        finished_at: time(state.finished_at.as_ref()),
        image_id: answer.image.unwrap_or_default(),
        ip,
        pid: state.pid.unwrap_or_default(),
        tty: config.tty.unwrap_or_default(),
        stdin_once: config.stdin_once.unwrap_or_default(),
        log_path: answer.log_path.filter(|path| !path.is_empty()).map(Into::into),
        mounts: mounts.into_iter().filter_map(|m| Some((m.destination?, m.source?))).collect(),
    }
}

/// Reads `GET /images/NAME/json`.
pub(super) fn image(answer: ImageInspect) -> ImageInfo {
    let mut names = answer.repo_digests.unwrap_or_default();
    names.extend(answer.repo_tags.unwrap_or_default());
    let folders = answer.graph_driver.map(|driver| driver.data).unwrap_or_default();
    let layers = ["UpperDir", "LowerDir"].iter().filter_map(|key| folders.get(*key)).flat_map(|dirs| dirs.split(':'));
    ImageInfo {
        id: answer.id.unwrap_or_default(),
        names,
        layers: layers.map(str::to_owned).collect(),
        size: answer.size.unwrap_or_default(),
        user: answer.config.and_then(|c| c.user).unwrap_or_default(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_container_in_a_sandbox_joins_its_namespaces() {
        let sandbox = Namespace::Container("s".to_owned());
        let spec = ContainerSpec { network: sandbox.clone(), ipc: sandbox, ..ContainerSpec::default() };
        let host = create_body(&spec).host_config.expect("always set");
        assert_eq!(host.network_mode.as_deref(), Some("container:s"));
        assert_eq!(host.ipc_mode.as_deref(), Some("container:s"));
        assert_eq!(host.pid_mode, None);
    }

    #[test]
    fn a_container_without_limits_can_be_told_new_requests() {
        let body = update_body(&Limits { cpu_shares: 25, ..Limits::default() });
        assert_eq!((body.cpu_shares, body.cpu_quota), (Some(25), Some(-1)));
        assert_eq!((body.memory, body.memory_swap), (Some(0), Some(0)));
    }

    #[test]
    fn a_mount_leaves_the_engine_its_choice_of_propagation() {
        for (wanted, asked) in [
            (None, None),
            (Some("None"), None),
            (Some("HostToContainer"), Some(MountBindOptionsPropagationEnum::RSLAVE)),
            (Some("Bidirectional"), Some(MountBindOptionsPropagationEnum::RSHARED)),
        ] {
            let given = Mount { propagation: wanted.map(str::to_owned), ..Mount::default() };
            assert_eq!(mount(&given).bind_options.and_then(|options| options.propagation), asked, "{wanted:?}");
        }
    }
}
