//! Resource quotas and limit ranges.

use crate::kinds::prelude::*;

/// What a quota may limit beside amounts of a resource, objects of a kind and qualified names.
const COUNTED: &str = "configmaps persistentvolumeclaims pods replicationcontrollers requests.storage resourcequotas \
    secrets services services.loadbalancers services.nodeports storage";

fn is_standard(resource: &str) -> bool {
    let bare = resource.strip_prefix("requests.").or(resource.strip_prefix("limits.")).unwrap_or(resource);
    COUNTED.split(' ').any(|counted| counted == resource)
        || matches!(bare, "cpu" | "memory" | "ephemeral-storage")
        || bare.starts_with("hugepages-")
}

pub(super) const RESOURCE_QUOTA: Strategy = Strategy {
    validate: |at, errors| {
        for (resource, amount) in at.get("spec.hard").entries() {
            if let Err(why) = name::qualified_name(resource) {
                errors.push(Error::invalid(&amount.path, &resource.into(), &why));
            } else if !resource.contains('/') && !is_standard(resource) {
                for why in
                    ["must be a standard resource type or fully qualified", "must be a standard resource for quota"]
                {
                    errors.push(Error::invalid(&amount.path, &resource.into(), why));
                }
            }
        }
    },
    ..Strategy::NONE
};

pub(super) const LIMIT_RANGE: Strategy = Strategy {
    defaults: |object| {
        let Some(spec) = child(object, "spec") else { return };
        for item in each(spec, "limits") {
            if item["type"] == "Container" {
                for (from, to) in [("max", "default"), ("default", "defaultRequest"), ("min", "defaultRequest")] {
                    let values: Vec<_> = entries(&item[from]).map(|(k, v)| (k.clone(), v.clone())).collect();
                    for (key, value) in values {
                        default(item, to, json!({}));
                        default(&mut item[to], &key, value);
                    }
                }
            }
        }
    },
    validate: |at, errors| at.get("spec.limits").items().for_each(|item| limits(&item, errors)),
    ..Strategy::NONE
};

/// What may not be more than what: the two lists with upstream's words for them, and the list at which the fault stands.
const ORDERED: [[&str; 5]; 6] = [
    ["min", "min", "max", "max", "min"],
    ["min", "min", "defaultRequest", "default request", "defaultRequest"],
    ["defaultRequest", "default request", "max", "max", "defaultRequest"],
    ["defaultRequest", "default request", "default", "default limit", "defaultRequest"],
    ["min", "min", "default", "default", "default"],
    ["default", "default", "max", "max", "default"],
];

fn limits(item: &At<'_>, errors: &mut Errors) {
    let amount = |list: &str, resource: &str| Quantity::from_value(&item.value[list][resource]).ok();
    for list in ["max", "min", "default", "defaultRequest", "maxLimitRequestRatio"].map(|list| item.get(list)) {
        for (resource, amount) in list.entries() {
            amount.quantity(errors);
            let of_containers = matches!(item.get("type").text(), "Pod" | "Container");
            super::pod::containers::resource_name(&amount, resource, of_containers, errors);
        }
    }
    for [low, low_word, high, high_word, place] in ORDERED {
        for (resource, _) in item.get(low).entries() {
            let pair = amount(low, resource).zip(amount(high, resource));
            if let Some((less, more)) = pair.filter(|(less, more)| less > more) {
                let at = item.get(place);
                let why = format!("{low_word} value {less} is greater than {high_word} value {more}");
                errors.push(Error::invalid(&at.path.key(resource), &at.value[resource], &why));
            }
        }
    }
    for (resource, at) in item.get("maxLimitRequestRatio").entries() {
        let Some(ratio) = amount("maxLimitRequestRatio", resource) else { continue };
        if ratio < Quantity::new(1) {
            errors.push(at.invalid(&format!("ratio {ratio} is less than 1")));
        }
        let Some((least, most)) = amount("min", resource).zip(amount("max", resource)) else { continue };
        let widest = most.milli_value() as f64 / least.milli_value() as f64;
        if ratio.milli_value() as f64 / 1000.0 > widest {
            errors.push(at.invalid(&format!("ratio {ratio} is greater than max/min = {widest:.6}")));
        }
    }
}
