//! SPDY/3.1 as Kubernetes' clients speak it: a server of streams that the client opens, over any connection.
//!
//! Draft: <https://www.chromium.org/spdy/spdy-protocol/spdy-protocol-draft3-1/>. Like the clients' own library, windows
//! are not kept: the connection's own back-pressure bounds what is under way.

mod frame;
mod headers;
mod session;
#[cfg(test)]
pub(super) mod tests;

pub(super) use session::{Session, Stream, StreamWriter};

/// Why a connection was given up.
#[derive(Debug, thiserror::Error)]
pub(super) enum Error {
    /// The client broke the protocol.
    #[error("SPDY protocol error: {0}")]
    Protocol(&'static str),
    /// The connection broke.
    #[error("connection error: {0}")]
    Io(#[from] std::io::Error),
}
