//! Bodies: read within the limit, decoded from JSON, YAML or protobuf, written as YAML.

use crate::prelude::*;
use cluster_object::decode::{self, Duplicates};
use cluster_object::{protobuf, yaml};
use http_body_util::{BodyExt, LengthLimitError, Limited};

/// The largest body that is read, as upstream's `MaxRequestBodyBytes`.
pub(crate) const MAX_BODY: usize = 3 * 1024 * 1024;

/// Reads the whole body, or refuses it as too large.
pub(crate) async fn read(body: Body) -> Result<Bytes, Status> {
    match Limited::new(body, MAX_BODY).collect().await {
        Ok(collected) => Ok(collected.to_bytes()),
        Err(error) if error.is::<LengthLimitError>() => {
            Err(Status::new(413, "RequestEntityTooLarge", format!("Request entity too large: limit is {MAX_BODY}")))
        }
        Err(error) => Err(Status::bad_request(format!("failed to read the request body: {error}"))),
    }
}

/// Reads a body of one type: the value and its duplicate fields.
type Decoder = fn(&[u8]) -> Result<(Value, Duplicates), Status>;

fn decoder(content_type: &str) -> Result<Decoder, Status> {
    match media_type(content_type) {
        ""
        | "application/json"
        | "application/json-patch+json"
        | "application/merge-patch+json"
        | "application/strategic-merge-patch+json" => Ok(decode_json),
        "application/yaml" | "application/apply-patch+yaml" => Ok(decode_yaml),
        protobuf::MEDIA_TYPE => Ok(|body| Ok((protobuf::decode(body)?, Duplicates::Json(Vec::new())))),
        _ => Err(unsupported_media_type(&["application/json", "application/yaml", protobuf::MEDIA_TYPE])),
    }
}

/// Refuses what could not be decoded, before it is read.
pub(crate) fn check_type(content_type: &str) -> Result<(), Status> {
    decoder(content_type).map(drop)
}

/// 400 for a body that does not tell what it is, as upstream's `transformDecodeError` words it.
pub(crate) fn unrecognized(kind: &str, why: &str, body: &[u8]) -> Status {
    const SHOWN: usize = 30;
    let start = &body[..body.len().min(SHOWN)];
    let more = if body.len() > SHOWN { " ..." } else { "" };
    let summary = match body.first() {
        None => "<empty>".to_owned(),
        Some(b'{') => String::from_utf8_lossy(start).into_owned(),
        Some(_) => start.iter().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().concat(),
    };
    Status::bad_request(format!(
        "the object provided is unrecognized (must be of type {kind}): {why} ({summary}{more})"
    ))
}

/// A decoded body and its duplicate fields.
pub(crate) fn decode_json_or_yaml(content_type: &str, body: &[u8]) -> Result<(Value, Duplicates), Status> {
    decoder(content_type)?(body)
}

/// The media type without its parameters.
pub(crate) fn media_type(content_type: &str) -> &str {
    content_type.split(';').next().unwrap_or_default().trim()
}

/// 415 with the types that would do.
pub(crate) fn unsupported_media_type(accepted: &[&str]) -> Status {
    let message = format!(
        "the body of the request was in an unknown format - accepted media types include: {}",
        accepted.join(", ")
    );
    Status::new(415, "UnsupportedMediaType", message)
}

fn decode_json(body: &[u8]) -> Result<(Value, Duplicates), Status> {
    decode::parse_json(body).map(|(value, paths)| (value, Duplicates::Json(paths)))
}

fn decode_yaml(body: &[u8]) -> Result<(Value, Duplicates), Status> {
    // JSON is YAML; kubectl sends it so, and the JSON reader is faster.
    if body.iter().find(|b| !b.is_ascii_whitespace()) == Some(&b'{') {
        return decode_json(body);
    }
    let wrong = |error: &dyn std::fmt::Display| Status::bad_request(format!("error converting YAML to JSON: {error}"));
    let text = std::str::from_utf8(body).map_err(|e| wrong(&e))?;
    let documents = yaml::from_manifest(text).map_err(|e| wrong(&e))?;
    let duplicates = yaml::duplicates(text).map_err(|e| wrong(&e))?;
    Ok((documents.into_iter().next().unwrap_or_default(), Duplicates::Yaml(duplicates)))
}
