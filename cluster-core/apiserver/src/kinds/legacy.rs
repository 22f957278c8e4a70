//! Versions that upstream removed and old manifests still use: converted on the way in, answered with a warning.
//!
//! They have the shape of the stored version but for what `upgrade` mends. Discovery does not offer to list them, so
//! that nothing which walks over all resources meets an object twice.

use crate::kinds::prelude::*;
use crate::registry::{Legacy, Verbs};

type Upgrade = fn(&mut Value);

/// Group and version, the plurals, the stored group, since when deprecated and gone, and what mends the objects.
type Row = (&'static str, &'static str, &'static str, &'static str, &'static str, Upgrade);
/// What mends objects of this group and version on their way out.
const OUTWARD: &[(&str, &str, Upgrade)] = &[("discovery.k8s.io", "v1beta1", topology)];
const APPS: &str = "controllerrevisions daemonsets deployments replicasets statefulsets";
const TABLE: &[Row] = &[
    ("extensions", "v1beta1", "deployments", "apps", "v1.9+, unavailable in v1.16+", unlimited_deployment),
    ("extensions", "v1beta1", "daemonsets", "apps", "v1.9+, unavailable in v1.16+", on_delete),
    ("extensions", "v1beta1", "replicasets", "apps", "v1.9+, unavailable in v1.16+", selector),
    ("extensions", "v1beta1", "ingresses", "networking.k8s.io", "v1.14+, unavailable in v1.22+", ingress),
    ("extensions", "v1beta1", "networkpolicies", "networking.k8s.io", "v1.9+, unavailable in v1.16+", same),
    ("apps", "v1beta1", "deployments", "apps", "v1.9+, unavailable in v1.16+", first_deployment),
    ("apps", "v1beta1", "statefulsets", "apps", "v1.9+, unavailable in v1.16+", on_delete),
    ("apps", "v1beta1", "controllerrevisions", "apps", "v1.9+, unavailable in v1.16+", same),
    ("apps", "v1beta2", APPS, "apps", "v1.9+, unavailable in v1.16+", same),
    ("discovery.k8s.io", "v1beta1", "endpointslices", "discovery.k8s.io", "v1.21+, unavailable in v1.25+", fields),
    ("batch", "v1beta1", "cronjobs", "batch", "v1.21+, unavailable in v1.25+", same),
    ("networking.k8s.io", "v1beta1", "ingresses", "networking.k8s.io", "v1.19+, unavailable in v1.22+", ingress),
    ("networking.k8s.io", "v1beta1", "ingressclasses", "networking.k8s.io", "v1.19+, unavailable in v1.22+", same),
    ("policy", "v1beta1", "poddisruptionbudgets", "policy", "v1.21+, unavailable in v1.25+", same),
];

/// The entries of the removed versions of these resources.
pub(super) fn resources(present: &[Resource]) -> Vec<Resource> {
    let of = |&(group, version, plurals, stored, since, upgrade): &Row| {
        let found =
            present.iter().filter(move |r| r.group == stored && plurals.split(' ').any(|plural| plural == r.plural));
        found.map(|resource| resource_of(resource, group, version, since, upgrade)).collect::<Vec<_>>()
    };
    TABLE.iter().flat_map(of).collect()
}

fn resource_of(stored: &Resource, group: &str, version: &str, since: &str, upgrade: Upgrade) -> Resource {
    let (new, kind) = (stored.api_version(), &stored.kind);
    let outward = OUTWARD.iter().find(|row| (row.0, row.1) == (group, version));
    Resource {
        group: group.to_owned(),
        version: version.to_owned(),
        short_names: Vec::new(),
        categories: Vec::new(),
        verbs: Verbs::Unlisted,
        warning: format!("{group}/{version} {kind} is deprecated in {since}; use {new} {kind}"),
        legacy: Some(Legacy {
            group: stored.group.clone(),
            version: stored.version.clone(),
            upgrade,
            downgrade: outward.map_or(same, |row| row.2),
        }),
        ..stored.clone()
    }
}

fn same(_: &mut Value) {}

/// Takes the labels of the template where the selector is missing.
fn selector(object: &mut Value) {
    let labels = meta::get(object, "spec.template.metadata.labels").clone();
    if is_empty(meta::get(object, "spec.selector")) && !is_empty(&labels) {
        meta::set(object, "spec.selector", json!({"matchLabels": labels}));
    }
}

fn first_deployment(object: &mut Value) {
    selector(object);
    deployment(object, 2, 600);
}

fn unlimited_deployment(object: &mut Value) {
    selector(object);
    deployment(object, i64::from(i32::MAX), i64::from(i32::MAX));
}

fn deployment(object: &mut Value, history: i64, deadline: i64) {
    let Some(spec) = at(object, "spec") else { return };
    drop(remove(spec, "rollbackTo"));
    default(spec, "revisionHistoryLimit", history);
    default(spec, "progressDeadlineSeconds", deadline);
    default(spec, "strategy", json!({}));
    // Nothing has looked at the types yet.
    let Some(strategy) = at(spec, "strategy") else { return };
    if matches!(strategy["type"].as_str(), None | Some("RollingUpdate")) {
        default(strategy, "rollingUpdate", json!({}));
        for field in ["maxUnavailable", "maxSurge"] {
            default(&mut strategy["rollingUpdate"], field, 1);
        }
    }
}

fn on_delete(object: &mut Value) {
    selector(object);
    let Some(spec) = at(object, "spec") else { return };
    drop(remove(spec, "templateGeneration"));
    default(spec, "updateStrategy", json!({}));
    default(&mut spec["updateStrategy"], "type", "OnDelete");
}

/// Back ends named their service and port flatly.
fn ingress(object: &mut Value) {
    let Some(spec) = at(object, "spec") else { return };
    if let Some(mut backend) = remove(spec, "backend") {
        nest(&mut backend);
        default(spec, "defaultBackend", backend);
    }
    for rule in each(spec, "rules") {
        for path in at(rule, "http").into_iter().flat_map(|http| each(http, "paths")) {
            default(path, "pathType", "ImplementationSpecific");
            at(path, "backend").into_iter().for_each(nest);
        }
    }
}

fn nest(backend: &mut Value) {
    let (name, port) = (remove(backend, "serviceName"), remove(backend, "servicePort"));
    if let Some(name) = name {
        let field = if port.as_ref().is_some_and(Value::is_string) { "name" } else { "number" };
        backend["service"] = json!({"name": name, "port": {field: port}});
    }
}

const HOSTNAME: &str = "kubernetes.io/hostname";
const ZONE: &str = "topology.kubernetes.io/zone";

/// Labels told where an endpoint is; what no field says stays among them.
fn fields(object: &mut Value) {
    for endpoint in each(object, "endpoints").filter(|endpoint| endpoint["topology"].is_object()) {
        let Some(Value::Object(mut labels)) = remove(endpoint, "topology") else { continue };
        if let Some(zone) = labels.remove(ZONE) {
            default(endpoint, "zone", zone);
        }
        if labels.get(HOSTNAME).is_some_and(|name| *name == endpoint["nodeName"]) {
            drop(labels.remove(HOSTNAME));
        }
        if !labels.is_empty() {
            default(endpoint, "deprecatedTopology", Value::from(labels));
        }
    }
}

/// The other way round.
fn topology(object: &mut Value) {
    for endpoint in each(object, "endpoints") {
        let mut labels = remove(endpoint, "deprecatedTopology").filter(Value::is_object).unwrap_or_else(|| json!({}));
        if let Some(zone) = remove(endpoint, "zone") {
            labels[ZONE] = zone;
        }
        if let Some(node) = endpoint.get("nodeName") {
            default(&mut labels, HOSTNAME, node.clone());
        }
        if !is_empty(&labels) {
            endpoint["topology"] = labels;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_old_ingress_gets_the_present_shape() {
        let mut old = json!({"spec": {"backend": {"serviceName": "a", "servicePort": 80}, "rules": [
            {"http": {"paths": [{"path": "/", "backend": {"serviceName": "b", "servicePort": "web"}}]}}]}});
        ingress(&mut old);
        let new = json!({"spec": {"defaultBackend": {"service": {"name": "a", "port": {"number": 80}}}, "rules": [
            {"http": {"paths": [{"path": "/", "pathType": "ImplementationSpecific",
                "backend": {"service": {"name": "b", "port": {"name": "web"}}}}]}}]}});
        assert_eq!(old, new);
        ingress(&mut old);
        assert_eq!(old, new, "again");
    }

    #[test]
    fn labels_of_an_old_endpoint_become_fields_and_labels_again() {
        let old = json!({"endpoints": [
            {"nodeName": "n", "topology": {HOSTNAME: "n", ZONE: "z", "rack": "r"}}, {"addresses": []}]});
        let mut object = old.clone();
        fields(&mut object);
        let new = json!({"endpoints": [
            {"nodeName": "n", "zone": "z", "deprecatedTopology": {"rack": "r"}}, {"addresses": []}]});
        assert_eq!(object, new);
        topology(&mut object);
        assert_eq!(object, old);
    }

    #[test]
    fn what_has_the_wrong_type_is_left_to_the_decoder() {
        for mend in TABLE.iter().map(|row| row.5) {
            for field in ["spec", "strategy", "updateStrategy", "selector", "template", "backend", "rules", "endpoints"]
            {
                for wrong in [json!("x"), json!(1), json!([1]), json!(null)] {
                    mend(&mut if field == "spec" { json!({field: wrong}) } else { json!({"spec": {field: wrong}}) });
                }
            }
        }
    }

    #[test]
    fn an_old_deployment_selects_what_its_template_is_labelled() {
        let mut old = json!({"spec": {"template": {"metadata": {"labels": {"app": "a"}}}}});
        first_deployment(&mut old);
        assert_eq!(old["spec"]["selector"], json!({"matchLabels": {"app": "a"}}));
        assert_eq!(old["spec"]["strategy"]["rollingUpdate"], json!({"maxUnavailable": 1, "maxSurge": 1}));
    }
}
