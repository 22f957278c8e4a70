//! What makes a pod or pod template faulty.

use super::{MIRROR, containers};
use crate::kinds::prelude::*;

/// Faults of a pod template.
pub(crate) fn template(template: &At<'_>, errors: &mut Errors) {
    // Upstream's path leaves the metadata out.
    At { path: template.path.child("labels"), ..template.get("metadata.labels") }.labels(errors);
    spec(&template.get("spec"), errors);
    if !template.get("spec.ephemeralContainers").is_empty() {
        errors.push(
            template.get("spec.ephemeralContainers").forbidden("ephemeral containers not allowed in pod template"),
        );
    }
}

/// Faults of a pod.
pub(crate) fn pod(at: &At<'_>, errors: &mut Errors) {
    spec(&at.get("spec"), errors);
    errors.extend(at.faults(named("PodAlone")));
    for (key, value) in at.get("metadata.annotations").entries() {
        match key {
            MIRROR if at.get("spec.nodeName").is_empty() => {
                errors.push(value.invalid("must set spec.nodeName if mirror pod annotation is set"));
            }
            "controller.kubernetes.io/pod-deletion-cost" if !is_plain_int32(value.text()) => {
                errors.push(value.invalid("must be a 32bit integer"));
            }
            _ => {}
        }
    }
}

/// Whether the text is a number as it would be written, without a plus sign or zeros before it.
fn is_plain_int32(text: &str) -> bool {
    text.parse::<i32>().is_ok() && (text == "0" || !text.starts_with(['+', '0']))
}

/// Faults of a pod spec.
pub(crate) fn spec(spec: &At<'_>, errors: &mut Errors) {
    let before = errors.len();
    errors.extend(spec.faults(named("PodSpec")));
    containers::validate(spec, errors);
    if spec.get("resources").is_set() {
        containers::whole(spec, errors);
    }
    order::sort(named("PodSpec"), &spec.path, &mut errors[before..]);
}

/// Whether the text is an IP address.
pub(crate) fn is_ip(text: &str) -> Result<(), String> {
    let fault = "must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)";
    text.parse::<IpAddr>().map(drop).map_err(|_| fault.to_owned())
}

/// A kernel parameter: words with dots or slashes between them.
pub(crate) fn sysctl(name: &str) -> Result<(), String> {
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    let word = |word: &str| {
        word.starts_with(plain) && word.ends_with(plain) && word.chars().all(|c| plain(c) || matches!(c, '-' | '_'))
    };
    if name.len() <= 253 && name.split(['.', '/']).all(word) {
        return Ok(());
    }
    let pattern = r"([a-z0-9]([-_a-z0-9]*[a-z0-9])?[\./])*[a-z0-9]([-_a-z0-9]*[a-z0-9])?";
    Err(format!("must have at most 253 characters and match regex ^{pattern}$"))
}
