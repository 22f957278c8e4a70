//! Flow schemas and priority levels.

use crate::kinds::prelude::*;

pub(super) const FIXED: Strategy = Strategy { validate: unless_fixed, ..Strategy::NONE };

/// Demands of the mandatory objects what they must be; shares of the exempt level may be chosen.
fn unless_fixed(at: &At<'_>, errors: &mut Errors) {
    let (name, spec) = (meta::name(at.value), at.get("spec"));
    let Some(mut fixed) = crate::flow::fixed(meta::kind(at.value), name) else { return };
    if let Some(exempt) = spec.value.get("exempt").filter(|_| name == "exempt") {
        fixed["spec"]["exempt"] = exempt.clone();
    }
    if *spec.value != fixed["spec"] {
        errors.push(spec.invalid(&format!("spec of '{name}' must equal the fixed value")));
    }
}
