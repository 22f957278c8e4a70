//! TLS configurations out of PEM text. The process's crypto provider is aws-lc-rs; see [`install_provider`].

use crate::{Error, Pair};
use rustls::client::WantsClientCert;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::server::WebPkiClientVerifier;
use rustls::{ClientConfig, ConfigBuilder, DigitallySignedStruct, RootCertStore, ServerConfig, SignatureScheme};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use std::sync::Arc;

/// Whether a server asks its clients for certificates.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Clients {
    /// A certificate of the CA, or none: the server looks at tokens as well.
    Optional,
    /// Only with a certificate of the CA.
    Required,
}

/// Makes aws-lc-rs the provider of the whole process; call it first thing in `main`. A second call changes nothing.
pub fn install_provider() {
    // An error means that a provider is installed already, which is what the caller wants.
    drop(rustls::crypto::aws_lc_rs::default_provider().install_default());
}

/// A server's configuration: HTTP/2 and HTTP/1.1 by ALPN, client certificates checked against `client_ca`.
pub fn server(pair: &Pair, client_ca: &str, clients: Clients) -> Result<Arc<ServerConfig>, Error> {
    let verifier = WebPkiClientVerifier::builder(Arc::new(roots(client_ca)?));
    let verifier = match clients {
        Clients::Optional => verifier.allow_unauthenticated().build()?,
        Clients::Required => verifier.build()?,
    };
    let mut config = ServerConfig::builder()
        .with_client_cert_verifier(verifier)
        .with_single_cert(certificates(&pair.cert)?, private_key(&pair.key)?)?;
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(Arc::new(config))
}

/// A client's configuration: trusts `ca` alone, shows `identity` when there is one. No ALPN is set.
pub fn client(ca: &str, identity: Option<&Pair>) -> Result<ClientConfig, Error> {
    identify(ClientConfig::builder().with_root_certificates(roots(ca)?), identity)
}

/// A client's configuration that trusts whoever answers, for `insecureSkipTLSVerify`.
pub fn client_of_anybody(identity: Option<&Pair>) -> Result<ClientConfig, Error> {
    identify(ClientConfig::builder().dangerous().with_custom_certificate_verifier(anybody()), identity)
}

fn identify(
    builder: ConfigBuilder<ClientConfig, WantsClientCert>,
    identity: Option<&Pair>,
) -> Result<ClientConfig, Error> {
    Ok(match identity {
        Some(pair) => builder.with_client_auth_cert(certificates(&pair.cert)?, private_key(&pair.key)?)?,
        None => builder.with_no_client_auth(),
    })
}

/// The verifier that takes any certificate; the handshake's signatures are checked all the same.
pub fn anybody() -> Arc<dyn ServerCertVerifier> {
    Arc::new(Anybody(rustls::crypto::aws_lc_rs::default_provider()))
}

#[derive(Debug)]
struct Anybody(CryptoProvider);

impl ServerCertVerifier for Anybody {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(message, certificate, signature, &self.0.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, certificate, signature, &self.0.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}

fn roots(ca: &str) -> Result<RootCertStore, Error> {
    let mut roots = RootCertStore::empty();
    for certificate in certificates(ca)? {
        roots.add(certificate)?;
    }
    Ok(roots)
}

fn certificates(pem: &str) -> Result<Vec<CertificateDer<'static>>, Error> {
    let unreadable = |reason: String| Error::Pem { what: "a certificate", reason };
    let found: Vec<_> = CertificateDer::pem_slice_iter(pem.as_bytes())
        .collect::<Result<_, _>>()
        .map_err(|e| unreadable(e.to_string()))?;
    if found.is_empty() { Err(unreadable("no certificate in the text".to_owned())) } else { Ok(found) }
}

fn private_key(pem: &str) -> Result<PrivateKeyDer<'static>, Error> {
    PrivateKeyDer::from_pem_slice(pem.as_bytes())
        .map_err(|e| Error::Pem { what: "a private key", reason: e.to_string() })
}
