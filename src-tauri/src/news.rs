//! What the agent tells over its WebSocket, and what of it the user is notified of.

use crate::words::{Saying, Words};
use serde::Deserialize;
use std::collections::HashMap;

/// A message of the agent, as far as it matters here.
#[derive(Debug, Deserialize)]
#[serde(tag = "type", rename_all = "lowercase")]
pub(crate) enum Message {
    Clusters {
        clusters: Vec<Cluster>,
    },
    Operations {
        operations: Vec<Operation>,
    },
    Operation {
        operation: Operation,
    },
    #[serde(other)]
    Other,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(crate) struct Cluster {
    pub(crate) name: String,
    /// `running`, `stopped`, `paused`, `partial` or `creating`.
    pub(crate) state: String,
    pub(crate) nodes: Vec<Node>,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(crate) struct Node {
    name: String,
    state: String,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Operation {
    id: String,
    title: Saying,
    cluster: String,
    state: String,
    error: Option<String>,
}

/// A notification.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Notice {
    pub(crate) title: String,
    pub(crate) body: String,
}

/// What was heard since the connection stands.
#[derive(Debug, Default)]
pub(crate) struct Heard {
    /// `None` until the first list.
    clusters: Option<Vec<Cluster>>,
    /// The clusters of the operations that run, by the operation's id.
    running: HashMap<String, String>,
}

impl Heard {
    /// The clusters, as they were told last.
    pub(crate) fn clusters(&self) -> &[Cluster] {
        self.clusters.as_deref().unwrap_or_default()
    }

    /// Takes a message in. What a connection begins with is known, so nobody is notified of it.
    pub(crate) fn hear(&mut self, message: Message, words: Words) -> Vec<Notice> {
        match message {
            Message::Clusters { clusters } => {
                let before = self.clusters.take();
                let told = |cluster| before.as_ref().and_then(|before| self.change(before, cluster, words));
                let notices = clusters.iter().filter_map(told).collect();
                self.clusters = Some(clusters);
                notices
            }
            Message::Operations { operations } => {
                let running = operations.into_iter().filter(|operation| operation.state == "running");
                self.running = running.map(|operation| (operation.id, operation.cluster)).collect();
                Vec::new()
            }
            Message::Operation { operation } if operation.state == "running" => {
                self.running.insert(operation.id, operation.cluster);
                Vec::new()
            }
            Message::Operation { operation } => {
                let followed = self.running.remove(&operation.id).is_some();
                let error = operation.error.filter(|_| followed && operation.state == "failed");
                let title = words.text("failed", &[("title", &words.say(&operation.title))]);
                error.map(|body| Notice { title, body }).into_iter().collect()
            }
            Message::Other => Vec::new(),
        }
    }

    /// What a cluster's new state is worth.
    fn change(&self, before: &[Cluster], now: &Cluster, words: Words) -> Option<Notice> {
        let before = before.iter().find(|cluster| cluster.name == now.name).map(|cluster| cluster.state.as_str());
        // A cluster that somebody starts or stops is on its way, not ill.
        let is_worked_on = self.running.values().any(|cluster| *cluster == now.name);
        let body = match now.state.as_str() {
            state if before == Some(state) => return None,
            "running" => words.text("runs", &[]),
            "stopped" if before.is_some() => words.text("is-stopped", &[]),
            "partial" if before == Some("running") && !is_worked_on => {
                let down = now.nodes.iter().filter(|node| node.state != "running").map(|node| node.name.as_str());
                words.text("nodes-down", &[("names", &down.collect::<Vec<_>>().join(", "))])
            }
            _ => return None,
        };
        Some(Notice { title: words.text("cluster", &[("name", &now.name)]), body })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn clusters(states: &[(&str, &str)]) -> Value {
        let nodes = json!([{"name": "n-1", "state": "running"}, {"name": "n-2", "state": "stopped"}]);
        let one = |(name, state): &(&str, &str)| json!({"name": name, "state": state, "nodes": nodes, "uid": ""});
        json!({"type": "clusters", "clusters": states.iter().map(one).collect::<Value>()})
    }

    fn one(state: &str, error: Option<&str>) -> Value {
        json!({"id": "1", "title": {"text": "Stop cluster dev"}, "cluster": "dev", "state": state, "error": error})
    }

    fn operation(state: &str, error: Option<&str>) -> Value {
        json!({"type": "operation", "operation": one(state, error)})
    }

    fn operations(states: &[&str]) -> Value {
        let all: Value = states.iter().map(|state| one(state, Some("no space"))).collect();
        json!({"type": "operations", "operations": all})
    }

    #[test]
    fn users_are_notified_of_what_changed_and_of_nothing_else() {
        let table: &[(&[Value], &[&str])] = &[
            (&[clusters(&[("dev", "running")])], &[]),
            (&[clusters(&[]), clusters(&[("dev", "creating")]), clusters(&[("dev", "running")])], &["It runs."]),
            (&[clusters(&[("dev", "running")]), clusters(&[("dev", "running")])], &[]),
            (&[clusters(&[("dev", "running")]), clusters(&[("dev", "stopped")])], &["It is stopped."]),
            (&[clusters(&[("dev", "running")]), clusters(&[("dev", "partial")])], &["Nodes are down: n-2"]),
            (&[clusters(&[("dev", "stopped")]), clusters(&[("dev", "partial")])], &[]),
            (&[clusters(&[("dev", "running")]), operation("running", None), clusters(&[("dev", "partial")])], &[]),
            (&[clusters(&[("dev", "running")]), clusters(&[])], &[]),
            (&[operation("running", None), operation("failed", Some("no space"))], &["no space"]),
            (&[operation("running", None), operation("done", None)], &[]),
            // What was before this connection is told once more.
            (&[operations(&["failed"])], &[]),
            (&[operations(&["running"]), operation("failed", Some("no space"))], &["no space"]),
            (&[json!({"type": "forwards", "forwards": []})], &[]),
        ];
        for (messages, expected) in table {
            let mut heard = Heard::default();
            let read = |message: &Value| serde_json::from_value(message.clone()).expect("a message");
            let notices = messages.iter().flat_map(|message| heard.hear(read(message), Words::of("en")));
            assert_eq!(notices.map(|notice| notice.body).collect::<Vec<_>>(), *expected, "{messages:?}");
        }
    }
}
