//! The kubelet's HTTPS server: logs, stats, metrics, streams, for the API server and whom it lets in.

mod access;
mod files;
mod logs;
mod metrics;
mod network;
mod pods;
mod summary;
pub(crate) mod target;
mod tls;
mod usage;
mod volumes;

use crate::Error;
use crate::prelude::*;
use crate::probe::figures;
use crate::streams;
use access::Access;
use axum::middleware::from_fn_with_state;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use target::Target;

/// An answer that is a plain text and a code.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Refusal(pub(crate) StatusCode, pub(crate) String);

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        (self.0, self.1).into_response()
    }
}

/// Serves until cancelled.
pub(crate) async fn run(context: Arc<Context>, pods: Pods, cancel: CancellationToken) -> Result<(), Error> {
    let options = context.options.clone();
    let Some(config) = options.tls.clone() else {
        cancel.cancelled().await;
        return Ok(());
    };
    tls::serve(options.listen, config, router(Arc::new(Target { pods, context })), cancel).await
}

fn router(target: Arc<Target>) -> Router {
    let (state, access) = (target.clone(), Access(target.context.clone()));
    Router::new()
        .route("/containerLogs/{namespace}/{pod}/{container}", get(logs::container_logs))
        .route("/logs/", get(files::top))
        .route("/logs/{*path}", get(files::below))
        .route("/pods", get(pods::list))
        .route("/runningpods/", get(pods::running))
        .route("/configz", get(pods::configuration))
        .route("/stats/summary", get(summary::summary))
        .route("/metrics", get(metrics::own))
        .route("/metrics/resource", get(metrics::resource))
        .route("/metrics/cadvisor", get(metrics::cadvisor))
        .route("/metrics/probes", get(|| async { metrics::probes(&figures::all()) }))
        .route("/devcluster/volumes/{namespace}", get(volumes::follow))
        .with_state(state)
        .merge(streams::router(target))
        .layer(from_fn_with_state(access, access::guard))
        .route("/healthz", get(|| async { "ok" }))
}
