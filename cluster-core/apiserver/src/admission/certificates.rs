//! CertificateApproval, CertificateSigning, CertificateSubjectRestriction and ClusterTrustBundleAttest: who may decide
//! about a signer's requests, answer them and speak for it, and what nobody may ask for.
//!
//! Facts: <https://kubernetes.io/docs/reference/access-authn-authz/certificate-signing-requests/#authorization>.

use crate::prelude::*;
use x509_parser::certification_request::X509CertificationRequest;
use x509_parser::pem::parse_x509_pem;
use x509_parser::prelude::FromDer;

const REQUESTS: &str = "certificates.k8s.io/certificatesigningrequests";
const BUNDLES: &str = "certificates.k8s.io/clustertrustbundles";
/// Its certificates are users of the API.
const CLIENTS: &str = "kubernetes.io/kube-apiserver-client";

/// A plugin, the verb on `signers` that it wants, and what it says to those who may not.
type Duty = (&'static str, &'static str, &'static str);
const APPROVE: Duty = ("CertificateApproval", "approve", "user not permitted to approve requests with signerName");
const SIGN: Duty = ("CertificateSigning", "sign", "user not permitted to sign requests with signerName");
const ATTEST: Duty = ("ClusterTrustBundleAttest", "attest", "user not permitted to attest for signerName");

/// Refuses a decision, a certificate or a bundle from who may not give it for the signer.
pub(super) async fn check(call: &Call<'_>, request: &AdmissionRequest<'_>) -> Result<(), Status> {
    let Some(((plugin, verb, why), signer)) = duty(request) else { return Ok(()) };
    if !call.server.config.admission.runs(plugin) || signer.is_empty() {
        return Ok(());
    }
    let domain = signer.split('/').next().unwrap_or_default();
    for name in [signer.to_owned(), format!("{domain}/*")] {
        let asked = RequestInfo::of(verb, ["certificates.k8s.io", "*", "signers", ""], "", &name);
        if call.server.authorizer.decide(request.user, &asked).await.is_allowed() {
            return Ok(());
        }
    }
    Err(request.forbidden(&format!("{why} {signer:?}")))
}

/// What the request needs a right for, and whose.
fn duty<'a>(request: &'a AdmissionRequest<'_>) -> Option<(Duty, &'a str)> {
    let updates = request.operation == Operation::Update;
    let old = request.old.unwrap_or(&Value::Null);
    let signer = |object| meta::text(object, "spec.signerName");
    match (request.resource.storage.as_str(), request.subresource) {
        (REQUESTS, "approval") if updates => Some((APPROVE, signer(old))),
        (REQUESTS, "status") if updates => {
            let changes = |field: &str| old["status"][field] != request.object["status"][field];
            (changes("certificate") || changes("conditions")).then(|| (SIGN, signer(old)))
        }
        (BUNDLES, "") if updates || request.operation == Operation::Create => {
            (old["spec"] != request.object["spec"]).then(|| (ATTEST, signer(request.object)))
        }
        _ => None,
    }
}

/// Refuses requests for a client certificate of the group that may do everything.
pub(super) fn subject(request: &AdmissionRequest<'_>, _: &dyn Lookup) -> Result<(), Status> {
    if !request.creates(REQUESTS) || meta::text(request.object, "spec.signerName") != CLIENTS {
        return Ok(());
    }
    let pem = BASE64_STANDARD.decode(meta::text(request.object, "spec.request")).unwrap_or_default();
    let organizations =
        organizations(&pem).ok_or_else(|| request.forbidden("unable to parse the certificate request"))?;
    if organizations.iter().any(|organization| organization == group::MASTERS) {
        let why = format!("use of {CLIENTS} signer with {} group is not allowed", group::MASTERS);
        return Err(request.forbidden(&why));
    }
    Ok(())
}

/// All organizations that a PEM request names.
fn organizations(pem: &[u8]) -> Option<Vec<String>> {
    let (_, pem) = parse_x509_pem(pem).ok()?;
    let (_, request) = X509CertificationRequest::from_der(&pem.contents).ok()?;
    let subject = &request.certification_request_info.subject;
    let text = |attribute: &x509_parser::x509::AttributeTypeAndValue<'_>| attribute.as_str().ok().map(str::to_owned);
    subject.iter_organization().map(text).collect()
}
