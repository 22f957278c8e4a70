//! What makes a pod or pod template faulty.

use super::{containers, volumes};
use crate::kinds::prelude::*;

/// Faults of a pod template.
pub(crate) fn template(template: &At<'_>, errors: &mut Errors) {
    template.get("metadata.labels").labels(errors);
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
    let node = at.get("spec.nodeName");
    if !node.is_empty() && !at.get("spec.schedulingGates").is_empty() {
        errors.push(node.forbidden("cannot be set until all schedulingGates have been cleared"));
    }
}

/// Faults of a pod spec.
pub(crate) fn spec(spec: &At<'_>, errors: &mut Errors) {
    let before = errors.len();
    errors.extend(spec.faults(named("PodSpec")));
    let volumes = volumes::validate(&spec.get("volumes"), errors);
    containers::validate(spec, &volumes, errors);
    if spec.get("resources").is_set() {
        containers::whole(spec, errors);
    }
    let shared = spec.get("shareProcessNamespace");
    if shared.value == true && spec.get("hostPID").value == true {
        // Upstream keeps both in the security context.
        let at = At { path: spec.path.child("securityContext.shareProcessNamespace"), ..shared };
        errors.push(at.invalid("ShareProcessNamespace and HostPID cannot both be enabled"));
    }
    dns_config(spec, errors);
    let mut seen = Vec::new();
    for gate in spec.get("schedulingGates").items() {
        gate.unique(&mut seen, gate.get("name").text().to_owned(), errors);
    }
    tolerations(&spec.get("tolerations"), errors);
    spread(&spec.get("topologySpreadConstraints"), errors);
    sysctls(&spec.get("securityContext.sysctls"), errors);
    order::sort(named("PodSpec"), &spec.path, &mut errors[before..]);
}

/// Whether the text is an IP address.
pub(crate) fn is_ip(text: &str) -> Result<(), String> {
    let fault = "must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)";
    text.parse::<IpAddr>().map(drop).map_err(|_| fault.to_owned())
}

fn dns_config(spec: &At<'_>, errors: &mut Errors) {
    let config = spec.get("dnsConfig");
    let servers = config.get("nameservers");
    if spec.get("dnsPolicy").text() == "None" {
        if !config.is_set() {
            errors.push(config.missing("must provide `dnsConfig` when `dnsPolicy` is None"));
        } else if servers.is_empty() {
            errors.push(servers.missing("must provide at least one DNS nameserver when `dnsPolicy` is None"));
        }
    }
    if items(servers.value).len() > 3 {
        errors.push(servers.invalid("must not have more than 3 nameservers"));
    }
}

/// Faults of tolerations.
pub(crate) fn tolerations(list: &At<'_>, errors: &mut Errors) {
    for toleration in list.items() {
        let (key, operator) = (toleration.get("key"), toleration.get("operator"));
        let (value, effect) = (toleration.get("value"), toleration.get("effect"));
        key.optional_rule(name::qualified_name, errors);
        if key.is_empty() && operator.text() != "Exists" {
            errors.push(
                operator.invalid(
                    "operator must be Exists when `key` is empty, which means \"match all values and all keys\"",
                ),
            );
        }
        let seconds = toleration.get("tolerationSeconds");
        if seconds.is_set() && effect.text() != "NoExecute" {
            errors.push(effect.invalid("effect must be 'NoExecute' when `tolerationSeconds` is set"));
        }
        match operator.text() {
            "" | "Equal" => value.rule(name::label_value, errors),
            "Exists" if !value.is_empty() => {
                errors.push(Error::invalid(
                    &operator.path,
                    value.value,
                    "value must be empty when `operator` is 'Exists'",
                ));
            }
            "Exists" => {}
            "Gt" | "Lt" if value.text().parse::<i64>().is_err() => {
                errors.push(value.invalid("value must be an integer for numeric comparison"));
            }
            "Gt" | "Lt" => {}
            _ => errors.push(Error::not_supported(&operator.path, operator.value, &["Equal", "Exists"])),
        }
        effect.optional_one_of(&["NoSchedule", "PreferNoSchedule", "NoExecute"], errors);
    }
}

/// Faults of a node selector term.
pub(crate) fn node_selector_term(term: &At<'_>, errors: &mut Errors) {
    for expression in term.get("matchExpressions").items() {
        let values = expression.get("values");
        if !matches!(expression.get("operator").text(), "Gt" | "Lt") {
            expression.requirement(errors);
        } else if items(values.value).len() != 1 {
            errors.push(values.missing("must be specified single value when `operator` is 'Lt' or 'Gt'"));
        }
        expression.get("key").rule(name::qualified_name, errors);
    }
}

fn spread(constraints: &At<'_>, errors: &mut Errors) {
    let mut seen = Vec::new();
    for constraint in constraints.items() {
        let (topology, unsatisfiable) = (constraint.get("topologyKey"), constraint.get("whenUnsatisfiable"));
        let key = format!("{{{}, {}}}", topology.text(), unsatisfiable.text());
        let shown = Value::from(key.as_str());
        let both = At { value: &shown, ..constraint.get("{topologyKey, whenUnsatisfiable}") };
        both.unique(&mut seen, key, errors);
    }
}

fn sysctls(list: &At<'_>, errors: &mut Errors) {
    let mut seen = Vec::new();
    for name in list.items().map(|sysctl| sysctl.get("name")) {
        name.required_rule(sysctl, errors);
        name.unique(&mut seen, name.text().replace('/', "."), errors);
    }
}

/// A kernel parameter: words with dots or slashes between them.
fn sysctl(name: &str) -> Result<(), String> {
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
