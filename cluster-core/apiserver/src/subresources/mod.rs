//! What is served below an object: scale, bindings, evictions, tokens, and the streams to kubelets.

mod kubelet;

pub(crate) use kubelet::Kubelets;

use crate::verbs::{self, Call, Reply};
use axum::body::Body;
use cluster_object::status::Status;
use http::request::Parts;

/// `status`: the generic verbs on that part of the object.
pub(crate) async fn status(call: &Call<'_>, body: Body) -> Result<Reply, Status> {
    match call.info.verb {
        "get" | "update" | "patch" => verbs::serve(call, body).await,
        _ => Err(Status::method_not_allowed()),
    }
}

pub(crate) async fn serve(call: &Call<'_>, parts: Parts, body: Body) -> Result<Reply, Status> {
    drop((parts, body));
    Err(Status::new(404, "NotFound", "the server could not find the requested resource"))
}
