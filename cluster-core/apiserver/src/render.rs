//! Answers on their way out: the form and the encoding the client asked for.

use crate::prelude::*;
use crate::request::Form;
use crate::table;
use crate::verbs::List;
use bytes::BytesMut;
use cluster_object::{protobuf, yaml};
use flate2::Compression;
use flate2::write::GzEncoder;
use futures::StreamExt;
use http::header::{CONTENT_ENCODING, CONTENT_TYPE, HeaderValue, RETRY_AFTER, VARY, WARNING};
use http_body::Body as _;
use std::convert::Infallible;
use std::io::Write;

/// Lists go out in pieces of about this size.
const CHUNK: usize = 128 * 1024;
/// Warnings beyond this many bytes are left out, as upstream does.
const MAX_WARNINGS: usize = 4096;

/// The HTTP response of a verb's answer.
pub(crate) async fn reply(call: &Call<'_>, reply: Reply) -> Result<Response<Body>, Status> {
    let response = match reply.content {
        Content::Raw(response) => return Ok(response),
        Content::Object(bytes) => {
            let bytes = form(&call.resource, call.accept.form, &call.query.include_object, true, bytes)?;
            respond(call, reply.code, bytes)?
        }
        Content::Other(bytes) => respond(call, reply.code, bytes)?,
        Content::List(list) => collection(call, list).await?,
    };
    Ok(if call.accept.gzip { compress(response) } else { response })
}

/// Compresses the answer, unless it is short.
pub(crate) fn compress(response: Response<Body>) -> Response<Body> {
    if response.body().size_hint().exact().is_some_and(|size| size < CHUNK as u64) {
        return response;
    }
    let (mut parts, body) = response.into_parts();
    mark_gzip(&mut parts.headers);
    let encoder = GzEncoder::new(Vec::new(), Compression::fast());
    let state = (body.into_data_stream(), Some(encoder));
    let pieces = futures::stream::unfold(state, |(mut body, encoder)| async move {
        let mut encoder = encoder?;
        let Some(piece) = body.next().await else {
            return Some((encoder.finish().map(Bytes::from).map_err(axum::Error::new), (body, None)));
        };
        let written = piece.and_then(|piece| encoder.write_all(&piece).map_err(axum::Error::new));
        let out = written.map(|()| Bytes::from(std::mem::take(encoder.get_mut())));
        Some((out, (body, Some(encoder))))
    });
    Response::from_parts(parts, Body::from_stream(pieces))
}

/// Says that the body is compressed.
pub(crate) fn mark_gzip(headers: &mut HeaderMap) {
    headers.insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    headers.append(VARY, HeaderValue::from_static("Accept-Encoding"));
}

/// A failure as a response: a Status object in the encoding asked for, never a table.
pub(crate) fn status(status: &Status, encoding: Encoding) -> Response<Body> {
    let code = StatusCode::from_u16(status.code).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut response = value(code, encoding, &status.to_json());
    if let Some(details) = status.details.as_ref().filter(|d| d.retry_after_seconds > 0) {
        response.headers_mut().insert(RETRY_AFTER, details.retry_after_seconds.into());
    }
    response
}

/// A value as a response.
pub(crate) fn value(code: StatusCode, encoding: Encoding, value: &Value) -> Response<Body> {
    let (media, written) = match encoding {
        Encoding::Yaml => ("application/yaml", yaml::to_string(value).ok().map(Body::from)),
        Encoding::Protobuf => (protobuf::MEDIA_TYPE, protobuf::encode(value).map(Body::from)),
        Encoding::Json => ("", None),
    };
    let Some(body) = written else { return json(code, value) };
    typed(media, code, body)
}

/// A JSON value as a response.
pub(crate) fn json(code: StatusCode, value: &Value) -> Response<Body> {
    typed("application/json", code, Body::from(value.to_string()))
}

/// A text as a response.
pub(crate) fn typed(media: &'static str, code: StatusCode, body: Body) -> Response<Body> {
    let mut response = Response::new(body);
    *response.status_mut() = code;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(media));
    response
}

/// One object of `resource`, as JSON, in the form asked for; a table names its columns when `headed`.
pub(crate) fn form(
    resource: &Resource,
    form: Form,
    include: &str,
    headed: bool,
    bytes: Bytes,
) -> Result<Bytes, Status> {
    let object = || serde_json::from_slice::<Value>(&bytes).map_err(Status::internal);
    let value = match form {
        Form::Object => return Ok(bytes),
        Form::Metadata(version) => table::partial(version, &mut object()?),
        Form::Table(version) => {
            let mut object = object()?;
            // Columns read the stored version.
            if let Some(conversion) = &resource.strategy.conversion {
                (conversion.to_storage)(&mut object);
            }
            let list = json!({"resourceVersion": meta::resource_version(&object)});
            let mut table = table::table(resource, version, vec![object], list, include);
            if !headed {
                table["columnDefinitions"] = Value::Null;
            }
            table
        }
    };
    serde_json::to_vec(&value).map(Bytes::from).map_err(Status::internal)
}

async fn collection(call: &Call<'_>, list: List) -> Result<Response<Body>, Status> {
    let Call { server, resource, accept, query, .. } = call;
    let metadata = list.metadata();
    let whole = |value: &Value| respond(call, StatusCode::OK, verbs::to_bytes(value)?);
    match accept.form {
        Form::Object => {
            let head = json!({
                "kind": format!("{}List", resource.kind), "apiVersion": resource.api_version(),
                "metadata": metadata,
            });
            let items = resource.served(*server, &list.items).await?;
            if accept.encoding == Encoding::Protobuf {
                let items = items.iter().map(|item| serde_json::from_slice(item).unwrap_or_default());
                let pieces = protobuf::encode_list(&head, items).ok_or_else(crate::pipeline::not_acceptable)?;
                let stream = futures::stream::iter(pieces.into_iter().map(Ok::<_, Infallible>));
                return Ok(typed(protobuf::MEDIA_TYPE, StatusCode::OK, Body::from_stream(stream)));
            }
            let total: usize = items.iter().map(Bytes::len).sum();
            if total <= CHUNK || accept.encoding == Encoding::Yaml || query.pretty {
                let pieces: Vec<Bytes> = pieces(&head.to_string(), items).collect();
                return respond(call, StatusCode::OK, pieces.concat().into());
            }
            let stream = futures::stream::iter(pieces(&head.to_string(), items).map(Ok::<_, Infallible>));
            Ok(typed("application/json", StatusCode::OK, Body::from_stream(stream)))
        }
        Form::Table(version) => {
            // Columns of built-in kinds read the stored version, those of a definition their own.
            let stored = |entry: &Arc<Entry>| serde_json::from_slice(&entry.bytes).map_err(Status::internal);
            let objects = match resource.custom {
                Some(_) => resource.values(*server, &list.items).await?,
                None => list.items.iter().map(stored).collect::<Result<Vec<_>, _>>()?,
            };
            whole(&table::table(resource, version, objects, metadata, &query.include_object))
        }
        Form::Metadata(version) => {
            let mut objects = resource.values(*server, &list.items).await?;
            let items: Vec<Value> = objects.iter_mut().map(|object| table::partial(version, object)).collect();
            whole(&json!({
                "kind": "PartialObjectMetadataList", "apiVersion": version, "metadata": metadata,
                "items": items,
            }))
        }
    }
}

/// The JSON text of a list in pieces of about [`CHUNK`] bytes; the items are not read.
fn pieces(head: &str, items: Vec<Bytes>) -> impl Iterator<Item = Bytes> + Send + use<> {
    // The metadata's own brace is cut off with the list's.
    let start = format!("{}}},\"items\":[", head.trim_end_matches('}'));
    let mut items = items.into_iter().peekable();
    let filled = std::iter::from_fn(move || {
        let mut piece = BytesMut::new();
        while piece.len() < CHUNK
            && let Some(item) = items.next()
        {
            piece.extend_from_slice(&item);
            if items.peek().is_some() {
                piece.extend_from_slice(b",");
            }
        }
        (!piece.is_empty()).then(|| piece.freeze())
    });
    std::iter::once(start.into()).chain(filled).chain([Bytes::from_static(b"]}\n")])
}

fn respond(call: &Call<'_>, code: StatusCode, json: Bytes) -> Result<Response<Body>, Status> {
    let parsed = || serde_json::from_slice::<Value>(&json).map_err(Status::internal);
    Ok(match call.accept.encoding {
        encoding @ (Encoding::Yaml | Encoding::Protobuf) => value(code, encoding, &parsed()?),
        Encoding::Json if call.query.pretty => {
            let text = serde_json::to_string_pretty(&parsed()?).map_err(Status::internal)?;
            typed("application/json", code, Body::from(text + "\n"))
        }
        Encoding::Json => typed("application/json", code, Body::from(json)),
    })
}

pub(crate) fn warn(response: &mut Response<Body>, warnings: &[String]) {
    let mut size = 0;
    for warning in warnings {
        let escaped = warning.replace('\\', "\\\\").replace('"', "\\\"");
        size += escaped.len();
        if size > MAX_WARNINGS {
            return;
        }
        if let Ok(value) = HeaderValue::from_bytes(format!("299 - \"{escaped}\"").as_bytes()) {
            response.headers_mut().append(WARNING, value);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pieces_of_a_list_are_its_json() {
        for count in [0, 1, 1000] {
            let items: Vec<Bytes> =
                (0..count).map(|i| format!("{{\"i\":{i},\"t\":\"{}\"}}", "x".repeat(500)).into()).collect();
            let head = json!({"kind": "XList", "metadata": {"resourceVersion": "1"}}).to_string();
            let all: Vec<Bytes> = pieces(&head, items).collect();
            let value: Value = serde_json::from_slice(&all.concat()).expect("JSON");
            assert_eq!(value["items"].as_array().map(Vec::len), Some(count));
            assert_eq!(value["metadata"]["resourceVersion"], "1");
        }
    }
}
