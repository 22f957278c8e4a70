//! What state an object is in, and why, in words: pure functions of the object.

mod claims;
mod nodes;
mod pods;
mod workloads;

use crate::prelude::*;

/// How an object is. The order is that of urgency.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Health {
    /// It will not get better by itself.
    Bad,
    /// It is on its way, or somebody should look.
    Warn,
    /// As it should be.
    #[default]
    Ok,
    /// It has come to its end, as it should.
    Done,
}

/// The button that mends it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Remedy {
    /// What the page does: `logs`, `previous-logs`, `load-image`, `add-node`, `start-node`, `uncordon`, `roll-back`,
    /// `edit`, `delete`, `create-missing`.
    pub(crate) action: &'static str,
    /// What stands on it.
    pub(crate) label: Saying,
}

/// What is known of an object's health.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub(crate) struct Finding {
    pub(crate) health: Health,
    /// One line; nothing when all is well.
    pub(crate) why: Option<Saying>,
    /// What the line rests on, a fact each.
    #[serde(skip)]
    pub(crate) evidence: Vec<String>,
    /// The container that it is about.
    #[serde(skip)]
    pub(crate) container: Option<String>,
    #[serde(skip)]
    pub(crate) remedy: Option<Remedy>,
}

impl Finding {
    fn new(health: Health, why: Saying) -> Self {
        Self { health, why: Some(why), ..Self::default() }
    }

    fn bad(why: Saying) -> Self {
        Self::new(Health::Bad, why)
    }

    fn warn(why: Saying) -> Self {
        Self::new(Health::Warn, why)
    }

    fn evidence(mut self, facts: impl IntoIterator<Item = String>) -> Self {
        self.evidence.extend(facts.into_iter().filter(|fact| !fact.is_empty()));
        self
    }

    fn remedy(mut self, action: &'static str, label: &'static str) -> Self {
        self.remedy = Some(Remedy { action, label: say(label) });
        self
    }

    #[cfg(test)]
    fn why_text(&self) -> &str {
        self.why.as_ref().map_or("", |why| &why.text)
    }
}

type Assess = fn(&Value) -> Finding;

/// A kind whose health is in more than its metadata: group, version, name in URLs, kind.
#[derive(Debug, Serialize)]
pub(crate) struct Known {
    pub(crate) group: &'static str,
    pub(crate) version: &'static str,
    pub(crate) resource: &'static str,
    pub(crate) kind: &'static str,
    #[serde(skip)]
    assess: Assess,
}

const fn known(group: &'static str, resource: &'static str, kind: &'static str, assess: Assess) -> Known {
    Known { group, version: "v1", resource, kind, assess }
}

/// All of them, in the order in which problems are told.
pub(crate) static KINDS: [Known; 12] = [
    known("", "nodes", "Node", nodes::node),
    known("apps", "deployments", "Deployment", workloads::deployment),
    known("apps", "statefulsets", "StatefulSet", workloads::stateful_set),
    known("apps", "daemonsets", "DaemonSet", workloads::daemon_set),
    known("apps", "replicasets", "ReplicaSet", workloads::replica_set),
    known("batch", "jobs", "Job", workloads::job),
    known("", "pods", "Pod", pods::pod),
    known("", "persistentvolumeclaims", "PersistentVolumeClaim", claims::claim),
    known("", "persistentvolumes", "PersistentVolume", claims::volume),
    known("", "services", "Service", claims::service),
    known("", "namespaces", "Namespace", claims::namespace),
    known("", "events", "Event", event),
];

/// An event is no problem itself; its message is evidence for the object that it is about.
fn event(object: &Value) -> Finding {
    let health = if object["type"] == "Warning" { Health::Warn } else { Health::Ok };
    Finding { health, ..Finding::default() }.evidence([text(&object["message"]).to_owned()])
}

fn kind(group: &str, resource: &str) -> Option<Assess> {
    KINDS.iter().find(|known| (known.group, known.resource) == (group, resource)).map(|known| known.assess)
}

/// Whether the whole object must be seen to know its health.
pub(crate) fn needs_object(group: &str, resource: &str) -> bool {
    kind(group, resource).is_some()
}

/// How an object of a kind is.
pub(crate) fn assess(group: &str, resource: &str, object: &Value) -> Finding {
    let finding = kind(group, resource).map(|assess| assess(object)).unwrap_or_default();
    let deleting = object["metadata"]["deletionTimestamp"].is_string();
    if !deleting || finding.health == Health::Bad {
        return finding;
    }
    let finalizers: Vec<&str> = cluster_object::meta::finalizers(object);
    let why = match finalizers.as_slice() {
        [] => say("why.deleting"),
        waits => say("why.deleting.waits").with("finalizers", waits.join(", ")),
    };
    Finding::warn(why)
}

/// The condition of a type: its status, reason and message.
fn condition<'a>(object: &'a Value, kind: &str) -> Option<(&'a str, &'a str, &'a str)> {
    let conditions = object["status"]["conditions"].as_array()?;
    let found = conditions.iter().find(|condition| condition["type"] == kind)?;
    let text = |field: &str| found[field].as_str().unwrap_or_default();
    Some((text("status"), text("reason"), text("message")))
}

fn number(value: &Value) -> i64 {
    value.as_i64().unwrap_or_default()
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}
