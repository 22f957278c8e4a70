//! Writes objects as protobuf: the mirror of reading.

use super::{Alternative, MAGIC, Message, PROPS, alternative, definition};
use crate::prelude::*;
use base64::prelude::*;
use cluster_schema::protobuf::{TaggedField, tags};
use cluster_schema::{OBJECT_META, Schema, Shape};

/// An object in its envelope; `None` for a kind without a message, as custom kinds are.
pub fn encode(object: &Value) -> Option<Vec<u8>> {
    let raw = body(object)?;
    let mut out = envelope(object, raw.0.len());
    out.0.extend(raw.0);
    Some(out.0)
}

/// A list in its envelope, in pieces: the head, which holds all but the items, and each item. `None` as in [`encode`].
pub fn encode_list(head: &Value, items: impl Iterator<Item = Value>) -> Option<Vec<Vec<u8>>> {
    let mut pieces = vec![body(head)?.0];
    for item in items {
        let mut piece = Message::default();
        piece.message(2, &body(&item)?);
        pieces.push(piece.0);
    }
    let mut first = envelope(head, pieces.iter().map(Vec::len).sum()).0;
    first.append(&mut pieces[0]);
    pieces[0] = first;
    Some(pieces)
}

/// A frame of a watch: its length, then an event without an envelope around the object in its own.
pub fn encode_event(kind: &str, object: &Value) -> Option<Vec<u8>> {
    let (mut raw, mut event) = (Message::default(), Message::default());
    raw.bytes(1, &encode(object)?);
    event.bytes(1, kind.as_bytes());
    event.message(2, &raw);
    let length = u32::try_from(event.0.len()).ok()?;
    Some([&length.to_be_bytes(), &event.0[..]].concat())
}

/// The magic bytes and the envelope up to the object's own bytes.
fn envelope(object: &Value, length: usize) -> Message {
    let (mut kind, mut out) = (Message::default(), Message(MAGIC.to_vec()));
    kind.bytes(1, text(&object["apiVersion"]));
    kind.bytes(2, text(&object["kind"]));
    out.message(1, &kind);
    out.begin(2, length);
    out
}

fn body(object: &Value) -> Option<Message> {
    let (version, kind) = (object["apiVersion"].as_str()?, object["kind"].as_str()?);
    let mut out = Message::default();
    // These two have no schema: they are forms of every kind.
    if let Some(list) = kind.strip_prefix("PartialObjectMetadata") {
        let metadata = if list.is_empty() { OBJECT_META } else { "io.k8s.apimachinery.pkg.apis.meta.v1.ListMeta" };
        let mut part = Message::default();
        message(metadata, cluster_schema::definition(metadata)?, &object["metadata"], &mut part);
        out.message(1, &part);
        for item in object["items"].as_array().into_iter().flatten() {
            out.message(2, &body(item)?);
        }
        return Some(out);
    }
    let definition = definition(version, kind)?;
    message(&definition.name, definition.schema(), object, &mut out);
    Some(out)
}

fn message(name: &str, schema: &Schema, object: &Value, out: &mut Message) {
    for tag in tags(name) {
        match &tag.field {
            TaggedField::Embedded(inner) => {
                let mut part = Message::default();
                message(inner, schema, object, &mut part);
                if !part.0.is_empty() {
                    out.message(tag.number, &part);
                }
            }
            TaggedField::Named { name, .. } => match schema.field(name) {
                Some(field) if !object[*name].is_null() => put(&field.schema, tag.number, &object[*name], out),
                _ => {}
            },
        }
    }
}

/// Writes all values of a field.
fn put(schema: &Schema, number: u32, value: &Value, out: &mut Message) {
    match (&schema.resolve().shape, value) {
        (Shape::List(list), Value::Array(items)) => {
            for item in items {
                put(&list.items, number, item, out);
            }
        }
        (Shape::Map(map), Value::Object(entries)) => {
            for (key, value) in entries {
                let mut entry = Message::default();
                entry.bytes(1, key.as_bytes());
                if map.values.items().is_some() {
                    let mut list = Message::default();
                    put(&map.values, 1, value, &mut list);
                    entry.message(2, &list);
                } else {
                    put(&map.values, 2, value, &mut entry);
                }
                out.message(number, &entry);
            }
        }
        (Shape::Integer, _) => out.integer(number, value.as_i64().unwrap_or_default()),
        (Shape::Boolean, _) => out.integer(number, i64::from(value == true)),
        (Shape::Number, _) => out.double(number, value.as_f64().unwrap_or_default()),
        (Shape::String, _) => out.bytes(number, text(value)),
        (Shape::Bytes, _) => out.bytes(number, &BASE64_STANDARD.decode(text(value)).unwrap_or_default()),
        (shape, _) => {
            let mut part = Message::default();
            small(shape, schema, value, &mut part);
            out.message(number, &part);
        }
    }
}

/// What is a message on the wire and mostly none in JSON.
fn small(shape: &Shape, schema: &Schema, value: &Value, out: &mut Message) {
    match (shape, value) {
        (Shape::Quantity, Value::String(text)) => out.bytes(1, text.as_bytes()),
        (Shape::Any, _) if let Some(other) = alternative(schema) => either(other, value, out),
        (Shape::Quantity | Shape::Any, _) => out.bytes(1, value.to_string().as_bytes()),
        (Shape::IntOrString, Value::String(text)) => {
            out.integer(1, 1);
            out.bytes(3, text.as_bytes());
        }
        (Shape::IntOrString, _) => out.integer(2, value.as_i64().unwrap_or_default()),
        (Shape::Time | Shape::MicroTime, _) => {
            let time: Timestamp = value.as_str().and_then(|text| text.parse().ok()).unwrap_or_default();
            out.integer(1, time.as_second());
            out.integer(2, time.subsec_nanosecond().into());
        }
        (Shape::Object(object), _) => match &schema.shape {
            Shape::Reference(to) => message(&to.name, schema.resolve(), value, out),
            _ => message(&object.copy_of, schema, value, out),
        },
        _ => {}
    }
}

/// A schema or what may stand in its place. Go writes `true` beside the schema.
fn either(other: Alternative, value: &Value, out: &mut Message) {
    match value {
        Value::Bool(allows) => out.integer(1, i64::from(*allows)),
        Value::Array(items) if other == Alternative::Schemas => items.iter().for_each(|item| put(&PROPS, 2, item, out)),
        Value::Array(items) => items.iter().for_each(|item| out.bytes(2, text(item))),
        props if other == Alternative::Bool => {
            out.integer(1, 1);
            put(&PROPS, 2, props, out);
        }
        props => put(&PROPS, 1, props, out),
    }
}

fn text(value: &Value) -> &[u8] {
    value.as_str().unwrap_or_default().as_bytes()
}
