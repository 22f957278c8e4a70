//! Turns limits into what Docker's API calls them, and Docker's answers into our words.

use super::{ContainerInfo, ImageInfo, Limits};
use bollard::models::{ContainerInspectResponse, ContainerUpdateBody, ImageInspect};
use jiff::Timestamp;

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
        runtime: answer.host_config.and_then(|host| host.runtime).unwrap_or_default(),
        log_path: answer.log_path.filter(|path| !path.is_empty()).map(Into::into),
        written: answer.graph_driver.and_then(|mut driver| driver.data.remove("UpperDir")).map(Into::into),
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
    fn a_container_without_limits_can_be_told_new_requests() {
        let body = update_body(&Limits { cpu_shares: 25, ..Limits::default() });
        assert_eq!((body.cpu_shares, body.cpu_quota), (Some(25), Some(-1)));
        assert_eq!((body.memory, body.memory_swap), (Some(0), Some(0)));
    }
}
