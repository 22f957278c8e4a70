//! What extends the API: custom resource definitions, webhooks, admission policies, API services.

use crate::admission::policy::definition as policy;
use crate::custom::definition;
use crate::kinds::prelude::*;

pub(super) const DEFINITION: Strategy = Strategy {
    prepare_create: |object| {
        let stored = items(&object["spec"]["versions"]).iter().filter(|v| v["storage"] == true).take(1);
        let stored: Vec<Value> = stored.map(|v| v["name"].clone()).collect();
        let names = json!({"plural": "", "kind": ""});
        object["status"] = json!({"conditions": [], "acceptedNames": names, "storedVersions": stored});
    },
    validate: |at, errors| errors.extend(definition::validate(at.value)),
    validate_update: |at, old, errors| errors.extend(definition::validate_update(at.value, old)),
    ..Strategy::NONE
};

pub(super) const API_SERVICE: Strategy = Strategy {
    prepare_create: |object| {
        let local = object["spec"]["service"].is_null();
        object["status"] = if local { crate::aggregation::local_status() } else { json!({}) };
    },
    ..Strategy::NONE
};

pub(super) const WEBHOOKS: Strategy = Strategy {
    defaults: |object| {
        if meta::kind(object).starts_with("Mutating") {
            each(object, "webhooks").for_each(|hook| default(hook, "reinvocationPolicy", "Never"));
        }
    },
    validate: |at, errors| {
        for hook in at.get("webhooks").items() {
            webhook(&hook, errors);
        }
    },
    ..Strategy::NONE
};

pub(super) const ADMISSION_POLICY: Strategy = Strategy { validate: policy::policy, ..Strategy::NONE };

fn webhook(hook: &At<'_>, errors: &mut Errors) {
    let (url, service) = (hook.get("clientConfig.url"), hook.get("clientConfig.service"));
    if url.is_set() && !service.is_set() {
        webhook_url(&url, errors);
    }
    policy::webhook(hook, errors);
}

/// The rule for the path of any webhook's service, as upstream's `ValidateWebhookService`; what is wrong first.
pub(crate) fn service_path(path: &str) -> Result<(), String> {
    let Some(steps) = path.strip_prefix('/') else { return Err("must start with a '/'".to_owned()) };
    if steps.is_empty() {
        return Ok(());
    }
    let mut steps = steps.strip_suffix('/').unwrap_or(steps).split('/').enumerate();
    steps.try_for_each(|(index, step)| match step {
        "" => Err(format!("segment[{index}] may not be empty")),
        step => name::dns_subdomain(step).map_err(|why| format!("segment[{index}]: {why}")),
    })
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_path_of_a_webhooks_service_is_one_of_names() {
        let table = [
            ("/", ""),
            ("/a/b.c/", ""),
            ("a", "must start with a '/'"),
            ("//", "segment[0] may not be empty"),
            ("/a//b", "segment[1] may not be empty"),
        ];
        for (path, expected) in table {
            assert_eq!(service_path(path).err().unwrap_or_default(), expected, "{path}");
        }
        assert!(service_path("/a/B").is_err_and(|why| why.starts_with("segment[1]: ")));
    }
}
