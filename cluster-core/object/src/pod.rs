//! What a pod asks for as a whole, and the quality of service that follows from it.

use crate::meta::{self, items};
use crate::quantity::Quantity;
use serde_json::Value;

/// An amount, or several, that containers ask for.
pub trait Demand: Default + Clone {
    /// Adds what another container asks for at the same time.
    fn add(&mut self, other: &Self);
    /// Raises to at least the other's.
    fn raise(&mut self, other: &Self);
}

/// What is not named is nothing, which is less than zero.
impl Demand for Option<Quantity> {
    fn add(&mut self, other: &Self) {
        if let Some(more) = *other {
            *self = Some(self.unwrap_or_default() + more);
        }
    }

    fn raise(&mut self, other: &Self) {
        *self = (*self).max(*other);
    }
}

/// A port of the node that leads to a container.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostPort {
    number: i32,
    protocol: String,
    address: String,
}

impl HostPort {
    /// The port of a container that asks for one; TCP on all addresses unless it says otherwise.
    pub fn new(number: Option<i32>, protocol: Option<&str>, address: Option<&str>) -> Option<Self> {
        let or = |given: Option<&str>, usual: &str| given.filter(|text| !text.is_empty()).unwrap_or(usual).to_owned();
        let number = number.filter(|number| *number > 0)?;
        Some(Self { number, protocol: or(protocol, "TCP"), address: or(address, ANY_ADDRESS) })
    }

    /// Whether a node cannot give both.
    pub fn conflicts(&self, other: &Self) -> bool {
        (self.number, &self.protocol) == (other.number, &other.protocol)
            && (self.address == other.address || self.address == ANY_ADDRESS || other.address == ANY_ADDRESS)
    }
}

const ANY_ADDRESS: &str = "0.0.0.0";

/// An image's name as nodes report it: with a tag, unless it is named by its digest.
pub fn with_tag(image: &str) -> String {
    let last = image.rsplit('/').next().unwrap_or_default();
    if last.contains([':', '@']) { image.to_owned() } else { format!("{image}:latest") }
}

/// Kernel parameters that stay within a pod. Source: upstream's list of safe sysctls.
const SAFE_SYSCTLS: &str = "kernel.shm_rmid_forced net.ipv4.ip_local_port_range net.ipv4.ip_local_reserved_ports \
    net.ipv4.ip_unprivileged_port_start net.ipv4.ping_group_range net.ipv4.tcp_fin_timeout \
    net.ipv4.tcp_keepalive_intvl net.ipv4.tcp_keepalive_probes net.ipv4.tcp_keepalive_time net.ipv4.tcp_rmem \
    net.ipv4.tcp_syncookies net.ipv4.tcp_wmem";

/// Whether every pod may set this kernel parameter.
pub fn is_safe_sysctl(name: &str) -> bool {
    SAFE_SYSCTLS.split(' ').any(|safe| safe == name)
}

/// The most that containers need at one time: init containers (of each whether it is a sidecar) run one after another
/// beside the sidecars before them, then all others beside all sidecars.
pub fn peak<D: Demand>(containers: impl Iterator<Item = D>, init: impl Iterator<Item = (D, bool)>) -> D {
    let (mut sidecars, mut starting) = (D::default(), D::default());
    for (mut needed, sidecar) in init {
        needed.add(&sidecars);
        starting.raise(&needed);
        if sidecar {
            sidecars = needed;
        }
    }
    let mut running = sidecars;
    for needed in containers {
        running.add(&needed);
    }
    running.raise(&starting);
    running
}

/// The pod's `requests` or `limits` of a resource, as a LimitRange sees them: those of the pod as a whole, or else what
/// its containers need. `None` when nobody says any.
pub fn asked(spec: &Value, list: &str, resource: &str) -> Option<Quantity> {
    let of = |owner: &Value| Quantity::from_value(&owner["resources"][list][resource]).ok();
    let init = meta::items(&spec["initContainers"]).iter().map(|c| (of(c), c["restartPolicy"] == "Always"));
    of(spec).or_else(|| peak(meta::items(&spec["containers"]).iter().map(of), init))
}

/// As [`asked`], with the pod's overhead: what nodes and quotas account for. Overhead adds to limits only where there
/// are some.
pub fn total(spec: &Value, list: &str, resource: &str) -> Option<Quantity> {
    let mut sum = asked(spec, list, resource);
    if sum.is_some() || list == "requests" {
        sum.add(&Quantity::from_value(&spec["overhead"][resource]).ok());
    }
    sum
}

/// `Guaranteed`, `Burstable` or `BestEffort`, from request and limit of CPU and memory of each that has its own: the pod
/// when it has resources as a whole, else every container.
pub fn qos_class(amounts: impl Iterator<Item = (Option<Quantity>, Option<Quantity>)>) -> &'static str {
    let (mut any, mut guaranteed) = (false, true);
    for (request, limit) in amounts {
        let [request, limit] = [request, limit].map(|amount| amount.filter(|amount| !amount.is_zero()));
        any |= request.or(limit).is_some();
        guaranteed &= limit.is_some() && request.or(limit) == limit;
    }
    match (any, guaranteed) {
        (false, _) => "BestEffort",
        (true, true) => "Guaranteed",
        (true, false) => "Burstable",
    }
}

/// Whether a pod's resources say anything of the pod as a whole: upstream's `IsPodLevelResourcesSet`.
pub fn is_set_as_whole<'a>(resources: impl IntoIterator<Item = &'a str>) -> bool {
    resources.into_iter().any(|name| matches!(name, "cpu" | "memory") || name.starts_with("hugepages-"))
}

/// The class of a pod's spec.
pub fn qos_class_of(spec: &Value) -> &'static str {
    let containers = meta::items(&spec["initContainers"]).iter().chain(meta::items(&spec["containers"]));
    let named = ["requests", "limits"].into_iter().filter_map(|list| spec["resources"][list].as_object());
    let whole = is_set_as_whole(named.flat_map(|list| list.keys().map(String::as_str)));
    let owners: Vec<&Value> = if whole { vec![spec] } else { containers.collect() };
    let amount = |owner: &Value, list, name| Quantity::from_value(&owner["resources"][list][name]).ok();
    qos_class(owners.into_iter().flat_map(|owner| {
        ["cpu", "memory"].map(|name| (amount(owner, "requests", name), amount(owner, "limits", name)))
    }))
}

/// What a pod's spec refers to by name in its namespace, by resource.
pub fn references<'a>(spec: &'a Value) -> Vec<(&'static str, &'a str)> {
    const VOLUME: [(&str, &str); 3] = [
        ("secrets", "/secret/secretName"),
        ("configmaps", "/configMap/name"),
        ("persistentvolumeclaims", "/persistentVolumeClaim/claimName"),
    ];
    const SOURCE: [(&str, &str); 2] = [("secrets", "/secret/name"), ("configmaps", "/configMap/name")];
    const VARIABLE: [(&str, &str); 2] =
        [("secrets", "/valueFrom/secretKeyRef/name"), ("configmaps", "/valueFrom/configMapKeyRef/name")];
    const VARIABLES: [(&str, &str); 2] = [("secrets", "/secretRef/name"), ("configmaps", "/configMapRef/name")];
    let mut found = Vec::new();
    let mut add = |items: &'a [Value], places: &[(&'static str, &str)]| {
        for item in items {
            let name = |at: &str| item.pointer(at).and_then(Value::as_str).filter(|name| !name.is_empty());
            found.extend(places.iter().filter_map(|(resource, at)| Some((*resource, name(at)?))));
        }
    };
    add(std::slice::from_ref(spec), &[("serviceaccounts", "/serviceAccountName")]);
    add(items(&spec["imagePullSecrets"]), &[("secrets", "/name")]);
    add(items(&spec["volumes"]), &VOLUME);
    for volume in items(&spec["volumes"]) {
        add(items(&volume["projected"]["sources"]), &SOURCE);
    }
    for container in ["containers", "initContainers", "ephemeralContainers"].iter().flat_map(|list| items(&spec[*list]))
    {
        add(items(&container["env"]), &VARIABLE);
        add(items(&container["envFrom"]), &VARIABLES);
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn container(cpu: &str, restart: Option<&str>) -> Value {
        json!({"restartPolicy": restart, "resources": {"requests": {"cpu": cpu}}})
    }

    #[test]
    fn an_image_without_tag_means_latest() {
        let cases = [
            ("a", "a:latest"),
            ("r:5000/a", "r:5000/a:latest"),
            ("r:5000/a:v1", "r:5000/a:v1"),
            ("a@sha256:0", "a@sha256:0"),
        ];
        for (given, wanted) in cases {
            assert_eq!(with_tag(given), wanted);
        }
    }

    #[test]
    fn init_containers_run_before_and_sidecars_beside() {
        let (one, init, sidecar) = (container("1", None), container("3", None), container("2", Some("Always")));
        let table = [
            (json!({"containers": [one, one]}), "2", "2"),
            (json!({"containers": [one], "initContainers": [init]}), "3", "3"),
            (json!({"containers": [one], "initContainers": [sidecar, init]}), "5", "5"),
            (json!({"containers": [one], "initContainers": [init, sidecar]}), "3", "3"),
            (json!({"containers": [one], "initContainers": [sidecar, sidecar]}), "5", "5"),
            (json!({"containers": [one], "overhead": {"cpu": "250m"}}), "1", "1250m"),
            (json!({"containers": [one], "resources": {"requests": {"cpu": "3"}}}), "3", "3"),
        ];
        for (spec, as_range, as_quota) in table {
            let both = (asked(&spec, "requests", "cpu"), total(&spec, "requests", "cpu"));
            let both = (both.0.unwrap().to_string(), both.1.unwrap().to_string());
            assert_eq!(both, (as_range.to_owned(), as_quota.to_owned()), "{spec}");
        }
        let bare = json!({"containers": [{}], "overhead": {"cpu": "1"}});
        assert_eq!((asked(&bare, "requests", "cpu"), total(&bare, "limits", "cpu")), (None, None));
        assert_eq!(total(&bare, "requests", "cpu"), Some(Quantity::new(1)));
    }

    #[test]
    fn the_class_follows_from_requests_and_limits() {
        let full = json!({"limits": {"cpu": "1", "memory": "1Gi"}});
        let table = [
            (json!({"containers": [{}]}), "BestEffort"),
            (json!({"containers": [{"resources": {"requests": {"cpu": "0"}}}]}), "BestEffort"),
            (json!({"containers": [{"resources": full}]}), "Guaranteed"),
            (json!({"containers": [{"resources": full}, {}]}), "Burstable"),
            (json!({"containers": [{"resources": full}], "initContainers": [{}]}), "Burstable"),
            (json!({"containers": [{}], "resources": full}), "Guaranteed"),
            (json!({"containers": [{"resources": full}], "resources": {}}), "Guaranteed"),
            (json!({"containers": [{"resources": full}], "resources": {"requests": {}}}), "Guaranteed"),
            (json!({"containers": [{"resources": {"limits": {"cpu": "1"}}}]}), "Burstable"),
        ];
        for (spec, class) in table {
            assert_eq!(qos_class_of(&spec), class, "{spec}");
        }
    }
}
