//! Horizontal pod autoscalers: as many replicas as the metrics ask for, within what bounds and behavior allow.

mod behavior;
mod measure;
mod metrics;
mod replicas;
#[cfg(test)]
mod tests;

use crate::meta::matches;
use crate::prelude::*;
use crate::resources;
use behavior::{Memory, Verdict};
use k8s_openapi::api::autoscaling::v2::{
    HorizontalPodAutoscaler as Autoscaler, HorizontalPodAutoscalerCondition, HorizontalPodAutoscalerSpec as Spec,
    HorizontalPodAutoscalerStatus as Status, MetricStatus,
};
use replicas::Tolerance;

/// How often the metrics are looked at.
const PERIOD: Duration = Duration::from_secs(15);

pub(crate) fn runner(context: &Context) -> Runner<Autoscalers> {
    let (client, recorder) = (context.client.clone(), context.recorder("horizontal-pod-autoscaler"));
    let (autoscalers, pods) = context.caches();
    let controller = Arc::new(Autoscalers { client, recorder, autoscalers, pods, known: Mutex::default() });
    Runner::new(&controller, |c, key| c.reconcile(key).boxed())
        .on(&controller.autoscalers, |_, change| Some(change.unless(|old, new| old.spec == new.spec)?.key()))
        .needs(&controller.pods)
}

pub(crate) struct Autoscalers {
    client: Client,
    recorder: Recorder,
    autoscalers: Informer<Autoscaler>,
    pods: Informer<Pod>,
    known: Mutex<HashMap<ObjectKey, Known>>,
}

/// What is remembered of one autoscaler.
struct Known {
    memory: Memory,
    selector: Selector,
}

/// What is scaled.
struct Target {
    namespace: String,
    /// Where its scale is.
    path: String,
    scale: Value,
    /// As it is wanted.
    replicas: i32,
    /// As it is.
    present: i32,
    selector: String,
    pods: Vec<Arc<Pod>>,
    tolerance: Tolerance,
}

/// Why nothing can be decided: the reason of a condition, and its message.
type Failure = (&'static str, String);
/// The size to have, and why, for the event of a change.
type Decision = (i32, String);

impl Autoscalers {
    async fn reconcile(&self, key: &ObjectKey) -> Outcome {
        let Some(autoscaler) = self.autoscalers.get(key) else {
            self.known.lock().remove(key);
            return Ok(None);
        };
        let mut updated = (*autoscaler).clone();
        let status = updated.status.get_or_insert_default();
        let outcome = Box::pin(self.scale(key, &autoscaler, status)).await;
        if let Err((reason, message)) = outcome {
            self.recorder.warning(&reference(autoscaler.as_ref()), reason, message);
        }
        write_status(&self.client, autoscaler.as_ref(), &updated).await?;
        Ok(Some(PERIOD))
    }
}

fn condition(status: &mut Status, kind: &str, state: &str, why: (&str, &str)) {
    let new = HorizontalPodAutoscalerCondition::build(kind, state, why.0, why.1.to_owned());
    conditions::set(&mut status.conditions, new);
}

impl Autoscalers {
    async fn scale(&self, key: &ObjectKey, autoscaler: &Autoscaler, status: &mut Status) -> Result<(), Failure> {
        let mut target = self.target(&key.namespace, &autoscaler.spec).await.map_err(|error| {
            let message = format!("the HPA controller was unable to get the target's current scale: {error}");
            condition(status, "AbleToScale", "False", ("FailedGetScale", &message));
            ("FailedGetScale", error.to_string())
        })?;
        let got = ("SucceededGetScale", "the HPA controller was able to get the target's current scale");
        condition(status, "AbleToScale", "True", got);
        status.current_replicas = Some(target.replicas);
        let before = target.replicas;
        let (replicas, reason) = self.decide(key, autoscaler, &mut target, status).await?;
        if replicas != before {
            self.resize(autoscaler, &mut target, (replicas, reason), status).await?;
            if let Some(known) = self.known.lock().get_mut(key) {
                known.memory.note_change(replicas - before, Instant::now());
            }
            status.last_scale_time = Some(crate::meta::now());
        }
        status.desired_replicas = replicas;
        Ok(())
    }

    async fn target(&self, namespace: &str, spec: &Spec) -> Result<Target, Error> {
        let wanted = &spec.scale_target_ref;
        let version = wanted.api_version.as_deref().unwrap_or("v1");
        let resource = resources::of_kind(&self.client, version, &wanted.kind).await?;
        let path = format!("{}/scale", resource.object(namespace, &wanted.name));
        let scale = self.client.raw(Method::GET, &path, None).await?;
        let number = |part: &str| scale[part]["replicas"].as_i64().and_then(|n| n.try_into().ok()).unwrap_or_default();
        Ok(Target {
            namespace: namespace.to_owned(),
            path,
            replicas: number("spec"),
            present: number("status"),
            selector: scale["status"]["selector"].as_str().unwrap_or_default().to_owned(),
            pods: Vec::new(),
            tolerance: measure::tolerance(spec),
            scale,
        })
    }

    async fn decide(
        &self,
        key: &ObjectKey,
        autoscaler: &Autoscaler,
        target: &mut Target,
        status: &mut Status,
    ) -> Result<Decision, Failure> {
        let spec = &autoscaler.spec;
        let (current, least, most) = (target.replicas, spec.min_replicas.unwrap_or(1), spec.max_replicas);
        let fixed = |replicas: i32, reason: &str| Ok((replicas, reason.to_owned()));
        if current == 0 && least != 0 {
            let why = ("ScalingDisabled", "scaling is disabled since the replica count of the target is zero");
            condition(status, "ScalingActive", "False", why);
            return fixed(0, "");
        }
        if current > most {
            return fixed(most, "Current number of replicas above Spec.MaxReplicas");
        }
        if current < least {
            return fixed(least, "Current number of replicas below Spec.MinReplicas");
        }
        self.select(key, target).inspect_err(|failure| {
            condition(status, "ScalingActive", "False", (failure.0, &failure.1));
        })?;
        let (desired, metric) = self.proposal(autoscaler, target, status).await?;
        let now = Instant::now();
        let mut known = self.known.lock();
        let Some(known) = known.get_mut(key) else { return fixed(current, "") };
        let verdict =
            behavior::normalize((current, desired), (least, most), spec.behavior.as_ref(), &mut known.memory, now);
        let Verdict { replicas, stabilized, limited } = verdict;
        condition(status, "AbleToScale", "True", stabilized);
        let within = ("DesiredWithinRange", "the desired count is within the acceptable range");
        let is_limited = if limited.is_some() { "True" } else { "False" };
        condition(status, "ScalingLimited", is_limited, limited.unwrap_or(within));
        let reason =
            if replicas > current { format!("{metric} above target") } else { "All metrics below target".to_owned() };
        Ok((replicas, reason))
    }

    /// Finds the pods, and makes sure that they are this autoscaler's alone.
    fn select(&self, key: &ObjectKey, target: &mut Target) -> Result<(), Failure> {
        let invalid = |message: String| ("InvalidSelector", message);
        if target.selector.is_empty() {
            return Err(invalid("the HPA target's scale is missing a selector".to_owned()));
        }
        let selector = Selector::parse(&target.selector).map_err(|why| {
            invalid(format!("couldn't convert selector into a corresponding internal selector object: {why}"))
        })?;
        target.pods = self.pods.in_namespace(&key.namespace);
        target.pods.retain(|pod| matches(&selector, &pod.metadata));
        let mut known = self.known.lock();
        let start = || Memory::starting_with(target.replicas, Instant::now());
        known.entry(key.clone()).or_insert_with(|| Known { memory: start(), selector: Selector::nothing() }).selector =
            selector;
        let shares = |known: &Known| target.pods.iter().any(|pod| matches(&known.selector, &pod.metadata));
        let others = known.iter().filter(|(other, known)| other.namespace == key.namespace && shares(known));
        let mut names: Vec<String> = others.map(|(key, _)| key.to_string()).collect();
        if names.len() < 2 {
            return Ok(());
        }
        names.sort();
        let message =
            format!("pods by selector {} are controlled by multiple HPAs: [{}]", target.selector, names.join(" "));
        Err(("AmbiguousSelector", message))
    }

    /// The most that any metric asks for, and which does. A metric that fails may hold a shrinking back, never a growth.
    async fn proposal(
        &self,
        autoscaler: &Autoscaler,
        target: &Target,
        status: &mut Status,
    ) -> Result<(i32, String), Failure> {
        let metrics = autoscaler.spec.metrics.as_deref().unwrap_or_default();
        let mut best: Option<(i32, String)> = None;
        let mut failures = Vec::new();
        let mut current = Vec::with_capacity(metrics.len());
        for metric in metrics {
            match measure::measure(&self.client, metric, target).await {
                Ok(proposal) => {
                    if best.as_ref().is_none_or(|(replicas, _)| proposal.replicas > *replicas) {
                        best = Some((proposal.replicas, proposal.name));
                    }
                    current.push(proposal.status);
                }
                Err(message) => {
                    let reason = measure::failure(&metric.type_);
                    self.recorder.warning(&reference(autoscaler), reason, message.clone());
                    failures.push((reason, message));
                    current.push(MetricStatus::default());
                }
            }
        }
        status.current_metrics = Some(current);
        match (best, failures.first()) {
            (Some((replicas, name)), first) if first.is_none() || replicas >= target.replicas => {
                let message = format!("the HPA was able to successfully calculate a replica count from {name}");
                condition(status, "ScalingActive", "True", ("ValidMetricFound", &message));
                Ok((replicas, name))
            }
            (_, first) => {
                let (reason, why) = first.cloned().unwrap_or(("InvalidMetricSourceType", "no metrics".to_owned()));
                let message = format!("the HPA was unable to compute the replica count: {why}");
                condition(status, "ScalingActive", "False", (reason, &message));
                let (bad, all) = (failures.len(), metrics.len());
                let message = format!("invalid metrics ({bad} invalid out of {all}), first error is: {why}");
                Err(("FailedComputeMetricsReplicas", message))
            }
        }
    }

    async fn resize(
        &self,
        autoscaler: &Autoscaler,
        target: &mut Target,
        (replicas, reason): Decision,
        status: &mut Status,
    ) -> Result<(), Failure> {
        target.scale["spec"]["replicas"] = replicas.into();
        if let Err(error) = self.client.raw(Method::PUT, &target.path, Some(&target.scale)).await {
            let message = format!("the HPA controller was unable to update the target scale: {error}");
            condition(status, "AbleToScale", "False", ("FailedUpdateScale", &message));
            let message = format!("New size: {replicas}; reason: {reason}; error: {error}");
            return Err(("FailedRescale", message));
        }
        let message = format!("the HPA controller was able to update the target scale to {replicas}");
        condition(status, "AbleToScale", "True", ("SucceededRescale", &message));
        let message = format!("New size: {replicas}; reason: {reason}");
        self.recorder.normal(&reference(autoscaler), "SuccessfulRescale", message);
        Ok(())
    }
}
