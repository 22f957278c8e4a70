//! The built-in kinds: one table row each, and per kind the defaults, validation and columns that no table says.

mod apps;
mod autoscaling;
mod batch;
mod cel;
mod cells;
mod certificates;
mod cluster;
mod config;
mod devices;
mod endpoints;
pub(crate) mod extensions;
mod flowcontrol;
mod job_policies;
mod job_status;
mod legacy;
mod networking;
pub(crate) mod order;
pub(crate) mod pod;
pub(crate) mod prelude;
mod quotas;
pub(crate) mod rules;
mod service;
mod table;

#[cfg(test)]
mod tests;
mod volumes;
pub(crate) mod walk;
mod workloads;

pub use cells::{Cell, human_duration};

pub(crate) use cel::Shown;
pub(crate) use cells::heading;
pub(crate) use pod::columns::finished as finished_pod;
pub(crate) use table::groups;

use crate::registry::Resource;

/// Every built-in resource, in the order discovery lists them.
pub fn builtin() -> Vec<Resource> {
    let mut all = table::resources();
    all.extend(legacy::resources(&all));
    all
}
