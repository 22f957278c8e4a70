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
use axum::routing::{any, delete, get, post};

/// Everything the agent serves, behind its guard.
pub(crate) fn router(agent: Arc<Agent>) -> Router {
    let api = Router::new()
        .route("/session", get(api::session).post(api::open_session))
        .route("/token", post(api::token))
        .route("/ticket", post(api::ticket))
        .route("/stop", post(api::stop))
        .route("/clusters", get(api::clusters).post(api::create_cluster))
        .route("/clusters/{cluster}/actions", post(api::act))
        .route("/clusters/{cluster}/images", get(api::images).post(api::load_archive))
        .route("/clusters/{cluster}/why/{namespace}/{pod}", get(api::why))
        .route("/clusters/{cluster}/k8s/{*path}", any(proxy::proxy))
        .route("/operations", get(api::operations))
        .route("/operations/{id}", delete(api::cancel))
        .route("/forwards", get(api::forwards).post(api::forward))
        .route("/forwards/{id}", delete(api::end_forward))
        .route("/syncs", get(api::syncs).post(api::sync))
        .route("/syncs/{id}", delete(api::end_sync).post(api::look))
        .route("/ws", get(socket::open))
        .fallback(api::nothing);
    Router::new()
        .nest("/api", api)
        .fallback(assets::serve)
        .layer(from_fn_with_state(agent.clone(), guard::guard))
        .with_state(agent)
}
