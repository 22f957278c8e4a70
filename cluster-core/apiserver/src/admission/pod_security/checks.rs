//! What the levels of PodSecurity forbid, in upstream's words.
//!
//! Facts: <https://kubernetes.io/docs/concepts/security/pod-security-standards/>.

use crate::kinds::prelude::*;
use cluster_object::pod::is_safe_sysctl;
use std::ops::Range;

/// What a check has found: the reason and the detail.
type Finding = Option<(&'static str, String)>;
type Check = fn(&Value) -> Finding;

/// The minor versions that a check is part of.
type Minors = Range<u32>;

/// The version `latest`; a policy of a later version is this one.
pub(super) const LATEST: u32 = u32::MAX;
const ALWAYS: Minors = 0..NEVER;
const NEVER: u32 = u32::MAX;

/// The checks of the level `baseline`, and since when `restricted` has a stricter one in their place.
const BASELINE: &[(Check, Minors, u32)] = &[
    (app_armor, ALWAYS, NEVER),
    (capabilities, ALWAYS, 22),
    (host_namespaces, ALWAYS, NEVER),
    (host_path, ALWAYS, 0),
    (host_ports, ALWAYS, NEVER),
    (host_probes, 34..NEVER, NEVER),
    (privileged, ALWAYS, NEVER),
    (proc_mount, ALWAYS, NEVER),
    (|spec| se_linux(spec, &SE_LINUX_TYPES[1..]), 0..31, NEVER),
    (|spec| se_linux(spec, &SE_LINUX_TYPES), 31..NEVER, NEVER),
    (seccomp, 19..NEVER, 19),
    (|spec| sysctls(spec, &NEWLY_SAFE), 0..27, NEVER),
    (|spec| sysctls(spec, &NEWLY_SAFE[1..]), 27..29, NEVER),
    (|spec| sysctls(spec, &NEWLY_SAFE[2..]), 29..32, NEVER),
    (|spec| sysctls(spec, &[]), 32..NEVER, NEVER),
    (host_process, ALWAYS, NEVER),
];
/// The checks that `restricted` adds, and whether pods for Windows pass, which they do since 1.25.
const RESTRICTED: &[(Check, Minors, bool)] = &[
    (escalation, 8..NEVER, true),
    (restricted_capabilities, 22..NEVER, true),
    (restricted_volumes, ALWAYS, false),
    (root, ALWAYS, false),
    (root_user, 23..NEVER, false),
    (restricted_seccomp, 19..NEVER, true),
];
/// The kernel parameters that became safe in 1.27, 1.29 and 1.32.
const NEWLY_SAFE: [&str; 3] = [
    "net.ipv4.ip_local_reserved_ports",
    "net.ipv4.tcp_keepalive_time net.ipv4.tcp_fin_timeout net.ipv4.tcp_keepalive_intvl net.ipv4.tcp_keepalive_probes",
    "net.ipv4.tcp_rmem net.ipv4.tcp_wmem",
];
/// The types a process may have; the first one since 1.31.
const SE_LINUX_TYPES: [&str; 5] = ["container_engine_t", "", "container_t", "container_init_t", "container_kvm_t"];

/// Everything that `level` forbids of a pod in a minor version, as one text; empty when there is nothing.
pub(super) fn faults(level: &str, minor: u32, spec: &Value) -> String {
    let minor = minor.min(LATEST - 1);
    let strict = level == "restricted";
    let windows = spec["os"]["name"] == "windows" && minor >= 25;
    let replaced = |since: u32| strict && minor >= since;
    let baseline = BASELINE.iter().filter(|(.., since)| level != "privileged" && !replaced(*since));
    let restricted = RESTRICTED.iter().filter(|(.., passes)| strict && !(windows && *passes));
    let baseline = baseline.map(|(check, minors, _)| (check, minors));
    let all = baseline.chain(restricted.map(|(check, minors, _)| (check, minors)));
    let found = all.filter(|(_, minors)| minors.contains(&minor)).filter_map(|(check, _)| check(spec));
    found.map(|(reason, detail)| format!("{reason} ({detail})")).collect::<Vec<_>>().join(", ")
}

fn containers(spec: &Value) -> impl Iterator<Item = &Value> {
    ["initContainers", "containers", "ephemeralContainers"].into_iter().flat_map(|list| items(&spec[list]))
}

/// The security contexts of the pod and of its containers.
fn contexts(spec: &Value) -> impl Iterator<Item = &Value> {
    std::iter::once(&spec["securityContext"]).chain(containers(spec).map(|c| &c["securityContext"]))
}

fn quoted<'a>(words: impl IntoIterator<Item = &'a str>) -> String {
    words.into_iter().map(|word| format!("{word:?}")).collect::<Vec<_>>().join(", ")
}

/// The word, or its plural.
fn plural(word: &str, count: usize) -> String {
    if count == 1 { word.to_owned() } else { format!("{word}s") }
}

fn verb(count: usize) -> &'static str {
    if count == 1 { "uses" } else { "use" }
}

/// `container "a"` or `containers "a", "b"`, when any container is bad.
fn named(spec: &Value, bad: impl Fn(&Value) -> bool) -> Option<String> {
    let names: Vec<&str> = containers(spec).filter(|c| bad(c)).map(|c| text(&c["name"])).collect();
    (!names.is_empty()).then(|| format!("{} {}", plural("container", names.len()), quoted(names.iter().copied())))
}

/// `pod and container "a"`: whose security context is bad.
fn setters(spec: &Value, bad: impl Fn(&Value) -> bool) -> Option<String> {
    let pod = bad(&spec["securityContext"]).then(|| "pod".to_owned());
    let all: Vec<String> = pod.into_iter().chain(named(spec, |c| bad(&c["securityContext"]))).collect();
    (!all.is_empty()).then(|| all.join(" and "))
}

/// What containers use though they must not: `container "a" uses WORD x, y`.
fn used<'a>(
    spec: &'a Value,
    word: &str,
    show: fn(&BTreeSet<String>) -> String,
    of: impl Fn(&'a Value) -> BTreeSet<String>,
) -> Option<String> {
    let who: Vec<&Value> = containers(spec).filter(|container| !of(container).is_empty()).collect();
    let values: BTreeSet<String> = who.iter().flat_map(|container| of(container)).collect();
    let names = quoted(who.iter().map(|container| text(&container["name"])));
    let (containers, verb) = (plural("container", who.len()), verb(who.len()));
    (!who.is_empty()).then(|| format!("{containers} {names} {verb} {} {}", plural(word, values.len()), show(&values)))
}

fn app_armor(spec: &Value) -> Finding {
    let who = setters(spec, |context| context["appArmorProfile"]["type"] == "Unconfined")?;
    Some(("forbidden AppArmor profile", format!("{who} must not set AppArmor profile type to \"Unconfined\"")))
}

/// Containers that add capabilities beyond the allowed ones.
fn adding(spec: &Value, allowed: &str) -> Option<String> {
    let beyond = |c: &Value| -> BTreeSet<String> {
        let added = texts(&c["securityContext"]["capabilities"]["add"]);
        added.filter(|add| allowed.split(' ').all(|one| one != *add)).map(str::to_owned).collect()
    };
    let who = named(spec, |container| !beyond(container).is_empty())?;
    let all: BTreeSet<String> = containers(spec).flat_map(beyond).collect();
    let all = quoted(all.iter().map(String::as_str));
    Some(format!("{who} must not include {all} in securityContext.capabilities.add"))
}

fn capabilities(spec: &Value) -> Finding {
    const ALLOWED: &str = "AUDIT_WRITE CHOWN DAC_OVERRIDE FOWNER FSETID KILL MKNOD NET_BIND_SERVICE \
        SETFCAP SETGID SETPCAP SETUID SYS_CHROOT";
    adding(spec, ALLOWED).map(|detail| ("non-default capabilities", detail))
}

fn host_namespaces(spec: &Value) -> Finding {
    let set = ["hostNetwork", "hostPID", "hostIPC"].into_iter().filter(|field| spec[*field] == true);
    let set: Vec<String> = set.map(|field| format!("{field}=true")).collect();
    (!set.is_empty()).then(|| ("host namespaces", set.join(", ")))
}

fn host_path(spec: &Value) -> Finding {
    let volumes = items(&spec["volumes"]).iter().filter(|volume| volume["hostPath"].is_object());
    let names: Vec<&str> = volumes.map(|volume| text(&volume["name"])).collect();
    let detail = || format!("{} {}", plural("volume", names.len()), quoted(names.iter().copied()));
    (!names.is_empty()).then(|| ("hostPath volumes", detail()))
}

fn host_ports(spec: &Value) -> Finding {
    let of = |container: &Value| {
        let ports = items(&container["ports"]).iter().map(|port| int(&port["hostPort"])).filter(|port| *port != 0);
        ports.map(|port| port.to_string()).collect()
    };
    let show = |ports: &BTreeSet<String>| ports.iter().cloned().collect::<Vec<_>>().join(", ");
    used(spec, "hostPort", show, of).map(|detail| ("hostPort", detail))
}

fn host_probes(spec: &Value) -> Finding {
    let of = |container: &Value| {
        let probes = ["livenessProbe", "readinessProbe", "startupProbe"].map(|probe| &container[probe]);
        let hooks = ["postStart", "preStop"].map(|hook| &container["lifecycle"][hook]);
        let actions = probes.into_iter().chain(hooks).flat_map(|one| [&one["httpGet"], &one["tcpSocket"]]);
        actions.map(|action| text(&action["host"])).filter(|host| !host.is_empty()).map(str::to_owned).collect()
    };
    let show = |hosts: &BTreeSet<String>| quoted(hosts.iter().map(String::as_str));
    used(spec, "probe or lifecycle host", show, of).map(|detail| ("probe or lifecycle host", detail))
}

fn privileged(spec: &Value) -> Finding {
    let who = named(spec, |c| c["securityContext"]["privileged"] == true)?;
    Some(("privileged", format!("{who} must not set securityContext.privileged=true")))
}

fn proc_mount(spec: &Value) -> Finding {
    let who = named(spec, |c| !matches!(text(&c["securityContext"]["procMount"]), "" | "Default"))?;
    Some(("procMount", format!("{who} must not set securityContext.procMount to \"Unmasked\"")))
}

fn se_linux(spec: &Value, allowed: &[&str]) -> Finding {
    let is_custom = |kind: &str| !allowed.contains(&kind);
    let is_set = |context: &Value, field: &str| !text(&context["seLinuxOptions"][field]).is_empty();
    let who = setters(spec, |context| {
        is_custom(text(&context["seLinuxOptions"]["type"])) || is_set(context, "user") || is_set(context, "role")
    })?;
    let types: BTreeSet<&str> =
        contexts(spec).map(|context| text(&context["seLinuxOptions"]["type"])).filter(|kind| is_custom(kind)).collect();
    let mut bad = Vec::new();
    if !types.is_empty() {
        bad.push(format!("{} {}", plural("type", types.len()), quoted(types)));
    }
    for field in ["user", "role"] {
        if contexts(spec).any(|context| is_set(context, field)) {
            bad.push(format!("{field} may not be set"));
        }
    }
    Some(("seLinuxOptions", format!("{who} set forbidden securityContext.seLinuxOptions: {}", bad.join("; "))))
}

fn is_unconfined(context: &Value) -> bool {
    let kind = &context["seccompProfile"]["type"];
    !kind.is_null() && !matches!(text(kind), "RuntimeDefault" | "Localhost")
}

fn seccomp(spec: &Value) -> Finding {
    let who = setters(spec, is_unconfined)?;
    let kinds = contexts(spec).filter(|context| is_unconfined(context));
    let kinds: BTreeSet<&str> = kinds.map(|context| text(&context["seccompProfile"]["type"])).collect();
    let detail = format!("{who} must not set securityContext.seccompProfile.type to {}", quoted(kinds));
    Some(("seccompProfile", detail))
}

/// `unsafe_yet`: what was not yet safe in the policy's version.
fn sysctls(spec: &Value, unsafe_yet: &[&str]) -> Finding {
    let is_safe =
        |name: &str| is_safe_sysctl(name) && !unsafe_yet.iter().any(|some| some.split(' ').any(|one| one == name));
    let set = items(&spec["securityContext"]["sysctls"]).iter().map(|one| text(&one["name"]));
    let bad: Vec<&str> = set.filter(|name| !is_safe(name)).collect();
    (!bad.is_empty()).then(|| ("forbidden sysctls", bad.join(", ")))
}

fn host_process(spec: &Value) -> Finding {
    let who = setters(spec, |context| context["windowsOptions"]["hostProcess"] == true)?;
    Some(("hostProcess", format!("{who} must not set securityContext.windowsOptions.hostProcess=true")))
}

fn escalation(spec: &Value) -> Finding {
    let who = named(spec, |c| c["securityContext"]["allowPrivilegeEscalation"] != false)?;
    let detail = format!("{who} must set securityContext.allowPrivilegeEscalation=false");
    Some(("allowPrivilegeEscalation != false", detail))
}

fn restricted_capabilities(spec: &Value) -> Finding {
    let keeps = |c: &Value| !texts(&c["securityContext"]["capabilities"]["drop"]).any(|drop| drop == "ALL");
    let keeps = named(spec, keeps).map(|who| format!("{who} must set securityContext.capabilities.drop=[\"ALL\"]"));
    let all: Vec<String> = keeps.into_iter().chain(adding(spec, "NET_BIND_SERVICE")).collect();
    (!all.is_empty()).then(|| ("unrestricted capabilities", all.join("; ")))
}

fn restricted_volumes(spec: &Value) -> Finding {
    const ALLOWED: &str = "configMap csi downwardAPI emptyDir ephemeral image persistentVolumeClaim projected secret";
    let kind = |volume: &'_ Value| -> Option<String> {
        let found = entries(volume).map(|(name, _)| name).find(|name| *name != "name")?;
        ALLOWED.split(' ').all(|allowed| allowed != found).then(|| found.clone())
    };
    let bad: Vec<(&str, String)> =
        items(&spec["volumes"]).iter().filter_map(|volume| Some((text(&volume["name"]), kind(volume)?))).collect();
    let kinds: BTreeSet<&str> = bad.iter().map(|(_, kind)| kind.as_str()).collect();
    let detail = || {
        let (names, volumes) = (quoted(bad.iter().map(|(name, _)| *name)), plural("volume", bad.len()));
        let types = plural("restricted volume type", kinds.len());
        format!("{volumes} {names} {} {types} {}", verb(bad.len()), quoted(kinds.iter().copied()))
    };
    (!bad.is_empty()).then(|| ("restricted volume types", detail()))
}

fn root(spec: &Value) -> Finding {
    if let Some(who) = setters(spec, |context| context["runAsNonRoot"] == false) {
        return Some(("runAsNonRoot != true", format!("{who} must not set securityContext.runAsNonRoot=false")));
    }
    let pod = spec["securityContext"]["runAsNonRoot"] == true;
    let who = named(spec, |c| !pod && c["securityContext"]["runAsNonRoot"] != true)?;
    Some(("runAsNonRoot != true", format!("pod or {who} must set securityContext.runAsNonRoot=true")))
}

fn root_user(spec: &Value) -> Finding {
    let who = setters(spec, |context| context["runAsUser"] == 0)?;
    Some(("runAsUser=0", format!("{who} must not set runAsUser=0")))
}

fn restricted_seccomp(spec: &Value) -> Finding {
    if let Some(found) = seccomp(spec) {
        return Some(found);
    }
    let unset = |context: &Value| context["seccompProfile"]["type"].is_null();
    let pod = unset(&spec["securityContext"]);
    let who = named(spec, |c| pod && unset(&c["securityContext"]))?;
    let wanted = "must set securityContext.seccompProfile.type to \"RuntimeDefault\" or \"Localhost\"";
    Some(("seccompProfile", format!("pod or {who} {wanted}")))
}
