//! The v2 document as protobuf (gnostic's `openapi.v2.Document`), the one form kubectl asks for to check lists.
//!
//! Only the definitions are written: no client reads paths in this form since there is v3.

use cluster_object::protobuf::Message;
use serde_json::Value;

/// The media type, as clients ask for it.
pub const MEDIA_TYPE: &str = "application/com.github.proto-openapi.spec.v2@v1.0+protobuf";
/// The media type of the answer: Go takes no `@` in one.
pub const CONTENT_TYPE: &str = "application/com.github.proto-openapi.spec.v2.v1.0+protobuf";

/// Encodes a v2 document.
pub fn v2_protobuf(document: &Value) -> Vec<u8> {
    let mut out = Message::default();
    text(&mut out, 1, &document["swagger"]);
    let mut info = Message::default();
    text(&mut info, 1, &document["info"]["title"]);
    text(&mut info, 2, &document["info"]["version"]);
    out.message(2, &info);
    out.message(8, &Message::default());
    out.message(9, &named_schemas(&document["definitions"]));
    out.0
}

/// Writes a string; anything else is taken for its absence.
fn text(out: &mut Message, field: u32, value: &Value) {
    if let Some(text) = value.as_str() {
        out.bytes(field, text.as_bytes());
    }
}

/// Writes any JSON as `Any`, which holds it as YAML.
fn any(out: &mut Message, field: u32, value: &Value) {
    let mut any = Message::default();
    any.bytes(2, value.to_string().as_bytes());
    out.message(field, &any);
}

/// `Definitions` and `Properties`: pairs of names and schemas.
fn named_schemas(schemas: &Value) -> Message {
    let mut out = Message::default();
    for (name, value) in schemas.as_object().into_iter().flatten() {
        let mut pair = Message::default();
        pair.bytes(1, name.as_bytes());
        pair.message(2, &schema(value));
        out.message(1, &pair);
    }
    out
}

fn schema(value: &Value) -> Message {
    let mut out = Message::default();
    for (name, value) in value.as_object().into_iter().flatten() {
        match name.as_str() {
            "$ref" => text(&mut out, 1, value),
            "format" => text(&mut out, 2, value),
            "description" => text(&mut out, 4, value),
            "default" => any(&mut out, 5, value),
            "required" => value.as_array().into_iter().flatten().for_each(|name| text(&mut out, 19, name)),
            "enum" => value.as_array().into_iter().flatten().for_each(|one| any(&mut out, 20, one)),
            "additionalProperties" => out.message(21, &holder(value)),
            "items" => out.message(23, &holder(value)),
            "type" => {
                let mut item = Message::default();
                text(&mut item, 1, value);
                out.message(22, &item);
            }
            "properties" => out.message(25, &named_schemas(value)),
            name if name.starts_with("x-") => {
                let mut pair = Message::default();
                pair.bytes(1, name.as_bytes());
                any(&mut pair, 2, value);
                out.message(31, &pair);
            }
            _ => {}
        }
    }
    out
}

/// The messages around the schema of items and of other properties.
fn holder(value: &Value) -> Message {
    let mut out = Message::default();
    out.message(1, &schema(value));
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_document_is_written_as_numbered_fields() {
        let document = json!({"swagger": "2.0", "info": {"title": "K", "version": "v1"},
            "definitions": {"D": {"type": "object", "x-a": [1], "required": ["b"]}}});
        let expected = [
            &b"\x0a\x032.0"[..],
            b"\x12\x07\x0a\x01K\x12\x02v1",
            b"\x42\0",
            b"\x4a\x25\x0a\x23\x0a\x01D\x12\x1e",
            b"\x9a\x01\x01b",
            b"\xb2\x01\x08\x0a\x06object",
            b"\xfa\x01\x0c\x0a\x03x-a\x12\x05\x12\x03[1]",
        ];
        assert_eq!(v2_protobuf(&document), expected.concat());
    }
}
