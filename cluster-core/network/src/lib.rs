//! The node's part of the cluster network: service proxy and network policies (nftables), DNS and routes to the other
//! nodes' pods.

pub mod dns;
mod nft;
pub mod policy;
mod prelude;
pub mod proxy;
pub mod routes;

/// Why a part of the network stopped.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The `nft` program could not be run; is nftables installed?
    #[error("failed to run nft: {0}")]
    RunNft(#[source] std::io::Error),
    /// The kernel refused a ruleset.
    #[error("nft refused the ruleset: {0}")]
    Ruleset(String),
    /// Netlink could not be opened.
    #[error("failed to open netlink: {0}")]
    Netlink(#[source] std::io::Error),
    /// Netlink refused a request.
    #[error("failed to {step}: {source}")]
    Route {
        /// What was tried.
        step: String,
        /// The kernel's answer.
        source: rtnetlink::Error,
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
