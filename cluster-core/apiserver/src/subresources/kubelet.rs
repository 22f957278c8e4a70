//! The way to kubelets.

use std::sync::Arc;

/// Talks to kubelets over mutual TLS.
pub(crate) struct Kubelets {
    tls: Option<Arc<rustls::ClientConfig>>,
}

impl Kubelets {
    pub(crate) fn new(tls: Option<Arc<rustls::ClientConfig>>) -> Self {
        Self { tls }
    }
}
