//! Cron jobs: a job whenever the schedule says.

mod plan;
mod schedule;

use crate::meta::{self, controller_reference, name, namespace};
use crate::pods::BY_OWNER;
use crate::runner::{Controller, Runner};
use crate::{Context, Error, ignore_gone};
use async_trait::async_trait;
use cluster_client::events::{Recorder, reference};
use cluster_client::{Client, DeleteOptions, Informer, ObjectKey};
use jiff::Timestamp;
use k8s_openapi::api::batch::v1::{CronJob, CronJobStatus, Job};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use std::sync::Arc;
use std::time::Duration;

/// A cron job with its jobs.
type Known = (Arc<CronJob>, Vec<Arc<Job>>);

const SCHEDULED: &str = "batch.kubernetes.io/cronjob-scheduled-timestamp";

pub(crate) async fn run(context: Context) {
    let crons = context.informers.informer::<CronJob>();
    let jobs = context.informers.informer::<Job>();
    jobs.add_index(BY_OWNER, |job| {
        meta::controller(&job.metadata).map(|owner| owner.uid.clone()).into_iter().collect()
    });
    let controller = CronJobs {
        client: context.client.clone(),
        recorder: context.recorder("cronjob-controller"),
        crons: crons.clone(),
        jobs: jobs.clone(),
    };
    Runner::new(controller)
        .on_each(&crons)
        .on(&jobs, |change| meta::controller_key::<CronJob>(&change.object().metadata))
        .run(context.cancel)
        .await;
}

struct CronJobs {
    client: Client,
    recorder: Recorder,
    crons: Informer<CronJob>,
    jobs: Informer<Job>,
}

#[async_trait]
impl Controller for CronJobs {
    const NAME: &'static str = "cronjob";

    async fn reconcile(&self, key: &ObjectKey) -> Result<Option<Duration>, Error> {
        let Some(cron) = self.crons.get(key) else { return Ok(None) };
        let jobs = self.jobs.by_index(BY_OWNER, meta::uid(cron.as_ref()));
        let Some((cron, jobs)) = self.settle(cron, jobs).await? else { return Ok(None) };
        let plan = plan::plan(&cron, &jobs, Timestamp::now());
        for (kind, reason, message) in plan.events {
            self.recorder.event(&reference(cron.as_ref()), kind, reason, message);
        }
        for job in &plan.delete {
            self.delete(&cron, job).await?;
        }
        let mut status = plan.status;
        if let Some(time) = plan.start
            && let Some(job) = self.start(&cron, time).await?
        {
            status.active.get_or_insert_default().push(reference(&job));
        }
        self.write_status(&cron, status).await?;
        Ok(plan.again)
    }
}

impl CronJobs {
    /// Asks the server where the two caches do not agree about which jobs are active.
    async fn settle(&self, cron: Arc<CronJob>, mut jobs: Vec<Arc<Job>>) -> Result<Option<Known>, Error> {
        if plan::agree(&cron, &jobs) {
            return Ok(Some((cron, jobs)));
        }
        let key = ObjectKey::of(cron.as_ref());
        let cron: CronJob = match self.client.get(&key.namespace, &key.name).await {
            Err(error) if error.is_not_found() => return Ok(None),
            other => other?,
        };
        for listed in cron.status.iter().flat_map(|status| status.active.iter().flatten()) {
            if jobs.iter().any(|job| job.metadata.uid == listed.uid) {
                continue;
            }
            match self.client.get::<Job>(&key.namespace, listed.name.as_deref().unwrap_or_default()).await {
                Ok(job) if job.metadata.uid == listed.uid => jobs.push(Arc::new(job)),
                Err(error) if !error.is_not_found() => return Err(error.into()),
                _ => {}
            }
        }
        Ok(Some((Arc::new(cron), jobs)))
    }

    /// Starts the run of a time; `None` when it was started before.
    async fn start(&self, cron: &CronJob, time: Timestamp) -> Result<Option<Job>, Error> {
        let template = cron.spec.job_template.metadata.clone().unwrap_or_default();
        let zone = cron.spec.time_zone.as_deref().unwrap_or("UTC");
        let local = time.in_tz(zone).map(|local| local.strftime("%Y-%m-%dT%H:%M:%S%:z").to_string());
        let mut annotations = template.annotations.unwrap_or_default();
        annotations.insert(SCHEDULED.to_owned(), local.unwrap_or_else(|_| time.to_string()).replace("+00:00", "Z"));
        let job = Job {
            metadata: ObjectMeta {
                name: Some(plan::job_name(cron, time)),
                namespace: cron.metadata.namespace.clone(),
                labels: template.labels,
                annotations: Some(annotations),
                owner_references: Some(vec![controller_reference(cron)]),
                ..ObjectMeta::default()
            },
            spec: cron.spec.job_template.spec.clone(),
            status: None,
        };
        match self.client.create(&job).await {
            Ok(job) => {
                self.recorder.normal(&reference(cron), "SuccessfulCreate", format!("Created job {}", name(&job)));
                Ok(Some(job))
            }
            Err(error) if error.is_already_exists() => Ok(None),
            Err(error) => {
                self.recorder.warning(&reference(cron), "FailedCreate", format!("Error creating job: {error}"));
                Err(error.into())
            }
        }
    }

    async fn delete(&self, cron: &CronJob, job: &Job) -> Result<(), Error> {
        let options = DeleteOptions {
            uid: job.metadata.uid.clone(),
            propagation_policy: Some("Background".to_owned()),
            ..DeleteOptions::default()
        };
        match self.client.delete::<Job>(namespace(job), name(job), &options).await {
            Ok(()) => {
                self.recorder.normal(&reference(cron), "SuccessfulDelete", format!("Deleted job {}", name(job)));
                Ok(())
            }
            Err(error) if error.is_not_found() => Ok(()),
            Err(error) => {
                self.recorder.warning(&reference(cron), "FailedDelete", format!("Deleted job: {error}"));
                Err(error.into())
            }
        }
    }

    async fn write_status(&self, cron: &CronJob, status: CronJobStatus) -> Result<(), Error> {
        if cron.status.as_ref() == Some(&status) {
            return Ok(());
        }
        let updated = CronJob { status: Some(status), ..cron.clone() };
        ignore_gone(self.client.update_status(&updated).await).map(drop)
    }
}
