//! `admission.k8s.io AdmissionReview`: the question put to a webhook and the reading of its answer.

use crate::kinds::prelude::*;

/// The review of `request` for a webhook that knows its resource as `matched`; `object` and `old` are of that version.
pub(in crate::admission) fn question(
    uid: &str,
    request: &AdmissionRequest<'_>,
    matched: &Resource,
    object: &Value,
    old: &Value,
) -> Value {
    let mut asked = json!({
        "uid": uid, "kind": kind(matched, request.subresource), "resource": resource(matched),
        "requestKind": kind(request.resource, request.subresource), "requestResource": resource(request.resource),
        "operation": request.operation.name(), "userInfo": request.user.to_json(), "object": object,
        "oldObject": old, "dryRun": request.query.dry_run, "options": request.options(),
    });
    let (subresource, namespace, name) = (request.subresource, request.namespace, request.name);
    for (field, value) in
        [("subResource", subresource), ("requestSubResource", subresource), ("namespace", namespace), ("name", name)]
    {
        if !value.is_empty() {
            asked[field] = value.into();
        }
    }
    json!({"kind": "AdmissionReview", "apiVersion": "admission.k8s.io/v1", "request": asked})
}

fn resource(resource: &Resource) -> Value {
    json!({"group": resource.group, "version": resource.version, "resource": resource.plural})
}

/// The kind that a request on this subresource carries.
fn kind(resource: &Resource, subresource: &str) -> Value {
    let own = (&resource.group, &resource.version, &resource.kind);
    let (group, version, kind) = resource
        .subresource(subresource)
        .map_or(own, |sub| (sub.group.as_ref().unwrap_or(own.0), sub.version.as_ref().unwrap_or(own.1), &sub.kind));
    json!({"group": group, "version": version, "kind": kind})
}

/// What a webhook answers.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Answer {
    pub(super) allowed: bool,
    pub(super) status: Value,
    pub(super) warnings: Vec<String>,
    pub(super) annotations: Vec<(String, String)>,
    /// A JSON patch; null when there is none.
    pub(super) patch: Value,
}

/// Reads the answer to a question; an error says what is wrong with it. Of one in `v1beta1` less is demanded.
pub(super) fn answer(review: &Value, question: &Value, mutating: bool) -> Result<Answer, String> {
    let (uid, strict) = (text(&question["request"]["uid"]), question["apiVersion"] == "admission.k8s.io/v1");
    let response = &review["response"];
    if !response.is_object() {
        return Err("webhook response was absent".to_owned());
    }
    if strict && response["uid"] != uid {
        return Err(format!("expected response.uid={uid:?}, got {:?}", text(&response["uid"])));
    }
    let (version, kind) = (text(&review["apiVersion"]), text(&review["kind"]));
    if strict && (version, kind) != ("admission.k8s.io/v1", "AdmissionReview") {
        let given = format!("{version}, Kind={kind}");
        return Err(format!("expected webhook response of admission.k8s.io/v1, Kind=AdmissionReview, got {given}"));
    }
    let (patch, kind) = (text(&response["patch"]), response["patchType"].as_str());
    let fault = match (mutating, patch.is_empty(), kind) {
        _ if !strict => None,
        (false, false, _) => Some("validating webhook may not return response.patch".to_owned()),
        (false, _, Some(_)) => Some("validating webhook may not return response.patchType".to_owned()),
        (true, false, None) => Some("webhook returned response.patch but not response.patchType".to_owned()),
        (true, true, Some(_)) => Some("webhook returned response.patchType but not response.patch".to_owned()),
        (true, false, Some(kind)) if kind != "JSONPatch" => Some(format!("unsupported patch type {kind:?}")),
        _ => None,
    };
    if let Some(fault) = fault {
        return Err(fault);
    }
    let patch = match patch {
        "" => Value::Null,
        patch => {
            let decoded = BASE64_STANDARD.decode(patch).map_err(|e| format!("response.patch is not base64: {e}"))?;
            serde_json::from_slice(&decoded).map_err(|e| format!("response.patch is not JSON: {e}"))?
        }
    };
    let annotations = response["auditAnnotations"].as_object().into_iter().flatten();
    Ok(Answer {
        allowed: response["allowed"] == true,
        status: response["status"].clone(),
        warnings: crate::kinds::walk::texts(&response["warnings"]).map(str::to_owned).collect(),
        annotations: annotations.map(|(key, value)| (key.clone(), text(value).to_owned())).collect(),
        patch,
    })
}

/// The refusal of the webhook `name`, out of the status it gave.
pub(super) fn denied(name: &str, status: &Value) -> Status {
    let by = format!("admission webhook {name:?} denied the request");
    let message = match (text(&status["message"]), text(&status["reason"])) {
        ("", "") => format!("{by} without explanation"),
        ("", why) | (why, _) => format!("{by}: {why}"),
    };
    let code = status["code"].as_u64().and_then(|code| u16::try_from(code).ok()).filter(|code| *code >= 400);
    let details = serde_json::from_value(status["details"].clone()).ok();
    Status { details, ..Status::new(code.unwrap_or(400), text(&status["reason"]), message) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_must_be_one_to_this_question() {
        let review = |response: Value| json!({"kind": "AdmissionReview", "apiVersion": "admission.k8s.io/v1", "response": response});
        let patch = "W10="; // []
        let mut asked = json!({"apiVersion": "admission.k8s.io/v1", "request": {"uid": "u"}});
        for (mutating, answered, fault) in [
            (true, json!({"kind": "AdmissionReview"}), "webhook response was absent"),
            (true, review(json!({"uid": "v"})), "expected response.uid=\"u\", got \"v\""),
            (
                true,
                json!({"kind": "X", "apiVersion": "y/v2", "response": {"uid": "u"}}),
                "expected webhook response of admission.k8s.io/v1, Kind=AdmissionReview, got y/v2, Kind=X",
            ),
            (
                true,
                review(json!({"uid": "u", "patch": patch})),
                "webhook returned response.patch but not response.patchType",
            ),
            (
                true,
                review(json!({"uid": "u", "patchType": "JSONPatch"})),
                "webhook returned response.patchType but not response.patch",
            ),
            (
                true,
                review(json!({"uid": "u", "patch": patch, "patchType": "Other"})),
                "unsupported patch type \"Other\"",
            ),
            (false, review(json!({"uid": "u", "patch": patch})), "validating webhook may not return response.patch"),
        ] {
            assert_eq!(answer(&answered, &asked, mutating), Err(fault.to_owned()), "{answered}");
        }
        let good = review(json!({"uid": "u", "allowed": true, "patch": patch, "patchType": "JSONPatch"}));
        let good = answer(&good, &asked, true);
        assert_eq!(good, Ok(Answer { allowed: true, patch: json!([]), ..Answer::default() }));
        asked["apiVersion"] = "admission.k8s.io/v1beta1".into();
        let old = answer(&json!({"response": {"allowed": true, "patch": patch}}), &asked, true);
        assert_eq!(old, good, "the old version says neither whose answer it is nor of which kind the patch is");
    }

    #[test]
    fn a_refusal_names_the_webhook_and_is_always_an_error() {
        let by = "admission webhook \"a.b.c\" denied the request";
        for (status, code, message) in [
            (Value::Null, 400, format!("{by} without explanation")),
            (json!({"reason": "NoGood"}), 400, format!("{by}: NoGood")),
            (json!({"code": 200, "message": "no"}), 400, format!("{by}: no")),
            (json!({"code": 403, "message": "no", "reason": "Forbidden"}), 403, format!("{by}: no")),
        ] {
            let denied = denied("a.b.c", &status);
            assert_eq!((denied.code, denied.message), (code, message));
        }
    }
}
