//! securityContext: users, capabilities, profiles, checked and put into the engine's words.

use crate::runtime::ImageInfo;
use bollard::models::HostConfig;
use k8s_openapi::api::core::v1::{Container, PodSpec, SeccompProfile};

/// Applies pod and container settings, and answers whom the container runs as, if it is not for the image to say; an
/// `Err` is the message of a `CreateContainerConfigError`.
pub(crate) fn apply(
    spec: &PodSpec,
    container: &Container,
    image: &ImageInfo,
    out: &mut HostConfig,
) -> Result<Option<String>, String> {
    let pod = spec.security_context.clone().unwrap_or_default();
    let own = container.security_context.clone().unwrap_or_default();
    let user = own.run_as_user.or(pod.run_as_user);
    let group = own.run_as_group.or(pod.run_as_group);
    if own.run_as_non_root.or(pod.run_as_non_root) == Some(true) {
        check_non_root(user, image)?;
    }
    let whom = match (user, group) {
        (Some(user), Some(group)) => Some(format!("{user}:{group}")),
        (Some(user), None) => Some(user.to_string()),
        (None, Some(group)) => {
            Some(format!("{}:{group}", image.user.split(':').next().filter(|u| !u.is_empty()).unwrap_or("0")))
        }
        (None, None) => None,
    };
    // The engine looks a user's groups up in the image unless it is told one.
    if pod.supplemental_groups_policy.as_deref() == Some("Strict") && group.is_none() {
        return Err("SupplementalGroupsPolicy=Strict without runAsGroup is not supported in this node".to_owned());
    }
    let groups = pod.supplemental_groups.iter().flatten().chain(&pod.fs_group);
    out.group_add = Some(groups.map(ToString::to_string).collect());
    (out.privileged, out.readonly_rootfs) = (own.privileged, own.read_only_root_filesystem);
    if let Some(capabilities) = own.capabilities {
        (out.cap_add, out.cap_drop) = (capabilities.add, capabilities.drop);
    }
    let alone = (own.allow_privilege_escalation == Some(false)).then(|| "no-new-privileges".to_owned());
    let seccomp = seccomp(own.seccomp_profile.or(pod.seccomp_profile).as_ref())?;
    out.security_opt = Some(alone.into_iter().chain([seccomp]).collect());
    Ok(whom)
}

fn check_non_root(user: Option<i64>, image: &ImageInfo) -> Result<(), String> {
    let image_user = image.user.split(':').next().unwrap_or_default();
    match (user, image_user.parse::<i64>()) {
        (Some(0), _) => Err("container's runAsUser breaks non-root policy".to_owned()),
        (Some(_), _) => Ok(()),
        (None, Ok(0)) => Err("container has runAsNonRoot and image will run as root".to_owned()),
        (None, Ok(_)) => Ok(()),
        (None, Err(_)) if image_user.is_empty() => {
            Err("container has runAsNonRoot and image will run as root".to_owned())
        }
        (None, Err(_)) => Err(format!(
            "container has runAsNonRoot and image has non-numeric user ({image_user}), cannot verify user is non-root"
        )),
    }
}

/// Kubernetes' default is no filter; Docker's own filter must be asked for.
fn seccomp(profile: Option<&SeccompProfile>) -> Result<String, String> {
    match profile.map(|p| (p.type_.as_str(), p.localhost_profile.as_deref())) {
        None | Some(("Unconfined", _)) => Ok("seccomp=unconfined".to_owned()),
        Some(("RuntimeDefault", _)) => Ok("seccomp=builtin".to_owned()),
        Some(("Localhost", Some(file))) => {
            let path = std::path::Path::new(cluster_config::path::KUBELET).join("seccomp").join(file);
            let text = std::fs::read_to_string(&path);
            text.map(|json| format!("seccomp={json}")).map_err(|e| format!("cannot load seccomp profile {file:?}: {e}"))
        }
        Some((other, _)) => Err(format!("unknown seccomp profile type {other:?}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn users_follow_container_then_pod_then_image() {
        let cases = [
            (json!({}), json!({}), "", Ok("")),
            (json!({"runAsUser": 1}), json!({"runAsUser": 2, "runAsGroup": 3}), "", Ok("2:3")),
            (json!({"runAsGroup": 5}), json!({}), "app", Ok("app:5")),
            (json!({"runAsNonRoot": true}), json!({}), "1000", Ok("")),
            (
                json!({"runAsNonRoot": true}),
                json!({}),
                "",
                Err("container has runAsNonRoot and image will run as root"),
            ),
            (
                json!({"runAsNonRoot": true}),
                json!({"runAsUser": 0}),
                "",
                Err("container's runAsUser breaks non-root policy"),
            ),
            (json!({"supplementalGroupsPolicy": "Strict", "runAsGroup": 7}), json!({"runAsUser": 1}), "", Ok("1:7")),
            (
                json!({"supplementalGroupsPolicy": "Strict"}),
                json!({"runAsUser": 1}),
                "",
                Err("SupplementalGroupsPolicy=Strict without runAsGroup is not supported in this node"),
            ),
        ];
        for (pod, own, image_user, wanted) in cases {
            let container = json!({"name": "c", "securityContext": own});
            let spec = json!({"containers": [container], "securityContext": pod});
            let spec: PodSpec = serde_json::from_value(spec).expect("a pod spec");
            let image = ImageInfo { user: image_user.to_owned(), ..ImageInfo::default() };
            let user =
                apply(&spec, &spec.containers[0], &image, &mut HostConfig::default()).map(Option::unwrap_or_default);
            assert_eq!(user.as_deref().map_err(String::as_str), wanted, "{pod} {own}");
        }
    }
}
