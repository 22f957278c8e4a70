//! CustomResourceDefinitions at work: what is defined is served at once, and no longer when the definition goes.

use crate::registry::custom_resources;
use crate::server::ApiServer;
use crate::verbs::draft;
use cluster_object::meta;
use cluster_store::{Entry, Expect, WriteError};
use serde_json::{Value, json};
use std::sync::Arc;

/// Where definitions are stored.
pub(crate) const STORAGE: &str = "apiextensions.k8s.io/customresourcedefinitions";

/// Serves every stored definition; at the start.
pub(crate) fn serve_all(server: &ApiServer) {
    for entry in server.store.snapshot(STORAGE).range(None, None) {
        changed(server, &entry, false);
    }
}

/// Follows a committed write of a definition.
pub(crate) fn changed(server: &ApiServer, entry: &Arc<Entry>, gone: bool) {
    let definition: Value = match serde_json::from_slice(&entry.bytes) {
        Ok(definition) => definition,
        Err(error) => {
            tracing::error!(name = %entry.key.name, %error, "failed to read a CustomResourceDefinition");
            return;
        }
    };
    let (group, plural) = (meta::text(&definition, "spec.group"), meta::text(&definition, "spec.names.plural"));
    let storage = format!("{group}/{plural}");
    if !gone {
        server.registry.replace(&storage, custom_resources(&definition));
        return;
    }
    server.registry.replace(&storage, Vec::new());
    let store = Arc::clone(&server.store);
    tokio::spawn(async move {
        let snapshot = store.snapshot(&storage);
        for entry in snapshot.range(None, None) {
            let last = draft(serde_json::from_slice(&entry.bytes).unwrap_or_default());
            match store.delete(entry.key.clone(), Expect::Any, last).await {
                Ok(_) | Err(WriteError::NotFound) => {}
                Err(error) => tracing::warn!(key = %entry.key, %error, "failed to delete a custom object"),
            }
        }
    });
}

/// Fills in what upstream's controllers say of a definition: accepted names, stored versions, conditions.
pub(crate) fn complete(definition: &mut Value) {
    let spec = &definition["spec"];
    let names = spec["names"].clone();
    let storage = spec["versions"].as_array().into_iter().flatten().find(|v| v["storage"] == true);
    let storage = storage.map(|v| v["name"].clone()).unwrap_or_default();
    let status = &mut definition["status"];
    status["acceptedNames"] = names;
    let stored = status["storedVersions"].as_array().cloned().unwrap_or_default();
    if !stored.contains(&storage) {
        status["storedVersions"] = stored.into_iter().chain([storage]).collect();
    }
    let present = status["conditions"].as_array().cloned().unwrap_or_default();
    let wanted = [
        ("NamesAccepted", "NoConflicts", "no conflicts found"),
        ("Established", "InitialNamesAccepted", "the initial names have been accepted"),
    ];
    let has = |kind: &str| present.iter().any(|c| c["type"] == kind && c["status"] == "True");
    let missing = wanted.iter().filter(|(kind, ..)| !has(kind)).map(|(kind, reason, message)| {
        json!({
            "type": kind, "status": "True", "lastTransitionTime": meta::now(), "reason": reason, "message": message,
        })
    });
    let conditions: Vec<Value> = present.iter().cloned().chain(missing).collect();
    status["conditions"] = conditions.into();
}
