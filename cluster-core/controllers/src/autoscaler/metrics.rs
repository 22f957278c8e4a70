//! Reads the three metrics APIs: of resources, custom and external ones. Failures come as the text of a condition.

use super::Target;
use super::replicas::{Sample, Samples, milli};
use crate::prelude::*;
use crate::resources;
use cluster_client::escape;
use k8s_openapi::api::autoscaling::v2::{MetricIdentifier, ObjectMetricSource};

/// The window a server means that tells none.
const DEFAULT_WINDOW: SignedDuration = SignedDuration::from_mins(1);

/// What a metrics API answers to a question; an empty answer is a failure too.
async fn items(client: &Client, api: &str, path: &str) -> Result<Vec<Value>, String> {
    let list = client.raw(Method::GET, path, None).await;
    let mut list = list.map_err(|error| format!("unable to fetch metrics from {api} metrics API: {error}"))?;
    let items = list["items"].as_array_mut().map(std::mem::take).unwrap_or_default();
    if items.is_empty() { Err(format!("no metrics returned from {api} metrics API")) } else { Ok(items) }
}

fn sample(item: &Value, value: i64, window: SignedDuration) -> Sample {
    let at = item["timestamp"].as_str().and_then(|text| text.parse().ok()).unwrap_or_else(Timestamp::now);
    Sample { value, at, window }
}

/// What the pods use of a resource, in all their containers or in one.
pub(super) async fn resource(
    client: &Client,
    Target { namespace, selector, .. }: &Target,
    resource: &str,
    container: Option<&str>,
) -> Result<Samples, String> {
    let path = format!("/apis/metrics.k8s.io/v1beta1/namespaces/{namespace}/pods?labelSelector={}", escape(selector));
    let pods = items(client, "resource", &path).await;
    let pods = pods.map_err(|why| format!("unable to get metrics for resource {resource}: {why}"))?;
    let of = |pod: &Value| {
        let containers = pod["containers"].as_array().map(Vec::as_slice).unwrap_or_default();
        let mut wanted = containers.iter().filter(|one| container.is_none_or(|name| one["name"] == name)).peekable();
        wanted.peek()?;
        // A pod of which one container is unknown is unknown.
        let value = wanted.map(|one| one["usage"][resource].as_str().map(milli)).sum::<Option<i64>>()?;
        let window = pod["window"].as_str().and_then(|text| text.parse().ok()).unwrap_or(DEFAULT_WINDOW);
        Some((pod["metadata"]["name"].as_str()?.to_owned(), sample(pod, value, window)))
    };
    let samples: Samples = pods.iter().filter_map(of).collect();
    match container {
        Some(name) if samples.is_empty() => {
            Err(format!("failed to get container metrics: container {name} not present in metrics for pods"))
        }
        _ => Ok(samples),
    }
}

/// Where the custom metrics API is, in whatever version the server has.
async fn custom(client: &Client, namespace: &str) -> Result<String, String> {
    let group = client.raw(Method::GET, "/apis/custom.metrics.k8s.io", None).await;
    let group = group.map_err(|error| format!("unable to fetch metrics from custom metrics API: {error}"))?;
    let version = group["preferredVersion"]["version"].as_str().unwrap_or("v1beta2");
    Ok(format!("/apis/custom.metrics.k8s.io/{version}/namespaces/{namespace}"))
}

fn metric_query(metric: &MetricIdentifier) -> String {
    match &metric.selector {
        Some(selector) => format!("metricLabelSelector={}", escape(&crate::meta::selector(selector).to_string())),
        None => String::new(),
    }
}

/// What a custom metric says of each pod.
pub(super) async fn pods(client: &Client, target: &Target, metric: &MetricIdentifier) -> Result<Samples, String> {
    let (root, name) = (custom(client, &target.namespace).await?, &metric.name);
    let path = format!("{root}/pods/*/{name}?labelSelector={}&{}", escape(&target.selector), metric_query(metric));
    let values = items(client, "custom", &path).await?;
    let of = |item: &Value| {
        let window = item["windowSeconds"].as_i64().map_or(DEFAULT_WINDOW, SignedDuration::from_secs);
        let value = milli(item["value"].as_str()?);
        Some((item["describedObject"]["name"].as_str()?.to_owned(), sample(item, value, window)))
    };
    Ok(values.iter().filter_map(of).collect())
}

/// What a custom metric says of one object, in thousandths.
pub(super) async fn object(client: &Client, namespace: &str, source: &ObjectMetricSource) -> Result<i64, String> {
    let (about, metric) = (&source.described_object, &source.metric);
    let root = custom(client, namespace).await?;
    let version = about.api_version.as_deref().unwrap_or("v1");
    let kind = resources::of_kind(client, version, &about.kind).await.map_err(|error| format!("{error}"))?;
    let object = if kind.namespaced { format!("{}/{}", kind.qualified(), about.name) } else { "metrics".to_owned() };
    let path = format!("{root}/{object}/{}?{}", metric.name, metric_query(metric));
    let values = items(client, "custom", &path).await?;
    let value = values.first().and_then(|item| item["value"].as_str()).map(milli);
    value.ok_or_else(|| "no metrics returned from custom metrics API".to_owned())
}

/// What all series of an external metric say together, in thousandths.
pub(super) async fn external(client: &Client, namespace: &str, metric: &MetricIdentifier) -> Result<i64, String> {
    let selector = metric.selector.as_ref().map(|selector| crate::meta::selector(selector).to_string());
    let selector = selector.unwrap_or_default();
    let root = format!("/apis/external.metrics.k8s.io/v1beta1/namespaces/{namespace}");
    let values =
        items(client, "external", &format!("{root}/{}?labelSelector={}", metric.name, escape(&selector))).await?;
    Ok(values.iter().filter_map(|item| item["value"].as_str()).map(milli).sum())
}
