//! The generic verbs: one implementation for every resource.

mod call;
mod create;
mod delete;
mod form;
mod incoming;
mod list;
mod metadata;
mod page;
mod patch;
mod socket;
mod update;
mod watch;

pub(crate) use call::{Call, Content, List, Reply, key};
pub(crate) use create::{Managed, create_object};
pub(crate) use delete::{check_preconditions, delete_object};
pub(crate) use form::{converted, draft};
pub(crate) use incoming::complete;
pub(crate) use list::collect;
pub(crate) use metadata::random_suffix;
pub(crate) use patch::{Kind as PatchKind, apply_to};
pub(crate) use socket::{wanted as wanted_socket, watch_over};
pub(crate) use update::{Part, Proposed, change, write};
pub(crate) use watch::open as open_watch;
pub use watch::{Watched, WatchedStream};

use crate::prelude::*;
use crate::request::Form;

/// Serves one request on a resource without a subresource, or on its `status`.
pub(crate) async fn serve(call: &Call<'_>, body: Body) -> Result<Reply, Status> {
    if !allowed(call) {
        return Err(Status::method_not_allowed());
    }
    if call.resource.verbs == Verbs::CreateOnly && call.accept.form != Form::Object {
        return Err(crate::pipeline::not_acceptable());
    }
    if call.resource.storage == "bindings" {
        return crate::subresources::bind(&call.on("pods")?, body).await;
    }
    if call.resource.group == crate::usage::GROUP {
        return crate::usage::serve(call).await;
    }
    let name = call.info.name.as_str();
    match &*call.info.verb {
        "create" | "update" => request::check_type(&call.content_type)?,
        "patch" => drop(PatchKind::of(call)?),
        _ => {}
    }
    match &*call.info.verb {
        "get" => {
            list::not_newer(call.server, list::parse_revision(&call.query.resource_version)?)?;
            Ok(Reply::ok(Content::Object(call.answer(&call.stored(name)?).await?)))
        }
        "list" => Ok(Reply::ok(Content::List(collect(call)?))),
        "watch" => watch::respond(call),
        "create" => create::create(call, request::read(body).await?).await,
        "update" => update::update(call, request::read(body).await?).await,
        "patch" => patch::patch(call, request::read(body).await?).await,
        "delete" => delete::delete(call, request::read(body).await?).await,
        "deletecollection" => delete::delete_collection(call, request::read(body).await?).await,
        _ => Err(Status::method_not_allowed()),
    }
}

fn allowed(call: &Call<'_>) -> bool {
    let verb = &*call.info.verb;
    let of_object = matches!(verb, "get" | "update" | "patch" | "delete");
    if call.info.name.is_empty() == of_object && matches!(verb, "get" | "update" | "patch" | "delete" | "create") {
        return false;
    }
    if call.resource.namespaced() && call.info.namespace.is_empty() && matches!(verb, "create" | "deletecollection") {
        return false;
    }
    call.resource.verbs == Verbs::Unlisted || discovery::verbs(call.resource.verbs).contains(&verb)
}

/// A body that is already decoded, for callers inside the server.
pub(crate) fn to_bytes(value: &serde_json::Value) -> Result<Bytes, Status> {
    serde_json::to_vec(value).map(Bytes::from).map_err(Status::internal)
}
