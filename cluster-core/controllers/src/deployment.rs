//! Deployments: one replica set per pod template, and an orderly way from one to the next.

mod revision;
mod rollout;
mod status;

use crate::meta::selector as matcher;
use crate::pod_control;
use crate::prelude::*;
use rollout::{Scale, is_recreate, size, total, wanted};
use status::{PROGRESSING, condition, deadline};

pub(crate) fn runner(context: &Context) -> Runner<Deployments> {
    let (client, recorder) = (context.client.clone(), context.recorder("deployment-controller"));
    let (deployments, sets, pods) = context.caches();
    let controller = Arc::new(Deployments { client, recorder, deployments, sets, pods });
    index::by_owner(&controller.sets);
    index::by_owner(&controller.pods);
    Runner::new(&controller, |c, key| c.reconcile(key).boxed())
        .on_each(&controller.deployments)
        .on(&controller.sets, Deployments::concerned)
        .on(&controller.pods, Deployments::recreated)
}

pub(crate) struct Deployments {
    client: Client,
    recorder: Recorder,
    deployments: Informer<Deployment>,
    sets: Informer<ReplicaSet>,
    pods: Informer<Pod>,
}

/// A deployment with its replica sets, as one reconciliation sees and changes them.
struct Rollout {
    deployment: Deployment,
    new: Option<Arc<ReplicaSet>>,
    old: Vec<Arc<ReplicaSet>>,
}

impl Rollout {
    fn all(&self) -> Vec<Arc<ReplicaSet>> {
        self.old.iter().chain(&self.new).cloned().collect()
    }

    fn progressing(&self) -> Option<&DeploymentCondition> {
        self.deployment.status.as_ref().and_then(status::progressing)
    }

    fn replace(&mut self, set: Arc<ReplicaSet>) {
        let same = |other: &Arc<ReplicaSet>| other.uid() == set.uid();
        if let Some(slot) = self.old.iter_mut().chain(&mut self.new).find(|other| same(other)) {
            *slot = set;
        }
    }

    /// Whether the deployment was resized since its sets were.
    fn is_resized(&self) -> bool {
        let wanted = wanted(&self.deployment);
        let desired = |set: &Arc<ReplicaSet>| rollout::annotated(set, rollout::DESIRED);
        self.all().iter().filter(|set| size(set) > 0).any(|set| desired(set).is_some_and(|desired| desired != wanted))
    }
}

impl Deployments {
    async fn reconcile(&self, key: &ObjectKey) -> Outcome {
        let Some(deployment) = self.deployments.get(key) else { return Ok(None) };
        let selector = matcher(&deployment.spec.selector);
        let sets = claim(&self.client, deployment.as_ref(), &selector, &self.sets, None).await?;
        let new = revision::find_new(&deployment, &sets);
        let is_old = |set: &&Arc<ReplicaSet>| new.as_ref().is_none_or(|new| new.uid() != set.uid());
        let old = sets.iter().filter(is_old).cloned().collect();
        let mut rollout = Rollout { deployment: (*deployment).clone(), new, old };
        self.step(&mut rollout).await
    }

    fn concerned(&self, change: &Change<ReplicaSet>) -> Vec<ObjectKey> {
        index::concerned::<Deployment, ReplicaSet>(change, |set| {
            near(&self.deployments, set.namespace(), |d| meta::matches(&matcher(&d.spec.selector), &set.metadata))
        })
    }

    /// A pod that is gone matters to a deployment that waits for all old pods to end.
    fn recreated(&self, change: &Change<Pod>) -> Option<ObjectKey> {
        let set = self.sets.get(&controller_key::<ReplicaSet>(change.gone()?.as_ref())?)?;
        controller_key::<Deployment>(set.as_ref())
    }

    async fn step(&self, rollout: &mut Rollout) -> Outcome {
        if rollout.deployment.is_deleting() {
            return self.report_counts(rollout).await;
        }
        self.note_pause(rollout).await?;
        if rollout.deployment.spec.paused == Some(true) || rollout.is_resized() {
            self.sync_new(rollout, false).await?;
            let scales = rollout::proportional(&rollout.deployment, rollout.new.as_ref(), &rollout.old);
            self.scale_all(rollout, scales).await?;
            if rollout.deployment.spec.paused == Some(true) {
                self.clean_up(rollout).await?;
            }
            return self.report_counts(rollout).await;
        }
        if is_recreate(&rollout.deployment) {
            self.recreate(rollout).await?;
        } else {
            self.roll(rollout).await?;
        }
        self.report(rollout).await
    }

    async fn roll(&self, rollout: &mut Rollout) -> Result<(), Error> {
        self.sync_new(rollout, true).await?;
        let Some(new) = rollout.new.clone() else { return Ok(()) };
        if let Some(size) = rollout::next_new(&rollout.deployment, &new, total(&rollout.all())) {
            return self.scale_all(rollout, vec![(new, size)]).await;
        }
        let scales = rollout::next_old(&rollout.deployment, &new, &rollout.old);
        if !scales.is_empty() {
            return self.scale_all(rollout, scales).await;
        }
        self.clean_up_when_complete(rollout).await
    }

    async fn recreate(&self, rollout: &mut Rollout) -> Result<(), Error> {
        self.sync_new(rollout, false).await?;
        let scales: Vec<Scale> = rollout.old.iter().filter(|set| size(set) > 0).map(|set| (set.clone(), 0)).collect();
        if !scales.is_empty() {
            return self.scale_all(rollout, scales).await;
        }
        let mut old_pods = rollout.old.iter().flat_map(|set| self.pods.by_index(BY_OWNER, set.uid()));
        if old_pods.any(|pod| !pods::is_finished(&pod)) {
            return Ok(());
        }
        self.sync_new(rollout, true).await?;
        if let Some(new) = rollout.new.clone() {
            let wanted = wanted(&rollout.deployment);
            self.scale_all(rollout, vec![(new, wanted)]).await?;
        }
        self.clean_up_when_complete(rollout).await
    }

    /// Brings the newest set's annotations up to date, or makes it when it is missing and `create`.
    async fn sync_new(&self, rollout: &mut Rollout, create: bool) -> Result<(), Error> {
        let next = revision::next_revision(&rollout.old);
        if let Some(new) = rollout.new.clone() {
            let mut updated = (*new).clone();
            let stale = revision::annotate_revision(&rollout.deployment, &mut updated, next);
            if stale || updated.spec.min_ready_seconds != rollout.deployment.spec.min_ready_seconds {
                updated.spec.min_ready_seconds = rollout.deployment.spec.min_ready_seconds;
                rollout.replace(Arc::new(self.client.update(&updated).await?));
            }
            self.note_revision(rollout, revision::revision(&updated)).await?;
            if rollout.progressing().is_none() && deadline(&rollout.deployment).is_some() {
                let message = format!("Found new replica set {:?}", new.name());
                self.note(rollout, condition(PROGRESSING, "True", "FoundNewReplicaSet", message)).await?;
            }
            return Ok(());
        }
        if create { self.create_new(rollout, next).await } else { Ok(()) }
    }

    async fn create_new(&self, rollout: &mut Rollout, next: i64) -> Result<(), Error> {
        let deployment = &rollout.deployment;
        let mut set = revision::make(deployment, next);
        let size = rollout::grown(deployment, 0, total(&rollout.old));
        set.spec.replicas = Some(size);
        revision::annotate_size(deployment, &mut set);
        let created = match self.client.create(&set).await {
            Err(error) if error.is_already_exists() => return self.resolve_collision(rollout, &set).await,
            // Whatever is made there fails.
            Err(error) if pod_control::namespace_terminating(&error) => return Err(error.into()),
            Err(error) => {
                let message = format!("Failed to create new replica set {:?}: {error}", set.name());
                self.recorder.warning(&reference(deployment), "ReplicaSetCreateError", message.clone());
                self.note(rollout, condition(PROGRESSING, "False", "ReplicaSetCreateError", message)).await?;
                return Err(error.into());
            }
            Ok(created) => created,
        };
        let message = format!("Created new replica set {:?}", created.name());
        if size > 0 {
            let text = format!("Scaled up replica set {} from 0 to {size}", created.name());
            self.recorder.normal(&reference(deployment), "ScalingReplicaSet", text);
        }
        rollout.new = Some(Arc::new(created));
        self.note_revision(rollout, next).await?;
        if deadline(&rollout.deployment).is_some() {
            self.note(rollout, condition(PROGRESSING, "True", "NewReplicaSetCreated", message)).await?;
        }
        Ok(())
    }

    /// The name is taken: by this deployment's own set that the cache has not shown yet, or by another template.
    async fn resolve_collision(&self, rollout: &mut Rollout, wanted: &ReplicaSet) -> Result<(), Error> {
        let found: ReplicaSet = self.client.get(wanted.namespace(), wanted.name()).await?;
        let own = found.controller().is_some_and(|owner| owner.uid == rollout.deployment.uid());
        let found = Arc::new(found);
        if own && revision::find_new(&rollout.deployment, std::slice::from_ref(&found)).is_some() {
            rollout.new = Some(found);
            return Ok(());
        }
        let status = rollout.deployment.status.get_or_insert_default();
        status.collision_count = Some(status.collision_count.unwrap_or_default() + 1);
        self.client.update_status(&rollout.deployment).await?;
        Err(Error::Object(format!("the replica set name {:?} is taken", wanted.name())))
    }

    /// Writes the deployment's own revision number.
    async fn note_revision(&self, rollout: &mut Rollout, revision: i64) -> Result<(), Error> {
        let text = revision.to_string();
        if rollout.deployment.annotation(revision::REVISION) != Some(&text) {
            let annotations = rollout.deployment.metadata.annotations.get_or_insert_default();
            annotations.insert(revision::REVISION.to_owned(), text);
            rollout.deployment = self.client.update(&rollout.deployment).await?;
        }
        Ok(())
    }

    async fn note(&self, rollout: &mut Rollout, news: DeploymentCondition) -> Result<(), Error> {
        let mut changed = rollout.deployment.clone();
        status::set(changed.status.get_or_insert_default(), news);
        if changed != rollout.deployment {
            rollout.deployment = self.client.update_status(&changed).await?;
        }
        Ok(())
    }

    /// A pause stops the clock of the progress deadline.
    async fn note_pause(&self, rollout: &mut Rollout) -> Result<(), Error> {
        if deadline(&rollout.deployment).is_none() {
            return Ok(());
        }
        let reason = rollout.progressing().map(Condition::reason);
        let news = match (rollout.deployment.spec.paused == Some(true), reason) {
            (_, Some("ProgressDeadlineExceeded")) => return Ok(()),
            (true, reason) if reason != Some("DeploymentPaused") => ("DeploymentPaused", "Deployment is paused"),
            (false, Some("DeploymentPaused")) => ("DeploymentResumed", "Deployment is resumed"),
            _ => return Ok(()),
        };
        self.note(rollout, condition(PROGRESSING, "Unknown", news.0, news.1.to_owned())).await
    }

    async fn scale_all(&self, rollout: &mut Rollout, scales: Vec<Scale>) -> Result<(), Error> {
        for (set, next) in scales {
            let before = size(&set);
            let mut scaled = (*set).clone();
            scaled.spec.replicas = Some(next);
            if !revision::annotate_size(&rollout.deployment, &mut scaled) && before == next {
                continue;
            }
            let scaled = self.client.update(&scaled).await?;
            if before != next {
                let direction = if next > before { "up" } else { "down" };
                let text = format!("Scaled {direction} replica set {} from {before} to {next}", scaled.name());
                self.recorder.normal(&reference(&rollout.deployment), "ScalingReplicaSet", text);
            }
            rollout.replace(Arc::new(scaled));
        }
        Ok(())
    }

    async fn clean_up_when_complete(&self, rollout: &Rollout) -> Result<(), Error> {
        let status = rollout.deployment.status.as_ref();
        let complete = status.is_some_and(|status| status::is_complete(&rollout.deployment, status));
        if complete { self.clean_up(rollout).await } else { Ok(()) }
    }

    async fn clean_up(&self, rollout: &Rollout) -> Result<(), Error> {
        for set in revision::beyond_history(&rollout.deployment, &rollout.old) {
            delete(&self.client, set.as_ref()).await?;
        }
        Ok(())
    }

    async fn report_counts(&self, rollout: &Rollout) -> Outcome {
        let status = status::counts(&rollout.deployment, rollout.new.as_ref(), &rollout.all());
        self.write(rollout, status).await.map(|()| None)
    }

    async fn report(&self, rollout: &Rollout) -> Outcome {
        let now = meta::now();
        let status = status::rollout(&rollout.deployment, rollout.new.as_ref(), &rollout.all(), &now);
        let again = status::until_timeout(&rollout.deployment, &status, &now);
        self.write(rollout, status).await?;
        Ok(again)
    }

    async fn write(&self, rollout: &Rollout, status: DeploymentStatus) -> Result<(), Error> {
        let updated = Deployment { status: Some(status), ..rollout.deployment.clone() };
        write_status(&self.client, &rollout.deployment, &updated).await
    }
}

#[cfg(test)]
mod tests;
