//! Writes the checked-in fact table of the built-in kinds from the JSON schemas in PyPI's `kubernetes-validate` wheel.
//!
//! The wheel's transforms are undone here: types widened by `null`, `oneOf` for quantities and int-or-strings, `enum`s
//! on `kind` and `apiVersion`. Descriptions are left out. The format is described in `cluster-core/schema/src/table.rs`.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;

use anyhow::{Context as _, Result, bail};
use serde_json::Value;

const SOURCE: &str = "kubernetes_validate/kubernetes-json-schema/v1.37.0-local/_definitions.json";
const TARGET: &str = "cluster-core/schema/src/generated/kubernetes-1.37.txt";

/// Reads the unpacked wheel and writes the table into the schema crate.
pub(crate) fn run(wheel: &Path, workspace: &Path) -> Result<()> {
    let source = wheel.join(SOURCE);
    let text = std::fs::read_to_string(&source).with_context(|| format!("cannot read {}", source.display()))?;
    let document: Value = serde_json::from_str(&text).with_context(|| format!("{} is not JSON", source.display()))?;
    crate::write(&workspace.join(TARGET), &table(&document)?)
}

/// The whole table, definitions grouped by package and sorted by name.
fn table(document: &Value) -> Result<String> {
    let definitions = document["$defs"].as_object().context("no $defs")?;
    let mut packages: BTreeMap<&str, BTreeMap<&str, &Value>> = BTreeMap::new();
    for (name, schema) in definitions {
        let (package, short) = name.rsplit_once('.').with_context(|| format!("{name} has no package"))?;
        packages.entry(package).or_default().insert(short, schema);
    }
    let mut out = String::new();
    for (package, definitions) in packages {
        writeln!(out, "package {package}")?;
        for (name, schema) in definitions {
            definition(&mut out, package, name, schema).with_context(|| format!("in {package}.{name}"))?;
        }
    }
    Ok(out)
}

fn definition(out: &mut String, package: &str, name: &str, schema: &Value) -> Result<()> {
    out.push_str(name);
    if let Some(word) = special(name) {
        write!(out, " is={word}")?;
    }
    if schema["x-kubernetes-map-type"] == "atomic" {
        out.push_str(" atomic");
    }
    for kind in list(&schema["x-kubernetes-group-version-kind"]) {
        write!(out, " kind={}/{}/{}", text(&kind["group"]), text(&kind["version"]), text(&kind["kind"]))?;
    }
    out.push('\n');
    let properties: BTreeMap<&String, &Value> = schema["properties"].as_object().into_iter().flatten().collect();
    for (field, property) in properties {
        let required = list(&schema["required"]).contains(&Value::from(field.as_str()));
        write!(out, " {field} {}", shape(package, property).with_context(|| format!("in field {field}"))?)?;
        if required {
            out.push_str(" required");
        }
        attributes(out, property)?;
        out.push('\n');
    }
    Ok(())
}

/// The word of the shape of a definition that is no plain object, by the last part of its name.
fn special(name: &str) -> Option<&'static str> {
    Some(match name {
        "FieldsV1" | "JSON" | "Patch" | "RawExtension" => "any",
        "JSONSchemaPropsOrArray" | "JSONSchemaPropsOrBool" | "JSONSchemaPropsOrStringArray" => "any",
        "IntOrString" => "int-or-string",
        "MicroTime" => "micro-time",
        "Quantity" => "quantity",
        "Time" => "time",
        _ => return None,
    })
}

/// The word for a property's type: a scalar, `@Definition`, `[]items` or `{}values`.
fn shape(package: &str, schema: &Value) -> Result<String> {
    if let Some(reference) = schema["$ref"].as_str() {
        let full = reference.trim_start_matches("#/$defs/");
        let (of, name) = full.rsplit_once('.').context("reference without package")?;
        return Ok(match special(name) {
            Some(word) if word != "any" => word.to_owned(),
            _ if of == package => format!("@{name}"),
            _ => format!("@{full}"),
        });
    }
    let kind = schema["type"].as_str().or_else(|| schema["type"][0].as_str()).context("neither type nor $ref")?;
    Ok(match (kind, schema["format"].as_str()) {
        ("string", None) => "string".to_owned(),
        ("string", Some("byte")) => "bytes".to_owned(),
        ("boolean", None) => "boolean".to_owned(),
        ("integer" | "number", Some(format @ ("int32" | "int64" | "double"))) => format.to_owned(),
        ("array", None) => format!("[]{}", shape(package, &schema["items"])?),
        ("object", None) if schema["additionalProperties"].is_object() => {
            format!("{{}}{}", shape(package, &schema["additionalProperties"])?)
        }
        ("object", None) if schema["properties"].is_null() => "any".to_owned(),
        other => bail!("unknown type {other:?}"),
    })
}

/// The words after the type: who owns the parts, how a strategic merge patch treats them.
fn attributes(out: &mut String, schema: &Value) -> Result<()> {
    match (schema["x-kubernetes-list-type"].as_str(), schema["type"].to_string().contains("array")) {
        (Some("set"), true) => out.push_str(" set"),
        (Some("map"), true) => {
            // The only default of a key that structured merging knows: `protocol` of container and service ports.
            let key = |key: &Value| if key == "protocol" { "protocol=TCP".to_owned() } else { text(key).to_owned() };
            let keys: Vec<String> = list(&schema["x-kubernetes-list-map-keys"]).iter().map(key).collect();
            write!(out, " keys={}", keys.join(","))?;
        }
        (None | Some("atomic"), _) => {}
        (Some(other), _) => bail!("unknown list type {other}"),
    }
    match schema["x-kubernetes-map-type"].as_str() {
        Some(word @ ("atomic" | "granular")) => write!(out, " {word}")?,
        None => {}
        Some(other) => bail!("unknown map type {other}"),
    }
    for strategy in schema["x-kubernetes-patch-strategy"].as_str().into_iter().flat_map(|all| all.split(',')) {
        match strategy {
            "merge" => write!(out, " merge={}", text(&schema["x-kubernetes-patch-merge-key"]))?,
            "retainKeys" | "replace" => write!(out, " {strategy}")?,
            other => bail!("unknown patch strategy {other}"),
        }
    }
    Ok(())
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn transforms_of_the_source_are_undone() {
        let document = json!({"$defs": {
            "io.k8s.api.core.v1.Container": {"type": ["object", "null"], "required": ["name"], "properties": {
                "name": {"type": "string"},
                "kind": {"type": ["string", "null"], "enum": ["Container"]},
                "ports": {"type": ["array", "null"], "items": {"$ref": "#/$defs/io.k8s.api.core.v1.ContainerPort"},
                    "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["containerPort", "protocol"],
                    "x-kubernetes-patch-strategy": "merge", "x-kubernetes-patch-merge-key": "containerPort"},
                "limits": {"type": ["object", "null"], "additionalProperties":
                    {"$ref": "#/$defs/io.k8s.apimachinery.pkg.api.resource.Quantity"}},
            }},
            "io.k8s.apimachinery.pkg.api.resource.Quantity": {"oneOf": [{"type": ["string", "null"]}]},
        }});
        let expected = "package io.k8s.api.core.v1\nContainer\n kind string\n limits {}quantity\n name string required\n \
            ports []@ContainerPort keys=containerPort,protocol=TCP merge=containerPort\n\
            package io.k8s.apimachinery.pkg.api.resource\nQuantity is=quantity\n";
        assert_eq!(table(&document).expect("a table"), expected);
    }
}
