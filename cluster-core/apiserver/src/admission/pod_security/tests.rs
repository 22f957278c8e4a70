//! The levels against pods that they forbid.

use super::checks::{LATEST, faults};
use crate::kinds::walk::entries;
use serde_json::{Value, json};

/// A pod of one container that the restricted level allows.
fn safe() -> Value {
    json!({"containers": [{"name": "a", "securityContext": {
        "allowPrivilegeEscalation": false, "runAsNonRoot": true, "capabilities": {"drop": ["ALL"]},
        "seccompProfile": {"type": "RuntimeDefault"}}}]})
}

#[test]
fn each_level_forbids_what_the_standards_say() {
    assert_eq!(faults("restricted", LATEST, &safe()), "");
    let context = "/containers/0/securityContext";
    for (path, value, level, expected) in [
        ("", json!({"hostPID": true}), "baseline", "host namespaces (hostPID=true)"),
        (
            "",
            json!({"securityContext": {"appArmorProfile": {"type": "Unconfined"}}}),
            "baseline",
            "forbidden AppArmor profile (pod must not set AppArmor profile type to \"Unconfined\")",
        ),
        (
            "",
            json!({"securityContext": {"sysctls": [{"name": "kernel.msgmax"}]}}),
            "baseline",
            "forbidden sysctls (kernel.msgmax)",
        ),
        ("", json!({"volumes": [{"name": "v", "hostPath": {}}]}), "baseline", "hostPath volumes (volume \"v\")"),
        (
            "",
            json!({"volumes": [{"name": "v", "nfs": {}}, {"name": "w", "hostPath": {}}]}),
            "restricted",
            "restricted volume types (volumes \"v\", \"w\" use restricted volume types \"hostPath\", \"nfs\")",
        ),
        (
            "/containers/0",
            json!({"ports": [{"hostPort": 80}]}),
            "baseline",
            "hostPort (container \"a\" uses hostPort 80)",
        ),
        (
            "/containers/0",
            json!({"livenessProbe": {"httpGet": {"host": "h"}}}),
            "baseline",
            "probe or lifecycle host (container \"a\" uses probe or lifecycle host \"h\")",
        ),
        (
            context,
            json!({"privileged": true}),
            "baseline",
            "privileged (container \"a\" must not set securityContext.privileged=true)",
        ),
        (
            context,
            json!({"procMount": "Unmasked"}),
            "baseline",
            "procMount (container \"a\" must not set securityContext.procMount to \"Unmasked\")",
        ),
        (
            context,
            json!({"seLinuxOptions": {"type": "x", "user": "u"}}),
            "baseline",
            "seLinuxOptions (container \"a\" set forbidden securityContext.seLinuxOptions: type \"x\"; user may not be set)",
        ),
        (
            context,
            json!({"seccompProfile": {"type": "Unconfined"}}),
            "restricted",
            "seccompProfile (container \"a\" must not set securityContext.seccompProfile.type to \"Unconfined\")",
        ),
        (
            context,
            json!({"windowsOptions": {"hostProcess": true}}),
            "baseline",
            "hostProcess (container \"a\" must not set securityContext.windowsOptions.hostProcess=true)",
        ),
        (
            context,
            json!({"capabilities": {"add": ["SYS_TIME"]}}),
            "baseline",
            "non-default capabilities (container \"a\" must not include \"SYS_TIME\" in securityContext.capabilities.add)",
        ),
        (
            context,
            json!({"capabilities": {"add": ["CHOWN"]}}),
            "restricted",
            "unrestricted capabilities (container \"a\" must set securityContext.capabilities.drop=[\"ALL\"]; \
             container \"a\" must not include \"CHOWN\" in securityContext.capabilities.add)",
        ),
        (
            context,
            json!({"runAsNonRoot": false}),
            "restricted",
            "runAsNonRoot != true (container \"a\" must not set securityContext.runAsNonRoot=false)",
        ),
        (context, json!({"runAsUser": 0}), "restricted", "runAsUser=0 (container \"a\" must not set runAsUser=0)"),
    ] {
        let mut spec = safe();
        let target = spec.pointer_mut(path).expect("there");
        for (key, value) in entries(&value) {
            target[key] = value.clone();
        }
        assert_eq!(faults(level, LATEST, &spec), expected);
        assert_eq!(faults("privileged", LATEST, &spec), "");
    }
}

#[test]
fn a_plain_pod_is_told_all_that_the_restricted_level_wants() {
    let all = faults("restricted", LATEST, &json!({"containers": [{"name": "a"}, {"name": "b"}]}));
    let who = "containers \"a\", \"b\" must set securityContext";
    assert_eq!(
        all,
        format!(
            "allowPrivilegeEscalation != false ({who}.allowPrivilegeEscalation=false), \
             unrestricted capabilities ({who}.capabilities.drop=[\"ALL\"]), \
             runAsNonRoot != true (pod or {who}.runAsNonRoot=true), \
             seccompProfile (pod or {who}.seccompProfile.type to \"RuntimeDefault\" or \"Localhost\")"
        )
    );
    assert_eq!(faults("baseline", LATEST, &json!({"containers": [{"name": "a"}]})), "");
}

#[test]
fn a_policy_of_an_earlier_version_forbids_what_it_forbade_then() {
    let sysctl = |name: &str| json!({"securityContext": {"sysctls": [{"name": name}]}, "containers": []});
    let probe = json!({"containers": [{"name": "a", "livenessProbe": {"tcpSocket": {"host": "h"}}}]});
    let engine = json!({"securityContext": {"seLinuxOptions": {"type": "container_engine_t"}}, "containers": []});
    for (spec, level, first, forbidden) in [
        (sysctl("net.ipv4.ip_local_reserved_ports"), "baseline", 27, false),
        (sysctl("net.ipv4.tcp_fin_timeout"), "baseline", 29, false),
        (sysctl("net.ipv4.tcp_wmem"), "baseline", 32, false),
        (engine, "baseline", 31, false),
        (probe, "baseline", 34, true),
    ] {
        let passes = [first - 1, first].map(|minor| faults(level, minor, &spec).is_empty());
        assert_eq!(passes, [forbidden, !forbidden], "{spec}");
    }
    let bare =
        json!({"containers": [{"name": "a", "securityContext": {"runAsNonRoot": true}}], "os": {"name": "windows"}});
    let counts = [7, 8, 19, 22, 24, 25].map(|minor| faults("restricted", minor, &bare).matches(" (").count());
    assert_eq!(counts, [0, 1, 2, 3, 3, 0]);
}
