//! What is served below an object: scale, bindings, evictions, tokens, and the streams to kubelets.

mod binding;
mod eviction;
mod links;
pub(crate) mod parts;
mod proxy;
mod scale;
mod streams;

pub(crate) use binding::post as bind;
pub(crate) use scale::{scale_of, scaled};

use crate::prelude::*;
use crate::verbs::{self, Reply};

/// `status`: the generic verbs on that part of the object.
pub(crate) async fn status(call: &Call<'_>, body: Body) -> Result<Reply, Status> {
    match &*call.info.verb {
        "get" | "update" | "patch" => verbs::serve(call, body).await,
        _ => Err(Status::method_not_allowed()),
    }
}

/// Every other subresource.
pub(crate) async fn serve(call: &Call<'_>, mut parts: Parts, body: Body) -> Result<Reply, Status> {
    let name = call.info.subresource.clone();
    let Some(served) = call.resource.subresource(&name) else {
        return Err(Status::no_such_resource());
    };
    if !served.takes(&call.info.verb, &parts.method) {
        return Err(Status::method_not_allowed());
    }
    match (call.resource.storage.as_str(), name.as_str()) {
        (_, "scale") => scale::serve(call, body).await,
        ("pods", "log") => streams::log(call, parts, body).await,
        ("pods", "exec" | "attach" | "portforward") => streams::connect(call, &mut parts, body).await,
        ("pods", "binding") => binding::post(call, body).await,
        ("pods", "eviction") => Box::pin(eviction::post(call, body)).await,
        ("pods" | "services" | "nodes", "proxy") => proxy::serve(call, &mut parts, body).await,
        ("serviceaccounts", "token") => token(call, body).await,
        (_, part) => parts::serve(call, part, body).await,
    }
}

/// A decoded body of a subresource's own kind.
pub(crate) async fn decode(call: &Call<'_>, body: Body) -> Result<Value, Status> {
    let bytes = request::read(body).await?;
    let (value, _) = request::decode_json_or_yaml(&call.content_type, &bytes)?;
    if value.is_object() { Ok(value) } else { Err(Status::bad_request("the body is no JSON object")) }
}

/// 201 with a Status that says so.
pub(crate) fn success() -> Result<Reply, Status> {
    let status = json!({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "code": 201});
    Reply::other(StatusCode::CREATED, &status)
}

/// Admits the use of a stream or proxy; what admission sees are its options.
async fn admit_connect(call: &Call<'_>, query: &str) -> Result<(), Status> {
    let verb = call.info.subresource.as_str();
    let kind = call.resource.subresource(verb).map_or("", |sub| &sub.kind);
    let mut options = json!({"kind": kind, "apiVersion": "v1"});
    if matches!(verb, "exec" | "attach") {
        options["stdout"] = true.into();
        options["stderr"] = true.into();
    }
    if verb == "proxy" {
        options["path"] = call.info.rest.as_str().into();
    }
    for (name, value) in request::pairs(query) {
        let list = |present: &Value, item: Value| {
            present.as_array().cloned().unwrap_or_default().into_iter().chain([item]).collect::<Value>()
        };
        match name.as_str() {
            "stdin" | "stdout" | "stderr" | "tty" => options[name] = request::boolean(&value).into(),
            "command" => options["command"] = list(&options["command"], value.into()),
            "ports" => options["ports"] = list(&options["ports"], value.parse::<u16>().unwrap_or_default().into()),
            "container" => options["container"] = value.into(),
            _ => {}
        }
    }
    call.admit_both(AdmissionRequest::new(call, Operation::Connect, &call.info.name, &mut options).of(verb)).await
}

async fn token(call: &Call<'_>, body: Body) -> Result<Reply, Status> {
    let mut request = decode(call, body).await?;
    let (namespace, name) = (call.info.namespace.as_str(), call.info.name.as_str());
    call.admit_both(AdmissionRequest::new(call, Operation::Create, name, &mut request).of("token")).await?;
    let answer = call.server.config.tokens.issue(&*call.server.store, namespace, name, &request)?;
    Reply::other(StatusCode::CREATED, &answer)
}
