//! Storage classes, and what drivers publish (`storage.k8s.io`).

use super::BASE;
use super::cells::{OwnCell, int_or_string, join, or};
use super::walk::{At, text, texts};
use crate::registry::Strategy;
use cluster_object::field::{Error, Errors, Path};
use cluster_object::{meta, name};
use serde_json::{Value, json};

/// Names of drivers are subdomains in which capitals do not count.
pub(super) fn driver_name(text: &str) -> Result<(), String> {
    name::dns_subdomain(&text.to_lowercase())
}

pub(super) const CSI_DRIVER: Strategy = Strategy { validate_name: driver_name, ..BASE };

pub(super) const CSI_NODE: Strategy = Strategy {
    validate_update: |new, old| {
        let (mut errors, drivers) = (Errors::new(), At::root(new).get("spec.drivers"));
        for was in super::walk::items(&old["spec"]["drivers"]) {
            let now = drivers.items().find(|driver| driver.value["name"] == was["name"]);
            let fixed = |driver: &Value| {
                let mut driver = driver.clone();
                drop(super::walk::remove(&mut driver, "allocatable"));
                driver
            };
            if let Some(now) = now.filter(|now| fixed(now.value) != fixed(was)) {
                errors.push(Error::invalid(&Path::new("CSINodeDriver"), now.value, "field is immutable"));
            }
        }
        errors
    },
    ..BASE
};

pub(super) const MIGRATION: Strategy = Strategy {
    prepare_create: |object| object["status"] = json!({}),
    status_resets: Strategy::RESET_FOR_STATUS,
    ..BASE
};

const ONE_SOURCE: &str = "must specify exactly one of inlineVolumeSpec and persistentVolumeName";

pub(super) const ATTACHMENT: Strategy = Strategy {
    status_resets: Strategy::RESET_FOR_STATUS,
    prepare_create: |object| object["status"] = json!({"attached": false}),
    validate: |object| {
        let (mut errors, source) = (Errors::new(), At::root(object).get("spec.source"));
        match (source.get("inlineVolumeSpec").is_set(), source.get("persistentVolumeName").is_set()) {
            (false, false) => errors.push(source.missing(ONE_SOURCE)),
            (true, true) => errors.push(source.forbidden(ONE_SOURCE)),
            _ => {}
        }
        errors
    },
    ..BASE
};

pub(super) const STORAGE_CLASS_CELLS: &[OwnCell] = &[("Name", |o| {
    let default = meta::annotation(o, "storageclass.kubernetes.io/is-default-class") == Some("true");
    format!("{}{}", meta::name(o), if default { " (default)" } else { "" }).into()
})];
pub(super) const CSI_DRIVER_CELLS: &[OwnCell] = &[
    ("AttachRequired", |o| (o["spec"]["attachRequired"] != false).into()),
    ("TokenRequests", |o| {
        let audiences = super::walk::items(&o["spec"]["tokenRequests"]).iter().map(|t| text(&t["audience"]));
        or(&join(audiences), "<unset>")
    }),
    ("Modes", |o| or(&join(texts(&o["spec"]["volumeLifecycleModes"])), "<unset>")),
];
pub(super) const CAPACITY_CELLS: &[OwnCell] =
    &[("Capacity", |o| if o["capacity"].is_null() { "".into() } else { int_or_string(&o["capacity"]).into() })];
