//! Evictions: a delete that asks the disruption budgets first.

use crate::kinds::prelude::*;
use crate::request::{check_delete, delete_options};
use crate::verbs::check_preconditions;

const BUDGETS: &str = "policy/poddisruptionbudgets";

pub(super) async fn post(call: &Call<'_>, body: Body) -> Result<Reply, Status> {
    let mut eviction = super::decode(call, body).await?;
    let name = call.info.name.as_str();
    if !matches!(meta::name(&eviction), "" | "unknown") && meta::name(&eviction) != name {
        return Err(Status::bad_request("name in URL does not match name in Eviction object"));
    }
    call.admit_both(AdmissionRequest::new(call, Operation::Create, name, &mut eviction).of("eviction")).await?;
    let mut call = call.clone();
    call.query.delete = match eviction.get("deleteOptions") {
        Some(options) if !options.is_null() => delete_options(options.clone())?,
        _ => DeleteOptions::default(),
    };
    check_delete(&call.query.delete)?;
    call.query.dry_run |= call.query.delete.dry_run.iter().flatten().next().is_some();
    // What follows is the server's own doing.
    call.admitted = true;
    let given = call.query.delete.clone();
    loop {
        let pod = call.object(name).await?;
        check_preconditions(&call, name, &given, &pod)?;
        let free = if needs_no_budget(&pod) { !is_over(&pod) } else { !spend_budget(&call, &pod).await? };
        // A pod that costs nothing while it is not ready goes as it was judged or is judged again.
        let pinned = free && given.preconditions.as_ref().is_none_or(|given| given.resource_version.is_none());
        call.query.delete = given.clone();
        if pinned {
            let revision = meta::resource_version(&pod).to_owned();
            call.query.delete.preconditions.get_or_insert_default().resource_version = Some(revision);
        }
        match evict(&mut call, name).await {
            Err(status) if pinned && status.is_conflict() => {}
            done => return done.and_then(|()| super::success()),
        }
    }
}

async fn evict(call: &mut Call<'_>, name: &str) -> Result<(), Status> {
    if !call.query.dry_run {
        call.query.delete = marked(call, name).await?;
    }
    delete_object(call, name).await.map(drop)
}

/// Writes into the pod why it goes, which failure policies of Jobs ask for. Returns the options that then fit.
async fn marked(call: &Call<'_>, name: &str) -> Result<DeleteOptions, Status> {
    let mut options = call.query.delete.clone();
    let make = |old: &Value| {
        check_preconditions(call, name, &options, old)?;
        let mut pod = old.clone();
        condition::set(&mut pod, "DisruptionTarget", true, "EvictionByEvictionAPI", "Eviction API: evicting");
        let generation = meta::generation(&pod);
        let mut conditions = pod["status"]["conditions"].as_array_mut().into_iter().flatten();
        if let Some(target) = conditions.find(|condition| condition["type"] == "DisruptionTarget") {
            target["observedGeneration"] = generation.into();
        }
        Ok(Proposed::new(pod))
    };
    let pod = change(call, name, Part::Status, make).await?;
    if let Some(revision) = options.preconditions.as_mut().and_then(|p| p.resource_version.as_mut()) {
        let pod: Value = serde_json::from_slice(&pod).map_err(Status::internal)?;
        meta::resource_version(&pod).clone_into(revision);
    }
    Ok(options)
}

/// Pods that do not run yet or any more, and those already going, disturb nobody.
fn needs_no_budget(pod: &Value) -> bool {
    is_over(pod) || meta::text(pod, "status.phase") == "Pending"
}

/// Whether the pod runs no more, or is going.
fn is_over(pod: &Value) -> bool {
    matches!(meta::text(pod, "status.phase"), "Succeeded" | "Failed") || meta::deletion_timestamp(pod).is_some()
}

/// Takes one allowed disruption from the pod's budget, if it has one; false when the pod costs it none.
async fn spend_budget(call: &Call<'_>, pod: &Value) -> Result<bool, Status> {
    let snapshot = call.server.store.snapshot(BUDGETS);
    let mut found: Vec<Value> = Vec::new();
    for entry in snapshot.range(Some(&call.info.namespace), None) {
        let budget: Value = serde_json::from_slice(&entry.bytes).map_err(Status::internal)?;
        let selector = Selector::from_label_selector(&budget["spec"]["selector"]);
        if selector.is_ok_and(|selector| selector.matches(|key| meta::label(pod, key))) {
            found.push(budget);
        }
    }
    match found.as_slice() {
        [] => Ok(true),
        [budget] if costs_nothing(budget, pod) => Ok(false),
        [budget] => {
            let make = |old: &Value| Ok(Proposed::new(spent(old, meta::name(pod))?));
            change(&call.on(BUDGETS)?, meta::name(budget), Part::Status, make).await?;
            Ok(true)
        }
        _ => {
            let text =
                "This pod has more than one PodDisruptionBudget, which the eviction subresource does not support.";
            Err(Status::new(500, "", text))
        }
    }
}

/// Whether the pod is none of the healthy ones that the budget counts, and the budget lets such pods go.
fn costs_nothing(budget: &Value, pod: &Value) -> bool {
    let number = |field: &str| budget["status"][field].as_i64().unwrap_or_default();
    let enough = number("desiredHealthy") > 0 && number("currentHealthy") >= number("desiredHealthy");
    !meta::is_true(pod, "Ready") && (budget["spec"]["unhealthyPodEvictionPolicy"] == "AlwaysAllow" || enough)
}

fn spent(budget: &Value, pod: &str) -> Result<Value, Status> {
    let number = |field: &str| budget["status"][field].as_i64().unwrap_or_default();
    let name = meta::name(budget);
    if number("observedGeneration") < meta::generation(budget) {
        let message = format!("The disruption budget {name} is still being processed by the server.");
        return Err(too_many(message, 10));
    }
    if number("disruptionsAllowed") <= 0 {
        let message = format!(
            "The disruption budget {name} needs {} healthy pods and has {} currently",
            number("desiredHealthy"),
            number("currentHealthy")
        );
        return Err(too_many(message, 0));
    }
    let mut budget = budget.clone();
    meta::set(&mut budget, "status.disruptionsAllowed", number("disruptionsAllowed") - 1);
    if !budget["status"]["disruptedPods"].is_object() {
        budget["status"]["disruptedPods"] = Value::Object(serde_json::Map::new());
    }
    budget["status"]["disruptedPods"][pod] = meta::now().into();
    Ok(budget)
}

fn too_many(message: String, retry_after_seconds: u32) -> Status {
    let causes = vec![Cause { reason: "DisruptionBudget".to_owned(), message, field: String::new() }];
    let details = Details { causes, retry_after_seconds, ..Details::default() };
    let text = "Cannot evict pod as it would violate the pod's disruption budget.";
    Status { details: Some(Box::new(details)), ..Status::new(429, "TooManyRequests", text) }
}
