//! `MutatingAdmissionPolicy`: changes that policies make to an object, by apply configuration or JSON patch.

use super::compiled::{Compiled, Expression};
use super::evaluation::{Evaluation, settled};
use super::{Applicable, MUTATING, MUTATING_BINDINGS, applicable, denied, fails_closed, params};
use crate::admission::webhook::versions;
use crate::kinds::prelude::*;
use cluster_cel::Budget;
use cluster_object::apply;

/// Lets the policies change the object, in the order of their names. Those that ask for it see once more what they and
/// others changed. Returns whether anything changed.
pub(in crate::admission) async fn mutate(call: &Call<'_>, request: &mut AdmissionRequest<'_>) -> Result<bool, Status> {
    if matches!(request.operation, Operation::Delete | Operation::Connect) {
        return Ok(false);
    }
    let mut changed = false;
    for round in 0..2 {
        for applicable in applicable(call.server, request, MUTATING, MUTATING_BINDINGS)? {
            if round == 0 || (changed && applicable.policy.spec["reinvocationPolicy"] == "IfNeeded") {
                changed |= run(call, request, &applicable).await?;
            }
        }
    }
    Ok(changed)
}

async fn run(call: &Call<'_>, request: &mut AdmissionRequest<'_>, of: &Applicable) -> Result<bool, Status> {
    let policy = &*of.policy;
    let mut changed = false;
    for binding in &of.bindings {
        let outcome = async {
            for params in params::of(call.server, request, &policy.spec, binding)? {
                changed |= change(call, request, policy, &of.resource, &params).await?;
            }
            Ok::<_, String>(())
        };
        if let Err(why) = outcome.await
            && fails_closed(policy)
        {
            let binding = meta::name(binding);
            let message = format!("policy '{}' with binding '{binding}' denied request: {why}", policy.name);
            // Unlike that of a validating policy, the refusal says no more than this.
            return Err(Status { message: message.clone(), ..denied(request, message, "Invalid", 403) });
        }
    }
    Ok(changed)
}

/// Makes all changes of a policy, or none when one fails. Returns whether there were any.
async fn change(
    call: &Call<'_>,
    request: &mut AdmissionRequest<'_>,
    policy: &Compiled,
    resource: &Arc<Resource>,
    params: &Value,
) -> Result<bool, String> {
    let (mut object, old) = versions(call, request, resource).await.map_err(|status| status.message)?;
    let before = object.clone();
    let budget = Arc::new(Budget::default());
    for (spec, mutation) in items(&policy.spec["mutations"]).iter().zip(&policy.mutations) {
        let make = || Evaluation::new(call.server, request, policy, resource, (&object, &old), params, &budget);
        let work = |run: &mut Evaluation<'_>| -> Result<Option<Value>, String> {
            if run.concerned()? { patch(run, mutation).map(Some) } else { Ok(None) }
        };
        let Some(patch) = settled(call.server, make, work).await? else { return Ok(false) };
        if spec["patchType"] == "JSONPatch" {
            match json_patch(&mut object, &patch) {
                // The patch was for another object.
                Err(_) if tests_fail(&object, &patch) => {}
                outcome => outcome.map_err(|status| format!("JSON Patch: {}", status.message))?,
            }
        } else {
            merge(&mut object, patch, resource)?;
        }
    }
    let changed = object != before;
    if changed {
        if (&resource.group, &resource.version) != (&call.resource.group, &call.resource.version) {
            let converted = verbs::converted(call.server, object, resource, &call.resource).await;
            object = converted.map_err(|status| status.message)?;
        }
        verbs::complete(&call.resource, &mut object).map_err(|status| status.message)?;
        *request.object = object;
    }
    Ok(changed)
}

/// Whether it is a test that keeps a patch from an object.
fn tests_fail(object: &Value, patch: &Value) -> bool {
    let without: Value = items(patch).iter().filter(|operation| operation["op"] != "test").cloned().collect();
    json_patch(&mut object.clone(), &without).is_ok()
}

fn patch(run: &mut Evaluation<'_>, mutation: &Expression) -> Result<Value, String> {
    let value = run.value(mutation)?;
    cluster_cel::to_json(&value).ok_or_else(|| "the expression evaluates to something that is no object".to_owned())
}

/// Merges an apply configuration into the object, by the list types of its schema.
fn merge(object: &mut Value, configuration: Value, resource: &Resource) -> Result<(), String> {
    for field in ["apiVersion", "kind"] {
        if configuration.get(field).is_some_and(|given| *given != object[field]) {
            return Err(format!("ApplyConfiguration must not change {field}"));
        }
    }
    let schema = resource.schema().ok_or("no schema is known")?;
    if let Some(faults) = apply::told(&apply::faults(&configuration, schema)) {
        return Err(format!("error applying patch: failed to convert patch object to typed object: {faults}"));
    }
    let atomics = apply::atomics(&configuration, schema);
    if !atomics.is_empty() {
        let list = atomics.join(", ");
        let why = format!("may not mutate atomic arrays, maps or structs: {list}");
        return Err(format!("error applying patch: invalid ApplyConfiguration: {why}"));
    }
    apply::merge(object, &configuration, schema);
    Ok(())
}
