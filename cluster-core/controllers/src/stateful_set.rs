//! Stateful sets: pods with names, claims and an order.

mod identity;
mod plan;

use crate::history::{self, History, Revisions};
use crate::meta::selector as matcher;
use crate::prelude::*;
use identity::{claims, identify, new_pod, ordinal};
use plan::Step;

pub(crate) fn runner(context: &Context) -> Runner<StatefulSets> {
    let (sets, claims) = context.caches();
    let control = PodControl::new(context, "statefulset-controller");
    let history = History::new(&context.client, &context.informers, history::HASH);
    let controller = Arc::new(StatefulSets { sets, claims, control, history });
    Runner::new(&controller, |c, key| c.reconcile(key).boxed())
        .on_each(&controller.sets)
        .on(&controller.control.pods, StatefulSets::concerned)
        .needs(&controller.history.revisions)
        .on(&controller.claims, StatefulSets::waiting)
}

pub(crate) struct StatefulSets {
    sets: Informer<StatefulSet>,
    claims: Informer<PersistentVolumeClaim>,
    control: PodControl,
    history: History,
}

impl StatefulSets {
    async fn reconcile(&self, key: &ObjectKey) -> Outcome {
        let Some(set) = self.sets.get(key) else { return Ok(None) };
        let spec = &set.spec;
        let selector = matcher(&spec.selector);
        let pods = self.control.claim(set.as_ref(), &selector).await?;
        let revisions = self.history.sync(set.as_ref(), &selector, &spec.template).await?;
        let current = set.status.as_ref().and_then(|status| status.current_revision.as_deref()).unwrap_or_default();
        let update = revisions.update.name().to_owned();
        let current = revisions.named(current).map_or(update.as_str(), |revision| revision.name());
        let plan = plan::plan(&set, &pods, current, &update, &meta::now());
        let mut done = Ok(());
        for step in plan.steps {
            done = self.execute(&set, &revisions, current, step).await;
            if done.is_err() {
                break;
            }
        }
        if !set.is_deleting() {
            let updated = StatefulSet { status: Some(plan.status), ..(*set).clone() };
            write_status(&self.control.client, set.as_ref(), &updated).await?;
        }
        done?;
        let mut live = vec![current, update.as_str()];
        live.extend(pods.iter().map(|pod| history::revision(pod.as_ref())));
        self.history.truncate(&revisions, &live, spec.revision_history_limit.unwrap_or(10)).await?;
        Ok(plan.again)
    }

    fn concerned(&self, change: &Change<Pod>) -> Vec<ObjectKey> {
        self.control.concerned::<StatefulSet>(change, |pod| {
            let fits = |set: &StatefulSet| {
                ordinal(set, pod).is_some() && meta::matches(&matcher(&set.spec.selector), &pod.metadata)
            };
            near(&self.sets, pod.namespace(), fits)
        })
    }

    /// The sets that may have waited for a claim to go.
    fn waiting(&self, change: &Change<PersistentVolumeClaim>) -> Vec<ObjectKey> {
        let Some(gone) = change.gone() else { return Vec::new() };
        near(&self.sets, gone.namespace(), |set| !identity::retains_all(set))
    }

    async fn execute(&self, set: &StatefulSet, all: &Revisions, current: &str, step: Step) -> Result<(), Error> {
        match step {
            Step::Create { ordinal, updated } => {
                let revision = all.named(current).filter(|_| !updated).unwrap_or(&all.update);
                let template = history::template(revision)
                    .ok_or_else(|| Error::Object(format!("revision {} holds no template", revision.name())))?;
                let pod = new_pod(set, &template, revision.name(), ordinal);
                self.create(set, &pod, ordinal).await
            }
            Step::Tend(pod) => self.tend(set, &pod).await,
            Step::Condemn(pod) => {
                self.keep_claims(set, &pod, true).await?;
                self.delete(set, &pod).await
            }
            Step::Recreate(pod) => {
                let (reason, how) = match crate::pods::phase(&pod) {
                    "Failed" => ("RecreatingFailedPod", "failed"),
                    _ => ("RecreatingTerminatedPod", "terminated"),
                };
                let key = set.key();
                let text = format!("StatefulSet {key} is recreating {how} Pod {}", pod.name());
                self.control.recorder.warning(&reference(set), reason, text);
                self.delete(set, &pod).await
            }
            Step::Delete(pod) => self.delete(set, &pod).await,
        }
    }

    async fn create(&self, set: &StatefulSet, pod: &Pod, ordinal: i32) -> Result<(), Error> {
        let present = claims(set, ordinal).into_iter().filter_map(|(_, claim)| self.claims.get(&claim.key()));
        if let Some(stale) = present.into_iter().find(|claim| identity::is_stale(set, pod, claim)) {
            return Err(Error::Object(format!("claim {} goes with an earlier pod", stale.name())));
        }
        self.make_claims(set, pod, ordinal).await?;
        match self.control.client.create(pod).await {
            // Nothing announces that a stranger of this name went; one of ours is in the cache soon.
            Err(error) if error.is_already_exists() => Err(error.into()),
            other => self.report(set, "Create", &format!("Pod {}", pod.name()), other.map(drop)),
        }
    }

    /// An event about what was done to one of the set's objects.
    fn report(
        &self,
        set: &StatefulSet,
        verb: &str,
        what: &str,
        result: Result<(), cluster_client::Error>,
    ) -> Result<(), Error> {
        let text = format!("{} {what} in StatefulSet {}", verb.to_lowercase(), set.name());
        let well = if what.starts_with("Claim") { "success" } else { "successful" };
        let (done, failed) = (|(): &()| format!("{text} {well}"), format!("{text} failed error"));
        self.control.recorder.attempt(&reference(set), verb, &result, done, &failed);
        Ok(result?)
    }

    async fn make_claims(&self, set: &StatefulSet, pod: &Pod, ordinal: i32) -> Result<(), Error> {
        for (_, mut claim) in claims(set, ordinal) {
            if self.claims.get(&claim.key()).is_some() {
                continue;
            }
            let owners = identity::retain(set, pod, false, &claim);
            claim.metadata.owner_references = Some(owners).filter(|owners| !owners.is_empty());
            match self.control.client.create(&claim).await {
                Err(error) if error.is_already_exists() => {}
                other => {
                    let what = format!("Claim {} Pod {}", claim.name(), pod.name());
                    self.report(set, "Create", &what, other.map(drop))?;
                }
            }
        }
        Ok(())
    }

    async fn tend(&self, set: &StatefulSet, pod: &Pod) -> Result<(), Error> {
        let Some(ordinal) = ordinal(set, pod) else { return Ok(()) };
        self.make_claims(set, pod, ordinal).await?;
        self.keep_claims(set, pod, false).await?;
        if !identify(set, &mut pod.clone(), ordinal) {
            return Ok(());
        }
        // The cached pod is trimmed.
        let update = async {
            let mut whole = self.control.client.get::<Pod>(pod.namespace(), pod.name()).await?;
            if identify(set, &mut whole, ordinal) {
                self.control.client.update(&whole).await?;
            }
            Ok(())
        };
        self.report(set, "Update", &format!("Pod {}", pod.name()), update.await)
    }

    /// Makes the owners of a pod's claims what the retention policy says.
    async fn keep_claims(&self, set: &StatefulSet, pod: &Pod, condemned: bool) -> Result<(), Error> {
        let Some(ordinal) = ordinal(set, pod) else { return Ok(()) };
        for (_, claim) in claims(set, ordinal) {
            let Some(present) = self.claims.get(&claim.key()) else { continue };
            if identity::retains_all(set) && present.owners().is_empty() {
                continue;
            }
            let owners = identity::retain(set, pod, condemned, &present);
            if present.owners() != owners {
                let mut updated = (*present).clone();
                updated.metadata.owner_references = Some(owners);
                self.control.client.update(&updated).await?;
            }
        }
        Ok(())
    }

    async fn delete(&self, set: &StatefulSet, pod: &Pod) -> Result<(), Error> {
        match self.control.client.delete_this(pod, DeleteOptions::default()).await {
            Err(error) if error.is_not_found() => Ok(()),
            other => self.report(set, "Delete", &format!("Pod {}", pod.name()), other),
        }
    }
}

#[cfg(test)]
mod tests;
