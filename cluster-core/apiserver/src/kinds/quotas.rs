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
        scopes(&at.get("spec"), errors);
    },
    ..Strategy::NONE
};

/// The scopes, and the resources that each of them can be about; all others of a quota cannot be counted by it.
const SCOPES: [(&str, &str); 7] = [
    ("BestEffort", "pods"),
    ("NotBestEffort", COMPUTE),
    ("Terminating", COMPUTE),
    ("NotTerminating", COMPUTE),
    ("CrossNamespacePodAffinity", COMPUTE),
    ("PriorityClass", COMPUTE),
    ("VolumeAttributesClass", "persistentvolumeclaims requests.storage"),
];
const COMPUTE: &str = "pods cpu memory limits.cpu limits.memory requests.cpu requests.memory";
/// Scopes of which an object has exactly one.
const OPPOSITES: [[&str; 2]; 2] = [["BestEffort", "NotBestEffort"], ["Terminating", "NotTerminating"]];

fn scopes(spec: &At<'_>, errors: &mut Errors) {
    let fits = |scope: &str, resource: &str| match SCOPES.iter().find(|(name, _)| *name == scope) {
        Some((_, resources)) => resources.split(' ').any(|one| one == resource),
        None => true,
    };
    let hard = entries(&spec.value["hard"]).map(|(resource, _)| resource).filter(|resource| is_standard(resource));
    let hard: Vec<&String> = hard.collect();
    let conflict = |names: &[&str]| OPPOSITES.iter().any(|pair| pair.iter().all(|scope| names.contains(scope)));
    let known = |scope: &str| SCOPES.iter().any(|(name, _)| *name == scope);

    let list = spec.get("scopes");
    let names: Vec<&str> = texts(list.value).collect();
    for scope in &names {
        errors.extend((!known(scope)).then(|| list.invalid("unsupported scope")));
        let misfits = hard.iter().filter(|resource| !fits(scope, resource));
        errors.extend(misfits.map(|_| list.invalid("unsupported scope applied to resource")));
    }
    errors.extend(conflict(&names).then(|| list.invalid("conflicting scopes")));

    let requirements = spec.get("scopeSelector.matchExpressions");
    let internal =
        |one: &Value| json!({"ScopeName": one["scopeName"], "Operator": one["operator"], "Values": one["values"]});
    let shown = json!({"MatchExpressions": items(requirements.value).iter().map(internal).collect::<Vec<_>>()});
    let mut names = Vec::new();
    for requirement in requirements.items() {
        // Upstream's paths do not tell which of the expressions it is.
        let part = |field: &str| At { path: requirements.path.child(field), ..requirement.get(field) };
        let (scope, operator, values) = (part("scopeName"), part("operator"), part("values"));
        errors.extend((!known(scope.text())).then(|| scope.invalid("unsupported scope")));
        let misfits = hard.iter().filter(|resource| !fits(scope.text(), resource));
        let misfit = || Error::invalid(&requirements.path, &shown, "unsupported scope applied to resource");
        errors.extend(misfits.map(|_| misfit()));
        let flag = known(scope.text()) && !matches!(scope.text(), "PriorityClass" | "VolumeAttributesClass");
        if flag && operator.text() != "Exists" {
            errors.push(operator.invalid(
                "must be 'Exists' when scope is any of ResourceQuotaScopeTerminating, ResourceQuotaScopeNotTerminating, \
                 ResourceQuotaScopeBestEffort, ResourceQuotaScopeNotBestEffort or ResourceQuotaScopeCrossNamespacePodAffinity",
            ));
        }
        match operator.text() {
            "In" | "NotIn" if values.is_empty() => errors.push(
                values.missing("must be at least one value when `operator` is 'In' or 'NotIn' for scope selector"),
            ),
            "Exists" | "DoesNotExist" if !values.is_empty() => errors.push(
                values.invalid("must be no value when `operator` is 'Exist' or 'DoesNotExist' for scope selector"),
            ),
            "In" | "NotIn" | "Exists" | "DoesNotExist" => {}
            _ => errors.push(operator.invalid("not a valid selector operator")),
        }
        names.push(scope.text());
    }
    if conflict(&names) {
        errors.push(Error::invalid(&requirements.path, list.value, "conflicting scopes"));
    }
}

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
