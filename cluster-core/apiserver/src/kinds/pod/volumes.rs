//! What makes the volumes of a pod faulty.

use super::containers::{field_ref, relative_path};
use crate::kinds::prelude::*;

/// Faults of the list of volumes; returns the names that mounts may use.
pub(crate) fn validate(volumes: &At<'_>, errors: &mut Errors) -> Vec<String> {
    let mut names = Vec::new();
    for volume in volumes.items() {
        let name = volume.get("name");
        if name.required(errors) {
            name.rule(name::dns_label, errors);
            name.unique(&mut names, name.text().to_owned(), errors);
        }
        let mut sources =
            entries(volume.value).filter(|(key, value)| *key != "name" && !value.is_null()).map(|(key, _)| key);
        match sources.next() {
            None => errors.push(volume.missing("must specify a volume type")),
            Some(kind) => {
                errors.extend(volume.faults(named("Volume")));
                source(kind, &volume.get(kind), errors);
            }
        }
        for kind in sources {
            errors.push(volume.get(kind).forbidden("may not specify more than 1 volume type"));
        }
    }
    names
}

fn source(kind: &str, source: &At<'_>, errors: &mut Errors) {
    match kind {
        "hostPath" => {
            let path = source.get("path");
            if path.text().split('/').any(|part| part == "..") {
                errors.push(path.invalid("must not contain '..'"));
            }
        }
        "configMap" | "secret" => {
            mode(&source.get("defaultMode"), errors);
            key_paths(&source.get("items"), errors);
        }
        "downwardAPI" => {
            mode(&source.get("defaultMode"), errors);
            downward(&source.get("items"), errors);
        }
        "projected" => {
            mode(&source.get("defaultMode"), errors);
            source.get("sources").items().for_each(|part| projection(&part, errors));
        }
        "nfs" => {
            let path = source.get("path");
            if !path.is_empty() && !path.text().starts_with('/') {
                errors.push(path.invalid("must be an absolute path"));
            }
        }
        _ => {}
    }
}

fn key_paths(list: &At<'_>, errors: &mut Errors) {
    for item in list.items() {
        item.get("key").required(errors);
        item_path(&item.get("path"), errors);
        mode(&item.get("mode"), errors);
    }
}

fn item_path(path: &At<'_>, errors: &mut Errors) {
    if path.required(errors) {
        relative_path(path, errors);
        if path.text().starts_with("..") && !path.text().starts_with("../") {
            errors.push(path.invalid("must not start with '..'"));
        }
    }
}

fn mode(mode: &At<'_>, errors: &mut Errors) {
    if mode.is_set() && !(0..=0o777).contains(&int(mode.value)) {
        errors.push(mode.invalid("must be a number between 0 and 0777 (octal), both inclusive"));
    }
}

fn downward(list: &At<'_>, errors: &mut Errors) {
    for item in list.items() {
        item_path(&item.get("path"), errors);
        match (item.get("fieldRef").is_set(), item.get("resourceFieldRef").is_set()) {
            (false, false) => errors.push(item.missing("one of fieldRef and resourceFieldRef is required")),
            (true, true) => {
                errors.push(item.invalid("fieldRef and resourceFieldRef can not be specified simultaneously"));
            }
            _ => field_ref(&item.get("fieldRef"), errors),
        }
    }
}

fn projection(part: &At<'_>, errors: &mut Errors) {
    for (kind, _) in entries(part.value).filter(|(_, value)| !value.is_null()) {
        let source = part.get(kind);
        match kind.as_str() {
            "secret" | "configMap" => key_paths(&source.get("items"), errors),
            "downwardAPI" => downward(&source.get("items"), errors),
            "serviceAccountToken" => item_path(&source.get("path"), errors),
            _ => {}
        }
    }
}
