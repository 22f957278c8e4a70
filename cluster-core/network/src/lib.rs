//! The node's part of the cluster network: service proxy and network policies (nftables), DNS and routes to the other
//! nodes' pods.

pub mod dns;
mod kernel;
pub mod policy;
mod prelude;
pub mod proxy;
pub mod routes;

/// Why a part of the network stopped.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A program could not be run; is it installed?
    #[error("failed to run {program}: {source}")]
    Run {
        /// The program.
        program: &'static str,
        /// Why.
        source: std::io::Error,
    },
    /// The kernel did not take what a program told it.
    #[error("{program} failed: {reason}")]
    Refused {
        /// The program.
        program: &'static str,
        /// What it says.
        reason: String,
    },
    /// The DNS server's address could not be bound.
    #[error("failed to listen for DNS on {address}: {source}")]
    Bind {
        /// The address.
        address: std::net::SocketAddr,
        /// Why.
        source: std::io::Error,
    },
    /// The node's own resolver configuration could not be read.
    #[error("failed to read the resolver configuration: {0}")]
    Resolver(String),
}
