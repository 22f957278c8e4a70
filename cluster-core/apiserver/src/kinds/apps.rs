//! Deployments, replica sets, replication controllers, stateful sets, daemon sets and controller revisions.

use super::BASE;
use super::cells::{OwnCell, count};
use super::pod::defaults;
use super::walk::{At, child, default, each, int, is_empty, items, text};
use super::workloads::{int_or_percent, is_zero, labels_from_template, restart_always, selected_template, shown};
use crate::registry::Strategy;
use cluster_object::field::{Error, Errors};
use cluster_object::meta;
use serde_json::{Map, Value, json};

const CREATE: fn(&mut Value) = |object| object["status"] = json!({});

pub(super) const DEPLOYMENT: Strategy = Strategy {
    defaults: |object| {
        let Some(spec) = child(object, "spec") else { return };
        rolling(spec, "strategy", &[("maxUnavailable", json!("25%")), ("maxSurge", json!("25%"))]);
        defaults::template(&mut spec["template"]);
    },
    prepare_create: CREATE,
    validate: |object| {
        let (mut errors, at) = (Errors::new(), At::root(object));
        selected_template(&at, &mut errors);
        restart_always(&at, &mut errors);
        deployment_strategy(&at.get("spec.strategy"), &mut errors);
        let deadline = at.get("spec.progressDeadlineSeconds");
        if deadline.is_set() && deadline.int() <= at.get("spec.minReadySeconds").int() {
            errors.push(deadline.invalid("must be greater than minReadySeconds"));
        }
        errors
    },
    status_resets: &["labels"],
    ..BASE
};

pub(super) const REPLICA_SET: Strategy = Strategy {
    defaults: |object| {
        let Some(spec) = child(object, "spec") else { return };
        defaults::template(&mut spec["template"]);
    },
    prepare_create: |object| object["status"] = json!({"replicas": 0}),
    validate: |object| {
        let (mut errors, at) = (Errors::new(), At::root(object));
        selected_template(&at, &mut errors);
        restart_always(&at, &mut errors);
        errors
    },
    selectable_fields: &[("status.replicas", |o| int(&o["status"]["replicas"]).to_string())],
    ..BASE
};

pub(super) const REPLICATION_CONTROLLER: Strategy = Strategy {
    defaults: |object| {
        labels_from_template(object);
        let labels = meta::get(object, "spec.template.metadata.labels").clone();
        let Some(spec) = child(object, "spec") else { return };
        if is_empty(&spec["selector"]) && !is_empty(&labels) {
            spec["selector"] = labels;
        }
        if !spec["template"].is_null() {
            defaults::template(&mut spec["template"]);
        }
    },
    prepare_create: |object| object["status"] = json!({"replicas": 0}),
    validate: |object| {
        let (mut errors, at) = (Errors::new(), At::root(object));
        let (selector, template) = (at.get("spec.selector"), at.get("spec.template"));
        if selector.required(&mut errors) {
            let labels = template.get("metadata.labels");
            if super::walk::entries(selector.value).any(|(key, value)| labels.value.get(key) != Some(value)) {
                errors.push(labels.invalid("`selector` does not match template `labels`"));
            }
        }
        if template.required(&mut errors) {
            errors.extend(super::pod::validation::template(&template));
        }
        restart_always(&at, &mut errors);
        errors
    },
    selectable_fields: &[("status.replicas", |o| int(&o["status"]["replicas"]).to_string())],
    ..BASE
};

pub(super) const DAEMON_SET: Strategy = Strategy {
    defaults: |object| {
        let Some(spec) = child(object, "spec") else { return };
        rolling(spec, "updateStrategy", &[("maxUnavailable", json!(1)), ("maxSurge", json!(0))]);
        defaults::template(&mut spec["template"]);
    },
    prepare_create: |object| {
        object["status"] = json!({"currentNumberScheduled": 0, "numberMisscheduled": 0, "desiredNumberScheduled": 0, "numberReady": 0});
    },
    validate: |object| {
        let (mut errors, at) = (Errors::new(), At::root(object));
        selected_template(&at, &mut errors);
        restart_always(&at, &mut errors);
        let strategy = at.get("spec.updateStrategy");
        match strategy.get("type").text() {
            "RollingUpdate" => rolling_daemons(&strategy.get("rollingUpdate"), &mut errors),
            "OnDelete" => {}
            _ => errors.push(Error::not_supported(&strategy.path, &shown(&strategy), &["RollingUpdate", "OnDelete"])),
        }
        errors
    },
    ..BASE
};

pub(super) const STATEFUL_SET: Strategy = Strategy {
    defaults: stateful_set_defaults,
    prepare_create: |object| object["status"] = json!({"replicas": 0, "availableReplicas": 0}),
    validate: |object| {
        let (mut errors, at) = (Errors::new(), At::root(object));
        let strategy = at.get("spec.updateStrategy");
        match (strategy.get("type").text(), strategy.get("rollingUpdate")) {
            ("RollingUpdate", _) => {}
            ("OnDelete", rolling) if rolling.is_set() => {
                errors.push(rolling.invalid("only allowed for updateStrategy 'RollingUpdate'"));
            }
            ("OnDelete", _) => {}
            _ => {
                let why = "must be 'RollingUpdate' or 'OnDelete'";
                errors.push(Error::invalid(&strategy.path, &shown(&strategy), why));
            }
        }
        let management = at.get("spec.podManagementPolicy");
        if !matches!(management.text(), "OrderedReady" | "Parallel") {
            errors.push(management.invalid("must be 'OrderedReady' or 'Parallel'"));
        }
        super::volumes::claim_templates(&at, &mut errors);
        selected_template(&with_claims(&at).as_ref().map_or(at.clone(), At::root), &mut errors);
        restart_always(&at, &mut errors);
        errors
    },
    validate_update: stateful_set_update,
    ..BASE
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

fn deployment_strategy(strategy: &At<'_>, errors: &mut Errors) {
    let rolling = strategy.get("rollingUpdate");
    match strategy.get("type").text() {
        "Recreate" if rolling.is_set() => {
            errors.push(rolling.forbidden("may not be specified when strategy `type` is 'Recreate'"));
        }
        "Recreate" => {}
        "RollingUpdate" => {
            let (unavailable, surge) = (rolling.get("maxUnavailable"), rolling.get("maxSurge"));
            int_or_percent(&unavailable, true, errors);
            int_or_percent(&surge, false, errors);
            if is_zero(unavailable.value) && is_zero(surge.value) {
                errors.push(unavailable.invalid("may not be 0 when `maxSurge` is 0"));
            }
        }
        _ => errors.push(Error::not_supported(&strategy.path, &shown(strategy), &["Recreate", "RollingUpdate"])),
    }
}

fn rolling_daemons(rolling: &At<'_>, errors: &mut Errors) {
    let (unavailable, surge) = (rolling.get("maxUnavailable"), rolling.get("maxSurge"));
    int_or_percent(&unavailable, true, errors);
    int_or_percent(&surge, true, errors);
    match (is_zero(unavailable.value), is_zero(surge.value)) {
        (true, true) => errors.push(unavailable.invalid("cannot be 0 when `maxSurge` is 0")),
        (false, false) => errors.push(surge.invalid("may not be set when maxUnavailable is non-zero")),
        _ => {}
    }
}

fn stateful_set_defaults(object: &mut Value) {
    let Some(spec) = child(object, "spec") else { return };
    rolling(spec, "updateStrategy", &[("partition", json!(0))]);
    defaults::template(&mut spec["template"]);
    each(spec, "volumeClaimTemplates").for_each(super::volumes::claim_defaults);
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

fn stateful_set_update(new: &Value, old: &Value) -> Errors {
    const MUTABLE: [&str; 7] = [
        "replicas",
        "ordinals",
        "template",
        "updateStrategy",
        "revisionHistoryLimit",
        "persistentVolumeClaimRetentionPolicy",
        "minReadySeconds",
    ];
    let rest = |object: &Value| {
        let mut spec = object["spec"].as_object().cloned().unwrap_or_default();
        spec.retain(|key, _| !MUTABLE.contains(&key.as_str()));
        spec
    };
    if rest(new) == rest(old) {
        return Errors::new();
    }
    vec![Error::forbidden(
        &At::root(new).get("spec").path,
        "updates to statefulset spec for fields other than 'replicas', 'ordinals', 'template', 'updateStrategy', \
         'revisionHistoryLimit', 'persistentVolumeClaimRetentionPolicy' and 'minReadySeconds' are forbidden",
    )]
}

pub(super) const REPLICAS_CELLS: &[OwnCell] =
    &[("Ready", |o| format!("{}/{}", count(o, "status.readyReplicas"), count(o, "spec.replicas")).into())];
pub(super) const CONTROLLER_REVISION_CELLS: &[OwnCell] = &[("Controller", |o| {
    let Some(owner) = meta::controller(o) else { return "<none>".into() };
    let (version, kind) = (text(&owner["apiVersion"]), text(&owner["kind"]).to_lowercase());
    match version.split_once('/') {
        Some((group, _)) => format!("{kind}.{group}/{}", text(&owner["name"])).into(),
        None => format!("{kind}/{}", text(&owner["name"])).into(),
    }
})];
