//! What a cache of all objects of a kind leaves out, so that a large cluster fits into memory.

use k8s_openapi::api::core::v1::{Container, Pod, Volume};

/// Takes out of a pod what only its node and its readers need: what containers are told, how they are probed and what
/// is mounted. Left is what is decided by: resources, ports, placement, claims, status. An update of such a pod would
/// lose the rest, so it must be of the pod as the server has it.
pub fn pod(pod: &mut Pod) {
    let Some(spec) = &mut pod.spec else { return };
    for container in spec.containers.iter_mut().chain(spec.init_containers.iter_mut().flatten()) {
        *container = Container {
            image: container.image.take(),
            name: std::mem::take(&mut container.name),
            ports: container.ports.take(),
            resize_policy: container.resize_policy.take(),
            resources: container.resources.take(),
            restart_policy: container.restart_policy.take(),
            ..Container::default()
        };
    }
    if let Some(volumes) = &mut spec.volumes {
        volumes.retain(|volume| !is_content(volume));
    }
}

/// Whether the volume is files that the pod's node makes by itself.
fn is_content(volume: &Volume) -> bool {
    volume.config_map.is_some()
        || volume.downward_api.is_some()
        || volume.empty_dir.is_some()
        || volume.projected.is_some()
        || volume.secret.is_some()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_trimmed_pod_keeps_what_decisions_are_made_by() {
        let kept = json!({
            "apiVersion": "v1", "kind": "Pod",
            "metadata": {"name": "p", "labels": {"app": "web"}},
            "spec": {
                "nodeName": "n",
                "containers": [{
                    "name": "c", "image": "i", "ports": [{"containerPort": 80}],
                    "resources": {"requests": {"cpu": "1"}},
                }],
                "initContainers": [{"name": "s", "restartPolicy": "Always"}],
                "volumes": [{"name": "data", "persistentVolumeClaim": {"claimName": "d"}}],
            },
            "status": {"phase": "Running", "containerStatuses": [{
                "name": "c", "image": "i", "imageID": "", "ready": true, "restartCount": 1,
            }]},
        });
        let mut whole = kept.clone();
        whole["spec"]["containers"][0]["env"] = json!([{"name": "A", "value": "b"}]);
        whole["spec"]["containers"][0]["volumeMounts"] = json!([{"name": "data", "mountPath": "/d"}]);
        whole["spec"]["initContainers"][0]["args"] = json!(["x"]);
        let volumes = whole["spec"]["volumes"].as_array_mut().expect("a list");
        volumes.push(json!({"name": "t", "projected": {"sources": []}}));
        volumes.push(json!({"name": "e", "emptyDir": {}}));
        let mut typed: Pod = serde_json::from_value(whole).expect("a pod");
        pod(&mut typed);
        assert_eq!(serde_json::to_value(typed).expect("JSON"), kept);
    }
}
