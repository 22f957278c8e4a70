//! Resources that a CustomResourceDefinition adds at run time.

use super::{Column, Scope, Subresource, Verbs};
use crate::custom::Validation;
use crate::kinds::Cell;
use crate::kinds::prelude::*;
use std::hash::{BuildHasher, BuildHasherDefault, DefaultHasher};

/// What a CustomResourceDefinition says of one of its versions.
#[derive(Debug, Clone, Default)]
pub struct Custom {
    /// The structural schema.
    pub schema: Schema,
    /// Where replicas stand, when `scale` is served.
    pub scale: Option<Scale>,
    /// The version objects are stored in.
    pub storage_version: String,
    /// The `clientConfig` of the webhook that turns versions into each other; null when only `apiVersion` differs.
    pub converter: Value,
    /// What its objects must keep to beyond their shape.
    pub validation: Arc<Validation>,
    /// The revision that made the definition what it is. What was stored before may have fields that are gone, and lack
    /// defaults.
    pub since: Revision,
    /// Cancelled when the definition says something else, or is gone.
    pub changed: CancellationToken,
    /// Fields that selectors may name, for example `spec.color`.
    pub selectable: Vec<String>,
    /// Whether the definition is on its way out: nothing new is made.
    pub terminating: bool,
    /// UID of the definition, and a hash of what it says.
    pub identity: (String, u64),
}

/// The JSON paths of the scale subresource.
#[derive(Debug, Clone, Default)]
pub struct Scale {
    /// Wanted replicas, for example `.spec.replicas`.
    pub spec_replicas: String,
    /// Present replicas.
    pub status_replicas: String,
    /// The serialised selector; empty when there is none.
    pub selector: String,
}

/// One entry for every served version of a definition. What `present` made of a definition that says the same is
/// used again.
pub fn resources(definition: &Value, present: impl Fn(&str) -> Option<Arc<Custom>>) -> Vec<Resource> {
    let served = items(&definition["spec"]["versions"]).iter().filter(|version| version["served"] == true);
    served.map(|version| resource(definition, version, present(meta::text(version, "name")))).collect()
}

fn resource(definition: &Value, version: &Value, present: Option<Arc<Custom>>) -> Resource {
    let (spec, names) = (&definition["spec"], &definition["status"]["acceptedNames"]);
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let texts = |value: &Value| items(value).iter().map(&text).collect();
    let (kind, plural) = (text(&names["kind"]), text(&names["plural"]));
    let singular = names["singular"].as_str().map_or_else(|| kind.to_lowercase(), str::to_owned);
    let openapi = version["schema"]["openAPIV3Schema"].clone();
    let subresources = &version["subresources"];
    let storage_version = items(&spec["versions"]).iter().find(|v| v["storage"] == true);
    let says = BuildHasherDefault::<DefaultHasher>::default().hash_one((spec, names));
    let identity = (meta::uid(definition).to_owned(), says);
    let present = present.filter(|present| present.identity == identity);
    let api_version = format!("{}/{}", text(&spec["group"]), text(&version["name"]));
    let scale = subresources["scale"].is_object().then(|| Scale {
        spec_replicas: text(&subresources["scale"]["specReplicasPath"]),
        status_replicas: text(&subresources["scale"]["statusReplicasPath"]),
        selector: text(&subresources["scale"]["labelSelectorPath"]),
    });
    let custom = Custom {
        schema: cluster_schema::custom_resource(&openapi),
        scale: scale.clone(),
        storage_version: storage_version.map_or("", |v| meta::text(v, "name")).to_owned(),
        converter: if spec["conversion"]["strategy"] == "Webhook" {
            spec["conversion"]["webhook"].clone()
        } else {
            Value::Null
        },
        since: present.as_ref().map_or(meta::resource_version(definition).parse().unwrap_or_default(), |p| p.since),
        changed: present.as_ref().map_or_else(CancellationToken::new, |p| p.changed.clone()),
        validation: present.map_or_else(|| Arc::new(Validation::new(openapi, scale)), |p| Arc::clone(&p.validation)),
        selectable: (items(&version["selectableFields"]).iter())
            .map(|field| meta::text(field, "jsonPath").trim_start_matches('.').to_owned())
            .collect(),
        terminating: meta::deletion_timestamp(definition).is_some(),
        identity,
    };
    Resource {
        group: text(&spec["group"]),
        version: text(&version["name"]),
        storage: format!("{}/{plural}", meta::text(spec, "group")),
        short_names: texts(&names["shortNames"]),
        categories: texts(&names["categories"]),
        scope: if spec["scope"] == "Cluster" { Scope::Cluster } else { Scope::Namespaced },
        verbs: Verbs::Custom,
        subresources: ["status", "scale"]
            .into_iter()
            .filter(|s| subresources[*s].is_object())
            .map(|s| subresource(s, &kind))
            .collect(),
        columns: columns(version),
        warning: match (&version["deprecated"], version["deprecationWarning"].as_str()) {
            (Value::Bool(true), Some(given)) => given.to_owned(),
            (Value::Bool(true), None) => format!("{api_version} {kind} is deprecated"),
            _ => String::new(),
        },
        legacy: None,
        strategy: Strategy {
            unconditional_update: false,
            status_resets: "labels annotations finalizers ownerReferences",
            ..Strategy::NONE
        },
        kind,
        plural,
        singular,
        custom: Some(Arc::new(custom)),
    }
}

/// The name and the additional columns, or the age when there are none.
fn columns(version: &Value) -> Vec<Column> {
    let own = items(&version["additionalPrinterColumns"]);
    let age = own.is_empty().then(|| kinds::heading("Age", "date"));
    [kinds::heading("Name", "string")].into_iter().chain(age).chain(own.iter().map(column)).collect()
}

fn column(column: &Value) -> Column {
    let text = |name: &str| meta::text(column, name).to_owned();
    let (kind, path) = (text("type"), text("jsonPath"));
    Column {
        name: text("name"),
        cell: Cell::Found(path.clone(), kind.clone()),
        kind,
        format: text("format"),
        priority: int(&column["priority"]),
        description: match text("description") {
            given if given.is_empty() => format!("Custom resource definition column (in JSONPath format): {path}"),
            given => given,
        },
    }
}

fn subresource(name: &str, kind: &str) -> Subresource {
    let scale = name == "scale";
    Subresource {
        name: name.to_owned(),
        kind: if scale { "Scale" } else { kind }.to_owned(),
        group: scale.then(|| "autoscaling".to_owned()),
        version: scale.then(|| "v1".to_owned()),
        verbs: ["get", "patch", "update"].map(str::to_owned).to_vec(),
    }
}
