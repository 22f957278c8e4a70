//! Why a node takes no pods.

use super::{Finding, Health, condition};
use serde_json::Value;

const PRESSURES: [(&str, &str); 3] = [
    ("MemoryPressure", "is short of memory"),
    ("DiskPressure", "is short of disk space"),
    ("PIDPressure", "is short of process numbers"),
];

pub(super) fn node(object: &Value) -> Finding {
    match condition(object, "Ready") {
        Some(("True", ..)) => {}
        Some(("Unknown", _, message)) => {
            return Finding::new(Health::Bad, "has not been heard of: is its container running?")
                .evidence([message.to_owned()])
                .remedy("start-node", "Start the node");
        }
        Some((_, reason, message)) => {
            return Finding::new(Health::Bad, format!("is not ready: {message}")).evidence([reason.to_owned()]);
        }
        None => return Finding::new(Health::Warn, "has not reported yet"),
    }
    for (kind, why) in PRESSURES {
        if let Some(("True", _, message)) = condition(object, kind) {
            return Finding::new(Health::Bad, why).evidence([message.to_owned()]);
        }
    }
    if object["spec"]["unschedulable"] == true {
        return Finding::new(Health::Warn, "is cordoned: it takes no new pods").remedy("uncordon", "Uncordon");
    }
    Finding::default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_line_says_what_a_node_lacks() {
        let node_with = |ready: &str, pressure: &str, cordoned: bool| {
            json!({"spec": {"unschedulable": cordoned}, "status": {"conditions": [
                {"type": "Ready", "status": ready, "message": "engine down"}, {"type": "DiskPressure", "status": pressure}]}})
        };
        let table = [
            (node_with("True", "False", false), Health::Ok, ""),
            (node_with("True", "False", true), Health::Warn, "is cordoned: it takes no new pods"),
            (node_with("True", "True", false), Health::Bad, "is short of disk space"),
            (node_with("False", "False", false), Health::Bad, "is not ready: engine down"),
            (node_with("Unknown", "False", false), Health::Bad, "has not been heard of: is its container running?"),
            (json!({}), Health::Warn, "has not reported yet"),
        ];
        for (object, health, why) in table {
            let found = node(&object);
            assert_eq!((found.health, found.why.as_str()), (health, why), "{object}");
        }
    }
}
