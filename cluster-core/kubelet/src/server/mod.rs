//! The kubelet's HTTPS server: logs, stats, streams, for the API server alone.

mod logs;
mod network;
mod pods;
mod query;
pub(crate) mod target;
mod tls;
mod volumes;

use crate::Error;
use crate::prelude::*;
use crate::streams;
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
pub(crate) async fn run(
    options: Arc<KubeletOptions>,
    pods: Pods,
    runtime: Arc<dyn Runtime>,
    cancel: CancellationToken,
) -> Result<(), Error> {
    let Some(config) = options.tls.clone() else {
        cancel.cancelled().await;
        return Ok(());
    };
    let target = Arc::new(Target::new(pods, runtime, &options));
    tls::serve(options.listen, config, router(target), cancel).await
}

fn router(target: Arc<Target>) -> Router {
    let state = target.clone();
    Router::new()
        .route("/healthz", get(|| async { "ok" }))
        .route("/containerLogs/{namespace}/{pod}/{container}", get(logs::container_logs))
        .route("/pods", get(pods::list))
        .route("/stats/summary", get(pods::summary))
        .route("/metrics", get(pods::metrics))
        .route("/metrics/resource", get(pods::resource_metrics))
        .route("/metrics/cadvisor", get(pods::resource_metrics))
        .route("/devcluster/volumes/{namespace}", get(volumes::follow))
        .with_state(state)
        .merge(streams::router(target))
}
