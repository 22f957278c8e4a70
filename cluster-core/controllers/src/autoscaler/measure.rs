//! What one metric of an autoscaler asks for.

use super::replicas::{self, Goal, Measured, Samples, Tolerance, milli, of_pods, of_share, of_value};
use super::{Target, metrics};
use crate::prelude::*;
use k8s_openapi::api::autoscaling::v2::{
    ContainerResourceMetricStatus, ExternalMetricStatus, HPAScalingRules, HorizontalPodAutoscalerSpec, MetricSpec,
    MetricStatus, MetricTarget, MetricValueStatus, ObjectMetricStatus, PodsMetricStatus, ResourceMetricStatus,
};
use k8s_openapi::apimachinery::pkg::api::resource::Quantity as Amount;

/// The answer to one metric.
pub(super) struct Proposal {
    pub(super) replicas: i32,
    /// What the metric is called in messages.
    pub(super) name: String,
    pub(super) status: MetricStatus,
}

/// Reads a metric and compares it with its goal; a failure is text.
pub(super) async fn measure(client: &Client, metric: &MetricSpec, target: &Target) -> Result<Proposal, String> {
    let space = target.namespace.as_str();
    let mut status = MetricStatus { type_: metric.type_.clone(), ..MetricStatus::default() };
    if let Some(source) = &metric.resource {
        let (replicas, current, name) = of_resource(client, target, &source.name, None, &source.target).await?;
        status.resource = Some(ResourceMetricStatus { name: source.name.clone(), current });
        return Ok(Proposal { replicas, name, status });
    }
    if let Some(source) = &metric.container_resource {
        let (container, name) = (source.container.clone(), source.name.clone());
        let (replicas, current, text) = of_resource(client, target, &name, Some(&container), &source.target).await?;
        status.container_resource = Some(ContainerResourceMetricStatus { container, name, current });
        return Ok(Proposal { replicas, name: text, status });
    }
    if let Some(source) = &metric.pods {
        let prefix = |why: String| format!("failed to get pods metric value: {why}");
        let samples = metrics::pods(client, target, &source.metric).await;
        let samples = samples.map_err(|why| prefix(format!("unable to get metric {}: {why}", source.metric.name)))?;
        let goal = Goal::Average(amount(source.target.average_value.as_ref()));
        let (replicas, measured) = of_target(target, &samples, &goal, false).map_err(prefix)?;
        let current = MetricValueStatus { average_value: shown(measured.average), ..MetricValueStatus::default() };
        status.pods = Some(PodsMetricStatus { metric: source.metric.clone(), current });
        return Ok(Proposal { replicas, name: format!("pods metric {}", source.metric.name), status });
    }
    if let Some(source) = &metric.object {
        let prefix = |why: String| format!("failed to get object metric value: {why}");
        let (about, metric) = (source.described_object.clone(), source.metric.clone());
        let value = metrics::object(client, space, source).await;
        let value = value.map_err(|why| {
            prefix(format!("unable to get metric {}: {} on {space} {}/{why}", metric.name, about.kind, about.name))
        })?;
        let (replicas, current) = of_single(target, &source.target, value).map_err(prefix)?;
        let name = format!("{} metric {}", about.kind, metric.name);
        status.object = Some(ObjectMetricStatus { metric, current, described_object: about });
        return Ok(Proposal { replicas, name, status });
    }
    if let Some(source) = &metric.external {
        let name = format!("external metric {}", source.metric.name);
        let prefix = |why: String| format!("failed to get {name}: {why}");
        let value = metrics::external(client, space, &source.metric).await;
        let value = value
            .map_err(|why| prefix(format!("unable to get external metric {space}/{}: {why}", source.metric.name)))?;
        let (replicas, current) = of_single(target, &source.target, value).map_err(prefix)?;
        status.external = Some(ExternalMetricStatus { metric: source.metric.clone(), current });
        return Ok(Proposal { replicas, name, status });
    }
    Err(format!("unknown metric source type {:?}", metric.type_))
}

/// The reason that a metric of a type fails with.
pub(super) fn failure(metric_type: &str) -> &'static str {
    match metric_type {
        "Resource" => "FailedGetResourceMetric",
        "ContainerResource" => "FailedGetContainerResourceMetric",
        "Pods" => "FailedGetPodsMetric",
        "Object" => "FailedGetObjectMetric",
        "External" => "FailedGetExternalMetric",
        _ => "InvalidMetricSourceType",
    }
}

/// How far off its goals a target may be.
pub(super) fn tolerance(spec: &HorizontalPodAutoscalerSpec) -> Tolerance {
    let default = Tolerance::default();
    let Some(behavior) = &spec.behavior else { return default };
    let of = |rules: Option<&HPAScalingRules>, default: f64| {
        rules.and_then(|rules| rules.tolerance.as_ref()).map_or(default, |share| milli(&share.0) as f64 / 1000.0)
    };
    Tolerance { up: of(behavior.scale_up.as_ref(), default.up), down: of(behavior.scale_down.as_ref(), default.down) }
}

fn amount(amount: Option<&Amount>) -> i64 {
    amount.map(|amount| milli(&amount.0)).unwrap_or_default()
}

/// Thousandths as statuses show them.
fn shown(milli: i64) -> Option<Amount> {
    Some(Amount(Quantity::milli(milli).to_string()))
}

/// The replicas that a resource of the pods asks for, with the status and name of the metric.
async fn of_resource(
    client: &Client,
    target: &Target,
    resource: &str,
    container: Option<&str>,
    wanted: &MetricTarget,
) -> Result<(i32, MetricValueStatus, String), String> {
    let what = if container.is_some() { "container resource" } else { "resource" };
    let utilization = wanted.average_utilization.filter(|_| wanted.average_value.is_none());
    let (name, measured) = match utilization {
        Some(_) => (format!("{resource} {what} utilization (percentage of request)"), "utilization"),
        None => (format!("{resource} {what}"), "usage"),
    };
    let failed = |why: String| format!("failed to get {resource} {measured}: {why}");
    let samples = metrics::resource(client, target, resource, container).await;
    let samples = samples.map_err(failed)?;
    let goal = match utilization {
        Some(percent) => Goal::Utilization {
            percent,
            requests: replicas::requests(&target.pods, resource, container).map_err(failed)?,
        },
        None => Goal::Average(amount(wanted.average_value.as_ref())),
    };
    let found = of_target(target, &samples, &goal, resource == "cpu");
    let (replicas, Measured { utilization, average, .. }) = found.map_err(failed)?;
    let status = MetricValueStatus { average_utilization: utilization, average_value: shown(average), value: None };
    Ok((replicas, status, name))
}

fn of_target(target: &Target, samples: &Samples, goal: &Goal, is_cpu: bool) -> Result<(i32, Measured), String> {
    of_pods(target.replicas, &target.pods, samples, goal, is_cpu, target.tolerance, Timestamp::now())
}

/// The replicas that one value asks for, which is not of the pods.
fn of_single(target: &Target, wanted: &MetricTarget, value: i64) -> Result<(i32, MetricValueStatus), String> {
    let tolerance = target.tolerance;
    if let Some(average) = &wanted.average_value {
        let (replicas, average) = of_share(target.present, value, milli(&average.0), tolerance);
        return Ok((replicas, MetricValueStatus { average_value: shown(average), ..MetricValueStatus::default() }));
    }
    let replicas = of_value(target.replicas, &target.pods, value, amount(wanted.value.as_ref()), tolerance)?;
    Ok((replicas, MetricValueStatus { value: shown(value), ..MetricValueStatus::default() }))
}
