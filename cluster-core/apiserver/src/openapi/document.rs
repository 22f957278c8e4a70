//! Puts documents together: the index, one of v3 for a group and version, the one of v2.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::descriptions::Descriptions;
use super::operations::{self, operations};
use super::paths;
use super::schemas::Schemas;
use super::{Kind, Style};
use crate::registry::Resource;

/// The version of the API the documents describe.
const API_VERSION: &str = "v1.37.0";

/// `/openapi/v3`: `hashes` has the path of each group and version with the hash of its document.
pub fn v3_index(hashes: &BTreeMap<String, String>) -> Value {
    let entry = |(path, hash): (&String, &String)| {
        (path.clone(), json!({"serverRelativeURL": format!("/openapi/v3/{path}?hash={hash}")}))
    };
    json!({"paths": hashes.iter().map(entry).collect::<Map<_, _>>()})
}

/// The v3 document of the resources of one group and version.
pub fn v3_document(resources: &[&Resource]) -> Value {
    let (paths, schemas) = content(Style::V3, resources);
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
    let (paths, definitions) = content(Style::V2, resources);
    json!({
        "swagger": "2.0",
        "info": {"title": "Kubernetes", "version": API_VERSION},
        "paths": paths,
        "definitions": definitions,
        "securityDefinitions": {"BearerToken": bearer_token()},
        "security": [{"BearerToken": []}],
    })
}

fn bearer_token() -> Value {
    json!({"type": "apiKey", "name": "authorization", "in": "header", "description": "Bearer Token authentication"})
}

/// Paths and definitions.
fn content(style: Style, resources: &[&Resource]) -> (Map<String, Value>, Map<String, Value>) {
    let kinds: Vec<Kind<'_>> = resources.iter().flat_map(|resource| kinds(resource)).collect();
    let mut schemas = Schemas::new(style, Descriptions::of(&kinds));
    let mut paths = Map::new();
    for resource in resources {
        if let Some(name) = operations::definition_name(resource, &operations::kind(resource)) {
            schemas.add_custom(resource, &name);
        }
        for operation in operations(resource) {
            paths::add(&mut paths, &mut schemas, style, &operation);
        }
    }
    (paths, schemas.finish())
}

/// The kinds a resource speaks, by the versions that describe them.
fn kinds(resource: &Resource) -> impl Iterator<Item = Kind<'_>> {
    let (group, version) = resource.modern();
    let own = std::iter::once(Kind { group, version, kind: &resource.kind });
    own.chain(resource.subresources.iter().map(|sub| operations::subresource_kind(resource, sub)))
}
