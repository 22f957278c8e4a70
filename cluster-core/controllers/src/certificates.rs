//! Certificate signing requests for the cluster's own signers: a kubelet's are approved, approved ones are signed, and
//! old ones go.

use crate::prelude::*;
use cluster_pki::{Authority, Requested};
use k8s_openapi::ByteString;
use k8s_openapi::api::authorization::v1::SubjectAccessReview;
use k8s_openapi::api::certificates::v1::{
    CertificateSigningRequest as Request, CertificateSigningRequestCondition, CertificateSigningRequestSpec as Spec,
};

const CLIENT: &str = "kubernetes.io/kube-apiserver-client";
const KUBELET_CLIENT: &str = "kubernetes.io/kube-apiserver-client-kubelet";
const KUBELET_SERVING: &str = "kubernetes.io/kubelet-serving";
const KUBELETS: &str = "system:nodes";
/// How long a certificate lasts, and the least that may be asked for.
const LIFETIME: Duration = Duration::from_hours(24 * 365);
const SHORTEST: Duration = Duration::from_mins(10);
/// How long requests are kept: decided ones, and those nobody decides.
const KEPT: Duration = Duration::from_hours(1);
const PENDING: Duration = Duration::from_hours(24);

pub(crate) fn runner(context: &Context) -> Runner<Requests> {
    let signer = context.options.signer.clone();
    let controller =
        Arc::new(Requests { client: context.client.clone(), signer, requests: context.informers.informer() });
    Runner::new(&controller, |c, key| c.reconcile(key).boxed()).on_each(&controller.requests)
}

pub(crate) struct Requests {
    client: Client,
    signer: Option<Arc<Authority>>,
    requests: Informer<Request>,
}

/// What comes next for a request.
#[derive(Debug, PartialEq)]
enum Step {
    Delete,
    Approve,
    Sign,
    Fail(String),
    /// Look again when it is old.
    Wait(Duration),
}

fn condition<'a>(request: &'a Request, kind: &str) -> Option<&'a CertificateSigningRequestCondition> {
    conditions::get(request.status.as_ref()?.conditions.as_ref(), kind)
}

fn plan(request: &Request, subject: Option<&Result<Requested, String>>, now: &Time) -> Step {
    let decision = ["Approved", "Denied", "Failed"].into_iter().find_map(|kind| condition(request, kind));
    let since = decision.and_then(|decision| decision.last_update_time.as_ref());
    let since = since.or(request.metadata.creation_timestamp.as_ref()).unwrap_or(now);
    let Some(left) = meta::left(since, if decision.is_some() { KEPT } else { PENDING }, now) else {
        return Step::Delete;
    };
    let closed = ["Denied", "Failed"].iter().any(|kind| condition(request, kind).is_some());
    let signed = request.status.as_ref().is_some_and(|status| status.certificate.is_some());
    let Some(subject) = subject.filter(|_| !closed && !signed) else { return Step::Wait(left) };
    let verdict = subject.as_ref().map_err(Clone::clone).and_then(|subject| validate(&request.spec, subject));
    match (decision.is_some(), verdict) {
        (true, Ok(())) => Step::Sign,
        (true, Err(why)) => Step::Fail(why),
        (false, Ok(())) if request.spec.signer_name == KUBELET_CLIENT => Step::Approve,
        (false, _) => Step::Wait(left),
    }
}

/// Whether a signer of the cluster may sign this.
fn validate(spec: &Spec, subject: &Requested) -> Result<(), String> {
    let (needed, is_kubelet) = match spec.signer_name.as_str() {
        CLIENT => ("client auth", false),
        KUBELET_CLIENT => ("client auth", true),
        _ => ("server auth", true),
    };
    let usages = spec.usages.as_deref().unwrap_or_default();
    let allowed = |usage: &String| ["digital signature", "key encipherment", needed].contains(&usage.as_str());
    if !usages.iter().all(allowed) || !usages.iter().any(|usage| usage == needed) {
        return Err(format!("invalid usage for signer: {needed:?} is required beside \"digital signature\""));
    }
    if !is_kubelet {
        if subject.organizations.iter().any(|organization| organization == "system:masters") {
            return Err("use of the organization \"system:masters\" is not allowed".to_owned());
        }
        return Ok(());
    }
    if subject.organizations != [KUBELETS] {
        return Err(format!("subject organization is not {KUBELETS}"));
    }
    if !subject.common_name.starts_with("system:node:") {
        return Err("subject common name does not begin with 'system:node:'".to_owned());
    }
    if subject.other_names > 0 {
        return Err("email and URI subjectAltNames are not allowed".to_owned());
    }
    match (needed, subject.names) {
        ("client auth", 1..) => Err("DNS and IP subjectAltNames are not allowed".to_owned()),
        ("server auth", 0) => Err("DNS or IP subjectAltName is required".to_owned()),
        ("server auth", _) if spec.username.as_ref() != Some(&subject.common_name) => {
            Err("subject common name is not the requesting user's".to_owned())
        }
        _ => Ok(()),
    }
}

fn lifetime(spec: &Spec) -> Duration {
    spec.expiration_seconds.map_or(LIFETIME, |wish| meta::seconds(wish).clamp(SHORTEST, LIFETIME))
}

fn pem(request: &Request) -> String {
    String::from_utf8_lossy(&request.spec.request.0).into_owned()
}

fn with(request: &Request, kind: &str, reason: &str, message: String) -> Request {
    let mut changed = request.clone();
    let new = CertificateSigningRequestCondition::build(kind, "True", reason, message);
    let new = CertificateSigningRequestCondition { last_update_time: new.last_transition_time.clone(), ..new };
    changed.status.get_or_insert_default().conditions.get_or_insert_default().push(new);
    changed
}

impl Requests {
    async fn reconcile(&self, key: &ObjectKey) -> Outcome {
        let Some(request) = self.requests.get(key).filter(|request| !request.is_deleting()) else {
            return Ok(None);
        };
        let ours = [CLIENT, KUBELET_CLIENT, KUBELET_SERVING].contains(&request.spec.signer_name.as_str());
        let signer = self.signer.as_ref().filter(|_| ours);
        let subject = signer.map(|_| Requested::read(&pem(&request)).map_err(|error| error.to_string()));
        match (plan(&request, subject.as_ref(), &meta::now()), signer) {
            (Step::Wait(left), _) => return Ok(Some(left)),
            (Step::Delete, _) => delete(&self.client, request.as_ref()).await?,
            (Step::Approve, _) => {
                let common_name = subject.and_then(Result::ok).unwrap_or_default().common_name;
                self.approve(&request, &common_name).await?;
            }
            (Step::Sign, Some(signer)) => {
                let usages = request.spec.usages.clone().unwrap_or_default();
                match signer.sign(&pem(&request), &usages, lifetime(&request.spec)) {
                    Ok(certificate) => {
                        let mut signed = (*request).clone();
                        let certificate = ByteString(certificate.into_bytes());
                        signed.status.get_or_insert_default().certificate = Some(certificate);
                        ignore_gone(self.client.update_status(&signed).await)?;
                    }
                    Err(error) => self.fail(&request, error.to_string()).await?,
                }
            }
            (Step::Fail(why), _) => self.fail(&request, why).await?,
            (Step::Sign, None) => {}
        }
        // What was written brings the request back.
        Ok(None)
    }

    async fn fail(&self, request: &Request, why: String) -> Result<(), Error> {
        let failed = with(request, "Failed", "SignerValidationFailure", why);
        ignore_gone(self.client.update_status(&failed).await).map(drop)
    }

    /// Approves a kubelet's request when who made it may have one: for himself, or for any node.
    async fn approve(&self, request: &Request, common_name: &str) -> Result<(), Error> {
        let spec = &request.spec;
        let rights = [("selfnodeclient", "self "), ("nodeclient", "")];
        let is_own = spec.username.as_deref() == Some(common_name);
        for (right, whose) in rights.into_iter().skip(usize::from(!is_own)) {
            if !self.may(spec, right).await? {
                continue;
            }
            let message = format!("Auto approving {whose}kubelet client certificate after SubjectAccessReview.");
            let approved = with(request, "Approved", "AutoApproved", message);
            return ignore_gone(self.client.update_subresource(&approved, "approval").await).map(drop);
        }
        tracing::debug!(request = request.name(), "a kubelet's request is left to an administrator");
        Ok(())
    }

    async fn may(&self, spec: &Spec, right: &str) -> Result<bool, Error> {
        let review = json!({"metadata": {}, "spec": {
            "user": spec.username, "uid": spec.uid, "groups": spec.groups, "extra": spec.extra,
            "resourceAttributes": {"group": "certificates.k8s.io", "resource": "certificatesigningrequests",
                "verb": "create", "subresource": right},
        }});
        let review: SubjectAccessReview =
            serde_json::from_value(review).map_err(|e| Error::Object(format!("no review can be made: {e}")))?;
        Ok(self.client.create(&review).await?.status.is_some_and(|status| status.allowed))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::Value;

    fn request(signer: &str, usages: &[&str], decision: &Value) -> Request {
        serde_json::from_value(json!({
            "metadata": {"name": "r", "creationTimestamp": "2026-01-01T00:00:00Z"},
            "spec": {"request": "", "signerName": signer, "usages": usages, "username": "system:node:a"},
            "status": {"conditions": decision},
        }))
        .expect("a request")
    }

    fn time(text: &str) -> Time {
        Time(text.parse().expect("a time"))
    }

    #[test]
    fn the_standard_signers_sign_what_is_theirs() {
        let node = Requested {
            common_name: "system:node:a".into(),
            organizations: vec![KUBELETS.into()],
            ..Requested::default()
        };
        let jane = Requested { common_name: "jane".into(), ..Requested::default() };
        let root = Requested { organizations: vec!["app".into(), "system:masters".into()], ..jane.clone() };
        let also = Requested { organizations: vec!["app".into(), KUBELETS.into()], ..node.clone() };
        let named = Requested { names: 1, ..node.clone() };
        let other = Requested { common_name: "system:node:b".into(), ..named.clone() };
        let (client, server) = (["digital signature", "client auth"], ["digital signature", "server auth"]);
        let cases = [
            (CLIENT, &client, &jane, true),
            (CLIENT, &server, &jane, false),
            (CLIENT, &client, &root, false),
            (KUBELET_CLIENT, &client, &node, true),
            (KUBELET_CLIENT, &client, &jane, false),
            (KUBELET_CLIENT, &client, &also, false),
            (KUBELET_CLIENT, &client, &named, false),
            (KUBELET_SERVING, &server, &named, true),
            (KUBELET_SERVING, &server, &node, false),
            (KUBELET_SERVING, &server, &other, false),
            (KUBELET_SERVING, &client, &named, false),
        ];
        for (signer, usages, subject, expected) in cases {
            let found = validate(&request(signer, usages, &json!([])).spec, subject);
            assert_eq!(found.is_ok(), expected, "{signer} {usages:?} {subject:?} {found:?}");
        }
    }

    #[test]
    fn a_request_is_decided_signed_and_forgotten() {
        let approved = json!([{"type": "Approved", "status": "True", "lastUpdateTime": "2026-01-01T02:00:00Z"}]);
        let denied = json!([{"type": "Denied", "status": "True", "lastUpdateTime": "2026-01-01T02:00:00Z"}]);
        let (soon, none) = (Step::Wait(Duration::from_mins(30)), json!([]));
        let cases = [
            (KUBELET_CLIENT, &none, "2026-01-01T02:30:00Z", Step::Approve),
            (CLIENT, &none, "2026-01-01T02:30:00Z", Step::Wait(Duration::from_mins(21 * 60 + 30))),
            (CLIENT, &none, "2026-01-02T00:00:00Z", Step::Delete),
            (CLIENT, &denied, "2026-01-01T02:30:00Z", soon),
            (KUBELET_CLIENT, &approved, "2026-01-01T02:30:00Z", Step::Sign),
            (KUBELET_CLIENT, &approved, "2026-01-01T03:00:00Z", Step::Delete),
        ];
        let subject = Requested {
            common_name: "system:node:a".into(),
            organizations: vec![KUBELETS.into()],
            ..Requested::default()
        };
        for (signer, decision, now, expected) in cases {
            let request = request(signer, &["client auth"], decision);
            assert_eq!(plan(&request, Some(&Ok(subject.clone())), &time(now)), expected, "{signer} {now}");
            if expected == Step::Sign {
                let unreadable = plan(&request, Some(&Err("no PEM".to_owned())), &time(now));
                assert_eq!(unreadable, Step::Fail("no PEM".to_owned()));
                assert_eq!(plan(&request, None, &time(now)), Step::Wait(Duration::from_mins(30)));
            }
        }
        let mut wish = request(CLIENT, &[], &none).spec;
        for (seconds, expected) in [(None, LIFETIME), (Some(1), SHORTEST), (Some(7200), Duration::from_hours(2))] {
            wish.expiration_seconds = seconds;
            assert_eq!(lifetime(&wish), expected);
        }
    }
}
