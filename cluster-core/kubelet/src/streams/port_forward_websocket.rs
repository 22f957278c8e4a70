//! The older port-forward over WebSocket, which client libraries other than kubectl's speak: the ports are named in
//! the query, and port N has channel 2N for data and 2N+1 for errors.

use super::port_forward::{Connect, inward, pieces};
use super::websocket::frame;
use crate::prelude::*;
use tokio::net::tcp::OwnedReadHalf;
use tokio::task::JoinSet;

/// The protocol's name.
pub(super) const PROTOCOL: &str = "v4.channel.k8s.io";
const QUEUE: usize = 32;

/// The ports in `port=80&port=81` or `port=80,81`: the kubelet's word for the API's `ports`.
pub(super) fn ports(query: &str) -> Vec<u16> {
    let pairs = url::form_urlencoded::parse(query.as_bytes()).filter(|(name, _)| name == "port");
    let numbers = |value: &str| value.split(',').filter_map(|port| port.parse().ok()).collect::<Vec<u16>>();
    pairs.flat_map(|(_, value)| numbers(&value)).collect()
}

/// Serves until the client leaves.
pub(super) async fn serve(socket: WebSocket, ports: Vec<u16>, connect: Connect) {
    let (mut sink, mut stream) = socket.split();
    let (outgoing, mut messages) = mpsc::channel::<Message>(QUEUE);
    let mut tasks = JoinSet::new();
    let mut inputs: Vec<mpsc::Sender<Bytes>> = Vec::new();
    for (index, port) in ports.into_iter().enumerate() {
        // A byte holds the channel's number.
        let Ok(channel) = u8::try_from(index * 2) else { break };
        let (input, incoming) = mpsc::channel(QUEUE);
        inputs.push(input);
        tasks.spawn(connection(channel, port, connect.clone(), incoming, outgoing.clone()));
    }
    drop(outgoing);
    loop {
        tokio::select! {
            message = messages.recv() => match message {
                Some(message) => if sink.send(message).await.is_err() { return },
                None => break,
            },
            message = stream.next() => {
                let Some(Ok(message)) = message else { return };
                let Message::Binary(bytes) = message else { continue };
                let input = bytes.first().filter(|channel| *channel % 2 == 0).and_then(|c| inputs.get(usize::from(c / 2)));
                if let Some(input) = input
                    && input.send(bytes.slice(1..)).await.is_err()
                {
                    tracing::debug!("data for a connection that has ended");
                }
            }
        }
    }
    // Without a farewell the client would take the end of the data for a broken tunnel.
    if let Err(error) = sink.close().await {
        tracing::debug!("the client left first: {error}");
    }
}

async fn connection(
    channel: u8,
    port: u16,
    connect: Connect,
    incoming: mpsc::Receiver<Bytes>,
    outgoing: mpsc::Sender<Message>,
) {
    // Each channel begins with its port, so that the client can tell them apart.
    for number in [channel, channel + 1] {
        if outgoing.send(frame(number, &port.to_le_bytes())).await.is_err() {
            return;
        }
    }
    match connect(port).await {
        Ok(socket) => {
            let (read, write) = socket.into_split();
            tokio::join!(inward(write, incoming), outward(channel, read, outgoing));
        }
        Err(reason) => {
            let text = format!("error forwarding port {port}: {reason}");
            if outgoing.send(frame(channel + 1, text.as_bytes())).await.is_err() {
                tracing::debug!("the client left before it heard of an error");
            }
        }
    }
}

async fn outward(channel: u8, read: OwnedReadHalf, outgoing: mpsc::Sender<Message>) {
    let mut pieces = pieces(read);
    while let Some(bytes) = pieces.next().await
        && outgoing.send(frame(channel, &bytes)).await.is_ok()
    {}
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ports_come_one_by_one_or_in_a_list() {
        assert_eq!(ports("port=80&port=81"), [80, 81]);
        assert_eq!(ports("port=80%2C443&x=1"), [80, 443]);
        assert!(ports("port=http").is_empty());
    }
}
