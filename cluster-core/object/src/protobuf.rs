//! Reads objects that clients send as protobuf, as Go clients do for all built-in kinds, and writes them for clients
//! that accept nothing else.
//!
//! The wire has numbers where JSON has names, and says nothing of types: the schema table tells what a field holds.

use crate::prelude::*;

mod encode;
mod wire;

pub use encode::{encode, encode_event, encode_list};
pub use wire::Message;

use crate::decode::{MAX_DEPTH, is_zero};
use base64::prelude::*;
use cluster_schema::protobuf::{TaggedField, field};
use cluster_schema::{Definition, Schema, Shape, builtin_definition};
use std::sync::LazyLock;
use wire::{Fault, Wire, fields, sole};

/// The media type of a [`MAGIC`] body.
pub const MEDIA_TYPE: &str = "application/vnd.kubernetes.protobuf";
/// What every body begins with.
const MAGIC: &[u8] = b"k8s\0";

/// Decodes an object in its envelope.
pub fn decode(body: &[u8]) -> Result<Value, Status> {
    let body = body.strip_prefix(MAGIC).ok_or_else(|| refuse(&"the body does not begin with \"k8s\\x00\""))?;
    let envelope = Envelope::read(body).map_err(|fault| refuse(&fault))?;
    let definition = definition(envelope.api_version, envelope.kind).ok_or_else(|| {
        Status::bad_request(format!("no kind {:?} is registered for version {:?}", envelope.kind, envelope.api_version))
    })?;
    let mut object = Map::new();
    message(&definition.name, definition.schema(), envelope.raw, &mut object, 0).map_err(|fault| refuse(&fault))?;
    object.insert("apiVersion".to_owned(), envelope.api_version.into());
    object.insert("kind".to_owned(), envelope.kind.into());
    Ok(Value::Object(object))
}

/// Whether objects of a kind can be written so.
pub fn is_known(api_version: &str, kind: &str) -> bool {
    definition(api_version, kind).is_some()
}

/// The definition of a kind that has a message.
fn definition(api_version: &str, kind: &str) -> Option<&'static Definition> {
    let (group, version) = api_version.split_once('/').unwrap_or(("", api_version));
    // Removed beta versions have the messages of what came after them, but for Ingress.
    let later = || builtin_definition(group, "v1", kind).filter(|_| kind != "Ingress");
    builtin_definition(group, version, kind)
        .or_else(later)
        .filter(|found| cluster_schema::protobuf::is_known(&found.name))
}

fn refuse(fault: &dyn std::fmt::Display) -> Status {
    Status::bad_request(format!("unable to decode the protobuf body: {fault}"))
}

/// `runtime.Unknown`: the type of the object beside its bytes.
#[derive(Default)]
struct Envelope<'a> {
    api_version: &'a str,
    kind: &'a str,
    raw: &'a [u8],
}

impl<'a> Envelope<'a> {
    fn read(body: &'a [u8]) -> Result<Self, Fault> {
        let mut this = Self::default();
        for part in fields(body) {
            match part? {
                (1, wire) => {
                    for part in fields(wire.bytes()?) {
                        match part? {
                            (1, wire) => this.api_version = wire.text()?,
                            (2, wire) => this.kind = wire.text()?,
                            _ => {}
                        }
                    }
                }
                (2, wire) => this.raw = wire.bytes()?,
                _ => {}
            }
        }
        Ok(this)
    }
}

/// Reads the fields of a message into an object. Fields that have no name here are of a newer version than this.
fn message(
    name: &str,
    schema: &Schema,
    bytes: &[u8],
    object: &mut Map<String, Value>,
    depth: usize,
) -> Result<(), Fault> {
    if depth > MAX_DEPTH {
        return Err(Fault::Depth);
    }
    for part in fields(bytes) {
        let (number, wire) = part?;
        match field(name, number) {
            Some(TaggedField::Embedded(inner)) => message(inner, schema, wire.bytes()?, object, depth + 1)?,
            Some(TaggedField::Named { name, zero_is_absent }) => {
                let Some(field) = schema.field(name) else { continue };
                put(&field.schema, wire, *zero_is_absent, object, name, depth)?;
            }
            None => {}
        }
    }
    Ok(())
}

fn put(
    schema: &Schema,
    wire: Wire<'_>,
    zero_is_absent: bool,
    object: &mut Map<String, Value>,
    name: &str,
    depth: usize,
) -> Result<(), Fault> {
    match &schema.resolve().shape {
        Shape::List(list) => {
            let items = object.entry(name).or_insert_with(|| Value::Array(Vec::new()));
            let items = items.as_array_mut().ok_or(Fault::Mixed)?;
            match (&list.items.shape, wire) {
                (Shape::Integer | Shape::Boolean, Wire::Bytes(packed)) => {
                    for number in wire::packed(packed) {
                        items.extend(value(&list.items, Wire::Varint(number?), depth)?);
                    }
                }
                _ => items.extend(value(&list.items, wire, depth)?),
            }
        }
        Shape::Map(map) => {
            let entries = object.entry(name).or_insert_with(|| Value::Object(Map::new()));
            let (key, value) = entry(&map.values, wire, depth)?;
            entries.as_object_mut().ok_or(Fault::Mixed)?.insert(key, value);
        }
        _ => {
            let value = value(schema, wire, depth)?.filter(|value| !(zero_is_absent && is_zero(value, schema)));
            object.extend(value.map(|value| (name.to_owned(), value)));
        }
    }
    Ok(())
}

/// A pair of a map; a key or value that is not there is its type's zero value.
fn entry(values: &Schema, wire: Wire<'_>, depth: usize) -> Result<(String, Value), Fault> {
    let (mut key, mut held) = ("", None);
    for part in fields(wire.bytes()?) {
        match part? {
            (1, wire) => key = wire.text()?,
            (2, wire) => held = Some(wire),
            _ => {}
        }
    }
    let held = held.unwrap_or(Wire::Bytes(&[]));
    // A list cannot be the value of a map on the wire: it is the only field of a message.
    let value = match values.items() {
        Some(items) => {
            let parts = fields(held.bytes()?).map(|part| value(items, part?.1, depth));
            Value::Array(parts.filter_map(Result::transpose).collect::<Result<_, _>>()?)
        }
        None => value(values, held, depth)?.unwrap_or_default(),
    };
    Ok((key.to_owned(), value))
}

/// One value; `None` for a time that is not set.
fn value(schema: &Schema, wire: Wire<'_>, depth: usize) -> Result<Option<Value>, Fault> {
    let resolved = schema.resolve();
    Ok(Some(match &resolved.shape {
        Shape::String => wire.text()?.into(),
        Shape::Integer => wire.integer()?.into(),
        Shape::Boolean => (wire.integer()? != 0).into(),
        Shape::Number => wire.double()?.into(),
        Shape::Bytes => BASE64_STANDARD.encode(wire.bytes()?).into(),
        Shape::Quantity => sole(wire, 1)?.map_or(Ok("0"), Wire::text)?.into(),
        Shape::Time => return Ok(time(wire)?.map(|time| meta::whole(time).into())),
        Shape::MicroTime => return Ok(time(wire)?.map(|time| meta::micro(time).into())),
        Shape::IntOrString => match sole(wire, 1)? {
            Some(kind) if kind.integer()? == 1 => sole(wire, 3)?.map_or(Ok(""), Wire::text)?.into(),
            _ => sole(wire, 2)?.map_or(Ok(0), Wire::integer)?.into(),
        },
        Shape::Any => match alternative(schema) {
            Some(other) => return either(other, wire, depth),
            None => match sole(wire, 1)? {
                Some(json) => serde_json::from_slice(json.bytes()?).map_err(|_| Fault::Json)?,
                None => return Ok(None),
            },
        },
        Shape::Object(object) => {
            let name = match &schema.shape {
                Shape::Reference(to) => &to.name,
                _ => &object.copy_of,
            };
            let mut fields = Map::new();
            message(name, resolved, wire.bytes()?, &mut fields, depth + 1)?;
            Value::Object(fields)
        }
        Shape::Map(_) | Shape::List(_) | Shape::Reference(_) => return Err(Fault::Mixed),
    }))
}

/// A schema of a CustomResourceDefinition.
static PROPS: LazyLock<Schema> =
    LazyLock::new(|| Schema { shape: Shape::Reference(SCHEMA_PROPS.into()), ..Schema::default() });
const SCHEMA_PROPS: &str = "io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.JSONSchemaProps";

/// What may stand in the place of a schema. On the wire these are a message with both.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Alternative {
    /// `true` or `false`.
    Bool,
    /// A list of schemas.
    Schemas,
    /// A list of texts.
    Texts,
}

fn alternative(schema: &Schema) -> Option<Alternative> {
    let Shape::Reference(to) = &schema.shape else { return None };
    match to.name.strip_prefix(SCHEMA_PROPS)? {
        "OrBool" => Some(Alternative::Bool),
        "OrArray" => Some(Alternative::Schemas),
        "OrStringArray" => Some(Alternative::Texts),
        _ => None,
    }
}

fn either(other: Alternative, wire: Wire<'_>, depth: usize) -> Result<Option<Value>, Fault> {
    if let Some(props) = sole(wire, if other == Alternative::Bool { 2 } else { 1 })? {
        return value(&PROPS, props, depth + 1);
    }
    if other == Alternative::Bool {
        return Ok(Some((sole(wire, 1)?.map_or(Ok(0), Wire::integer)? != 0).into()));
    }
    let mut items = Vec::new();
    for part in fields(wire.bytes()?) {
        match part? {
            (2, item) if other == Alternative::Schemas => items.extend(value(&PROPS, item, depth + 1)?),
            (2, item) => items.push(item.text()?.into()),
            _ => {}
        }
    }
    Ok(Some(items.into()))
}

fn time(wire: Wire<'_>) -> Result<Option<Timestamp>, Fault> {
    let number = |field| sole(wire, field)?.map_or(Ok(0), Wire::integer);
    let (seconds, nanos) = (number(1)?, number(2)?);
    if (seconds, nanos) == (0, 0) {
        return Ok(None);
    }
    let nanos = i32::try_from(nanos).map_err(|_| Fault::Time)?;
    Timestamp::new(seconds, nanos).map(Some).map_err(|_| Fault::Time)
}

#[cfg(test)]
mod tests;
