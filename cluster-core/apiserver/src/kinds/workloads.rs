//! What the kinds that own pods by a template share: selectors, replicas, templates.

use crate::kinds::prelude::*;

/// Faults of `spec.selector`, which must fit the template.
pub(super) fn selector(object: &At<'_>, errors: &mut Errors) {
    let (selector, template) = (object.get("spec.selector"), object.get("spec.template"));
    let kind = meta::kind(object.value);
    if selector.is_set() {
        errors.extend(selector.faults(named("LabelSelector")));
        if kind != "Job" && is_empty(&selector.value["matchLabels"]) && is_empty(&selector.value["matchExpressions"]) {
            // Upstream says of a replica set what it says of its owner.
            let kind = if kind == "ReplicaSet" { "Deployment" } else { kind };
            errors.push(selector.invalid(&format!("empty selector is invalid for {}", kind.to_ascii_lowercase())));
        }
    } else if kind != "DaemonSet" {
        errors.push(selector.missing(""));
    }
    let labels = template.get("metadata.labels");
    match Selector::from_label_selector(selector.value) {
        // Where no selector stands, upstream's matches nothing.
        Ok(parsed) if selector.is_set() && parsed.matches(|key| meta::label(template.value, key)) => {}
        Ok(_) => errors.push(labels.invalid("`selector` does not match template `labels`")),
        Err(_) if matches!(kind, "DaemonSet" | "Job") => {}
        Err(_) if kind == "StatefulSet" => errors.push(selector.invalid("")),
        Err(_) => errors.push(selector.invalid("invalid label selector")),
    }
}

/// Demands a number or a percentage that is not negative; `whole` also caps the percentage at 100.
pub(super) fn int_or_percent(value: &At<'_>, whole: bool, errors: &mut Errors) {
    match value.value {
        Value::String(text) => match text.strip_suffix('%').and_then(|digits| digits.parse::<u32>().ok()) {
            None => errors.push(value.invalid(
                "a valid percent string must be a numeric string followed by an ending '%' (e.g. '1%',  or '93%', \
                 regex used for validation is '[0-9]+%')",
            )),
            Some(percent) if whole && percent > 100 => errors.push(value.invalid("must not be greater than 100%")),
            Some(_) => {}
        },
        _ => value.non_negative(errors),
    }
}

/// Takes the template's labels for the object's own labels when it has none.
pub(super) fn labels_from_template(object: &mut Value) {
    let labels = meta::get(object, "spec.template.metadata.labels").clone();
    if is_empty(&object["metadata"]["labels"]) && !is_empty(&labels) {
        meta::set(object, "metadata.labels", labels);
    }
}
