//! ServiceAccount: gives every pod an account, its token and its pull secrets.

use super::include;
use crate::kinds::prelude::*;
use crate::verbs::random_suffix;

const MOUNT_PATH: &str = "/var/run/secrets/kubernetes.io/serviceaccount";
const VOLUME_PREFIX: &str = "kube-api-access-";

/// How long a pod waits for the first account of a namespace that has just been made.
const PATIENCE: Duration = Duration::from_millis(1500);

/// Waits until there is the account `default`, which a controller makes, when a new pod is to have it.
pub(super) async fn wait(server: &ApiServer, request: &AdmissionRequest<'_>) {
    let wanted = meta::text(request.object, "spec.serviceAccountName");
    if !request.creates("pods") || !matches!(wanted, "" | "default") {
        return;
    }
    let appears = async {
        let Ok(mut changes) = server.store.watch("serviceaccounts", server.store.revision()) else { return };
        let missing = || server.find("serviceaccounts", request.namespace, "default").is_none();
        while server.find("namespaces", "", request.namespace).is_some() && missing() && changes.next().await.is_ok() {}
    };
    // Whether it is there is asked again by what needs it.
    drop(tokio::time::timeout(PATIENCE, Box::pin(appears)).await);
}

/// Completes a new pod.
pub(super) fn complete(request: &mut AdmissionRequest<'_>, lookup: &dyn Lookup) -> Result<(), Status> {
    if meta::annotation(request.object, kinds::pod::MIRROR).is_some() {
        return if is_empty(meta::get(request.object, "spec.serviceAccountName")) {
            Ok(())
        } else {
            Err(request.forbidden("a mirror pod may not reference service accounts"))
        };
    }
    let Some(spec) = child(request.object, "spec") else { return Ok(()) };
    if is_empty(&spec["serviceAccountName"]) {
        spec["serviceAccountName"] = "default".into();
        spec["serviceAccount"] = "default".into();
    }
    let name = text(&spec["serviceAccountName"]).to_owned();
    let Some(account) = lookup.find("serviceaccounts", request.namespace, &name) else {
        let namespace = request.namespace;
        return Err(request.forbidden(&format!(
            "error looking up service account {namespace}/{name}: serviceaccount {name:?} not found"
        )));
    };
    let wanted = [&spec["automountServiceAccountToken"], &account["automountServiceAccountToken"]];
    if wanted.into_iter().find_map(Value::as_bool).unwrap_or(true) {
        mount_token(spec);
    }
    if is_empty(&spec["imagePullSecrets"]) && !is_empty(&account["imagePullSecrets"]) {
        spec["imagePullSecrets"] = account["imagePullSecrets"].clone();
    }
    Ok(())
}

/// Mounts the token volume in every container that has nothing at its path.
fn mount_token(spec: &mut Value) {
    let present = items(&spec["volumes"]).iter().map(|v| text(&v["name"])).find(|name| name.starts_with(VOLUME_PREFIX));
    let (name, add) = match present {
        Some(name) => (name.to_owned(), false),
        None => (format!("{VOLUME_PREFIX}{}", random_suffix()), true),
    };
    let mut mounted = false;
    for list in ["initContainers", "containers"] {
        for container in each(spec, list) {
            if items(&container["volumeMounts"]).iter().any(|mount| mount["mountPath"] == MOUNT_PATH) {
                continue;
            }
            include(container, "volumeMounts", json!({"name": name, "readOnly": true, "mountPath": MOUNT_PATH}));
            mounted = true;
        }
    }
    if add && mounted {
        include(spec, "volumes", token_volume(&name));
    }
}

fn token_volume(name: &str) -> Value {
    json!({"name": name, "projected": {"defaultMode": 420, "sources": [
        {"serviceAccountToken": {"expirationSeconds": 3607, "path": "token"}},
        {"configMap": {"name": "kube-root-ca.crt", "items": [{"key": "ca.crt", "path": "ca.crt"}]}},
        {"downwardAPI": {"items": [
            {"path": "namespace", "fieldRef": {"apiVersion": "v1", "fieldPath": "metadata.namespace"}}]}},
    ]}})
}
