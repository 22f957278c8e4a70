//! Why a claim, volume, service or namespace is of no use.

use super::{Finding, Health, condition, text};
use crate::prelude::*;

/// The cluster's own class, whose volumes are made on the node of a claim's first pod (`WaitForFirstConsumer`).
const OWN_CLASS: &str = "standard";

pub(super) fn claim(object: &Value) -> Finding {
    let class = object["spec"]["storageClassName"].as_str();
    let has_pod = object["metadata"]["annotations"]["volume.kubernetes.io/selected-node"].is_string();
    match text(&object["status"]["phase"]) {
        "Bound" => Finding::default(),
        "Lost" => Finding::bad(say("why.claim.lost")).remedy("delete", "do.delete-claim"),
        _ => match class {
            Some("") => Finding::warn(say("why.claim.no-fit")),
            Some(OWN_CLASS) if !has_pod => Finding::new(Health::Ok, say("why.claim.first-pod")),
            Some(class) => Finding::warn(say("why.claim.class").with("class", class)),
            None => Finding::warn(say("why.claim.no-class")),
        },
    }
}

pub(super) fn volume(object: &Value) -> Finding {
    match text(&object["status"]["phase"]) {
        "Failed" => Finding::bad(say("why.volume.failed").with("message", text(&object["status"]["message"]))),
        "Released" => Finding::warn(say("why.volume.released")),
        _ => Finding::default(),
    }
}

pub(super) fn service(object: &Value) -> Finding {
    let waits = object["spec"]["type"] == "LoadBalancer"
        && meta::items(&object["status"]["loadBalancer"]["ingress"]).is_empty();
    if waits { Finding::warn(say("why.service.no-address")) } else { Finding::default() }
}

pub(super) fn namespace(object: &Value) -> Finding {
    if text(&object["status"]["phase"]) != "Terminating" {
        return Finding::default();
    }
    let kinds = ["NamespaceContentRemaining", "NamespaceFinalizersRemaining", "NamespaceDeletionContentFailure"];
    let facts = kinds.iter().filter_map(|kind| condition(object, kind)).filter(|(status, ..)| *status == "True");
    Finding::warn(say("why.deleting")).evidence(facts.map(|(_, _, message)| message.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_line_says_what_is_missing() {
        let claim_of =
            |phase: &str, class: Value| json!({"spec": {"storageClassName": class}, "status": {"phase": phase}});
        let chosen = json!({"metadata": {"annotations": {"volume.kubernetes.io/selected-node": "n"}},
            "spec": {"storageClassName": OWN_CLASS}, "status": {"phase": "Pending"}});
        let table: [(fn(&Value) -> Finding, Value, Health, &str); 8] = [
            (claim, claim_of("Bound", json!("x")), Health::Ok, ""),
            (claim, claim_of("Pending", json!("x")), Health::Warn, "is not bound: waits for a volume of class x"),
            (claim, claim_of("Pending", json!(OWN_CLASS)), Health::Ok, "waits for its first pod"),
            (claim, chosen, Health::Warn, "is not bound: waits for a volume of class standard"),
            (claim, claim_of("Lost", json!("x")), Health::Bad, "its volume is gone, and the data with it"),
            (service, json!({"spec": {"type": "LoadBalancer"}}), Health::Warn, "has no external address yet"),
            (volume, json!({"status": {"phase": "Released"}}), Health::Warn, "its claim is gone, the data is kept"),
            (namespace, json!({"status": {"phase": "Terminating"}}), Health::Warn, "is being deleted"),
        ];
        for (assess, object, health, why) in table {
            let found = assess(&object);
            assert_eq!((found.health, found.why_text()), (health, why), "{object}");
        }
    }
}
