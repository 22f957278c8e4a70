//! Random lives of an ordered set: never more than one pod is missing or not ready, and in the end all are new.

use crate::history::revision;
use crate::meta;
use crate::pods::is_ready;
use crate::stateful_set::identity::{new_pod, ordinal};
use crate::stateful_set::plan::{Step, plan};
use k8s_openapi::api::apps::v1::StatefulSet;
use k8s_openapi::api::core::v1::Pod;
use proptest::prelude::*;
use serde_json::json;
use std::sync::Arc;

struct World {
    set: StatefulSet,
    pods: Vec<Arc<Pod>>,
    current: String,
    update: String,
}

#[derive(Debug, Clone, Copy)]
enum Event {
    Reconcile,
    Ready(usize),
    Gone(usize),
    Template,
    Resize(i32),
}

impl World {
    fn new(start: i32, replicas: i32) -> Self {
        let set = json!({"metadata": {"name": "db", "namespace": "ns", "uid": "u"}, "spec": {"replicas": replicas,
            "selector": {}, "template": {}, "serviceName": "db", "ordinals": {"start": start}}});
        let set = serde_json::from_value(set).expect("a set");
        Self { set, pods: Vec::new(), current: "r0".to_owned(), update: "r0".to_owned() }
    }

    fn reconcile(&mut self) {
        let plan = plan(&self.set, &self.pods, &self.current, &self.update, &meta::now());
        for step in plan.steps {
            match step {
                Step::Create { ordinal, updated } => {
                    let revision = if updated { &self.update } else { &self.current };
                    let mut pod = new_pod(&self.set, &self.set.spec.template, revision, ordinal);
                    pod.metadata.uid = pod.metadata.name.clone();
                    self.pods.push(Arc::new(pod));
                }
                Step::Delete(pod) | Step::Condemn(pod) | Step::Recreate(pod) => {
                    let at = self.pods.iter().position(|other| other.metadata.name == pod.metadata.name);
                    let pod = &mut self.pods[at.expect("known")];
                    Arc::make_mut(pod).metadata.deletion_timestamp = Some(meta::now());
                }
                Step::Tend(_) => {}
            }
        }
        self.current = plan.status.current_revision.clone().expect("a revision");
        self.set.status = Some(plan.status);
    }

    fn make_ready(&mut self, at: usize) {
        let status = json!({"phase": "Running", "conditions": [{"type": "Ready", "status": "True",
            "lastTransitionTime": "2026-01-01T00:00:00Z"}]});
        if let Some(pod) = self.pods.get_mut(at) {
            Arc::make_mut(pod).status = Some(serde_json::from_value(status).expect("a status"));
        }
    }

    fn remove(&mut self, at: usize) {
        if self.pods.get(at).is_some_and(|pod| pod.metadata.deletion_timestamp.is_some()) {
            self.pods.remove(at);
        }
    }

    /// Pods on their way in or out.
    fn unsettled(&self) -> usize {
        self.pods.iter().filter(|pod| !is_ready(pod) || pod.metadata.deletion_timestamp.is_some()).count()
    }
}

fn events() -> impl Strategy<Value = Vec<Event>> {
    let one = prop_oneof![
        6 => Just(Event::Reconcile),
        6 => any::<usize>().prop_map(Event::Ready),
        4 => any::<usize>().prop_map(Event::Gone),
        1 => Just(Event::Template),
        1 => (0..6_i32).prop_map(Event::Resize),
    ];
    prop::collection::vec(one, 0..80)
}

proptest! {
    #[test]
    fn an_ordered_set_moves_one_pod_at_a_time_and_arrives(
        start in 0..3_i32,
        replicas in 0..6_i32,
        events in events(),
    ) {
        let mut world = World::new(start, replicas);
        for (number, event) in events.into_iter().enumerate() {
            let count = world.pods.len().max(1);
            match event {
                Event::Reconcile => world.reconcile(),
                Event::Ready(pod) => world.make_ready(pod % count),
                Event::Gone(pod) => world.remove(pod % count),
                Event::Template => world.update = format!("r{number}"),
                // A set that shrinks takes its last pod at once, beside one that an update has taken: so does upstream.
                Event::Resize(replicas) if world.unsettled() == 0 => world.set.spec.replicas = Some(replicas),
                Event::Resize(_) => {}
            }
            prop_assert!(world.unsettled() <= 1, "{event:?}: {} pods are unsettled", world.unsettled());
        }
        // From here on the pods behave.
        for _ in 0..60 {
            world.reconcile();
            for at in (0..world.pods.len()).rev() {
                world.make_ready(at);
                world.remove(at);
            }
        }
        let wanted = crate::stateful_set::identity::wanted(&world.set);
        let mut ordinals: Vec<i32> = world.pods.iter().filter_map(|pod| ordinal(&world.set, pod)).collect();
        ordinals.sort_unstable();
        prop_assert_eq!(ordinals, wanted.collect::<Vec<_>>());
        prop_assert!(world.pods.iter().all(|pod| revision(pod.as_ref()) == world.update));
        prop_assert!(world.pods.is_empty() || world.current == world.update);
    }
}
