//! Stateful sets: pods with names, claims and an order.

mod identity;
mod plan;

use crate::history::{self, History, Revisions};
use crate::meta::{self, is_deleting, name, namespace, selector as matcher};
use crate::pod_control::PodControl;
use crate::pods::BY_NAMESPACE;
use crate::runner::{Controller, Runner};
use crate::{Context, Error, ignore_gone};
use async_trait::async_trait;
use cluster_client::events::reference;
use cluster_client::{DeleteOptions, Informer, ObjectKey};
use identity::{claims, identify, new_pod, ordinal};
use k8s_openapi::api::apps::v1::{StatefulSet, StatefulSetStatus};
use k8s_openapi::api::core::v1::{PersistentVolumeClaim, Pod};
use plan::Step;
use std::sync::Arc;
use std::time::Duration;

pub(crate) async fn run(context: Context) {
    let sets = context.informers.informer::<StatefulSet>();
    sets.add_index(BY_NAMESPACE, |set| vec![namespace(set).to_owned()]);
    let control = PodControl::new(&context, "statefulset-controller");
    let watcher = control.watcher::<StatefulSet>({
        let sets = sets.clone();
        move |pod| {
            let sets = sets.by_index(BY_NAMESPACE, namespace(pod));
            let matching = sets.iter().filter(|set| {
                ordinal(set, pod).is_some() && meta::matches(&matcher(&set.spec.selector), &pod.metadata)
            });
            matching.map(|set| ObjectKey::of(set.as_ref())).collect()
        }
    });
    let history = History::new(&context.client, &context.informers);
    let claims = context.informers.informer::<PersistentVolumeClaim>();
    let (pods, revisions) = (control.pods.clone(), history.revisions.clone());
    Runner::new(StatefulSets { sets: sets.clone(), claims: claims.clone(), control, history })
        .on_each(&sets)
        .on(&pods, watcher)
        .needs(&revisions)
        .needs(&claims)
        .run(context.cancel)
        .await;
}

struct StatefulSets {
    sets: Informer<StatefulSet>,
    claims: Informer<PersistentVolumeClaim>,
    control: PodControl,
    history: History,
}

#[async_trait]
impl Controller for StatefulSets {
    const NAME: &'static str = "statefulset";

    async fn reconcile(&self, key: &ObjectKey) -> Result<Option<Duration>, Error> {
        let Some(set) = self.sets.get(key) else { return Ok(None) };
        let spec = &set.spec;
        let selector = matcher(&spec.selector);
        let pods = self.control.claim(set.as_ref(), &selector).await?;
        let revisions = self.history.sync(set.as_ref(), &selector, &spec.template).await?;
        let current = set.status.as_ref().and_then(|status| status.current_revision.as_deref()).unwrap_or_default();
        let update = name(revisions.update.as_ref()).to_owned();
        let current = revisions.named(current).map_or(update.as_str(), |revision| name(revision.as_ref()));
        let plan = plan::plan(&set, &pods, current, &update, &meta::now());
        let mut done = Ok(());
        for step in plan.steps {
            done = self.execute(&set, &revisions, current, step).await;
            if done.is_err() {
                break;
            }
        }
        self.write_status(&set, plan.status).await?;
        done?;
        let mut live = vec![current, update.as_str()];
        live.extend(pods.iter().map(|pod| identity::revision(pod)));
        self.history.truncate(&revisions, &live, spec.revision_history_limit.unwrap_or(10)).await?;
        Ok(plan.again)
    }
}

impl StatefulSets {
    async fn execute(&self, set: &StatefulSet, all: &Revisions, current: &str, step: Step) -> Result<(), Error> {
        match step {
            Step::Create { ordinal, updated } => {
                let revision = all.named(current).filter(|_| !updated).unwrap_or(&all.update);
                let template = history::template(revision)
                    .ok_or_else(|| Error::Object(format!("revision {} holds no template", name(revision.as_ref()))))?;
                let pod = new_pod(set, &template, name(revision.as_ref()), ordinal);
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
                let key = ObjectKey::of(set);
                let text = format!("StatefulSet {key} is recreating {how} Pod {}", name(pod.as_ref()));
                self.control.recorder.warning(&reference(set), reason, text);
                self.delete(set, &pod).await
            }
            Step::Delete(pod) => self.delete(set, &pod).await,
        }
    }

    async fn create(&self, set: &StatefulSet, pod: &Pod, ordinal: i32) -> Result<(), Error> {
        self.make_claims(set, pod, ordinal).await?;
        match self.control.client.create(pod).await {
            Err(error) if error.is_already_exists() => Ok(()),
            other => self.report(set, "Create", &format!("Pod {}", name(pod)), other.map(drop)),
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
        let text = format!("{} {what} in StatefulSet {}", verb.to_lowercase(), name(set));
        let about = reference(set);
        match &result {
            Ok(()) => {
                let done = if what.starts_with("Claim") { "success" } else { "successful" };
                self.control.recorder.normal(&about, &format!("Successful{verb}"), format!("{text} {done}"));
            }
            Err(error) => {
                let text = format!("{text} failed error: {error}");
                self.control.recorder.warning(&about, &format!("Failed{verb}"), text);
            }
        }
        Ok(result?)
    }

    async fn make_claims(&self, set: &StatefulSet, pod: &Pod, ordinal: i32) -> Result<(), Error> {
        for (_, mut claim) in claims(set, ordinal) {
            if self.claims.get(&ObjectKey::of(&claim)).is_some() {
                continue;
            }
            let owners = identity::retain(set, pod, false, &claim);
            claim.metadata.owner_references = Some(owners).filter(|owners| !owners.is_empty());
            match self.control.client.create(&claim).await {
                Err(error) if error.is_already_exists() => {}
                other => {
                    let what = format!("Claim {} Pod {}", name(&claim), name(pod));
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
            let mut whole = self.control.client.get::<Pod>(namespace(pod), name(pod)).await?;
            if identify(set, &mut whole, ordinal) {
                self.control.client.update(&whole).await?;
            }
            Ok(())
        };
        self.report(set, "Update", &format!("Pod {}", name(pod)), update.await)
    }

    /// Makes the owners of a pod's claims what the retention policy says.
    async fn keep_claims(&self, set: &StatefulSet, pod: &Pod, condemned: bool) -> Result<(), Error> {
        let Some(ordinal) = ordinal(set, pod) else { return Ok(()) };
        for (_, claim) in claims(set, ordinal) {
            let Some(present) = self.claims.get(&ObjectKey::of(&claim)) else { continue };
            if identity::retains_all(set) && meta::owners(&present.metadata).is_empty() {
                continue;
            }
            let owners = identity::retain(set, pod, condemned, &present);
            if meta::owners(&present.metadata) != owners {
                let mut updated = (*present).clone();
                updated.metadata.owner_references = Some(owners);
                self.control.client.update(&updated).await?;
            }
        }
        Ok(())
    }

    async fn delete(&self, set: &StatefulSet, pod: &Pod) -> Result<(), Error> {
        let options = DeleteOptions { uid: pod.metadata.uid.clone(), ..DeleteOptions::default() };
        match self.control.client.delete::<Pod>(namespace(pod), name(pod), &options).await {
            Err(error) if error.is_not_found() => Ok(()),
            other => self.report(set, "Delete", &format!("Pod {}", name(pod)), other),
        }
    }

    async fn write_status(&self, set: &Arc<StatefulSet>, status: StatefulSetStatus) -> Result<(), Error> {
        if set.status.as_ref() == Some(&status) || is_deleting(set.as_ref()) {
            return Ok(());
        }
        let updated = StatefulSet { status: Some(status), ..(**set).clone() };
        ignore_gone(self.control.client.update_status(&updated).await).map(drop)
    }
}

#[cfg(test)]
mod property;
#[cfg(test)]
mod tests;
