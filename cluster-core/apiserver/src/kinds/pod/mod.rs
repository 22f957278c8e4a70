//! Pods and pod templates.

pub(super) mod columns;
pub(super) mod containers;
pub(super) mod defaults;
pub(crate) mod update;
pub(super) mod validation;
mod volumes;

use super::BASE;
use super::walk::text;
use crate::registry::{Deletion, Strategy};
use cluster_object::meta;
use cluster_object::pod::qos_class_of;
use serde_json::{Value, json};

/// The rules of pods.
pub(super) const STRATEGY: Strategy = Strategy {
    defaults: defaults::pod,
    prepare_create: |pod| pod["status"] = json!({"phase": "Pending", "qosClass": qos_class_of(&pod["spec"])}),
    prepare_update: |pod, old| pod["status"] = old["status"].clone(),
    prepare_status: |pod, old| {
        super::walk::default_text(&mut pod["status"], "qosClass", meta::text(old, "status.qosClass"));
    },
    validate: validation::pod,
    validate_update: update::validate,
    validate_status: update::validate_status,
    selectable_fields: &[
        ("spec.nodeName", |p| meta::text(p, "spec.nodeName").to_owned()),
        ("spec.restartPolicy", |p| meta::text(p, "spec.restartPolicy").to_owned()),
        ("spec.schedulerName", |p| meta::text(p, "spec.schedulerName").to_owned()),
        ("spec.serviceAccountName", |p| meta::text(p, "spec.serviceAccountName").to_owned()),
        ("spec.hostNetwork", |p| (p["spec"]["hostNetwork"] == true).to_string()),
        ("status.phase", |p| meta::text(p, "status.phase").to_owned()),
        ("status.podIP", pod_ip),
        ("status.podIPs", pod_ip),
        ("status.nominatedNodeName", |p| meta::text(p, "status.nominatedNodeName").to_owned()),
    ],
    status_resets: &["ownerReferences"],
    deletion: Deletion::Graceful,
    ..BASE
};

/// The rules of pod templates as objects of their own.
pub(super) const TEMPLATE_STRATEGY: Strategy = Strategy {
    defaults: |object| defaults::template(&mut object["template"]),
    validate: |object| validation::template(&super::walk::At::root(object).get("template")),
    ..BASE
};

fn pod_ip(pod: &Value) -> String {
    text(&pod["status"]["podIPs"][0]["ip"]).to_owned()
}
