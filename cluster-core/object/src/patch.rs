//! The three patch formats that replace parts of an object: JSON patch, merge patch, strategic merge patch.

use crate::prelude::*;

mod json;
mod strategic;

pub use json::json_patch;
pub use strategic::strategic_merge_patch;

/// Applies an RFC 7386 merge patch.
pub fn merge_patch(target: &mut Value, patch: &Value) {
    json_patch::merge(target, patch);
}

/// 422 for a patch that cannot be applied to this object; upstream tells no more.
fn unprocessable() -> Status {
    Status::new(422, "Invalid", "the server rejected our request due to an error in our request")
}

#[cfg(test)]
mod tests;
