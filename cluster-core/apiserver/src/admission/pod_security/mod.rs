//! PodSecurity: what the `pod-security.kubernetes.io` labels of a namespace refuse, warn of and put on record.
//!
//! Facts: <https://kubernetes.io/docs/concepts/security/pod-security-admission/>.

mod checks;
#[cfg(test)]
mod tests;

use crate::kinds::prelude::*;
use checks::{LATEST, faults};

const LABELS: &str = "pod-security.kubernetes.io/";
const LEVELS: [&str; 3] = ["privileged", "baseline", "restricted"];
const MODES: [&str; 3] = ["enforce", "audit", "warn"];

/// Where resources that make pods keep the pod's spec.
const TEMPLATES: &[(&str, &str)] = &[
    ("apps/daemonsets", "spec.template.spec"),
    ("apps/deployments", "spec.template.spec"),
    ("apps/replicasets", "spec.template.spec"),
    ("apps/statefulsets", "spec.template.spec"),
    ("batch/cronjobs", "spec.jobTemplate.spec.template.spec"),
    ("batch/jobs", "spec.template.spec"),
    ("podtemplates", "template.spec"),
    ("replicationcontrollers", "spec.template.spec"),
];

/// Refuses a pod that its namespace's level forbids; warns of one, and of what makes such pods.
pub(super) fn check(request: &AdmissionRequest<'_>, lookup: &dyn Lookup) -> Result<(), Status> {
    let (storage, subresource) = (request.resource.storage.as_str(), request.subresource);
    if !matches!(request.operation, Operation::Create | Operation::Update) {
        return Ok(());
    }
    let path = match storage {
        "namespaces" if subresource.is_empty() => return namespace(request, lookup),
        "pods" if matches!(subresource, "" | "ephemeralcontainers") => "spec",
        _ => match TEMPLATES.iter().find(|(known, _)| *known == storage && subresource.is_empty()) {
            Some((_, path)) => path,
            None => return Ok(()),
        },
    };
    let spec = meta::get(request.object, path);
    let unchanged = storage == "pods" && request.old.is_some_and(|old| runs_the_same(spec, &old["spec"]));
    let Some(namespace) = lookup.find("namespaces", "", request.namespace).filter(|_| !unchanged) else {
        return Ok(());
    };
    let judge = |mode: &str| {
        let (level, minor, policy) = policy(&namespace, mode);
        (faults(level, minor, spec), policy)
    };
    if storage == "pods" {
        let (faults, policy) = judge("enforce");
        request.notes.annotate(format!("{LABELS}enforce-policy"), policy.clone());
        if !faults.is_empty() {
            return Err(request.forbidden(&format!("violates PodSecurity {policy:?}: {faults}")));
        }
    }
    for mode in &MODES[1..] {
        let (faults, policy) = judge(mode);
        let said = format!("would violate PodSecurity {policy:?}: {faults}");
        match (faults.is_empty(), *mode) {
            (true, _) => {}
            (false, "warn") => request.notes.warn(&said),
            (false, _) => request.notes.annotate(format!("{LABELS}audit-violations"), said),
        }
    }
    Ok(())
}

/// Whether an update of a pod runs nothing that its namespace has not let in.
fn runs_the_same(new: &Value, old: &Value) -> bool {
    let images =
        |spec: &Value, list: &str| -> Vec<Value> { items(&spec[list]).iter().map(|c| c["image"].clone()).collect() };
    let known = |new: &Value| {
        let same = |old: &Value| (&old["name"], &old["image"]) == (&new["name"], &new["image"]);
        items(&old["ephemeralContainers"]).iter().any(same)
    };
    ["containers", "initContainers"].into_iter().all(|list| images(new, list) == images(old, list))
        && items(&new["ephemeralContainers"]).iter().all(known)
}

/// The level that a namespace has in a mode, its minor version, and the policy as messages name it. A level that nobody
/// knows is the strictest.
fn policy<'a>(namespace: &'a Value, mode: &str) -> (&'a str, u32, String) {
    let given = meta::label(namespace, &format!("{LABELS}{mode}")).unwrap_or(LEVELS[0]);
    let level = if LEVELS.contains(&given) { given } else { LEVELS[2] };
    let version = meta::label(namespace, &format!("{LABELS}{mode}-version")).unwrap_or("latest");
    let minor = version.strip_prefix("v1.").and_then(|minor| minor.parse().ok()).unwrap_or(LATEST);
    (level, minor, format!("{level}:{version}"))
}

/// Refuses labels of no meaning, and warns of pods that a new level would not let in.
fn namespace(request: &AdmissionRequest<'_>, lookup: &dyn Lookup) -> Result<(), Status> {
    let new = &*request.object;
    let errors = label_faults(new);
    let relabelled = request.old.is_none_or(|old| new["metadata"]["labels"] != old["metadata"]["labels"]);
    if relabelled && !errors.is_empty() {
        return Err(Status::invalid("", "Namespace", meta::name(new), &errors));
    }
    let Some(old) = request.old else { return Ok(()) };
    let rank = |namespace: &Value| LEVELS.iter().position(|known| *known == policy(namespace, "enforce").0);
    if rank(new) > rank(old) {
        for said in present_pods(new, lookup) {
            request.notes.warn(&said);
        }
    }
    Ok(())
}

fn label_faults(namespace: &Value) -> Errors {
    let (mut errors, labels) = (Errors::new(), At::root(namespace).get("metadata.labels"));
    let levels = format!("must be one of {}", LEVELS.join(", "));
    for (key, label) in labels.entries() {
        let Some(mode) = key.strip_prefix(LABELS) else { continue };
        let is_mode = |mode: &str| MODES.contains(&mode);
        if is_mode(mode) && !LEVELS.contains(&label.text()) {
            errors.push(label.invalid(&levels));
        }
        if mode.strip_suffix("-version").is_some_and(is_mode) && !is_version(label.text()) {
            errors.push(label.invalid("must be \"latest\" or \"v1.x\""));
        }
    }
    errors
}

/// What the namespace's level would refuse of the pods that are there, those with the same faults in one warning.
fn present_pods(namespace: &Value, lookup: &dyn Lookup) -> Vec<String> {
    let ((level, minor, policy), name) = (policy(namespace, "enforce"), meta::name(namespace));
    let mut found: BTreeMap<String, (String, usize)> = BTreeMap::new();
    for pod in lookup.list("pods", Some(name)) {
        let faults = faults(level, minor, &pod["spec"]);
        if !faults.is_empty() {
            let entry = found.entry(faults).or_insert_with(|| (text(&pod["metadata"]["name"]).to_owned(), 0));
            entry.1 += 1;
        }
    }
    let head = format!("existing pods in namespace {name:?} violate the new PodSecurity enforce level {policy:?}");
    let head = Some(head).filter(|_| !found.is_empty());
    let each = found.into_iter().map(|(faults, (name, count))| {
        let others = match count {
            1 => String::new(),
            2 => " (and 1 other pod)".to_owned(),
            more => format!(" (and {} other pods)", more - 1),
        };
        format!("{name}{others}: {faults}")
    });
    head.into_iter().chain(each).collect()
}

fn is_version(version: &str) -> bool {
    let minor = version.strip_prefix("v1.").unwrap_or_default();
    version == "latest" || (!minor.is_empty() && minor.bytes().all(|byte| byte.is_ascii_digit()))
}
