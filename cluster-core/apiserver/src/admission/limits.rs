//! LimitRanger: default requests and limits of containers, and the bounds of a namespace's limit ranges.

use crate::kinds::prelude::*;
use cluster_object::pod;

/// The items of all limit ranges of the request's namespace.
fn ranges(request: &AdmissionRequest<'_>, lookup: &dyn Lookup) -> Vec<Value> {
    let all = lookup.list("limitranges", Some(request.namespace));
    all.iter().flat_map(|range| items(&range["spec"]["limits"])).cloned().collect()
}

/// Fills in what the namespace's limit ranges say of containers.
pub(super) fn complete(request: &mut AdmissionRequest<'_>, lookup: &dyn Lookup) {
    let ranges = ranges(request, lookup);
    let mut notes = Vec::new();
    for range in ranges.iter().filter(|range| range["type"] == "Container") {
        let Some(spec) = child(request.object, "spec") else { return };
        for (list, word) in [("containers", "container"), ("initContainers", "init container")] {
            for container in each(spec, list) {
                let name = text(&container["name"]).to_owned();
                for (source, target, what) in
                    [("defaultRequest", "requests", "request"), ("default", "limits", "limit")]
                {
                    let set = fill(container, &range[source], target);
                    if !set.is_empty() {
                        notes.push(format!("{} {what} for {word} {name}", set.join(", ")));
                    }
                }
            }
        }
    }
    if !notes.is_empty() {
        default(&mut request.object["metadata"], "annotations", json!({}));
        request.object["metadata"]["annotations"]["kubernetes.io/limit-ranger"] =
            format!("LimitRanger plugin set: {}", notes.join("; ")).into();
    }
}

/// Adds the resources of `source` that `resources.target` has not; returns their names.
fn fill(container: &mut Value, source: &Value, target: &str) -> Vec<String> {
    default(container, "resources", json!({}));
    let mut set = Vec::new();
    for (resource, amount) in entries(source) {
        let list = &mut container["resources"][target];
        if list.get(resource).is_none() && (list.is_null() || list.is_object()) {
            list[resource] = amount.clone();
            set.push(resource.clone());
        }
    }
    set
}

/// Refuses what lies outside of the bounds.
pub(super) fn check(request: &AdmissionRequest<'_>, lookup: &dyn Lookup) -> Result<(), Status> {
    let storage = request.resource.storage.as_str();
    match (storage, request.operation, request.subresource) {
        ("pods", Operation::Create, "") | ("pods", Operation::Update, "resize") => {}
        ("persistentvolumeclaims", Operation::Create | Operation::Update, "") => {}
        _ => return Ok(()),
    }
    let mut faults = Vec::new();
    for range in ranges(request, lookup) {
        let kind = text(&range["type"]);
        let spec = &request.object["spec"];
        match (storage, kind) {
            ("pods", "Container") => {
                for container in items(&spec["containers"]).iter().chain(items(&spec["initContainers"])) {
                    let asked = |list: &str, name: &str| amount(&container["resources"][list], name);
                    bounds(kind, &range, "limit", asked, &mut faults);
                }
            }
            ("pods", "Pod") => {
                bounds(kind, &range, "limit", |list, name| pod::asked(spec, list, name), &mut faults);
            }
            ("persistentvolumeclaims", "PersistentVolumeClaim") => {
                let requests = &spec["resources"]["requests"];
                bounds(kind, &range, "request", |_, name| amount(requests, name), &mut faults);
            }
            _ => {}
        }
    }
    match faults.as_slice() {
        [] => Ok(()),
        [one] => Err(request.forbidden(one)),
        many => Err(request.forbidden(&format!("[{}]", many.join(", ")))),
    }
}

fn amount(list: &Value, resource: &str) -> Option<Quantity> {
    Quantity::from_value(&list[resource]).ok()
}

/// Notes where what is `asked` by list and resource leaves the range; `most` is the word for what the maximum is about.
fn bounds(
    kind: &str,
    range: &Value,
    most: &str,
    asked: impl Fn(&str, &str) -> Option<Quantity>,
    faults: &mut Vec<String>,
) {
    for (bound, word, list, side) in [("min", "minimum", "requests", "request"), ("max", "maximum", "limits", most)] {
        for (resource, limit) in entries(&range[bound]) {
            let Ok(limit) = Quantity::from_value(limit) else { continue };
            let head = format!("{word} {resource} usage per {kind} is {limit}");
            match asked(list, resource) {
                None => faults.push(format!("{head}.  No {side} is specified")),
                Some(given) if (bound == "min" && given < limit) || (bound == "max" && given > limit) => {
                    faults.push(format!("{head}, but {side} is {given}"));
                }
                Some(_) => {}
            }
        }
    }
    for (resource, ratio) in entries(&range["maxLimitRequestRatio"]) {
        let Ok(ratio) = Quantity::from_value(ratio) else { continue };
        let given = ["requests", "limits"].map(|list| asked(list, resource).filter(|amount| !amount.is_zero()));
        let why = match given {
            [None, _] => "no request is specified or request is 0".to_owned(),
            [_, None] => "no limit is specified or limit is 0".to_owned(),
            [Some(request), Some(limit)] => {
                let actual = limit.milli_value() as f64 / request.milli_value() as f64;
                if actual <= ratio.milli_value() as f64 / 1000.0 {
                    continue;
                }
                format!("provided ratio is {actual:.6}")
            }
        };
        faults.push(format!("{resource} max limit to request ratio per {kind} is {ratio}, but {why}"));
    }
}
