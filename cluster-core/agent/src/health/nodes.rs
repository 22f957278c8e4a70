//! Why a node takes no pods.

use super::{Finding, condition};
use crate::prelude::*;

const PRESSURES: [(&str, &str); 3] =
    [("MemoryPressure", "why.node.memory"), ("DiskPressure", "why.node.disk"), ("PIDPressure", "why.node.processes")];

pub(super) fn node(object: &Value) -> Finding {
    match condition(object, "Ready") {
        Some(("True", ..)) => {}
        Some(("Unknown", _, message)) => {
            return Finding::bad(say("why.node.silent"))
                .evidence([message.to_owned()])
                .remedy("start-node", "do.start-node");
        }
        Some((_, reason, message)) => {
            return Finding::bad(say("why.node.not-ready").with("message", message)).evidence([reason.to_owned()]);
        }
        None => return Finding::warn(say("why.node.new")),
    }
    for (kind, why) in PRESSURES {
        if let Some(("True", _, message)) = condition(object, kind) {
            return Finding::bad(say(why)).evidence([message.to_owned()]);
        }
    }
    if object["spec"]["unschedulable"] == true {
        return Finding::warn(say("why.node.cordoned")).remedy("uncordon", "do.uncordon");
    }
    Finding::default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::health::Health;

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
            assert_eq!((found.health, found.why_text()), (health, why), "{object}");
        }
    }
}
