//! What upstream fills into pods and pod templates.

use super::containers::{HUGE_PAGES, is_of_pods};
use crate::kinds::prelude::*;

/// Defaults of a pod.
pub(crate) fn pod(pod: &mut Value) {
    let Some(spec) = child(pod, "spec") else { return };
    self::spec(spec);
    default(spec, "enableServiceLinks", true);
    // Templates may say what they like; a pod that says less than nothing gets the shortest grace that is one.
    if int(&spec["terminationGracePeriodSeconds"]) < 0 {
        spec["terminationGracePeriodSeconds"] = 1.into();
    }
    let host_network = spec["hostNetwork"] == true;
    for list in ["initContainers", "containers"] {
        for container in each(spec, list) {
            limits_to_requests(container);
            if host_network {
                each(container, "ports").for_each(host_port);
            }
        }
    }
    if spec["resources"].is_object() {
        whole(spec);
    }
}

/// What a pod has as a whole follows from its containers: limits of large pages, limits where all containers have one, and
/// with limits the requests. What nobody asks for, a pod with a limit asks for up to that.
fn whole(spec: &mut Value) {
    let own = spec["resources"].clone();
    let [limited, asks] = ["limits", "requests"].map(|list| !is_empty(&own[list]));
    let owners = ["initContainers", "containers"].into_iter().flat_map(|list| items(&spec[list]));
    let limits: Vec<Value> = owners.map(|owner| owner["resources"]["limits"].clone()).collect();
    let pages = limits.iter().flat_map(entries).map(|(name, _)| name).filter(|name| name.starts_with(HUGE_PAGES));
    for name in pages.filter(|name| (limited || asks) && own["requests"][*name].is_null()) {
        adopt(spec, "limits", name);
    }
    let own = spec["resources"]["limits"].clone();
    let all_have = |name: &&str| limits.iter().all(|limits| !limits[*name].is_null());
    let (list, limited) = if is_empty(&own) { ("limits", false) } else { ("requests", true) };
    for name in ["cpu", "memory"].into_iter().filter(|name| limited || asks && all_have(name)) {
        adopt(spec, list, name);
    }
    for (name, limit) in entries(&own).filter(|(name, _)| is_of_pods(name)) {
        default(&mut spec["resources"], "requests", json!({}));
        default(&mut spec["resources"]["requests"], name, limit.clone());
    }
}

/// Gives the pod as a whole what its containers have of a resource.
fn adopt(spec: &mut Value, list: &str, resource: &str) {
    if let Some(sum) = cluster_object::pod::asked(spec, list, resource) {
        default(&mut spec["resources"], list, json!({}));
        default(&mut spec["resources"][list], resource, sum.to_string());
    }
}

/// Defaults of the pod template at this value, which is there in Go even when nobody gives it.
pub(crate) fn template(template: &mut Value) {
    if template.is_null() {
        *template = json!({});
    }
    default(template, "spec", json!({}));
    if let Some(spec) = child(template, "spec") {
        self::spec(spec);
    }
}

/// Defaults of a pod spec that pods and templates share.
pub(crate) fn spec(spec: &mut Value) {
    named("PodSpec").fill(spec);
    each(spec, "volumes").for_each(volume);
}

/// `Always` for the tag `latest` or none, else `IfNotPresent`.
pub(crate) fn pull_policy(image: &str) -> &'static str {
    let (name, digest) = image.split_once('@').map_or((image, ""), |(name, digest)| (name, digest));
    let last = name.rsplit('/').next().unwrap_or(name);
    match last.split_once(':') {
        Some((_, "latest")) => "Always",
        None if digest.is_empty() => "Always",
        _ => "IfNotPresent",
    }
}

fn limits_to_requests(container: &mut Value) {
    let limits: Vec<(String, Value)> =
        entries(&container["resources"]["limits"]).map(|(name, value)| (name.clone(), value.clone())).collect();
    if let Some(resources) = child(container, "resources").filter(|_| !limits.is_empty()) {
        default(resources, "requests", Map::new());
        for (name, value) in limits {
            default(&mut resources["requests"], &name, value);
        }
    }
}

fn host_port(port: &mut Value) {
    if int(&port["hostPort"]) == 0 {
        port["hostPort"] = port["containerPort"].clone();
    }
}

fn volume(volume: &mut Value) {
    if volume.as_object().is_some_and(|v| v.iter().all(|(key, value)| key == "name" || value.is_null())) {
        volume["emptyDir"] = json!({});
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pull_policy_follows_the_tag() {
        let table = [
            ("nginx", "Always"),
            ("nginx:latest", "Always"),
            ("nginx:1.27", "IfNotPresent"),
            ("localhost:5000/nginx", "Always"),
            ("localhost:5000/nginx:1", "IfNotPresent"),
            ("nginx@sha256:abc", "IfNotPresent"),
        ];
        for (image, policy) in table {
            assert_eq!(pull_policy(image), policy, "{image}");
        }
    }

    #[test]
    fn a_bare_pod_gets_all_defaults_and_gets_them_once() {
        let mut object = json!({"spec": {
            "containers": [{"name": "a", "image": "a:1", "ports": [{"containerPort": 80}],
                "livenessProbe": {"httpGet": {"port": 80}},
                "env": [{"name": "N", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}}],
                "resources": {"limits": {"cpu": "0.5", "memory": "1024Mi"}, "requests": {"cpu": "100m"}}}],
            "volumes": [{"name": "e"}, {"name": "c", "configMap": {"name": "c"}},
                {"name": "t", "projected": {"sources": [{"serviceAccountToken": {"path": "t"}}]}}],
            "serviceAccount": "robot"
        }});
        pod(&mut object);
        let expected = json!({"spec": {
            "containers": [{"name": "a", "image": "a:1", "imagePullPolicy": "IfNotPresent",
                "ports": [{"containerPort": 80, "protocol": "TCP"}],
                "terminationMessagePath": "/dev/termination-log", "terminationMessagePolicy": "File",
                "livenessProbe": {"httpGet": {"port": 80, "path": "/", "scheme": "HTTP"},
                    "timeoutSeconds": 1, "periodSeconds": 10, "successThreshold": 1, "failureThreshold": 3},
                "env": [{"name": "N", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name", "apiVersion": "v1"}}}],
                "resources": {"limits": {"cpu": "500m", "memory": "1Gi"}, "requests": {"cpu": "100m", "memory": "1Gi"}}}],
            "volumes": [{"name": "e", "emptyDir": {}}, {"name": "c", "configMap": {"name": "c", "defaultMode": 420}},
                {"name": "t", "projected": {"defaultMode": 420,
                    "sources": [{"serviceAccountToken": {"path": "t", "expirationSeconds": 3600}}]}}],
            "serviceAccount": "robot", "serviceAccountName": "robot",
            "dnsPolicy": "ClusterFirst", "restartPolicy": "Always", "schedulerName": "default-scheduler",
            "securityContext": {}, "terminationGracePeriodSeconds": 30, "enableServiceLinks": true
        }});
        assert_eq!(object, expected);
        pod(&mut object);
        assert_eq!(object, expected, "defaulting is idempotent");
    }

    #[test]
    fn a_pod_with_limits_as_a_whole_asks_for_what_its_containers_do_or_for_all_of_it() {
        let containers =
            json!([{"resources": {"requests": {"cpu": "100m"}}}, {"resources": {"requests": {"cpu": "200m"}}}]);
        let mut object = json!({"spec": {"containers": containers,
            "resources": {"limits": {"cpu": "1000m", "memory": "1Gi", "example.com/d": "1"}}}});
        pod(&mut object);
        assert_eq!(object["spec"]["resources"]["requests"], json!({"cpu": "300m", "memory": "1Gi"}));
        assert_eq!(object["spec"]["resources"]["limits"]["cpu"], "1");
    }

    #[test]
    fn a_pod_that_asks_as_a_whole_is_limited_where_all_its_containers_are() {
        let container = |limits: Value| json!({"resources": {"limits": limits}});
        let both = container(json!({"cpu": "1", "memory": "1Gi", "hugepages-2Mi": "2Mi"}));
        let mut object = json!({"spec": {"containers": [both, container(json!({"cpu": "1"}))],
            "resources": {"requests": {"cpu": "3"}}}});
        pod(&mut object);
        let expected = json!({"requests": {"cpu": "3", "hugepages-2Mi": "2Mi", "memory": "1Gi"}, "limits": {"hugepages-2Mi": "2Mi"}});
        assert_eq!(object["spec"]["resources"], expected, "large pages are a limit, and so the rest is asked for");
        let mut object = json!({"spec": {"containers": [container(json!({"cpu": "1", "memory": "1Gi"})), container(json!({"cpu": "1"}))],
            "resources": {"requests": {"cpu": "3"}}}});
        pod(&mut object);
        assert_eq!(object["spec"]["resources"], json!({"requests": {"cpu": "3"}, "limits": {"cpu": "2"}}));
    }

    #[test]
    fn a_negative_grace_is_a_pods_shortest_and_a_templates_own_affair() {
        let object = json!({"spec": {"terminationGracePeriodSeconds": -1}});
        let (mut alone, mut templated) = (object.clone(), object);
        pod(&mut alone);
        template(&mut templated);
        assert_eq!(alone["spec"]["terminationGracePeriodSeconds"], 1);
        assert_eq!(templated["spec"]["terminationGracePeriodSeconds"], -1);
    }

    #[test]
    fn ill_typed_input_is_left_for_validation() {
        for mut object in [json!({}), json!({"spec": 1}), json!({"spec": {"containers": "x", "volumes": [1]}})] {
            pod(&mut object);
        }
    }
}
