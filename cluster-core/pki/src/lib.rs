//! The cluster's certificates and keys: one CA, what it signs for each node, TLS configurations made of them, and the
//! loop that takes connections by such a configuration.

pub mod accept;
mod authority;
mod cluster;
pub mod tls;

pub use authority::{Authority, Pair, Requested, Subject, Usage};
pub use cluster::{ClusterPki, ETCD_NAME, Endpoint, Files};

/// Why a certificate or key could not be made or read.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A certificate could not be made, or its PEM could not be read.
    #[error("failed to issue a certificate: {0}")]
    Issue(#[from] rcgen::Error),
    /// PEM text holds no usable certificate or key.
    #[error("failed to read {what}: {reason}")]
    Pem {
        /// What was read.
        what: &'static str,
        /// What is wrong with it.
        reason: String,
    },
    /// The TLS library refused the certificates.
    #[error("failed to configure TLS: {0}")]
    Tls(#[from] rustls::Error),
    /// The client verifier refused the CA.
    #[error("failed to configure client certificates: {0}")]
    Verifier(#[from] rustls::server::VerifierBuilderError),
    /// The system has no randomness.
    #[error("failed to read random bytes")]
    Random,
}
