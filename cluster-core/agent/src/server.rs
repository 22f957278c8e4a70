//! The local server: routes, and what stands before all of them.

mod api;
mod assets;
mod guard;
mod proxy;
mod socket;
#[cfg(test)]
mod tests;

pub(crate) use assets::Assets;

use crate::prelude::*;
use axum::Router;
use axum::middleware::from_fn_with_state;
use axum::routing::{any, get, post};

/// Everything the agent serves, behind its guard.
pub(crate) fn router(agent: Arc<Agent>) -> Router {
    let api = Router::new()
        .route(
            "/session",
            api::told(|agent| json!({"version": env!("CARGO_PKG_VERSION"), "port": agent.port}))
                .post(api::open_session),
        )
        .route("/token", post(api::token))
        .route("/ticket", post(api::ticket))
        .route("/stop", post(api::stop))
        .route("/clusters", api::told(|agent| json!(*agent.clusters.list())).post(api::create_cluster))
        .route("/clusters/{cluster}/actions", post(api::act))
        .route("/clusters/{cluster}/images", get(api::images).post(api::load_archive))
        .route("/clusters/{cluster}/why/{namespace}/{pod}", get(api::why))
        .route("/clusters/{cluster}/k8s/{*path}", any(proxy::proxy))
        .route("/operations", api::told(|agent| json!(agent.operations.list())))
        .route("/operations/{id}", api::end("operation", |agent, id| Ok(agent.operations.cancel(id))))
        .route("/forwards", api::told(|agent| json!(agent.forwards.board.list())).post(api::forward))
        .route("/forwards/{id}", api::end("forward", |agent, id| agent.forwards.remove(id)))
        .route("/syncs", api::told(|agent| json!(agent.syncs.board.list())).post(api::sync))
        .route("/syncs/{id}", api::end("sync", |agent, id| agent.syncs.remove(id)).post(api::look))
        .route("/ws", get(socket::open))
        .fallback(api::nothing);
    Router::new()
        .nest("/api", api)
        .fallback(assets::serve)
        .layer(from_fn_with_state(agent.clone(), guard::guard))
        .with_state(agent)
}
