//! Horizontal pod autoscalers, version 2 (as stored) and version 1.

use super::BASE;
use super::cells::{AGE, NAME, col, count};
use super::walk::{At, child, default, int, items, remove, text};
use crate::registry::{Column, Conversion, Strategy};
use cluster_object::field::Errors;
use cluster_object::meta;
use serde_json::{Value, json};

pub(super) const AUTOSCALER: Strategy = Strategy {
    defaults: |object| {
        let Some(spec) = child(object, "spec") else { return };
        default(spec, "minReplicas", 1);
        if items(&spec["metrics"]).is_empty() {
            spec["metrics"] = cpu_metric(80);
        }
        if let Some(behavior) = child(spec, "behavior") {
            for (direction, rules) in behavior_defaults() {
                default(behavior, direction, json!({}));
                for (key, value) in rules.as_object().into_iter().flatten() {
                    default(&mut behavior[direction], key, value.clone());
                }
            }
        }
    },
    prepare_create: |object| object["status"] = json!({"desiredReplicas": 0, "currentReplicas": 0}),
    validate: |object| {
        let (mut errors, spec) = (Errors::new(), At::root(object).get("spec"));
        let (least, most) = (spec.get("minReplicas"), spec.get("maxReplicas"));
        if least.is_set() && least.int() < 1 {
            errors.push(least.invalid("must be greater than or equal to 1"));
        }
        if most.int() < 1 {
            errors.push(most.invalid("must be greater than 0"));
        }
        if most.int() < least.int() {
            errors.push(most.invalid("must be greater than or equal to `minReplicas`"));
        }
        super::networking::reference(&spec.get("scaleTargetRef"), &mut errors);
        for metric in spec.get("metrics").items() {
            let kind = metric.get("type");
            kind.required_one_of(&["ContainerResource", "External", "Object", "Pods", "Resource"], &mut errors);
            let source = metric.get(&lower_first(kind.text()));
            if !kind.is_empty() && !source.is_set() {
                errors.push(source.missing("must populate information for the given metric source"));
            }
        }
        errors
    },
    has_generation: false,
    ..BASE
};

pub(super) const AUTOSCALER_V1: Strategy = Strategy {
    defaults: |object| {
        if let Some(spec) = child(object, "spec") {
            default(spec, "minReplicas", 1);
        }
    },
    validate: |object| {
        let mut v2 = object.clone();
        to_v2(&mut v2);
        (AUTOSCALER.validate)(&v2)
    },
    conversion: Some(Conversion { to_storage: to_v2, from_storage: to_v1 }),
    ..AUTOSCALER
};

fn cpu_metric(percent: i64) -> Value {
    json!([{"type": "Resource",
        "resource": {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": percent}}}])
}

fn behavior_defaults() -> [(&'static str, Value); 2] {
    [
        (
            "scaleUp",
            json!({"stabilizationWindowSeconds": 0, "selectPolicy": "Max", "policies": [
                {"type": "Pods", "value": 4, "periodSeconds": 15}, {"type": "Percent", "value": 100, "periodSeconds": 15}]}),
        ),
        (
            "scaleDown",
            json!({"selectPolicy": "Max", "policies": [{"type": "Percent", "value": 100, "periodSeconds": 15}]}),
        ),
    ]
}

fn lower_first(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map(|first| first.to_ascii_lowercase().to_string() + chars.as_str()).unwrap_or_default()
}

fn to_v2(object: &mut Value) {
    object["apiVersion"] = "autoscaling/v2".into();
    if let Some(spec) = child(object, "spec") {
        let percent = remove(spec, "targetCPUUtilizationPercentage");
        default(spec, "metrics", cpu_metric(percent.as_ref().and_then(Value::as_i64).unwrap_or(80)));
    }
    if let Some(status) = child(object, "status")
        && let Some(current) = remove(status, "currentCPUUtilizationPercentage")
    {
        status["currentMetrics"] = json!([{"type": "Resource",
            "resource": {"name": "cpu", "current": {"averageUtilization": current, "averageValue": "0"}}}]);
    }
}

fn to_v1(object: &mut Value) {
    object["apiVersion"] = "autoscaling/v1".into();
    let cpu = |list: &Value, field: &str| {
        let metric = items(list).iter().find(|m| meta::text(m, "resource.name") == "cpu");
        metric.map(|m| m["resource"][field]["averageUtilization"].clone()).filter(|v| !v.is_null())
    };
    for (part, list, field, name) in [
        ("spec", "metrics", "target", "targetCPUUtilizationPercentage"),
        ("status", "currentMetrics", "current", "currentCPUUtilizationPercentage"),
    ] {
        if let Some(part) = child(object, part) {
            let metrics = remove(part, list).unwrap_or_default();
            if let Some(percent) = cpu(&metrics, field) {
                part[name] = percent;
            }
        }
    }
    if let Some(status) = child(object, "status") {
        drop(remove(status, "conditions"));
    }
    if let Some(spec) = child(object, "spec") {
        drop(remove(spec, "behavior"));
    }
}

/// The metrics as `cpu: 10%/80%`, at most two of them.
fn targets(object: &Value) -> Value {
    let current = items(&object["status"]["currentMetrics"]);
    let shown: Vec<String> = items(&object["spec"]["metrics"])
        .iter()
        .enumerate()
        .map(|(i, metric)| {
            let kind = lower_first(text(&metric["type"]));
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

pub(super) const AUTOSCALER_COLUMNS: &[Column] = &[
    NAME,
    col("Reference", |o| {
        let target = &o["spec"]["scaleTargetRef"];
        format!("{}/{}", text(&target["kind"]), text(&target["name"])).into()
    }),
    col("Targets", targets),
    col("MinPods", |o| match int(&o["spec"]["minReplicas"]) {
        0 => "<unset>".into(),
        least => least.to_string().into(),
    }),
    Column { kind: "integer", ..col("MaxPods", |o| count(o, "spec.maxReplicas")) },
    Column { kind: "integer", ..col("Replicas", |o| count(o, "status.currentReplicas")) },
    AGE,
];

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
}
