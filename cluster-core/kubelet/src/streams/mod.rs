//! The protocols of exec, attach and port-forward: WebSocket (v4, v5, tunnel) and SPDY/3.1, from the kubelet's side.
//!
//! [`remote_command`] and [`port_forward`] answer an upgrade request; what runs behind it comes in as a [`Session`] or
//! as a connection to a port. The API server hands requests through as they are, so this is the only place that
//! speaks these protocols.

mod command;
mod port_forward;
mod spdy;
mod spdy_command;
mod upgrade;
mod websocket;

pub use command::CommandOptions;
pub use port_forward::{connect_in_namespace, port_forward};

use crate::runtime::Session;
use axum::body::Body;
use http::{Request, Response};
use tokio::task::JoinHandle;

/// Answers an exec or attach request; the session runs in a task of its own once the client has upgraded.
pub async fn remote_command(request: Request<Body>, options: CommandOptions, session: Session) -> Response<Body> {
    match upgrade::Kind::of(&request) {
        upgrade::Kind::WebSocket => websocket::command(request, options, session).await,
        upgrade::Kind::Spdy => spdy_command::respond(request, options, session),
        upgrade::Kind::None => upgrade::bad_request("Upgrade request required"),
    }
}

/// Ends a task when its owner does.
pub(crate) struct AbortOnDrop(pub(crate) JoinHandle<()>);

impl Drop for AbortOnDrop {
    fn drop(&mut self) {
        self.0.abort();
    }
}
