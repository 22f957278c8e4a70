//! CustomResourceDefinitions at work: what is defined is served at once, and until its last object is gone.

mod cleanup;
mod conversion;
pub(crate) mod definition;
mod formats;
mod internal;
pub(crate) mod rules;
mod scale;
mod schema;
mod status;
mod structural;
mod validate;
mod walk;

pub(crate) use cleanup::keep_until_clean;
pub(crate) use status::complete;

use crate::kinds::prelude::*;
use crate::registry::{Custom, Scale, custom_resources};
use rules::Rules;
use validate::Patterns;
use walk::Part;

/// Where definitions are stored.
pub(crate) const STORAGE: &str = "apiextensions.k8s.io/customresourcedefinitions";

/// What the objects of one version must keep to, compiled.
#[derive(Debug, Default)]
pub struct Validation {
    /// The schema as it was given.
    pub(crate) openapi: Value,
    patterns: Patterns,
    rules: Option<Rules>,
    scale: Option<Scale>,
}

impl Validation {
    /// Compiles what a schema demands.
    pub(crate) fn new(openapi: Value, scale: Option<Scale>) -> Self {
        let mut patterns = Patterns::new();
        validate::patterns(&openapi, &mut patterns);
        Self { patterns, rules: rules::compile(&openapi, true), openapi, scale }
    }

    /// The faults of an object, or of its change from `old`.
    pub(crate) fn check(&self, object: &Value, old: Option<&Value>, notes: &Notes) -> Errors {
        let part = Part::root(&self.openapi, object, old);
        let mut errors = validate::validate(&part, &self.patterns);
        errors.extend(self.scale.iter().flat_map(|scale| scale::faults(scale, object)));
        let Some(rules) = &self.rules else { return errors };
        let blocks = |error: &Error| !matches!(error.reason, Reason::Invalid | Reason::Duplicate);
        if errors.iter().any(blocks) {
            let body = "Invalid value: null: some validation rules were not checked because the object was \
                        invalid; correct the existing errors to complete validation";
            errors.push(Error::new(&validate::nowhere(), Reason::Invalid, body.to_owned()));
        } else {
            let (broken, kept) = rules::evaluate(rules, &part);
            errors.extend(broken);
            for rule in &kept {
                notes.warn(&rule.to_string());
            }
        }
        errors
    }
}

/// What to warn of in a definition, or in its change from `old`.
pub(crate) fn warnings(definition: &Value, old: Option<&Value>) -> Vec<String> {
    let formats = |definition: &Value| {
        let mut found = Vec::new();
        for version in meta::items(&definition["spec"]["versions"]) {
            schema::unknown_formats(&version["schema"]["openAPIV3Schema"], &mut found);
        }
        found
    };
    let known = old.map(formats).unwrap_or_default();
    let new = formats(definition).into_iter().filter(|format| !known.contains(format));
    new.map(|format| format!("unrecognized format {format:?}")).collect()
}

/// Serves every stored definition, and no more what has lost its own. Returns up to which revision.
pub(crate) fn serve_all(server: &ApiServer) -> Revision {
    let snapshot = server.store.snapshot(STORAGE);
    for entry in snapshot.range(None, None) {
        serve(server, &entry, false);
        cleanup::resume(server, &entry);
    }
    // What was deleted while nobody told.
    for storage in lost(&server.registry, &*server.store) {
        server.registry.replace(&storage, Vec::new());
    }
    snapshot.revision
}

/// Follows up on what this server and the others of the cluster have defined since `revision`, until this one closes.
pub(crate) async fn follow(server: Arc<ApiServer>, mut revision: Revision) {
    while !server.closing.is_cancelled() {
        if let Ok(mut watcher) = server.store.watch(STORAGE, revision) {
            while let Some(Ok(events)) = server.closing.run_until_cancelled(watcher.next()).await {
                for event in events {
                    // The present state: what was written here is served already, and may be newer.
                    let present = server.store.get(&event.entry.key);
                    let entry = present.as_ref().unwrap_or(&event.entry);
                    let Some(definition) = serve(&server, entry, present.is_none()) else { continue };
                    if present.is_none() {
                        cleanup::names_are_free(&server, meta::text(&definition, "spec.group"));
                    } else if !meta::is_true(&definition, "Terminating") {
                        cleanup::resume(&server, entry);
                    }
                }
            }
        }
        revision = serve_all(&server);
    }
}

/// Where the objects are whose definitions are gone although they are served.
fn lost(registry: &Registry, store: &dyn Store) -> Vec<String> {
    let table = registry.table();
    let custom = table.resources().iter().filter(|resource| resource.custom.is_some());
    let gone = custom.filter(|r| store.get(&key(STORAGE, "", &format!("{}.{}", r.plural, r.group))).is_none());
    gone.map(|resource| resource.storage.clone()).collect()
}

/// Serves what a definition says, or no more.
pub(crate) fn serve(server: &ApiServer, entry: &Entry, gone: bool) -> Option<Value> {
    let definition: Value = match serde_json::from_slice(&entry.bytes) {
        Ok(definition) => definition,
        Err(error) => {
            tracing::error!(name = %entry.key.name, %error, "failed to read a CustomResourceDefinition");
            return None;
        }
    };
    let (group, plural) = (meta::text(&definition, "spec.group"), meta::text(&definition, "spec.names.plural"));
    let storage = format!("{group}/{plural}");
    if gone || !meta::is_true(&definition, "Established") {
        server.registry.replace(&storage, Vec::new());
    } else {
        let present = |version: &str| -> Option<Arc<Custom>> {
            server.registry.get(group, version, plural).and_then(|resource| resource.custom.clone())
        };
        server.registry.replace(&storage, custom_resources(&definition, present));
    }
    Some(definition)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kinds;
    use crate::verbs::draft;
    use cluster_store::{Expect, Options, SqliteStore};
    use serde_json::json;

    #[tokio::test]
    async fn what_lost_its_definition_unseen_is_served_no_more() {
        let registry = Registry::new(kinds::builtin());
        let store = SqliteStore::open(Options::in_memory()).await.expect("a store");
        for plural in ["cats", "dogs"] {
            let definition = json!({"metadata": {"name": format!("{plural}.a.io")},
                "spec": {"group": "a.io", "versions": [{"name": "v1", "served": true, "storage": true}]},
                "status": {"acceptedNames": {"plural": plural, "kind": plural}}});
            registry.replace(&format!("a.io/{plural}"), custom_resources(&definition, |_| None));
            if plural == "dogs" {
                let kept = key(STORAGE, "", "dogs.a.io");
                store.put(kept, Expect::Absent, draft(&definition)).await.expect("stored");
            }
        }
        assert_eq!(lost(&registry, &*store), ["a.io/cats"]);
    }
}
