//! Requests for certificates, and bundles of trust anchors.

use super::cells::human_duration;
use crate::kinds::prelude::*;
use cluster_pki::Requested;

pub(super) const CERTIFICATE_REQUEST: Strategy = Strategy {
    validate: |at, errors| {
        let request = at.get("spec.request");
        let bytes = BASE64_STANDARD.decode(request.text()).unwrap_or_default();
        let text = String::from_utf8_lossy(&bytes);
        let fault = match Requested::read(&text) {
            _ if request.is_empty() => None,
            _ if !text.contains("-----BEGIN CERTIFICATE REQUEST-----") => {
                Some("PEM block type must be CERTIFICATE REQUEST".to_owned())
            }
            read => read.err().map(|why| why.to_string()),
        };
        errors.extend(fault.map(|why| request.invalid(&why)));
    },
    // What the server added to the request is in no manifest.
    prepare_update: |object, old| object["spec"] = old["spec"].clone(),
    prepare_status: |object, old| {
        // Who may sign may not approve: decisions stay as they are, and others are faults.
        let decided = items(&old["status"]["conditions"]).iter().filter(|condition| decides(condition));
        for condition in child(object, "status").into_iter().flat_map(|status| each(status, "conditions")) {
            if let Some(same) = decided.clone().find(|old| old["type"] == condition["type"]) {
                condition.clone_from(same);
            }
        }
    },
    validate_status: |at, old, errors| {
        let list = at.get("status.conditions");
        for added in list.items().filter(|condition| decides(condition.value)).map(|condition| condition.get("type")) {
            if !items(&old["status"]["conditions"]).iter().any(|known| known["type"] == *added.value) {
                errors.push(list.forbidden(&format!("updates may not add a condition of type {:?}", added.text())));
            }
        }
    },
    ..Strategy::NONE
};

/// Whether a condition says what an approver said.
fn decides(condition: &Value) -> bool {
    matches!(text(&condition["type"]), "Approved" | "Denied")
}

pub(super) fn signer_name(text: &str) -> Result<(), String> {
    match text.split_once('/') {
        Some((domain, path)) if !path.is_empty() => name::dns_subdomain(domain),
        _ => Err("must be a fully qualified domain and path of the form 'example.com/signer-name'".to_owned()),
    }
}

pub(super) const CERTIFICATE_REQUEST_CELLS: &[OwnCell] =
    &[("RequestedDuration", |o| match int(&o["spec"]["expirationSeconds"]) {
        0 => "<none>".into(),
        seconds => human_duration(seconds).into(),
    })];
