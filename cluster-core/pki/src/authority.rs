//! A certificate authority: makes itself, issues certificates, signs requests.

use crate::Error;
use base64::prelude::*;
use rcgen::{
    BasicConstraints, CertificateParams, CertificateSigningRequestParams, DnType, ExtendedKeyUsagePurpose, IsCa,
    Issuer, KeyPair, KeyUsagePurpose, SanType, SigningKey,
};
use rustls_pki_types::CertificateSigningRequestDer;
use rustls_pki_types::pem::PemObject;
use time::{Duration, OffsetDateTime};
use x509_parser::asn1_rs::{Any, BitString, FromDer, Sequence, ToDer};
use x509_parser::certification_request::X509CertificationRequest;
use x509_parser::x509::AttributeTypeAndValue;

/// Local clusters live long and have nobody to renew for them.
const TEN_YEARS: Duration = Duration::days(3650);
/// Clocks of containers and hosts may differ a little.
const CLOCK_SKEW: Duration = Duration::hours(1);

/// A certificate and its key, both PEM.
#[derive(Clone)]
pub struct Pair {
    /// The certificate.
    pub cert: String,
    /// The private key, PKCS #8.
    pub key: String,
}

/// What a certificate may be used for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Usage {
    /// To serve.
    Server,
    /// To identify a client.
    Client,
    /// Both.
    Both,
}

/// Whom a certificate names.
#[derive(Debug, Clone)]
pub struct Subject {
    /// The common name; the API server's user name.
    pub common_name: String,
    /// The organization; the API server's group. Empty for none.
    pub organization: String,
    /// DNS names and addresses that the certificate serves.
    pub names: Vec<String>,
    /// What it may be used for.
    pub usage: Usage,
}

impl Subject {
    /// A client called `common_name` in the group `organization`.
    pub fn client(common_name: &str, organization: &str) -> Self {
        Self {
            common_name: common_name.to_owned(),
            organization: organization.to_owned(),
            names: Vec::new(),
            usage: Usage::Client,
        }
    }
}

/// A certificate authority.
pub struct Authority {
    cert: String,
    issuer: Issuer<'static, KeyPair>,
}

impl Authority {
    /// Makes a new authority with a self-signed certificate.
    pub fn generate(common_name: &str) -> Result<Self, Error> {
        let key = KeyPair::generate()?;
        let mut params = params(common_name, "", &[], TEN_YEARS)?;
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages =
            vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign, KeyUsagePurpose::DigitalSignature];
        let cert = params.self_signed(&key)?.pem();
        Ok(Self { cert, issuer: Issuer::new(params, key) })
    }

    /// Takes up an authority made before.
    pub fn from_pem(pair: &Pair) -> Result<Self, Error> {
        let key = KeyPair::from_pem(&pair.key)?;
        Ok(Self { cert: pair.cert.clone(), issuer: Issuer::from_ca_cert_pem(&pair.cert, key)? })
    }

    /// The authority's certificate and key, to be stored.
    pub fn to_pem(&self) -> Pair {
        Pair { cert: self.cert.clone(), key: self.issuer.key().serialize_pem() }
    }

    /// The authority's certificate, PEM.
    pub fn cert(&self) -> &str {
        &self.cert
    }

    /// Issues a certificate with a new key.
    pub fn issue(&self, subject: &Subject) -> Result<Pair, Error> {
        let key = KeyPair::generate()?;
        let mut params = params(&subject.common_name, &subject.organization, &subject.names, TEN_YEARS)?;
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature, KeyUsagePurpose::KeyEncipherment];
        params.extended_key_usages = match subject.usage {
            Usage::Server => vec![ExtendedKeyUsagePurpose::ServerAuth],
            Usage::Client => vec![ExtendedKeyUsagePurpose::ClientAuth],
            Usage::Both => vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth],
        };
        let cert = params.signed_by(&key, &self.issuer)?.pem();
        Ok(Pair { cert, key: key.serialize_pem() })
    }

    /// Signs a PEM certificate request as it stands, for `lifetime` from now. `usages` are in the API's words; those it
    /// does not know are left out.
    pub fn sign(&self, request: &str, usages: &[String], lifetime: std::time::Duration) -> Result<String, Error> {
        let whole = request_der(request)?;
        let mut request = CertificateSigningRequestParams::from_der(&whole)?;
        let now = OffsetDateTime::now_utc();
        request.params.not_before = now - CLOCK_SKEW;
        request.params.not_after = now + lifetime;
        request.params.is_ca = IsCa::NoCa;
        request.params.key_usages.clear();
        request.params.extended_key_usages.clear();
        let wanted = |usage: &str| usages.iter().any(|other| other == usage);
        for (usage, purpose) in [
            ("digital signature", KeyUsagePurpose::DigitalSignature),
            ("key encipherment", KeyUsagePurpose::KeyEncipherment),
        ] {
            request.params.key_usages.extend(wanted(usage).then_some(purpose));
        }
        for (usage, purpose) in
            [("client auth", ExtendedKeyUsagePurpose::ClientAuth), ("server auth", ExtendedKeyUsagePurpose::ServerAuth)]
        {
            request.params.extended_key_usages.extend(wanted(usage).then_some(purpose));
        }
        let subject = parsed(&whole)?.certification_request_info.subject;
        self.with_subject(request.signed_by(&self.issuer)?.der(), subject.as_raw())
    }

    /// The certificate for this subject, PEM. The library that made it keeps one name of each kind; a request may have
    /// several organizations.
    fn with_subject(&self, certificate: &[u8], subject: &[u8]) -> Result<String, Error> {
        let whole = elements(certificate)?;
        let [signed, algorithm, _] = whole[..] else { return Err(unreadable("it has not three parts")) };
        // Version, serial number, algorithm, issuer, validity, subject, and what else there is.
        let mut parts = elements(signed)?;
        *parts.get_mut(5).ok_or_else(|| unreadable("it names nobody"))? = subject;
        let signed = sequence(&parts)?;
        let signature = BitString::new(0, &self.issuer.key().sign(&signed)?).to_der_vec().map_err(unreadable)?;
        let whole = sequence(&[&signed, algorithm, &signature])?;
        let text = BASE64_STANDARD.encode(whole);
        let lines: Vec<String> = text.as_bytes().chunks(64).map(|line| String::from_utf8_lossy(line).into()).collect();
        Ok(format!("-----BEGIN CERTIFICATE-----\n{}\n-----END CERTIFICATE-----\n", lines.join("\n")))
    }
}

fn unreadable(reason: impl ToString) -> Error {
    Error::Pem { what: "a certificate", reason: reason.to_string() }
}

fn request_der(pem: &str) -> Result<CertificateSigningRequestDer<'static>, Error> {
    CertificateSigningRequestDer::from_pem_slice(pem.as_bytes())
        .map_err(|error| Error::Pem { what: "a certificate request", reason: error.to_string() })
}

fn parsed<'a>(request: &'a CertificateSigningRequestDer<'_>) -> Result<X509CertificationRequest<'a>, Error> {
    X509CertificationRequest::from_der(request).map(|(_, request)| request).map_err(unreadable)
}

/// What a DER sequence consists of.
fn elements(sequence: &[u8]) -> Result<Vec<&[u8]>, Error> {
    let (_, whole) = Any::from_der(sequence).map_err(unreadable)?;
    let (mut rest, mut elements) = (whole.data, Vec::new());
    while !rest.is_empty() {
        let (after, _) = Any::from_der(rest).map_err(unreadable)?;
        elements.push(&rest[..rest.len() - after.len()]);
        rest = after;
    }
    Ok(elements)
}

fn sequence(elements: &[&[u8]]) -> Result<Vec<u8>, Error> {
    Sequence::new(elements.concat().into()).to_der_vec().map_err(unreadable)
}

/// Whom a certificate request names.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Requested {
    /// The common name.
    pub common_name: String,
    /// All organizations.
    pub organizations: Vec<String>,
    /// How many DNS names and addresses it names.
    pub names: usize,
    /// How many names of another kind.
    pub other_names: usize,
}

impl Requested {
    /// Reads a PEM certificate request and checks its signature.
    pub fn read(request: &str) -> Result<Self, Error> {
        let request = request_der(request)?;
        let params = CertificateSigningRequestParams::from_der(&request)?.params;
        let subject = parsed(&request)?.certification_request_info.subject;
        let text = |name: &AttributeTypeAndValue<'_>| name.as_str().map(str::to_owned).map_err(unreadable);
        let common_name = subject.iter_common_name().last().map(text).transpose()?.unwrap_or_default();
        let organizations = subject.iter_organization().map(text).collect::<Result<_, _>>()?;
        let is_name = |name: &&SanType| matches!(name, SanType::DnsName(_) | SanType::IpAddress(_));
        let names = params.subject_alt_names.iter().filter(is_name).count();
        let other_names = params.subject_alt_names.len() - names;
        Ok(Self { common_name, organizations, names, other_names })
    }
}

fn params(
    common_name: &str,
    organization: &str,
    names: &[String],
    lifetime: Duration,
) -> Result<CertificateParams, Error> {
    let mut params = CertificateParams::new(names)?;
    let now = OffsetDateTime::now_utc();
    params.not_before = now - CLOCK_SKEW;
    params.not_after = now + lifetime;
    params.distinguished_name = rcgen::DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, common_name);
    if !organization.is_empty() {
        params.distinguished_name.push(DnType::OrganizationName, organization);
    }
    params.use_authority_key_identifier_extension = true;
    Ok(params)
}

#[cfg(test)]
mod tests {
    use super::*;
    use x509_parser::prelude::*;

    #[test]
    fn an_issued_certificate_names_its_subject_and_verifies_against_the_stored_authority() {
        let made = Authority::generate("test-ca").expect("CA");
        let authority = Authority::from_pem(&made.to_pem()).expect("CA from PEM");
        let subject = Subject {
            names: vec!["10.0.0.1".to_owned(), "localhost".to_owned()],
            usage: Usage::Both,
            ..Subject::client("system:node:a", "system:nodes")
        };
        let pair = authority.issue(&subject).expect("issue");
        let (_, pem) = parse_x509_pem(pair.cert.as_bytes()).expect("PEM");
        let cert = pem.parse_x509().expect("X.509");
        let (_, ca_pem) = parse_x509_pem(authority.cert().as_bytes()).expect("PEM");
        let ca = ca_pem.parse_x509().expect("X.509");

        assert_eq!(cert.subject().to_string(), "CN=system:node:a, O=system:nodes");
        assert_eq!(cert.issuer(), ca.subject());
        assert!(ca.is_ca() && !cert.is_ca());
        let names = cert.subject_alternative_name().expect("SAN").expect("SAN").value.general_names.len();
        assert_eq!(names, 2);
    }

    /// Accepts the certificates of an authority.
    fn verifier(ca: &str) -> std::sync::Arc<dyn rustls::server::danger::ClientCertVerifier> {
        crate::tls::install_provider();
        let mut roots = rustls::RootCertStore::empty();
        roots.add(rustls_pki_types::CertificateDer::from_pem_slice(ca.as_bytes()).expect("PEM")).expect("a root");
        rustls::server::WebPkiClientVerifier::builder(std::sync::Arc::new(roots)).build().expect("a verifier")
    }

    #[test]
    fn a_signed_request_keeps_its_subject_and_cannot_become_a_ca() {
        let authority = Authority::generate("test-ca").expect("CA");
        let mut params = CertificateParams::new(Vec::new()).expect("params");
        params.distinguished_name = rcgen::DistinguishedName::new();
        params.distinguished_name.push(DnType::CommonName, "jane");
        params.distinguished_name.push(DnType::OrganizationName, "app1");
        // The same name once more: the library takes it for one of another kind.
        params.distinguished_name.push(DnType::CustomDnType(vec![2, 5, 4, 10]), "app2");
        let key = KeyPair::generate().expect("key");
        let request = params.serialize_request(&key).expect("request").pem().expect("PEM");
        let usages = ["digital signature".to_owned(), "client auth".to_owned()];
        let signed = authority.sign(&request, &usages, std::time::Duration::from_hours(24)).expect("signed");
        let read = Requested::read(&request).expect("readable");
        assert_eq!((read.common_name.as_str(), read.names), ("jane", 0));
        assert_eq!(read.organizations, ["app1", "app2"]);
        let (_, pem) = parse_x509_pem(signed.as_bytes()).expect("PEM");
        let cert = pem.parse_x509().expect("X.509");
        assert_eq!(cert.subject().to_string(), "CN=jane, O=app1, O=app2");
        assert!(!cert.is_ca());
        let (_, ca) = parse_x509_pem(authority.cert().as_bytes()).expect("PEM");
        assert_eq!(cert.issuer(), ca.parse_x509().expect("X.509").subject());
        let verifier = verifier(authority.cert());
        let chain = [rustls_pki_types::CertificateDer::from_pem_slice(signed.as_bytes()).expect("PEM")];
        verifier.verify_client_cert(&chain[0], &[], rustls_pki_types::UnixTime::now()).expect("the authority's own");
    }
}
