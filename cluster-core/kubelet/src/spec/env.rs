//! The environment of a container: values, references, whole ConfigMaps and Secrets, services.

use super::env_file;
use super::expand::expand;
use super::field_ref::{Place, field, resource};
use crate::prelude::*;
use k8s_openapi::api::core::v1 as core;

/// Where values come from.
pub(crate) struct Sources<'a> {
    pub(crate) pod: &'a core::Pod,
    pub(crate) place: &'a Place,
    pub(crate) objects: &'a Objects,
    /// Where the pod's volumes are.
    pub(crate) volumes: &'a BTreeMap<String, PathBuf>,
    /// Variables of the services in the namespace.
    pub(crate) services: Vec<(String, String)>,
}

/// All variables of a container in order; an `Err` is the message of a `CreateContainerConfigError`.
pub(crate) async fn environment(
    sources: &Sources<'_>,
    container: &core::Container,
) -> Result<Vec<(String, String)>, String> {
    let mut variables: Vec<(String, String)> = Vec::new();
    for from in container.env_from.iter().flatten() {
        let prefix = from.prefix.as_deref().unwrap_or_default();
        for (key, value) in whole_object(sources, from).await? {
            set(&mut variables, format!("{prefix}{key}"), value);
        }
    }
    for variable in container.env.iter().flatten() {
        let value = match (&variable.value, &variable.value_from) {
            (_, Some(from)) => match reference(sources, container, from).await? {
                Some(value) => value,
                None => continue,
            },
            (value, None) => expand(value.as_deref().unwrap_or_default(), |name| {
                let mut known = variables.iter().chain(&sources.services);
                known.find(|(known, _)| known == name).map(|(_, value)| value.as_str())
            }),
        };
        set(&mut variables, variable.name.clone(), value);
    }
    let hidden = |name: &str| variables.iter().any(|(own, _)| own == name);
    let services: Vec<_> = sources.services.iter().filter(|(name, _)| !hidden(name)).cloned().collect();
    variables.extend(services);
    Ok(variables)
}

/// A later value takes the place of an earlier one.
fn set(variables: &mut Vec<(String, String)>, name: String, value: String) {
    match variables.iter_mut().find(|(known, _)| *known == name) {
        Some((_, old)) => *old = value,
        None => variables.push((name, value)),
    }
}

fn utf8(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

async fn whole_object(sources: &Sources<'_>, from: &core::EnvFromSource) -> Result<BTreeMap<String, String>, String> {
    let (kind, name, optional) = match (&from.config_map_ref, &from.secret_ref) {
        (Some(source), _) => (Kind::ConfigMap, &source.name, source.optional),
        (None, Some(source)) => (Kind::Secret, &source.name, source.optional),
        (None, None) => return Ok(BTreeMap::new()),
    };
    match sources.objects.data(sources.pod.namespace(), kind, name).await? {
        Some(found) => Ok(found.own.into_iter().map(|(key, value)| (key, utf8(&value))).collect()),
        None if optional == Some(true) => Ok(BTreeMap::new()),
        None => Err(format!("{} {name:?} not found", kind.word())),
    }
}

/// The value a variable refers to; nothing when it is optional and absent.
async fn reference(
    sources: &Sources<'_>,
    container: &core::Container,
    from: &core::EnvVarSource,
) -> Result<Option<String>, String> {
    let namespace = sources.pod.namespace();
    if let Some(selector) = &from.field_ref {
        return field(sources.pod, sources.place, &selector.field_path).map(Some);
    }
    if let (Some(selector), Some(spec)) = (&from.resource_field_ref, sources.pod.spec.as_ref()) {
        return resource(spec, sources.place, selector, &container.name).map(Some);
    }
    if let Some(file) = &from.file_key_ref {
        let (volume, key) = (&file.volume_name, &file.key);
        let found = sources.volumes.get(volume);
        let found = found.ok_or_else(|| format!("cannot find the volume {volume:?} referenced by FileKeyRef"))?;
        return match env_file::read(found, &file.path, key)? {
            None if file.optional != Some(true) => {
                Err(format!("environment variable key {key:?} not found in file {:?}", file.path))
            }
            value => Ok(value),
        };
    }
    let (kind, name, key, optional) = match (&from.config_map_key_ref, &from.secret_key_ref) {
        (Some(selector), _) => (Kind::ConfigMap, &selector.name, &selector.key, selector.optional),
        (None, Some(selector)) => (Kind::Secret, &selector.name, &selector.key, selector.optional),
        (None, None) => return Ok(None),
    };
    let found = sources.objects.data(namespace, kind, name).await?;
    match found.map(|found| found.own.get(key).map(|value| utf8(value))) {
        Some(Some(value)) => Ok(Some(value)),
        _ if optional == Some(true) => Ok(None),
        None => Err(format!("{} {name:?} not found", kind.word())),
        Some(None) => Err(format!("couldn't find key {key} in {kind:?} {namespace}/{name}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[tokio::test]
    async fn later_values_see_earlier_ones_and_hide_services() {
        let pod: core::Pod =
            serde_json::from_value(json!({"metadata": {"name": "p", "namespace": "n"}})).expect("a pod");
        let container = json!({"name": "c", "env": [
            {"name": "A", "value": "1"},
            {"name": "B", "value": "$(A)$(DB_SERVICE_HOST)"},
            {"name": "NAME", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}},
            {"name": "DB_SERVICE_PORT", "value": "own"},
        ]});
        let container: core::Container = serde_json::from_value(container).expect("a container");
        let pair = |k: &str, v: &str| (k.to_owned(), v.to_owned());
        let services = vec![pair("DB_SERVICE_HOST", "h"), pair("DB_SERVICE_PORT", "1")];
        let place = Place::default();
        let objects = Objects::new(cluster_fake_server::FakeServer::new().client());
        let sources = Sources { pod: &pod, place: &place, objects: &objects, volumes: &BTreeMap::new(), services };
        let env = environment(&sources, &container).await.expect("an environment");
        let wanted = [("A", "1"), ("B", "1h"), ("NAME", "p"), ("DB_SERVICE_PORT", "own"), ("DB_SERVICE_HOST", "h")]
            .map(|(k, v)| pair(k, v));
        assert_eq!(env, wanted);
    }
}
