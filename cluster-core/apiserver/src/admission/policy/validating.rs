//! `ValidatingAdmissionPolicy`: what a policy and its bindings say of a request.

use super::compiled::Compiled;
use super::evaluation::{Evaluation, settled};
use super::{Applicable, VALIDATING, VALIDATING_BINDINGS, applicable, denied, fails_closed, params};
use crate::admission::webhook::versions;
use crate::custom::rules;
use crate::kinds::prelude::*;
use cluster_cel::{Budget, Value as CelValue};

/// A validation that does not hold.
struct Violation {
    message: String,
    reason: String,
    index: usize,
}

/// Refuses what a policy denies; warns and annotates as bindings wish.
pub(in crate::admission) async fn validate(call: &Call<'_>, request: &AdmissionRequest<'_>) -> Result<(), Status> {
    let mut refusals = Vec::new();
    for Applicable { policy, resource, bindings } in applicable(call.server, request, VALIDATING, VALIDATING_BINDINGS)?
    {
        let versions = versions(call, request, &resource).await?;
        let budget = Arc::new(Budget::default());
        for binding in &bindings {
            let all = match params::of(call.server, request, &policy.spec, binding) {
                Ok(all) => all,
                Err(why) if fails_closed(&policy) => {
                    refusals.push(refusal(request, &policy, binding, &why, ""));
                    continue;
                }
                Err(_) => continue,
            };
            for params in &all {
                let objects = (&versions.0, &versions.1);
                let make = || Evaluation::new(call.server, request, &policy, &resource, objects, params, &budget);
                let work = |run: &mut Evaluation<'_>| (violations(run, &policy), annotations(run, &policy));
                let (violations, annotations) = settled(call.server, make, work).await;
                for (key, value) in annotations {
                    request.notes.annotate(key, value);
                }
                act(request, &policy, binding, violations, &mut refusals);
            }
        }
    }
    refusals.into_iter().next().map_or(Ok(()), Err)
}

fn refusal(request: &AdmissionRequest<'_>, policy: &Compiled, binding: &Value, why: &str, reason: &str) -> Status {
    // What is wrong with the policy is no matter of a binding.
    let bound = if why.starts_with("failed to configure policy") {
        String::new()
    } else {
        format!(" with binding '{}'", meta::name(binding))
    };
    let message = format!("ValidatingAdmissionPolicy '{}'{bound} denied request: {why}", policy.name);
    let (reason, code) = match reason {
        "Forbidden" => ("Forbidden", 403),
        "Unauthorized" => ("Unauthorized", 401),
        "RequestEntityTooLarge" => ("RequestEntityTooLarge", 413),
        _ => ("Invalid", 422),
    };
    denied(request, message, reason, code)
}

/// The validations that do not hold; a failure is one of them when the policy says so.
fn violations(run: &mut Evaluation<'_>, policy: &Compiled) -> Vec<Violation> {
    let failure =
        |message: String, index| fails_closed(policy).then(|| Violation { message, reason: String::new(), index });
    match run.concerned() {
        Ok(true) => {}
        Ok(false) => return Vec::new(),
        Err(why) => return failure(why, 0).into_iter().collect(),
    }
    let mut found = Vec::new();
    for (index, (expression, message)) in policy.validations.iter().enumerate() {
        let spec = &items(&policy.spec["validations"])[index];
        match run.value(expression) {
            Ok(CelValue::Bool(true)) => {}
            Ok(CelValue::Bool(false)) => {
                let computed = message.as_ref().and_then(|message| rules::message_of(run.value(message).ok()?));
                let said = text(&spec["message"]).trim();
                let otherwise = match said {
                    "" => format!("failed expression: {}", text(&spec["expression"]).trim()),
                    said => said.to_owned(),
                };
                let reason = text(&spec["reason"]).to_owned();
                found.push(Violation { message: computed.unwrap_or(otherwise), reason, index });
            }
            Ok(_) => found.extend(failure("validation expression did not evaluate to a bool".to_owned(), index)),
            Err(why) => found.extend(failure(why, index)),
        }
    }
    found
}

fn act(
    request: &AdmissionRequest<'_>,
    policy: &Compiled,
    binding: &Value,
    violations: Vec<Violation>,
    refusals: &mut Vec<Status>,
) {
    let actions: Vec<&str> = texts(&binding["spec"]["validationActions"]).collect();
    let mut audited = Vec::new();
    for Violation { message, reason, index } in violations {
        for action in &actions {
            match *action {
                "Deny" => refusals.push(refusal(request, policy, binding, &message, &reason)),
                "Warn" => request.notes.warn(&format!(
                    "Validation failed for ValidatingAdmissionPolicy '{}' with binding '{}': {message}",
                    policy.name,
                    meta::name(binding)
                )),
                _ => audited.push(json!({
                    "message": message, "policy": policy.name, "binding": meta::name(binding),
                    "expressionIndex": index, "validationActions": actions,
                })),
            }
        }
    }
    if !audited.is_empty() {
        let key = "validation.policy.admission.k8s.io/validation_failure";
        request.notes.annotate(key.to_owned(), Value::from(audited).to_string());
    }
}

/// What `auditAnnotations` evaluate to.
fn annotations(run: &mut Evaluation<'_>, policy: &Compiled) -> Vec<(String, String)> {
    let mut found = Vec::new();
    for (spec, expression) in items(&policy.spec["auditAnnotations"]).iter().zip(&policy.annotations) {
        if let Ok(CelValue::String(value)) = run.value(expression) {
            found.push((format!("{}/{}", policy.name, text(&spec["key"])), value.trim().to_owned()));
        }
    }
    found
}
