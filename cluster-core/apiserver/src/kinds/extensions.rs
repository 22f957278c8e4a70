//! What extends the API: custom resource definitions, webhooks, admission policies, API services.

use super::BASE;
use super::cells::{OwnCell, or};
use super::walk::{At, child, default, default_text, each, is_empty, items, text};
use crate::admission::policy::definition as policy;
use crate::custom::definition;
use crate::registry::Strategy;
use cluster_object::field::{Error, Errors};
use cluster_object::{meta, name};
use serde_json::{Value, json};

pub(super) const DEFINITION: Strategy = Strategy {
    unconditional_update: false,
    defaults: |object| {
        let Some(spec) = child(object, "spec") else { return };
        let kind = text(&spec["names"]["kind"]).to_owned();
        if let Some(names) = child(spec, "names") {
            default_text(names, "singular", &kind.to_lowercase());
            if !kind.is_empty() {
                default_text(names, "listKind", &format!("{kind}List"));
            }
        }
    },
    prepare_create: |object| {
        let stored = items(&object["spec"]["versions"]).iter().filter(|v| v["storage"] == true).take(1);
        let stored: Vec<Value> = stored.map(|v| v["name"].clone()).collect();
        let names = json!({"plural": "", "kind": ""});
        object["status"] = json!({"conditions": [], "acceptedNames": names, "storedVersions": stored});
    },
    validate: definition::validate,
    validate_update: definition::validate_update,
    validate_status: definition::validate_status,
    ..BASE
};

pub(super) const API_SERVICE: Strategy = Strategy {
    status_resets: Strategy::RESET_FOR_STATUS,
    prepare_create: |object| {
        let local = object["spec"]["service"].is_null();
        object["status"] = if local { crate::aggregation::local_status() } else { json!({}) };
    },
    validate: |object| {
        let (mut errors, at) = (Errors::new(), At::root(object));
        let spec = at.get("spec");
        let wanted = format!("{}.{}", spec.get("version").text(), spec.get("group").text());
        if meta::name(object).trim_end_matches('.') != wanted.trim_end_matches('.') {
            errors
                .push(at.get("metadata.name").invalid(&format!("must be `spec.version+\".\"+spec.group`: {wanted:?}")));
        }
        for field in ["groupPriorityMinimum", "versionPriority"] {
            if spec.get(field).int() <= 0 {
                errors.push(spec.get(field).invalid("must be positive and less than 20000"));
            }
        }
        errors
    },
    validate_name: name::path_segment,
    ..BASE
};

pub(super) const WEBHOOKS: Strategy = Strategy {
    defaults: |object| {
        if meta::kind(object).starts_with("Mutating") {
            each(object, "webhooks").for_each(|hook| default(hook, "reinvocationPolicy", "Never"));
        }
    },
    validate: |object| {
        let mut errors = Errors::new();
        for hook in At::root(object).get("webhooks").items() {
            webhook(&hook, &mut errors);
        }
        errors
    },
    ..BASE
};

pub(super) const ADMISSION_POLICY: Strategy = Strategy { validate: policy::policy, ..BASE };

pub(super) const ADMISSION_POLICY_BINDING: Strategy = Strategy { validate: policy::binding, ..BASE };

fn webhook(hook: &At<'_>, errors: &mut Errors) {
    let hook_name = hook.get("name");
    if !hook_name.is_empty() && hook_name.text().split('.').count() < 3 {
        errors.push(hook_name.invalid("should be a domain with at least three segments separated by dots"));
    }
    let timeout = hook.get("timeoutSeconds");
    if timeout.is_set() && !(1..=30).contains(&timeout.int()) {
        errors.push(timeout.invalid("the timeout value must be between 1 and 30 seconds"));
    }
    let config = hook.get("clientConfig");
    let (url, service) = (config.get("url"), config.get("service"));
    if url.is_set() == service.is_set() {
        errors.push(Error::required(&config.path, "exactly one of url or service is required"));
    } else if url.is_set() {
        webhook_url(&url, errors);
    }
    policy::webhook(hook, errors);
}

/// The rules for the address of any webhook, as upstream's `ValidateWebhookURL`.
pub(crate) fn webhook_url(at: &At<'_>, errors: &mut Errors) {
    const FORM: &str = "; desired format: https://host[/path]";
    let url = match url::Url::parse(at.text()) {
        Ok(url) => url,
        Err(why) => return errors.push(at.missing(&format!("url must be a valid URL: {why}{FORM}"))),
    };
    let user = match url.password() {
        Some(password) => format!("{}:{password}", url.username()),
        None => url.username().to_owned(),
    };
    let (fragment, query) = (url.fragment().unwrap_or_default(), url.query().unwrap_or_default());
    for (wrong, value, why) in [
        (url.scheme() != "https", url.scheme(), &*format!("'https' is the only allowed URL scheme{FORM}")),
        (!url.has_host(), "", &format!("host must be specified{FORM}")),
        (!user.is_empty(), &user, "user information is not permitted in the URL"),
        (!fragment.is_empty(), fragment, "fragments are not permitted in the URL"),
        (!query.is_empty(), query, "query parameters are not permitted in the URL"),
    ] {
        errors.extend(wrong.then(|| Error::invalid(&at.path, &value.into(), why)));
    }
}

fn param_kind(object: &Value, path: &str) -> Value {
    match meta::get(object, path) {
        Value::Null => "<unset>".into(),
        kind => format!("{}/{}", text(&kind["apiVersion"]), text(&kind["kind"])).into(),
    }
}

pub(super) const API_SERVICE_CELLS: &[OwnCell] = &[
    ("Service", |o| match &o["spec"]["service"] {
        Value::Null => "Local".into(),
        service => format!("{}/{}", text(&service["namespace"]), text(&service["name"])).into(),
    }),
    ("Available", |o| match items(&o["status"]["conditions"]).iter().find(|c| c["type"] == "Available") {
        None => "Unknown".into(),
        Some(condition) if condition["status"] == "True" => "True".into(),
        Some(condition) => format!("{} ({})", text(&condition["status"]), text(&condition["reason"])).into(),
    }),
];
pub(super) const VALIDATING_POLICY_CELLS: &[OwnCell] = &[("ParamKind", |o| param_kind(o, "spec.paramKind"))];
pub(super) const MUTATING_POLICY_CELLS: &[OwnCell] = &[("ParamKind", |o| param_kind(o, "spec.paramKind"))];
pub(super) const POLICY_BINDING_CELLS: &[OwnCell] = &[("ParamRef", |o| match &o["spec"]["paramRef"] {
    Value::Null => "<unset>".into(),
    param if is_empty(&param["name"]) => "*/*".into(),
    param => format!("{}/{}", or(text(&param["namespace"]), "*").as_str().unwrap_or("*"), text(&param["name"])).into(),
})];
pub(super) const COMPONENT_CELLS: &[OwnCell] = &[
    ("Status", |o| match &o["conditions"][0]["status"] {
        status if status == "True" => "Healthy".into(),
        status if status == "False" => "Unhealthy".into(),
        _ => "Unknown".into(),
    }),
    ("Message", |o| text(&o["conditions"][0]["message"]).into()),
    ("Error", |o| text(&o["conditions"][0]["error"]).into()),
];
