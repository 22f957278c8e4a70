//! The objects that are created: a ConfigMap of one kilobyte, a pod as large as real ones are, a simulated node.

use serde_json::{Value, json};

/// Namespaces that the objects are spread over.
pub(crate) const NAMESPACES: usize = 50;

/// The namespace of an object.
pub(crate) fn namespace(number: usize) -> String {
    format!("bench-{}", number % NAMESPACES)
}

/// The path of an object's collection.
pub(crate) fn collection(plural: &str, number: usize) -> String {
    format!("/api/v1/namespaces/{}/{plural}", namespace(number))
}

/// A namespace, and what a controller would put into it for pods to be admitted.
pub(crate) fn namespace_objects(name: &str) -> [(String, Value); 2] {
    let account = json!({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "default"}});
    [
        ("/api/v1/namespaces".to_owned(), json!({"metadata": {"name": name}})),
        (format!("/api/v1/namespaces/{name}/serviceaccounts"), account),
    ]
}

/// Makes bodies that differ in their names only. The text is put together once.
pub(crate) struct Template {
    before: String,
    after: String,
}

impl Template {
    /// Of an object whose name is `NAME`.
    pub(crate) fn new(object: &Value) -> Self {
        let text = object.to_string();
        let (before, after) = text.split_once("NAME").unwrap_or((&text, ""));
        Self { before: before.to_owned(), after: after.to_owned() }
    }

    /// The body of one object.
    pub(crate) fn body(&self, name: &str) -> String {
        [&self.before, name, &self.after].concat()
    }
}

/// A ConfigMap whose data is a kilobyte.
pub(crate) fn config_map() -> Template {
    let lines = "setting = some value of some length\n".repeat(28);
    Template::new(&json!({
        "apiVersion": "v1", "kind": "ConfigMap",
        "metadata": {"name": "NAME", "labels": {"app.kubernetes.io/name": "bench"}},
        "data": {"application.properties": lines},
    }))
}

/// A pod like those a Deployment makes; with what the server adds, 4.3 kB as stored.
pub(crate) fn pod() -> Template {
    Template::new(&pod_object(&json!({})))
}

/// The same with other fields in its spec, and a label `bench`. Nobody owns it, since the garbage collector ends pods
/// whose owner is not there.
pub(crate) fn labelled(label: &str, spec: &Value) -> Template {
    let mut pod = pod_object(spec);
    pod["metadata"]["ownerReferences"] = Value::Null;
    pod["metadata"]["labels"]["bench"] = label.into();
    Template::new(&pod)
}

/// A deployment of such pods.
pub(crate) fn deployment(name: &str, replicas: usize) -> String {
    let labels = json!({"app.kubernetes.io/name": name});
    let template = json!({"metadata": {"labels": labels}, "spec": pod_object(&json!({}))["spec"]});
    json!({
        "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": name},
        "spec": {"replicas": replicas, "selector": {"matchLabels": labels}, "template": template},
    })
    .to_string()
}

fn pod_object(spec: &Value) -> Value {
    let labels = json!({"app.kubernetes.io/name": "cats-for-gold", "app.kubernetes.io/component": "front",
        "pod-template-hash": "6d4b75cb6d"});
    let owner = json!([{"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": "cats-for-gold-6d4b75cb6d",
        "uid": "9d2ad9a5-5b1c-4f43-8a5a-0a4a5e1f2c3d", "controller": true, "blockOwnerDeletion": true}]);
    let mut pod = json!({
        "apiVersion": "v1", "kind": "Pod",
        "metadata": {"name": "NAME", "labels": labels, "ownerReferences": owner,
            "annotations": {"prometheus.io/scrape": "true", "prometheus.io/port": "8080"}},
        "spec": {
            "containers": [container("front", 8080)],
            "volumes": [{"name": "config", "configMap": {"name": "front"}}, {"name": "cache", "emptyDir": {}}],
            "tolerations": [{"key": "node.kubernetes.io/not-ready", "operator": "Exists", "effect": "NoSchedule"}],
        },
    });
    for (field, value) in spec.as_object().into_iter().flatten() {
        pod["spec"][field] = value.clone();
    }
    pod
}

fn container(name: &str, port: u16) -> Value {
    json!({
        "name": name, "image": "devcluster/cats-for-gold:v1", "args": ["--listen", "0.0.0.0"],
        "ports": [{"name": "http", "containerPort": port}],
        "env": [{"name": "LOG_LEVEL", "value": "info"}, {"name": "GREETING", "valueFrom":
            {"configMapKeyRef": {"name": "front", "key": "greeting"}}}],
        "resources": {"requests": {"cpu": "10m", "memory": "16Mi"}, "limits": {"memory": "64Mi"}},
        "readinessProbe": {"httpGet": {"path": "/ready", "port": "http"}, "periodSeconds": 5},
        "livenessProbe": {"httpGet": {"path": "/live", "port": "http"}, "initialDelaySeconds": 10},
        "volumeMounts": [{"name": "config", "mountPath": "/etc/front"}, {"name": "cache", "mountPath": "/cache"}],
    })
}

/// A simulated node with room for 110 pods, in one of three zones.
pub(crate) fn node(zone: usize) -> Template {
    let resources = json!({"cpu": "8", "memory": "32Gi", "pods": "110", "ephemeral-storage": "100Gi"});
    let ready = json!([{"type": "Ready", "status": "True", "reason": "KubeletReady", "message": "simulated",
        "lastHeartbeatTime": "2026-01-01T00:00:00Z", "lastTransitionTime": "2026-01-01T00:00:00Z"}]);
    let labels = json!({
        "kubernetes.io/os": "linux", "kubernetes.io/arch": "amd64", "devcluster.io/simulated": "true",
        "topology.kubernetes.io/zone": format!("zone-{}", zone % 3),
    });
    Template::new(&json!({
        "apiVersion": "v1", "kind": "Node", "metadata": {"name": "NAME", "labels": labels},
        "spec": {"podCIDR": "10.128.0.0/16"},
        "status": {"capacity": resources, "allocatable": resources, "conditions": ready},
    }))
}
