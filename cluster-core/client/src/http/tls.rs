//! The TLS side of a client: whom it trusts and how it identifies itself.

use super::Identity;
use crate::Error;
use rustls::crypto::aws_lc_rs;
use rustls::{ClientConfig, ConfigBuilder, RootCertStore, client};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use std::sync::Arc;

fn unusable(what: &str, error: impl std::fmt::Display) -> Error {
    Error::Config(format!("{what}: {error}"))
}

/// Trusts the certificate authorities in `ca_pem` and nobody else.
pub(super) fn config(ca_pem: &[u8], identity: &Identity) -> Result<ClientConfig, Error> {
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(ca_pem) {
        let certificate = certificate.map_err(|e| unusable("the CA is no PEM certificate", e))?;
        roots.add(certificate).map_err(|e| unusable("the CA certificate is unusable", e))?;
    }
    identify(builder()?.with_root_certificates(roots), identity)
}

/// Trusts everybody.
pub(super) fn insecure(identity: &Identity) -> Result<ClientConfig, Error> {
    identify(builder()?.dangerous().with_custom_certificate_verifier(cluster_pki::tls::anybody()), identity)
}

fn builder() -> Result<ConfigBuilder<ClientConfig, rustls::WantsVerifier>, Error> {
    ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|e| unusable("no TLS version is usable", e))
}

fn identify(
    builder: ConfigBuilder<ClientConfig, client::WantsClientCert>,
    identity: &Identity,
) -> Result<ClientConfig, Error> {
    let Identity::ClientCert { cert, key } = identity else { return Ok(builder.with_no_client_auth()) };
    let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(cert).collect();
    let chain = chain.map_err(|e| unusable("the client certificate is no PEM", e))?;
    let key = PrivateKeyDer::from_pem_slice(key).map_err(|e| unusable("the client key is no PEM", e))?;
    builder.with_client_auth_cert(chain, key).map_err(|e| unusable("the client certificate is unusable", e))
}
