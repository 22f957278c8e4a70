//! Who has to go, and who may stay.

use super::*;
use crate::Chooser;
use crate::tests::{cluster, node, pod, requests};
use serde_json::{Value, json};

fn with(name: &str, priority: i32, cpu: &str, patch: Value) -> Arc<PodInfo> {
    let mut value = requests(cpu, "1Gi");
    value["spec"]["priority"] = priority.into();
    value["metadata"] = json!({"labels": {"app": name}});
    for (key, field) in patch.as_object().into_iter().flatten() {
        value["spec"][key] = field.clone();
    }
    pod(name, value)
}

fn attempt(cluster: &mut Cluster, pod: &Arc<PodInfo>) -> Result<(String, Vec<String>), String> {
    cluster.settle();
    let before = format!("{:?}", cluster.node(cluster.order()[0]).requested);
    let profile = Profile::default();
    let diagnosis = Chooser::new(1).choose(cluster, &profile, pod).expect_err("no room");
    let result = match preempt(cluster, &profile, pod, &diagnosis) {
        Preemption::Possible { node, victims } => {
            Ok((cluster.node(node).name().to_owned(), victims.iter().map(|v| v.key.name.to_string()).collect()))
        }
        Preemption::Ineligible(why) => Err(why.to_owned()),
        Preemption::Impossible(why) => Err(why),
    };
    assert_eq!(format!("{:?}", cluster.node(cluster.order()[0]).requested), before, "the cluster was changed");
    result
}

fn two_nodes(pods: &[(&str, i32, &str, &str)]) -> Cluster {
    let mut cluster = cluster(&[node("a", json!({})), node("b", json!({}))]);
    for (name, priority, cpu, node) in pods {
        cluster.place(with(name, *priority, cpu, json!({})), node, false);
    }
    cluster
}

fn budget(cluster: &mut Cluster, app: &str) {
    let budget = json!({
        "metadata": {"name": app, "namespace": "ns"}, "spec": {"selector": {"matchLabels": {"app": app}}},
        "status": {"disruptionsAllowed": 0, "currentHealthy": 1, "desiredHealthy": 1, "expectedPods": 1},
    });
    let budget = Arc::new(serde_json::from_value(budget).expect("a budget"));
    cluster.objects.budgets.insert(ObjectKey::new("ns", app), budget);
}

#[test]
fn the_least_important_pods_go_and_no_more_than_needed() {
    let mut cluster = two_nodes(&[("a1", 5, "2", "a"), ("a2", 5, "2", "a"), ("b1", 1, "2", "b"), ("b2", 4, "2", "b")]);
    let found = attempt(&mut cluster, &with("p", 9, "2", json!({})));
    assert_eq!(found, Ok(("b".to_owned(), vec!["b1".to_owned()])));
    let found = attempt(&mut cluster, &with("p", 9, "4", json!({})));
    assert_eq!(found, Ok(("b".to_owned(), vec!["b2".to_owned(), "b1".to_owned()])));
}

#[test]
fn a_budget_is_broken_only_when_there_is_no_other_way() {
    let mut cluster = two_nodes(&[("a1", 1, "4", "a"), ("b1", 8, "4", "b")]);
    budget(&mut cluster, "a1");
    let found = attempt(&mut cluster, &with("p", 9, "2", json!({})));
    assert_eq!(found, Ok(("b".to_owned(), vec!["b1".to_owned()])));
    budget(&mut cluster, "b1");
    let found = attempt(&mut cluster, &with("p", 9, "2", json!({})));
    assert_eq!(found, Ok(("a".to_owned(), vec!["a1".to_owned()])));
}

#[test]
fn what_cannot_be_is_said_node_by_node() {
    let mut cluster = two_nodes(&[("a1", 9, "3", "a"), ("b1", 9, "1", "b"), ("b2", 1, "1", "b")]);
    let found = attempt(&mut cluster, &with("p", 9, "4", json!({})));
    let text = "0/2 nodes are available: 1 Insufficient cpu, 1 No preemption victims found for incoming pod.";
    assert_eq!(found, Err(text.to_owned()));
    let found = attempt(&mut cluster, &with("p", 9, "5", json!({})));
    let text = "0/2 nodes are available: 2 Preemption is not helpful for scheduling.";
    assert_eq!(found, Err(text.to_owned()));
    let polite = with("p", 99, "4", json!({"preemptionPolicy": "Never"}));
    assert_eq!(attempt(&mut cluster, &polite), Err("not eligible due to preemptionPolicy=Never.".to_owned()));
}

#[test]
fn room_that_was_made_for_one_pod_is_not_given_to_a_lesser_one() {
    let mut cluster = two_nodes(&[("b1", 50, "4", "b")]);
    let (waiting, node) = (with("first", 9, "3", json!({})), cluster.find("a").expect("a node"));
    cluster.nominate(&waiting, node);
    let mut chooser = Chooser::new(1);
    let profile = Profile::default();
    assert!(chooser.choose(&cluster, &profile, &with("lesser", 5, "2", json!({}))).is_err());
    assert!(chooser.choose(&cluster, &profile, &with("small", 5, "1", json!({}))).is_ok());
    assert!(chooser.choose(&cluster, &profile, &with("greater", 10, "2", json!({}))).is_ok());
    assert_eq!(cluster.withdraw(&waiting.uid), Some(node));
    assert!(chooser.choose(&cluster, &profile, &with("lesser", 5, "2", json!({}))).is_ok());
}
