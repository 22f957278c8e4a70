//! Pods and pod templates.

pub(super) mod columns;
pub(super) mod containers;
pub(super) mod defaults;
pub(crate) mod parts;
mod start;
pub(crate) mod update;
pub(super) mod validation;

use crate::prelude::*;
use crate::registry::{Deletion, Strategy};

/// Marks what only mirrors a pod that is in no API.
pub(crate) const MIRROR: &str = "kubernetes.io/config.mirror";

/// The rules of pods.
pub(super) const STRATEGY: Strategy = Strategy {
    defaults: defaults::pod,
    prepare_create: start::start,
    prepare_status: |pod, old| {
        if meta::text(pod, "status.qosClass").is_empty() {
            pod["status"]["qosClass"] = meta::text(old, "status.qosClass").into();
        }
        update::keep_generations(&mut pod["status"], &old["status"]);
    },
    validate: validation::pod,
    validate_update: |at, old, errors| errors.extend(update::validate(at.value, old)),
    validate_status: |at, old, errors| errors.extend(update::validate_status(at.value, old)),
    deletion: Deletion::Graceful,
    ..Strategy::NONE
};
