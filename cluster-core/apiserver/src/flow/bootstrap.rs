//! The priority levels and flow schemas that every cluster has.
//!
//! Facts: <https://kubernetes.io/docs/concepts/cluster-administration/flow-control/#defaults>.

use serde_json::{Value, json};

/// Both lists: levels first, because schemas name them. `bootstrap.json` has the kind, the name and the spec of each.
pub(crate) fn objects() -> Vec<Value> {
    let rows: Vec<(&str, &str, Value)> =
        serde_json::from_str(include_str!("bootstrap.json")).expect("a table of objects, which tests read");
    let object = |(kind, name, spec)| {
        json!({
            "apiVersion": "flowcontrol.apiserver.k8s.io/v1", "kind": kind, "spec": spec,
            "metadata": {"name": name, "annotations": {(super::AUTOUPDATE): "true"}},
        })
    };
    rows.into_iter().map(object).collect()
}
