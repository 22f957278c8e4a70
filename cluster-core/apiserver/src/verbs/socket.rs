//! Watches over WebSockets, as pages in browsers follow objects: each event is a message.

use crate::prelude::*;
use axum::extract::FromRequestParts;
use axum::extract::ws::{Message, WebSocket, WebSocketUpgrade};
use futures::{SinkExt, StreamExt};
use http::header::{SEC_WEBSOCKET_PROTOCOL, UPGRADE};

/// The WebSocket that the client wants to be answered by, if it does.
pub(crate) async fn wanted(parts: &mut Parts) -> Option<WebSocketUpgrade> {
    parts.headers.get(UPGRADE)?;
    let upgrade = WebSocketUpgrade::from_request_parts(parts, &()).await.ok()?;
    // Which one does not matter, but browsers insist on one of those that they named.
    let named = parts.headers.get(SEC_WEBSOCKET_PROTOCOL).and_then(|names| names.to_str().ok());
    Some(match named.and_then(|names| names.split(',').next()) {
        Some(name) => upgrade.protocols([name.trim().to_owned()]),
        None => upgrade,
    })
}

/// Sends what a watch answers over the WebSocket, until either ends.
pub(crate) fn watch_over(upgrade: WebSocketUpgrade, watch: Response<Body>) -> Response<Body> {
    let text = watch.headers().get(CONTENT_TYPE).is_some_and(|media| media == "application/json");
    let message = move |event: Bytes| match std::str::from_utf8(&event) {
        Ok(json) if text => Message::text(json),
        _ => Message::Binary(event),
    };
    upgrade.on_upgrade(move |socket: WebSocket| async move {
        let (mut client, mut said) = socket.split();
        let mut messages = watch.into_body().into_data_stream().map(|event| event.map(message));
        // A client has nothing to say but that it goes.
        let gone = async { while let Some(Ok(_)) = said.next().await {} };
        tokio::select! {
            sent = client.send_all(&mut messages) => tracing::debug!(?sent, "a watch over a WebSocket ended"),
            () = gone => {}
        }
        client.close().await.ok();
    })
}
