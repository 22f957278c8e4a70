//! Storage classes, and what drivers publish (`storage.k8s.io`).

use crate::kinds::prelude::*;

/// Names of drivers are subdomains in which capitals do not count.
pub(super) fn driver_name(text: &str) -> Result<(), String> {
    name::dns_subdomain(&text.to_lowercase())
}

pub(super) const CSI_NODE: Strategy = Strategy {
    validate_update: |at, old, errors| {
        let drivers = at.get("spec.drivers");
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
    },
    ..Strategy::NONE
};
