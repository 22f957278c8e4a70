//! The v2 document as protobuf (gnostic's `openapi.v2.Document`), the one form kubectl asks for to check lists.
//!
//! Only the definitions are written: no client reads paths in this form since there is v3.

use serde_json::Value;

/// The media type, as clients ask for it.
pub const MEDIA_TYPE: &str = "application/com.github.proto-openapi.spec.v2@v1.0+protobuf";
/// The media type of the answer: Go takes no `@` in one.
pub const CONTENT_TYPE: &str = "application/com.github.proto-openapi.spec.v2.v1.0+protobuf";

/// Encodes a v2 document.
pub fn v2_protobuf(document: &Value) -> Vec<u8> {
    let mut out = Message::default();
    out.text(1, &document["swagger"]);
    let mut info = Message::default();
    info.text(1, &document["info"]["title"]);
    info.text(2, &document["info"]["version"]);
    out.message(2, &info);
    out.message(8, &Message::default());
    out.message(9, &named_schemas(&document["definitions"]));
    out.0
}

/// A message under construction: its bytes.
#[derive(Default)]
struct Message(Vec<u8>);

impl Message {
    fn varint(&mut self, mut number: usize) {
        while number >= 0x80 {
            self.0.push(number as u8 | 0x80);
            number >>= 7;
        }
        self.0.push(number as u8);
    }

    fn bytes(&mut self, field: usize, bytes: &[u8]) {
        const LENGTH_DELIMITED: usize = 2;
        self.varint(field << 3 | LENGTH_DELIMITED);
        self.varint(bytes.len());
        self.0.extend_from_slice(bytes);
    }

    fn message(&mut self, field: usize, message: &Self) {
        self.bytes(field, &message.0);
    }

    /// Writes a string; anything else is taken for its absence.
    fn text(&mut self, field: usize, value: &Value) {
        if let Some(text) = value.as_str() {
            self.bytes(field, text.as_bytes());
        }
    }

    /// Writes any JSON as `Any`, which holds it as YAML.
    fn any(&mut self, field: usize, value: &Value) {
        let mut any = Self::default();
        any.bytes(2, value.to_string().as_bytes());
        self.message(field, &any);
    }
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
            "$ref" => out.text(1, value),
            "format" => out.text(2, value),
            "description" => out.text(4, value),
            "default" => out.any(5, value),
            "required" => value.as_array().into_iter().flatten().for_each(|name| out.text(19, name)),
            "enum" => value.as_array().into_iter().flatten().for_each(|one| out.any(20, one)),
            "additionalProperties" => out.message(21, &holder(value)),
            "items" => out.message(23, &holder(value)),
            "type" => {
                let mut item = Message::default();
                item.text(1, value);
                out.message(22, &item);
            }
            "properties" => out.message(25, &named_schemas(value)),
            name if name.starts_with("x-") => {
                let mut pair = Message::default();
                pair.bytes(1, name.as_bytes());
                pair.any(2, value);
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
