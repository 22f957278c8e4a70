//! Puts documents together: the index, one of v3 for a group and version, the one of v2.

use super::descriptions::Descriptions;
use super::operations::{self, Operation};
use super::paths::{self, Paths};
use super::schemas::Schemas;
use super::{Kind, Style, path, standing};
use crate::prelude::*;

/// The version of the API the documents describe.
const API_VERSION: &str = "v1.37.0";

/// `/openapi/v3`: `hashes` has the path of each group and version with the hash of its document.
pub fn v3_index(hashes: &BTreeMap<String, String>) -> Value {
    let entry = |(path, hash): (&String, &String)| {
        (path.clone(), json!({"serverRelativeURL": format!("/openapi/v3/{path}?hash={hash}")}))
    };
    json!({"paths": hashes.iter().map(entry).collect::<Map<_, _>>()})
}

/// The v3 document at `path`: a group and version of these resources, or what is asked for beside them.
pub fn v3_document(path: &str, resources: &[&Resource]) -> Value {
    let (Paths { items: paths, .. }, schemas) = content(Style::V3, resources, |document| document == path);
    json!({
        "openapi": "3.0.0",
        "info": {"title": "Kubernetes", "version": API_VERSION},
        "paths": paths,
        "components": {
            "schemas": schemas,
            "securitySchemes": {"BearerToken": bearer_token()},
        },
    })
}

/// The v2 document of all resources.
pub fn v2_document(resources: &[&Resource]) -> Value {
    let (Paths { items: paths, shared }, definitions) = content(Style::V2, resources, |_| true);
    json!({
        "swagger": "2.0",
        "info": {"title": "Kubernetes", "version": API_VERSION},
        "paths": paths,
        "parameters": shared,
        "definitions": definitions,
        "securityDefinitions": {"BearerToken": bearer_token()},
        "security": [{"BearerToken": []}],
    })
}

fn bearer_token() -> Value {
    json!({"type": "apiKey", "name": "authorization", "in": "header", "description": "Bearer Token authentication"})
}

/// Paths and definitions of what belongs to the `wanted` documents.
fn content(style: Style, resources: &[&Resource], wanted: impl Fn(&str) -> bool) -> (Paths, Map<String, Value>) {
    let standing = standing::operations(resources).into_iter().filter(|(document, _)| wanted(document));
    let mut all: Vec<Operation<'_>> = standing.map(|(_, operation)| operation).collect();
    let resources: Vec<&Resource> =
        resources.iter().copied().filter(|one| wanted(&path(&one.group, &one.version))).collect();
    let kinds: Vec<Kind<'_>> = resources.iter().flat_map(|resource| kinds(resource)).collect();
    let mut schemas = Schemas::new(style, Descriptions::of(&kinds));
    for resource in resources {
        if let Some(name) = operations::definition_name(resource, &operations::kind(resource)) {
            schemas.add_custom(resource, &name);
        }
        all.extend(operations::operations(resource));
    }
    (paths::write(&mut schemas, style, &all), schemas.finish())
}

/// The kinds a resource speaks, by the versions that describe them.
fn kinds(resource: &Resource) -> impl Iterator<Item = Kind<'_>> {
    let (group, version) = resource.modern();
    let own = std::iter::once(Kind { group, version, kind: &resource.kind });
    own.chain(resource.subresources.iter().map(|sub| operations::subresource_kind(resource, sub)))
}
