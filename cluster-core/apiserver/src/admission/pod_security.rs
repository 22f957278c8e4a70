//! PodSecurity: the `pod-security.kubernetes.io/enforce` label of a namespace.

use super::{AdmissionRequest, Lookup};
use crate::kinds::walk::{int, items, text, texts};
use cluster_object::meta;
use cluster_object::status::Status;
use serde_json::Value;

/// Refuses a pod that its namespace's level forbids.
pub(super) fn check(request: &AdmissionRequest<'_>, lookup: &dyn Lookup) -> Result<(), Status> {
    if !request.creates("pods") {
        return Ok(());
    }
    let Some(namespace) = lookup.get("namespaces", "", request.namespace) else { return Ok(()) };
    let level = meta::label(&namespace, "pod-security.kubernetes.io/enforce").unwrap_or("privileged");
    let version = meta::label(&namespace, "pod-security.kubernetes.io/enforce-version").unwrap_or("latest");
    let mut faults = Vec::new();
    if matches!(level, "baseline" | "restricted") {
        baseline(&request.object["spec"], &mut faults);
    }
    if level == "restricted" {
        restricted(&request.object["spec"], &mut faults);
    }
    if faults.is_empty() {
        return Ok(());
    }
    Err(request.forbidden(&format!("violates PodSecurity \"{level}:{version}\": {}", faults.join(", "))))
}

fn containers(spec: &Value) -> impl Iterator<Item = &Value> {
    ["initContainers", "containers", "ephemeralContainers"].into_iter().flat_map(|list| items(&spec[list]))
}

/// `container "a"` or `containers "a", "b"` with the fault, when any container has it.
fn named(spec: &Value, bad: impl Fn(&Value) -> bool) -> Option<String> {
    let names: Vec<String> = containers(spec).filter(|c| bad(c)).map(|c| format!("{:?}", text(&c["name"]))).collect();
    match names.as_slice() {
        [] => None,
        [one] => Some(format!("container {one}")),
        many => Some(format!("containers {}", many.join(", "))),
    }
}

fn baseline(spec: &Value, faults: &mut Vec<String>) {
    let namespaces: Vec<String> = ["hostNetwork", "hostPID", "hostIPC"]
        .into_iter()
        .filter(|field| spec[*field] == true)
        .map(|field| format!("{field}=true"))
        .collect();
    if !namespaces.is_empty() {
        faults.push(format!("host namespaces ({})", namespaces.join(", ")));
    }
    if let Some(who) = named(spec, |c| c["securityContext"]["privileged"] == true) {
        faults.push(format!("privileged ({who} must not set securityContext.privileged=true)"));
    }
    const ALLOWED: [&str; 13] = [
        "AUDIT_WRITE",
        "CHOWN",
        "DAC_OVERRIDE",
        "FOWNER",
        "FSETID",
        "KILL",
        "MKNOD",
        "NET_BIND_SERVICE",
        "SETFCAP",
        "SETGID",
        "SETPCAP",
        "SETUID",
        "SYS_CHROOT",
    ];
    let adds = |c: &Value| texts(&c["securityContext"]["capabilities"]["add"]).any(|add| !ALLOWED.contains(&add));
    if let Some(who) = named(spec, adds) {
        faults.push(format!("non-default capabilities ({who} must not include capabilities beyond the default set in securityContext.capabilities.add)"));
    }
    let paths: Vec<String> = items(&spec["volumes"])
        .iter()
        .filter(|volume| volume["hostPath"].is_object())
        .map(|volume| format!("{:?}", text(&volume["name"])))
        .collect();
    if !paths.is_empty() {
        let word = if paths.len() == 1 { "volume" } else { "volumes" };
        faults.push(format!("hostPath volumes ({word} {})", paths.join(", ")));
    }
    if let Some(who) = named(spec, |c| items(&c["ports"]).iter().any(|port| int(&port["hostPort"]) != 0)) {
        faults.push(format!("hostPort ({who} uses hostPort)"));
    }
}

fn restricted(spec: &Value, faults: &mut Vec<String>) {
    let pod = &spec["securityContext"];
    if let Some(who) = named(spec, |c| c["securityContext"]["allowPrivilegeEscalation"] != false) {
        faults.push(format!(
            "allowPrivilegeEscalation != false ({who} must set securityContext.allowPrivilegeEscalation=false)"
        ));
    }
    if let Some(who) = named(spec, |c| !texts(&c["securityContext"]["capabilities"]["drop"]).any(|drop| drop == "ALL"))
    {
        faults.push(format!("unrestricted capabilities ({who} must set securityContext.capabilities.drop=[\"ALL\"])"));
    }
    let may_be_root = |c: &Value| match c["securityContext"]["runAsNonRoot"].as_bool() {
        Some(non_root) => !non_root,
        None => pod["runAsNonRoot"] != true,
    };
    if let Some(who) = named(spec, may_be_root) {
        faults.push(format!("runAsNonRoot != true (pod or {who} must set securityContext.runAsNonRoot=true)"));
    }
    let unconfined = |c: &Value| {
        let own = &c["securityContext"]["seccompProfile"]["type"];
        let kind = if own.is_null() { &pod["seccompProfile"]["type"] } else { own };
        !matches!(text(kind), "RuntimeDefault" | "Localhost")
    };
    if let Some(who) = named(spec, unconfined) {
        faults.push(format!(
            "seccompProfile (pod or {who} must set securityContext.seccompProfile.type to \"RuntimeDefault\" or \"Localhost\")"
        ));
    }
}
