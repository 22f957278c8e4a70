//! Deployments, replica sets, replication controllers, stateful sets, daemon sets and controller revisions.

use super::pod::{defaults, validation};
use super::workloads::labels_from_template;
use crate::kinds::prelude::*;

pub(super) const DEPLOYMENT: Strategy = Strategy {
    defaults: |object| {
        let Some(spec) = child(object, "spec") else { return };
        rolling(spec, "strategy", &[("maxUnavailable", json!("25%")), ("maxSurge", json!("25%"))]);
    },
    ..Strategy::NONE
};

pub(super) const REPLICATION_CONTROLLER: Strategy = Strategy {
    defaults: |object| {
        labels_from_template(object);
        let labels = meta::get(object, "spec.template.metadata.labels").clone();
        let Some(spec) = child(object, "spec") else { return };
        if is_empty(&spec["selector"]) && !is_empty(&labels) {
            spec["selector"] = labels;
        }
    },
    validate: |at, errors| {
        let (selector, labels) = (at.get("spec.selector"), at.get("spec.template.metadata.labels"));
        if entries(selector.value).any(|(key, value)| labels.value.get(key) != Some(value)) {
            errors.push(labels.invalid("`selector` does not match template `labels`"));
        }
    },
    ..Strategy::NONE
};

pub(super) const DAEMON_SET: Strategy = Strategy {
    prepare_create: |set| count_templates(set, &Value::Null),
    prepare_update: count_templates,
    defaults: |object| {
        let Some(spec) = child(object, "spec") else { return };
        rolling(spec, "updateStrategy", &[("maxUnavailable", json!(1)), ("maxSurge", json!(0))]);
    },
    ..Strategy::NONE
};

/// Notes how many templates a daemon set has had; its pods bear the number.
fn count_templates(set: &mut Value, old: &Value) {
    const COUNT: &str = "deprecated.daemonset.template.generation";
    let before: i64 = meta::annotation(old, COUNT).and_then(|text| text.parse().ok()).unwrap_or_default();
    let count = before + i64::from(set["spec"]["template"] != old["spec"]["template"]);
    set["metadata"]["annotations"][COUNT] = count.to_string().into();
}

pub(super) const STATEFUL_SET: Strategy = Strategy {
    defaults: |object| {
        let Some(spec) = child(object, "spec") else { return };
        rolling(spec, "updateStrategy", &[("partition", json!(0)), ("maxUnavailable", json!(1))]);
        defaults::template(&mut spec["template"]);
    },
    validate: |at, errors| {
        let with_claims = with_claims(at);
        let set = with_claims.as_ref().map_or(at.clone(), At::root);
        validation::template(&set.get("spec.template"), errors);
    },
    ..Strategy::NONE
};

fn rolling(spec: &mut Value, field: &str, numbers: &[(&str, Value)]) {
    default(spec, field, Map::new());
    let strategy = &mut spec[field];
    default(strategy, "type", "RollingUpdate");
    if strategy["type"] == "RollingUpdate" {
        default(strategy, "rollingUpdate", Map::new());
        for (name, value) in numbers {
            default(&mut strategy["rollingUpdate"], name, value.clone());
        }
    }
}

/// The set with its claim templates as volumes of the pod template, so that mounts find them.
fn with_claims(at: &At<'_>) -> Option<Value> {
    let claims = items(&at.value["spec"]["volumeClaimTemplates"]);
    if claims.is_empty() {
        return None;
    }
    let mut object = at.value.clone();
    let spec = child(&mut object, "spec").and_then(|s| child(s, "template")).and_then(|t| child(t, "spec"))?;
    let volumes = super::walk::remove(spec, "volumes");
    let mut volumes: Vec<Value> = volumes.as_ref().map(items).unwrap_or_default().to_vec();
    volumes.retain(|volume| !claims.iter().any(|claim| claim["metadata"]["name"] == volume["name"]));
    volumes.extend(claims.iter().map(|claim| {
        let name = &claim["metadata"]["name"];
        json!({"name": name, "persistentVolumeClaim": {"claimName": name}})
    }));
    spec["volumes"] = volumes.into();
    Some(object)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_daemon_set_counts_the_changes_of_its_template_whatever_its_writer_says() {
        let set = |image: &str, wait: u8| json!({"spec": {"template": {"image": image}, "minReadySeconds": wait}});
        let count = |set: &Value| meta::annotation(set, "deprecated.daemonset.template.generation").map(str::to_owned);
        let mut present = set("a", 0);
        (DAEMON_SET.prepare_create)(&mut present);
        assert_eq!(count(&present).as_deref(), Some("1"));
        for (mut new, expected) in [(set("a", 9), "1"), (set("b", 9), "2"), (set("b", 0), "2"), (set("a", 0), "3")] {
            (DAEMON_SET.prepare_update)(&mut new, &present);
            assert_eq!(count(&new).as_deref(), Some(expected));
            present = new;
        }
    }
}
