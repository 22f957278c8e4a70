//! Jobs: pods that run to their end, as many as are wanted, each counted exactly once.

mod indexes;
mod plan;
mod policy;
mod retries;
mod success;

use crate::prelude::*;
use cluster_client::Preconditions;
use futures::future::try_join_all;
use indexes::INDEX;
use plan::{Plan, TRACKING, is_over, is_tracked};
use retries::Failures;

/// The index of tracked pods by the job that controls or once made them, which may be gone.
const TRACKED: &str = "tracked";

/// The job that a pod belongs to; an orphan still bears its name.
fn job_of(pod: &Pod) -> Option<ObjectKey> {
    let name = || pod.label("batch.kubernetes.io/job-name").filter(|_| pod.controller().is_none());
    controller_key::<Job>(pod).or_else(|| Some(ObjectKey::new(pod.namespace(), name()?)))
}

pub(crate) fn runner(context: &Context) -> Runner<Jobs> {
    let mut control = PodControl::new(context, "job-controller");
    control.finalizer = Some(TRACKING);
    let tracked = |pod: &Pod| job_of(pod).filter(|_| is_tracked(pod)).map(|job| job.to_string());
    control.pods.add_index(TRACKED, move |pod| tracked(pod).into_iter().collect());
    let controller = Arc::new(Jobs { jobs: context.informers.informer(), control });
    Runner::new(&controller, |c, key| c.reconcile(key).boxed())
        .on(&controller.jobs, |c, change| c.control.owner(change))
        .on(&controller.control.pods, |c, change| {
            c.control.concerned::<Job>(change, |pod| job_of(pod).into_iter().collect())
        })
}

pub(crate) struct Jobs {
    jobs: Informer<Job>,
    control: PodControl,
}

impl Jobs {
    async fn reconcile(&self, key: &ObjectKey) -> Outcome {
        let job = self.jobs.get(key);
        self.free_orphans(key, job.as_deref()).await?;
        let Some(job) = job.filter(|job| !job.is_deleting()) else { return Ok(None) };
        let manager = job.spec.as_ref().and_then(|spec| spec.managed_by.as_deref());
        if manager.is_some_and(|by| by != "kubernetes.io/job-controller") {
            return Ok(None);
        }
        let pods = self.pods(&job).await?;
        let plan = plan::plan(&job, &pods, self.control.settled(job.as_ref()), &meta::now());
        let again = plan.again;
        self.execute(&job, plan).await?;
        Ok(if is_over(&job) { self.expire(&job).await? } else { again })
    }

    async fn pods(&self, job: &Job) -> Result<Vec<Arc<Pod>>, Error> {
        match job.spec.as_ref().and_then(|spec| spec.selector.as_ref()) {
            Some(selector) => self.control.claim(job, &meta::selector(selector)).await,
            None => Ok(self.control.pods.by_index(BY_OWNER, job.uid())),
        }
    }

    async fn execute(&self, job: &Job, plan: Plan) -> Result<(), Error> {
        if job.status.as_ref() != Some(&plan.status) {
            let updated = Job { status: Some(plan.status), ..job.clone() };
            self.control.client.update_status(&updated).await?;
        }
        for (kind, reason, message) in plan.events {
            self.control.recorder.event(&reference(job), kind, &reason, message);
        }
        try_join_all(plan.free.iter().chain(&plan.delete).map(|pod| self.free(pod))).await?;
        self.control.delete(job, &plan.delete).await?;
        self.control.create(job, plan.create.into_iter().map(|index| new_pod(job, index)).collect()).await
    }

    /// Lets a pod go that is counted, or need not be.
    async fn free(&self, pod: &Arc<Pod>) -> Result<(), Error> {
        remove_finalizer(&self.control.client, pod.as_ref(), TRACKING).await
    }

    /// Frees pods whose job is gone or going, or lost them: nobody will count them. Who adopts a pod tracks it again.
    async fn free_orphans(&self, key: &ObjectKey, job: Option<&Job>) -> Result<(), Error> {
        let alive = job.filter(|job| !job.is_deleting()).map(Object::uid);
        let mut pods = self.control.pods.by_index(TRACKED, &key.to_string());
        pods.retain(|pod| pod.controller().is_none_or(|owner| Some(owner.uid.as_str()) != alive));
        try_join_all(pods.iter().map(|pod| self.free(pod))).await.map(drop)
    }

    /// Deletes a finished job whose time is over; else says how long it has left.
    async fn expire(&self, job: &Job) -> Outcome {
        let Some(ttl) = job.spec.as_ref().and_then(|spec| spec.ttl_seconds_after_finished) else { return Ok(None) };
        let over = job.status.iter().flat_map(|status| status.conditions.iter().flatten());
        let mut over = over.filter(|c| matches!(c.type_.as_str(), "Complete" | "Failed") && c.status == "True");
        let ended = over.find_map(|condition| condition.last_transition_time.as_ref());
        let Some(ended) = ended else { return Ok(None) };
        let left = meta::left(ended, seconds(ttl), &meta::now());
        if left.is_some() {
            return Ok(left);
        }
        let as_read = Preconditions { resource_version: job.metadata.resource_version.clone(), uid: None };
        let options = DeleteOptions {
            preconditions: Some(as_read),
            propagation_policy: Some("Foreground".to_owned()),
            ..DeleteOptions::default()
        };
        ignore_gone(self.control.client.delete_this(job, options).await)?;
        Ok(None)
    }
}

/// A pod of the job; with an index it knows which part of the work is its own.
fn new_pod(job: &Job, index: Option<(u32, Failures)>) -> Pod {
    let template = job.spec.as_ref().map(|spec| spec.template.clone()).unwrap_or_default();
    let mut pod = from_template(job, &template);
    pod.metadata.finalizers.get_or_insert_default().push(TRACKING.to_owned());
    let Some((index, failures)) = index else { return pod };
    let note = |map: &mut Option<Labels>| drop(map.get_or_insert_default().insert(INDEX.to_owned(), index.to_string()));
    note(&mut pod.metadata.annotations);
    if job.spec.as_ref().is_some_and(|spec| spec.backoff_limit_per_index.is_some()) {
        pod.metadata.annotations.get_or_insert_default().extend(failures.notes());
    }
    note(&mut pod.metadata.labels);
    pod.metadata.generate_name = Some(format!("{}-{index}-", job.name()));
    let spec = pod.spec.get_or_insert_default();
    spec.hostname = Some(format!("{}-{index}", job.name()));
    for container in spec.containers.iter_mut().chain(spec.init_containers.iter_mut().flatten()) {
        let env = container.env.get_or_insert_default();
        if !env.iter().any(|variable| variable.name == "JOB_COMPLETION_INDEX") {
            let field_path = format!("metadata.annotations['{INDEX}']");
            let field_ref = Some(ObjectFieldSelector { field_path, api_version: None });
            let value_from = Some(EnvVarSource { field_ref, ..EnvVarSource::default() });
            env.push(EnvVar { name: "JOB_COMPLETION_INDEX".to_owned(), value_from, value: None });
        }
    }
    pod
}

#[cfg(test)]
mod tests {
    use super::*;
    use cluster_client::Change;
    use cluster_fake_server::FakeServer;
    use std::time::Duration;

    #[tokio::test(start_paused = true)]
    async fn a_job_runs_its_pods_counts_them_and_goes_after_its_time() {
        let server = FakeServer::new();
        let client = server.client();
        let context = Context::of(&client);
        let (pods, jobs) = (context.informers.informer::<Pod>(), context.informers.informer::<Job>());
        tokio::spawn(runner(&context).run(context.cancel));
        let mut changes = pods.subscribe();
        let kubelet = client.clone();
        tokio::spawn(async move {
            while let Some(change) = changes.recv().await {
                let Change::Added(pod) = change else { continue };
                let mut pod = (*pod).clone();
                pod.status.get_or_insert_default().phase = Some("Succeeded".to_owned());
                kubelet.update_status(&pod).await.expect("updated");
            }
        });
        let job = json!({"metadata": {"name": "j", "namespace": "ns"}, "spec": {"parallelism": 2, "completions": 5,
            "template": {"spec": {"containers": [], "restartPolicy": "Never"}}}});
        client.create(&serde_json::from_value::<Job>(job).expect("a job")).await.expect("created");
        let orphan = json!({"metadata": {"name": "orphan", "namespace": "ns", "finalizers": [TRACKING],
            "labels": {"batch.kubernetes.io/job-name": "gone"}}});
        client.create(&serde_json::from_value::<Pod>(orphan).expect("a pod")).await.expect("created");
        tokio::time::sleep(Duration::from_secs(30)).await;
        let job = jobs.list().first().cloned().expect("it is there");
        let status = job.status.clone().expect("a status");
        assert!(is_over(&job), "{status:?}");
        assert_eq!((status.succeeded, status.failed, status.active), (Some(5), None, Some(0)));
        assert_eq!(pods.list().len(), 5 + 1);
        assert!(pods.list().iter().all(|pod| !is_tracked(pod)));
        let mut brief = (*job).clone();
        brief.spec.get_or_insert_default().ttl_seconds_after_finished = Some(0);
        client.update(&brief).await.expect("updated");
        tokio::time::sleep(Duration::from_secs(5)).await;
        assert!(jobs.list().is_empty());
    }
}
