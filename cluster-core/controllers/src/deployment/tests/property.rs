//! Random rollouts: whatever the pods do in between, the bounds hold, and in the end all pods are new.

use crate::deployment::rollout::{available, bounds, grown, next_new, next_old, proportional, size, total, wanted};
use k8s_openapi::api::apps::v1::{Deployment, ReplicaSet};
use proptest::prelude::*;
use serde_json::json;
use std::sync::Arc;

/// A deployment with its replica sets, oldest first, and the pods that really are there.
struct World {
    deployment: Deployment,
    sets: Vec<Arc<ReplicaSet>>,
    /// Pods of each set.
    pods: Vec<i32>,
}

impl World {
    fn new(replicas: i32, surge: i32, unavailable: i32) -> Self {
        let deployment = json!({"metadata": {"name": "web"}, "spec": {"replicas": replicas, "selector": {}, "template": {},
            "strategy": {"rollingUpdate": {"maxSurge": surge, "maxUnavailable": unavailable}}}});
        let deployment = serde_json::from_value(deployment).expect("a deployment");
        let mut world = Self { deployment, sets: Vec::new(), pods: Vec::new() };
        world.new_template();
        (0..replicas).for_each(|_| world.change(0, |_, available| available + 1));
        world
    }

    fn new_template(&mut self) {
        let replicas = grown(&self.deployment, 0, total(&self.sets));
        let created = format!("2026-01-01T00:00:{:02}Z", self.sets.len());
        let set = json!({"metadata": {"name": self.sets.len().to_string(), "creationTimestamp": created},
            "spec": {"replicas": replicas, "selector": {}}, "status": {"replicas": 0, "availableReplicas": 0}});
        self.sets.push(Arc::new(serde_json::from_value(set).expect("a set")));
        self.pods.push(replicas);
    }

    /// One reconciliation; whether it changed anything.
    fn reconcile(&mut self) -> bool {
        let (new, old) = self.sets.split_last().expect("a set");
        let scales = match next_new(&self.deployment, new, total(&self.sets)) {
            Some(size) => vec![(new.clone(), size)],
            None => next_old(&self.deployment, new, old),
        };
        self.scale(scales)
    }

    /// The deployment is resized, and its sets in proportion.
    fn resize(&mut self, replicas: i32) {
        self.deployment.spec.replicas = Some(replicas);
        let (new, old) = self.sets.split_last().expect("a set");
        let scales = proportional(&self.deployment, Some(new), old);
        self.scale(scales);
    }

    fn scale(&mut self, scales: Vec<(Arc<ReplicaSet>, i32)>) -> bool {
        let changed = !scales.is_empty();
        for (set, size) in scales {
            let at = self.sets.iter().position(|other| other.metadata.name == set.metadata.name).expect("known");
            Arc::make_mut(&mut self.sets[at]).spec.replicas = Some(size);
            if size < self.pods[at] {
                self.settle(at);
            }
        }
        changed
    }

    /// The replica set makes or removes pods, those first that are not available.
    fn settle(&mut self, at: usize) {
        self.pods[at] = size(&self.sets[at]);
        self.change(at, |_, available| available);
    }

    fn change(&mut self, at: usize, next: impl Fn(i32, i32) -> i32) {
        let pods = self.pods[at];
        let status = Arc::make_mut(&mut self.sets[at]).status.get_or_insert_default();
        let available = status.available_replicas.unwrap_or_default();
        status.available_replicas = Some(next(pods, available).clamp(0, pods));
    }

    fn available(&self) -> i32 {
        self.sets.iter().map(|set| available(set)).sum()
    }
}

#[derive(Debug, Clone, Copy)]
enum Event {
    Reconcile,
    Settle(usize),
    Ready(usize),
    Fail(usize),
    Template,
}

fn events() -> impl Strategy<Value = Vec<Event>> {
    let one = prop_oneof![
        6 => Just(Event::Reconcile),
        4 => any::<usize>().prop_map(Event::Settle),
        6 => any::<usize>().prop_map(Event::Ready),
        1 => any::<usize>().prop_map(Event::Fail),
        1 => Just(Event::Template),
    ];
    prop::collection::vec(one, 0..60)
}

proptest! {
    #[test]
    fn a_rollout_keeps_its_bounds_and_ends(
        (replicas, surge, unavailable) in (0..12_i32, 0..5_i32, 0..5_i32),
        events in events(),
        resized in prop::option::of(0..12_i32),
    ) {
        let mut world = World::new(replicas, surge, unavailable);
        let limits = bounds(&world.deployment);
        for event in events {
            let (before, sets) = (world.available(), world.sets.len());
            match event {
                Event::Reconcile => drop(world.reconcile()),
                Event::Settle(set) => world.settle(set % sets),
                Event::Ready(set) => world.change(set % sets, |_, available| available + 1),
                Event::Fail(set) => world.change(set % sets, |_, available| available - 1),
                Event::Template => world.new_template(),
            }
            prop_assert!(total(&world.sets) <= replicas + limits.surge, "{event:?}: more pods than allowed");
            if !matches!(event, Event::Fail(_)) {
                let least = before.min(replicas - limits.unavailable);
                prop_assert!(world.available() >= least, "{event:?}: fewer available pods than promised");
            }
        }
        if let Some(replicas) = resized {
            world.resize(replicas);
        }
        // From here on the pods behave.
        for _ in 0..100 {
            world.reconcile();
            for set in 0..world.sets.len() {
                world.settle(set);
                world.change(set, |pods, _| pods);
            }
        }
        let (new, old) = world.sets.split_last().expect("a set");
        prop_assert_eq!((size(new), available(new)), (wanted(&world.deployment), wanted(&world.deployment)));
        prop_assert!(old.iter().all(|set| size(set) == 0));
    }
}
