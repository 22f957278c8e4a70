//! The quality-of-service class of a pod.

use crate::kinds::walk::{entries, items};
use cluster_object::quantity::Quantity;
use serde_json::Value;

/// `Guaranteed`, `Burstable` or `BestEffort`, from CPU and memory of all containers.
pub(crate) fn class(spec: &Value) -> &'static str {
    let containers = || items(&spec["initContainers"]).iter().chain(items(&spec["containers"]));
    let amount = |list: &Value, name: &str| Quantity::from_value(&list[name]).ok().filter(|q| !q.is_zero());
    let counts = |list: &Value| {
        entries(list).any(|(name, _)| matches!(name.as_str(), "cpu" | "memory") && amount(list, name).is_some())
    };
    if containers().all(|c| !counts(&c["resources"]["requests"]) && !counts(&c["resources"]["limits"])) {
        return "BestEffort";
    }
    let guaranteed = containers().all(|c| {
        let (requests, limits) = (&c["resources"]["requests"], &c["resources"]["limits"]);
        ["cpu", "memory"].iter().all(|name| {
            let limit = amount(limits, name);
            limit.is_some() && (requests[name].is_null() || amount(requests, name) == limit)
        })
    });
    if guaranteed { "Guaranteed" } else { "Burstable" }
}
