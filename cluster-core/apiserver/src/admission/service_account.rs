//! ServiceAccount: gives every pod an account, its token and its pull secrets.

use super::{AdmissionRequest, Lookup};
use crate::kinds::walk::{child, default, each, is_empty, items, text};
use cluster_object::meta;
use cluster_object::status::Status;
use rand::Rng as _;
use serde_json::{Value, json};

const MOUNT_PATH: &str = "/var/run/secrets/kubernetes.io/serviceaccount";
const VOLUME_PREFIX: &str = "kube-api-access-";

/// Completes a new pod.
pub(super) fn complete(request: &mut AdmissionRequest<'_>, lookup: &dyn Lookup) -> Result<(), Status> {
    if meta::annotation(request.object, "kubernetes.io/config.mirror").is_some() {
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
    let Some(account) = lookup.get("serviceaccounts", request.namespace, &name) else {
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
            default(container, "volumeMounts", json!([]));
            if let Some(mounts) = container["volumeMounts"].as_array_mut() {
                mounts.push(json!({"name": name, "readOnly": true, "mountPath": MOUNT_PATH}));
                mounted = true;
            }
        }
    }
    if add && mounted {
        default(spec, "volumes", json!([]));
        if let Some(volumes) = spec["volumes"].as_array_mut() {
            volumes.push(token_volume(&name));
        }
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

/// Five characters that spell no words, as upstream's generated names end.
fn random_suffix() -> String {
    const ALPHABET: &[u8; 27] = b"bcdfghjklmnpqrstvwxz2456789";
    let mut rng = rand::rng();
    (0..5).map(|_| char::from(ALPHABET[rng.random_range(0..ALPHABET.len())])).collect()
}
