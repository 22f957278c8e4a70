//! Cron jobs: a job whenever the schedule says.

mod plan;

use crate::prelude::*;

/// A cron job with its jobs.
type Known = (Arc<CronJob>, Vec<Arc<Job>>);

const SCHEDULED: &str = "batch.kubernetes.io/cronjob-scheduled-timestamp";

pub(crate) fn runner(context: &Context) -> Runner<CronJobs> {
    let (client, recorder) = (context.client.clone(), context.recorder("cronjob-controller"));
    let (crons, jobs) = context.caches();
    let controller = Arc::new(CronJobs { client, recorder, crons, jobs });
    index::by_owner(&controller.jobs);
    Runner::new(&controller, |c, key| c.reconcile(key).boxed())
        .on_each(&controller.crons)
        .on(&controller.jobs, |_, change| controller_key::<CronJob>(change.object().as_ref()))
}

pub(crate) struct CronJobs {
    client: Client,
    recorder: Recorder,
    crons: Informer<CronJob>,
    jobs: Informer<Job>,
}

impl CronJobs {
    async fn reconcile(&self, key: &ObjectKey) -> Outcome {
        let Some(cron) = self.crons.get(key) else { return Ok(None) };
        let jobs = self.jobs.by_index(BY_OWNER, cron.uid());
        let Some((cron, jobs)) = self.settle(cron, jobs).await? else { return Ok(None) };
        let plan = plan::plan(&cron, &jobs, Timestamp::now());
        for (kind, reason, message) in plan.events {
            self.recorder.event(&reference(cron.as_ref()), kind, reason, message);
        }
        for job in &plan.delete {
            self.delete(&cron, job).await?;
        }
        let mut updated = CronJob { status: Some(plan.status), ..(*cron).clone() };
        if let Some(time) = plan.start
            && let Some(job) = self.start(&cron, time).await?
        {
            updated.status.get_or_insert_default().active.get_or_insert_default().push(reference(&job));
        }
        write_status(&self.client, cron.as_ref(), &updated).await?;
        Ok(plan.again)
    }

    /// Asks the server where the two caches do not agree about which jobs are active.
    async fn settle(&self, cron: Arc<CronJob>, mut jobs: Vec<Arc<Job>>) -> Result<Option<Known>, Error> {
        if plan::agree(&cron, &jobs) {
            return Ok(Some((cron, jobs)));
        }
        let key = cron.key();
        let cron = ignore_gone(self.client.get::<CronJob>(&key.namespace, &key.name).await)?;
        let Some(cron) = cron else { return Ok(None) };
        for listed in cron.status.iter().flat_map(|status| status.active.iter().flatten()) {
            if jobs.iter().any(|job| job.metadata.uid == listed.uid) {
                continue;
            }
            let job = self.client.get::<Job>(&key.namespace, listed.name.as_deref().unwrap_or_default()).await;
            jobs.extend(ignore_gone(job)?.filter(|job| job.metadata.uid == listed.uid).map(Arc::new));
        }
        Ok(Some((Arc::new(cron), jobs)))
    }

    /// Starts the run of a time, or finds the one that was started and not noted; `None` when another has its name.
    async fn start(&self, cron: &CronJob, time: Timestamp) -> Result<Option<Job>, Error> {
        let template = cron.spec.job_template.metadata.clone().unwrap_or_default();
        let zone = cron.spec.time_zone.as_deref().unwrap_or("UTC");
        let local = time.in_tz(zone).map(|local| local.strftime("%Y-%m-%dT%H:%M:%S%:z").to_string());
        let mut annotations = template.annotations.unwrap_or_default();
        annotations.insert(SCHEDULED.to_owned(), local.unwrap_or_else(|_| time.to_string()).replace("+00:00", "Z"));
        let job = Job {
            metadata: ObjectMeta {
                name: Some(plan::job_name(cron, time)),
                labels: template.labels,
                annotations: Some(annotations),
                ..meta::made_by(cron)
            },
            spec: cron.spec.job_template.spec.clone(),
            status: None,
        };
        let created = self.client.create(&job).await;
        if created.as_ref().is_err_and(cluster_client::Error::is_already_exists) {
            let found = ignore_gone(self.client.get::<Job>(cron.namespace(), job.name()).await)?;
            return Ok(found.filter(|job| job.controller().is_some_and(|owner| owner.uid == cron.uid())));
        }
        let done = |job: &Job| format!("Created job {}", job.name());
        self.recorder.attempt(&reference(cron), "Create", &created, done, "Error creating job");
        Ok(Some(created?))
    }

    async fn delete(&self, cron: &CronJob, job: &Job) -> Result<(), Error> {
        let propagation_policy = Some("Background".to_owned());
        let options = DeleteOptions { propagation_policy, ..DeleteOptions::default() };
        let deleted = self.client.delete_this(job, options).await;
        if deleted.as_ref().is_err_and(cluster_client::Error::is_not_found) {
            return Ok(());
        }
        let done = |(): &()| format!("Deleted job {}", job.name());
        self.recorder.attempt(&reference(cron), "Delete", &deleted, done, "Deleted job");
        Ok(deleted?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use cluster_fake_server::FakeServer;

    #[tokio::test(start_paused = true)]
    async fn a_run_that_was_started_and_not_noted_is_found_and_a_strangers_is_not() {
        let server = FakeServer::new();
        let client = server.client();
        let informers = Informers::new(client.clone());
        let recorder = Recorder::new(client.clone(), "test", "");
        let (crons, jobs) = (informers.informer(), informers.informer());
        let controller = CronJobs { client: client.clone(), recorder, crons, jobs };
        let cron = |uid: &str| -> CronJob {
            serde_json::from_value(json!({"metadata": {"name": "tick", "namespace": "ns", "uid": uid},
                "spec": {"schedule": "* * * * *", "jobTemplate": {}}}))
            .expect("a cron job")
        };
        let time: Timestamp = "2026-01-01T00:10:00Z".parse().expect("a time");
        let mut found = Vec::new();
        for uid in ["ours", "ours", "other"] {
            found.push(controller.start(&cron(uid), time).await.expect("no failure").map(|job| job.uid().to_owned()));
        }
        assert!(found[0].is_some());
        assert_eq!((&found[1], &found[2]), (&found[0], &None));
    }
}
