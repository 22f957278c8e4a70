//! Horizontal pod autoscalers, version 2 (as stored) and version 1.

use crate::kinds::prelude::*;
use crate::openapi::uncapitalised;
use crate::registry::Conversion;

pub(super) const AUTOSCALER: Strategy = Strategy {
    defaults: |object| {
        let Some(spec) = child(object, "spec") else { return };
        if items(&spec["metrics"]).is_empty() {
            spec["metrics"] = cpu_metric(80);
        }
    },
    ..Strategy::NONE
};

pub(super) const AUTOSCALER_V1: Strategy = Strategy {
    defaults: |_| {},
    validate: |at, errors| {
        // Most metrics are in annotations.
        let mut v2 = at.value.clone();
        to_v2(&mut v2);
        let metrics = At::root(&v2).get("spec.metrics");
        metrics.items().for_each(|metric| errors.extend(metric.faults(named("Metric"))));
    },
    conversion: Some(Conversion { to_storage: to_v2, from_storage: to_v1 }),
    ..AUTOSCALER
};

fn cpu_metric(percent: i64) -> Value {
    json!([{"type": "Resource",
        "resource": {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": percent}}}])
}

/// Lists of metrics, of which version 1 has only the CPU's percentage: part, list, field in the list, field of version 1,
/// annotation of the rest.
const METRICS: [(&str, &str, &str, &str, &str); 2] = [
    ("spec", "metrics", "target", "targetCPUUtilizationPercentage", "metrics"),
    ("status", "currentMetrics", "current", "currentCPUUtilizationPercentage", "current-metrics"),
];
/// What version 1 has only as annotations.
const ANNOTATED: [(&str, &str); 2] = [("spec", "behavior"), ("status", "conditions")];
const ANNOTATIONS: &str = "autoscaling.alpha.kubernetes.io";

fn to_v2(object: &mut Value) {
    object["apiVersion"] = "autoscaling/v2".into();
    for (part, list, field, percentage, annotation) in METRICS {
        let others = unannotate(object, annotation).unwrap_or_default();
        let Some(part) = child(object, part) else { continue };
        let mut metrics = match remove(part, percentage) {
            Some(percent) if field == "target" => items(&cpu_metric(int(&percent))).to_vec(),
            Some(percent) => vec![json!({"type": "Resource",
                "resource": {"name": "cpu", "current": {"averageUtilization": percent, "averageValue": "0"}}})],
            None => Vec::new(),
        };
        metrics.extend_from_slice(items(&others));
        if metrics.is_empty() && field == "target" {
            metrics.extend_from_slice(items(&cpu_metric(80)));
        }
        if !metrics.is_empty() {
            part[list] = metrics.into();
        }
    }
    for (part, field) in ANNOTATED {
        let value = unannotate(object, field);
        if let (Some(part), Some(value)) = (child(object, part), value) {
            part[field] = value;
        }
    }
}

fn to_v1(object: &mut Value) {
    object["apiVersion"] = "autoscaling/v1".into();
    for (part, list, field, percentage, annotation) in METRICS {
        let Some(part) = child(object, part) else { continue };
        let mut others = remove(part, list).as_ref().map(items).unwrap_or_default().to_vec();
        let cpu = others.iter().position(|metric| {
            meta::text(metric, "resource.name") == "cpu" && metric["resource"][field]["averageUtilization"].is_number()
        });
        if let Some(cpu) = cpu {
            part[percentage] = others.remove(cpu)["resource"][field]["averageUtilization"].take();
        }
        annotate(object, annotation, &others.into());
    }
    for (part, field) in ANNOTATED {
        let value = child(object, part).and_then(|part| remove(part, field)).unwrap_or_default();
        annotate(object, field, &value);
    }
}

fn annotate(object: &mut Value, name: &str, value: &Value) {
    if !is_empty(value) {
        default(&mut object["metadata"], "annotations", json!({}));
        object["metadata"]["annotations"][format!("{ANNOTATIONS}/{name}")] = value.to_string().into();
    }
}

fn unannotate(object: &mut Value, name: &str) -> Option<Value> {
    let annotations = child(object, "metadata").and_then(|metadata| child(metadata, "annotations"))?;
    let text = remove(annotations, &format!("{ANNOTATIONS}/{name}"))?;
    if is_empty(annotations) {
        meta::remove(object, "metadata.annotations");
    }
    serde_json::from_str(text.as_str()?).ok()
}

/// The metrics as `cpu: 10%/80%`, at most two of them.
fn targets(object: &Value) -> Value {
    let current = items(&object["status"]["currentMetrics"]);
    let shown: Vec<String> = items(&object["spec"]["metrics"])
        .iter()
        .enumerate()
        .map(|(i, metric)| {
            let kind = uncapitalised(text(&metric["type"]));
            let (wanted, now) = (&metric[&kind], current.get(i).map_or(&Value::Null, |c| &c[&kind]["current"]));
            let percent = |v: &Value| v["averageUtilization"].as_i64().map(|p| format!("{p}%"));
            let amount =
                |v: &Value| [&v["averageValue"], &v["value"]].into_iter().find_map(Value::as_str).map(str::to_owned);
            let target = &wanted["target"];
            let (goal, now) = match percent(target) {
                Some(goal) => (goal, percent(now)),
                None => (amount(target).unwrap_or_default(), amount(now)),
            };
            let name = if kind.ends_with("esource") { format!("{}: ", text(&wanted["name"])) } else { String::new() };
            format!("{name}{}/{goal}", now.unwrap_or_else(|| "<unknown>".to_owned()))
        })
        .collect();
    match shown.len() {
        0 => "<none>".into(),
        1 | 2 => shown.join(", ").into(),
        more => format!("{} + {} more...", shown[..2].join(", "), more - 2).into(),
    }
}

pub(super) const AUTOSCALER_CELLS: &[OwnCell] = &[("Targets", targets)];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn version_1_goes_there_and_back() {
        let v1 = json!({"apiVersion": "autoscaling/v1", "spec": {"minReplicas": 1, "maxReplicas": 3, "targetCPUUtilizationPercentage": 50}});
        let mut object = v1.clone();
        to_v2(&mut object);
        assert_eq!(object["spec"]["metrics"], cpu_metric(50));
        assert_eq!(targets(&object), "cpu: <unknown>/50%");
        to_v1(&mut object);
        assert_eq!(object, v1);
    }

    #[test]
    fn what_version_1_has_no_field_for_survives_in_annotations() {
        let memory = json!({"type": "Resource", "resource": {"name": "memory", "target": {"type": "AverageValue"}}});
        let metrics = [items(&cpu_metric(50)), &[memory]].concat();
        let v2 = json!({"apiVersion": "autoscaling/v2", "metadata": {"name": "a"},
            "spec": {"metrics": metrics, "behavior": {"scaleUp": {"selectPolicy": "Max"}}},
            "status": {"conditions": [{"type": "AbleToScale"}]}});
        let mut object = v2.clone();
        to_v1(&mut object);
        assert_eq!(object["spec"], json!({"targetCPUUtilizationPercentage": 50}));
        assert_eq!(object["metadata"]["annotations"].as_object().map(serde_json::Map::len), Some(3));
        to_v2(&mut object);
        assert_eq!(object, v2);
    }
}
