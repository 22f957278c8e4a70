//! Devices and the claims on them (`resource.k8s.io`).

use crate::kinds::prelude::*;

pub(super) const TAINT_RULE: Strategy = Strategy {
    prepare_create: |rule| {
        if let Some(taint) = at(rule, "spec.taint") {
            default(taint, "timeAdded", meta::now());
        }
    },
    ..Strategy::NONE
};
