//! UDP: the datagrams of each sender go on from a socket of its own, so that the answers find their way back.

use crate::prelude::*;
use std::net::{Ipv4Addr, SocketAddr};
use tokio::net::UdpSocket;

/// A sender between whom and the far end nothing was said for so long is forgotten; the kernel's tracking has the same.
const SILENCE: Duration = Duration::from_mins(2);
/// Datagrams of one sender that wait; what comes then is lost, as datagrams may be.
const WAITING: usize = 64;
const LONGEST: usize = 65_535;

/// Leads datagrams to where `far` says at a sender's first; nowhere while it says nothing.
pub(super) async fn serve(near: UdpSocket, far: impl Fn() -> Option<SocketAddr>) {
    let (near, mut buffer) = (Arc::new(near), vec![0; LONGEST]);
    let mut senders: HashMap<SocketAddr, mpsc::Sender<Bytes>> = HashMap::new();
    loop {
        let (length, from) = match near.recv_from(&mut buffer).await {
            Ok(received) => received,
            Err(error) => {
                tracing::debug!(%error, "an answer did not reach who had asked");
                continue;
            }
        };
        if senders.get(&from).is_none_or(mpsc::Sender::is_closed)
            && let Some(far) = far()
        {
            senders.retain(|_, sender| !sender.is_closed());
            let (sender, datagrams) = mpsc::channel(WAITING);
            senders.insert(from, sender);
            let talk = talk(near.clone(), from, far, datagrams);
            tokio::spawn(async move {
                if let Err(error) = talk.await {
                    tracing::debug!(%far, %error, "datagrams were not led on");
                }
            });
        }
        if senders.get(&from).is_none_or(|sender| sender.try_send(Bytes::copy_from_slice(&buffer[..length])).is_err()) {
            tracing::trace!(%from, "a datagram is lost");
        }
    }
}

/// What one sender and the far end say to each other, until they fall silent or the far end is gone.
async fn talk(
    near: Arc<UdpSocket>,
    sender: SocketAddr,
    far: SocketAddr,
    mut datagrams: mpsc::Receiver<Bytes>,
) -> std::io::Result<()> {
    let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0)).await?;
    socket.connect(far).await?;
    let mut buffer = vec![0; LONGEST];
    loop {
        tokio::select! {
            datagram = datagrams.recv() => {
                // Without one the forward has ended.
                let Some(datagram) = datagram else { return Ok(()) };
                socket.send(&datagram).await?;
            }
            received = socket.recv(&mut buffer) => {
                near.send_to(&buffer[..received?], sender).await?;
            }
            () = tokio::time::sleep(SILENCE) => return Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn each_sender_gets_the_answers_to_what_it_asked() {
        let local = (Ipv4Addr::LOCALHOST, 0);
        let far = UdpSocket::bind(local).await.expect("a socket");
        let near = UdpSocket::bind(local).await.expect("a socket");
        let (there, here) = (far.local_addr().expect("an address"), near.local_addr().expect("an address"));
        tokio::spawn(serve(near, move || Some(there)));
        tokio::spawn(async move {
            let mut buffer = [0; 16];
            while let Ok((length, from)) = far.recv_from(&mut buffer).await {
                buffer[..length].reverse();
                far.send_to(&buffer[..length], from).await.expect("sent");
            }
        });
        let ask = async |socket: &UdpSocket, question: &[u8]| {
            let mut buffer = [0; 16];
            socket.send_to(question, here).await.expect("sent");
            let length = socket.recv(&mut buffer).await.expect("an answer");
            buffer[..length].to_vec()
        };
        let (one, other) =
            (UdpSocket::bind(local).await.expect("a socket"), UdpSocket::bind(local).await.expect("a socket"));
        assert_eq!(ask(&one, b"abc").await, b"cba");
        assert_eq!(ask(&other, b"12").await, b"21");
        assert_eq!(ask(&one, b"xy").await, b"yx");
    }
}
