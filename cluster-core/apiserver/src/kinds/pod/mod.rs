//! Pods and pod templates.

pub(super) mod columns;
pub(super) mod containers;
pub(super) mod defaults;
pub(crate) mod parts;
pub(crate) mod update;
pub(super) mod validation;

use crate::prelude::*;
use crate::registry::{Deletion, Strategy};
use cluster_object::pod::qos_class_of;

/// The rules of pods.
pub(super) const STRATEGY: Strategy = Strategy {
    defaults: defaults::pod,
    prepare_create: |pod| pod["status"] = json!({"phase": "Pending", "qosClass": qos_class_of(&pod["spec"])}),
    prepare_status: |pod, old| {
        super::walk::default_text(&mut pod["status"], "qosClass", meta::text(old, "status.qosClass"));
        update::keep_generations(&mut pod["status"], &old["status"]);
    },
    validate: validation::pod,
    validate_update: |at, old, errors| errors.extend(update::validate(at.value, old)),
    validate_status: |at, old, errors| errors.extend(update::validate_status(at.value, old)),
    deletion: Deletion::Graceful,
    ..Strategy::NONE
};
