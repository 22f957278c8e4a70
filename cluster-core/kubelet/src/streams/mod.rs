//! The protocols of exec, attach and port-forward: WebSocket (v4, v5, tunnel) and SPDY/3.1, from the kubelet's side.
//!
//! What runs behind an upgrade comes in as a [`Session`] or as a connection to a port. The API server hands requests
//! through as they are, so this is the only place that speaks these protocols.

mod command;
mod port_forward;
mod port_forward_websocket;
mod spdy;
mod spdy_command;
mod upgrade;
mod websocket;

pub(crate) use websocket::output;

use crate::prelude::*;
use crate::runtime::{ExecSpec, Session};
use axum::extract::{Path, State};
use axum::response::Response;
use axum::routing::any;
use command::CommandOptions;

/// The routes of exec, attach and port-forward.
pub(crate) fn router(target: Arc<Target>) -> Router {
    Router::new()
        .route("/exec/{namespace}/{pod}/{container}", any(exec))
        .route("/attach/{namespace}/{pod}/{container}", any(attach))
        .route("/portForward/{namespace}/{pod}", any(port_forward))
        .with_state(target)
}

type Container = Path<(String, String, String)>;

async fn exec(
    State(target): State<Arc<Target>>,
    Path((namespace, pod, container)): Container,
    request: Request<Body>,
) -> Result<Response, Refusal> {
    let (options, command) = command_options(&request)?;
    if command.is_empty() {
        return Err(Refusal(StatusCode::BAD_REQUEST, "you must specify at least 1 command".to_owned()));
    }
    let spec = ExecSpec { command, stdin: options.stdin, tty: options.tty };
    let session = target.exec((&namespace, &pod, &container), &spec).await?;
    Ok(remote_command(request, options, session).await)
}

async fn attach(
    State(target): State<Arc<Target>>,
    Path((namespace, pod, container)): Container,
    request: Request<Body>,
) -> Result<Response, Refusal> {
    let (options, _) = command_options(&request)?;
    let (session, tty) = target.attach((&namespace, &pod, &container), options.stdin).await?;
    Ok(remote_command(request, CommandOptions { tty: options.tty && tty, ..options }, session).await)
}

async fn port_forward(
    State(target): State<Arc<Target>>,
    Path((namespace, pod)): Path<(String, String)>,
    request: Request<Body>,
) -> Result<Response, Refusal> {
    // A pod that is not here is told at once, not with the first connection.
    target.pod(&namespace, &pod)?;
    let connect: port_forward::Connect = Arc::new(move |port| {
        let (target, namespace, pod) = (Arc::clone(&target), namespace.clone(), pod.clone());
        Box::pin(async move { target.connect(&namespace, &pod, port).await.map_err(|Refusal(_, text)| text) })
    });
    Ok(port_forward::port_forward(request, connect).await)
}

/// The streams asked for and the command, by upstream's names for them on both sides of the API server.
fn command_options(request: &Request<Body>) -> Result<(CommandOptions, Vec<String>), Refusal> {
    let mut options = CommandOptions::default();
    let mut command = Vec::new();
    for (name, value) in url::form_urlencoded::parse(request.uri().query().unwrap_or_default().as_bytes()) {
        let on = matches!(&*value, "1" | "true");
        match &*name {
            "command" => command.push(value.into_owned()),
            "stdin" | "input" => options.stdin = on,
            "stdout" | "output" => options.stdout = on,
            "stderr" | "error" => options.stderr = on,
            "tty" => options.tty = on,
            _ => {}
        }
    }
    if !(options.stdin || options.stdout || options.stderr) {
        let text = "you must specify at least 1 of stdin, stdout, stderr";
        return Err(Refusal(StatusCode::BAD_REQUEST, text.to_owned()));
    }
    // A terminal has one output.
    options.stderr &= !options.tty;
    Ok((options, command))
}

/// Answers an exec or attach request; the session runs in a task of its own once the client has upgraded.
async fn remote_command(request: Request<Body>, options: CommandOptions, session: Session) -> Response {
    match upgrade::Kind::of(&request) {
        upgrade::Kind::WebSocket => websocket::command(request, options, session).await,
        upgrade::Kind::Spdy => spdy_command::respond(request, options, session),
        upgrade::Kind::None => upgrade::upgrade_required(),
    }
}
