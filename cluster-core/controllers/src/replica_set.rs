//! Replica sets and replication controllers: the wanted number of pods, no more and no less.

mod kind;
mod status;

use crate::meta::{seconds, selector as matcher};
use crate::pods::{to_delete, until_available};
use crate::prelude::*;
use kind::Replicated;

pub(crate) fn runner<K: Replicated>(context: &Context) -> Runner<Replicas<K>> {
    let sets = context.informers.informer();
    index::by_owner(&sets);
    let control = PodControl::new(context, K::COMPONENT);
    let controller = Arc::new(Replicas { sets, control });
    Runner::new(&controller, |c, key| c.reconcile(key).boxed())
        .on(&controller.sets, |c, change| c.control.owner(change))
        .on(&controller.control.pods, Replicas::concerned)
}

pub(crate) struct Replicas<K> {
    sets: Informer<K>,
    control: PodControl,
}

/// How many pods are to be made, and which go. `related` are those of all sets under the same owner, this one's included.
fn plan(wanted: usize, active: &[Arc<Pod>], related: &[Arc<Pod>], now: &Time) -> (usize, Vec<Arc<Pod>>) {
    match active.len().saturating_sub(wanted).min(BURST) {
        0 => ((wanted - active.len()).min(BURST), Vec::new()),
        surplus => (0, to_delete(active, related, surplus, now)),
    }
}

impl<K: Replicated> Replicas<K> {
    async fn reconcile(&self, key: &ObjectKey) -> Outcome {
        let Some(set) = self.sets.get(key) else { return Ok(None) };
        let settled = self.control.settled(set.as_ref());
        let selector = matcher(&set.selector());
        let owned = self.control.claim(set.as_ref(), &selector).await?;
        let active: Vec<_> = owned.iter().filter(|pod| is_active(pod)).cloned().collect();
        let now = meta::now();
        let mut done = Ok(());
        if settled && !set.is_deleting() {
            let related = self.related(set.as_ref());
            let (missing, surplus) = plan(set.replicas(), &active, &related, &now);
            let made = (0..missing).map(|_| from_template(set.as_ref(), &set.template())).collect();
            done = self.control.create(set.as_ref(), made).await;
            done = done.and(self.control.delete(set.as_ref(), &surplus).await);
        }
        self.write_status(&set, &owned, &done, &now).await?;
        done?;
        let min_ready = seconds(set.min_ready_seconds());
        Ok(active.iter().filter_map(|pod| until_available(pod, min_ready, &now)).min())
    }

    fn concerned(&self, change: &Change<Pod>) -> Vec<ObjectKey> {
        self.control.concerned::<K>(change, |pod| {
            near(&self.sets, pod.namespace(), |set| meta::matches(&matcher(&set.selector()), &pod.metadata))
        })
    }

    /// The pods of all sets the set's own controller controls: a deployment scales down where pods crowd.
    fn related(&self, set: &K) -> Vec<Arc<Pod>> {
        let siblings = match set.controller() {
            Some(owner) => self.sets.by_index(BY_OWNER, &owner.uid),
            None => return self.control.pods.by_index(BY_OWNER, set.uid()),
        };
        siblings.iter().flat_map(|sibling| self.control.pods.by_index(BY_OWNER, sibling.uid())).collect()
    }

    async fn write_status(
        &self,
        set: &K,
        owned: &[Arc<Pod>],
        done: &Result<(), Error>,
        now: &Time,
    ) -> Result<(), Error> {
        let failure = done.as_ref().err().map(|error| {
            let creating = owned.iter().filter(|pod| is_active(pod)).count() < set.replicas();
            (if creating { "FailedCreate" } else { "FailedDelete" }, error.to_string())
        });
        let Some(updated) = set.with_status(status::observe(set, owned, now), failure) else { return Ok(()) };
        ignore_gone(self.control.client.update_status(&updated).await).map(drop)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pods::tests::pod;
    use cluster_fake_server::FakeServer;
    use serde_json::json;
    use std::time::Duration;

    #[test]
    fn the_plan_is_the_difference() {
        let pods: Vec<_> = (0..3).map(|n| pod(json!({"metadata": {"name": format!("p{n}")}}))).collect();
        let now = meta::now();
        for (wanted, missing, surplus) in [(3, 0, 0), (5, 2, 0), (9999, BURST, 0), (1, 0, 2)] {
            let (made, gone) = plan(wanted, &pods, &pods, &now);
            assert_eq!((made, gone.len()), (missing, surplus), "{wanted}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_set_makes_its_pods_and_reports_them() {
        let server = FakeServer::new();
        let client = server.client();
        let context = Context::of(&client);
        let pods = context.informers.informer::<Pod>();
        let sets = context.informers.informer::<ReplicaSet>();
        tokio::spawn(runner::<ReplicaSet>(&context).run(context.cancel.clone()));
        let set = json!({"metadata": {"name": "web", "namespace": "ns"}, "spec": {
            "replicas": 3, "selector": {"matchLabels": {"app": "web"}},
            "template": {"metadata": {"labels": {"app": "web"}}, "spec": {"containers": []}},
        }});
        let set: ReplicaSet = serde_json::from_value(set).expect("a set");
        let mut set = client.create(&set).await.expect("created");
        let settle = || tokio::time::sleep(Duration::from_secs(5));
        settle().await;
        assert_eq!(pods.list().len(), 3);
        set = sets.list().first().map(|set| (**set).clone()).unwrap_or(set);
        assert_eq!(set.status.as_ref().map(|status| status.replicas), Some(3));
        set.spec.replicas = Some(1);
        client.update(&set).await.expect("scaled");
        settle().await;
        assert_eq!(pods.list().len(), 1);
        assert_eq!(sets.list()[0].status.as_ref().map(|status| status.replicas), Some(1));
        assert_eq!(sets.list()[0].status.as_ref().and_then(|status| status.observed_generation), Some(2));
        context.cancel.cancel();
    }
}
