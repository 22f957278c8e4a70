//! JSON patch (RFC 6902) with upstream's limits.

use super::unprocessable;
use crate::decode::depth;
use crate::prelude::*;
use json_patch::PatchOperation;

const MAX_OPERATIONS: usize = 10_000;
/// How many bytes all `copy` operations of one patch may add.
const MAX_COPIED: usize = 3 << 20;
/// How deep the result may nest, roughly: what is deeper does not fit the stack. Objects have a sharper limit.
const MAX_DEPTH: usize = 1000;

/// Applies a JSON patch; when it fails the target stays as it was.
pub fn json_patch(target: &mut Value, patch: &Value) -> Result<(), Status> {
    if let Some(count) = patch.as_array().map(Vec::len).filter(|count| *count > MAX_OPERATIONS) {
        let limit = format!("The allowed maximum operations in a JSON patch is {MAX_OPERATIONS}, got {count}");
        return Err(Status::new(413, "RequestEntityTooLarge", format!("Request entity too large: {limit}")));
    }
    let mut patch = patch.clone();
    for operation in patch.as_array_mut().into_iter().flatten().filter_map(Value::as_object_mut) {
        if operation.get("op").is_some_and(|op| ["add", "replace", "test"].iter().any(|name| op == name)) {
            // Clients in Go leave out what is empty; upstream takes it for null.
            operation.entry("value").or_insert(Value::Null);
        }
    }
    let operations: Vec<PatchOperation> =
        serde_json::from_value(patch).map_err(|e| Status::bad_request(format!("error decoding patch: {e}")))?;
    let mut patched = target.clone();
    let (mut copied, mut deepest) = (0, depth(target));
    for operation in operations {
        deepest = deepest.max(deepest_after(&operation, deepest));
        if deepest > MAX_DEPTH {
            return Err(unprocessable());
        }
        if let PatchOperation::Copy(copy) = &operation {
            copied += patched.pointer(copy.from.as_str()).map_or(0, |value| value.to_string().len());
            if copied > MAX_COPIED {
                return Err(unprocessable());
            }
        }
        // One at a time: a failed one leaves only the clone half done.
        json_patch::patch_unsafe(&mut patched, &[operation]).map_err(|_| unprocessable())?;
    }
    *target = patched;
    Ok(())
}

/// How deep a value nests at most that nested `deepest` at most before.
fn deepest_after(operation: &PatchOperation, deepest: usize) -> usize {
    let steps = |pointer: &str| pointer.matches('/').count();
    let moved = |from: &str, to: &str| steps(to) + deepest.saturating_sub(steps(from));
    match operation {
        PatchOperation::Add(add) => steps(add.path.as_str()) + depth(&add.value),
        PatchOperation::Replace(replace) => steps(replace.path.as_str()) + depth(&replace.value),
        PatchOperation::Move(it) => moved(it.from.as_str(), it.path.as_str()),
        PatchOperation::Copy(it) => moved(it.from.as_str(), it.path.as_str()),
        PatchOperation::Remove(_) | PatchOperation::Test(_) => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn operations_apply_in_order_or_not_at_all() {
        let mut value = json!({"a": [1], "b": {"c/d": 1}});
        let patch = json!([
            {"op": "test", "path": "/a/0", "value": 1},
            {"op": "add", "path": "/a/-", "value": 2},
            {"op": "replace", "path": "/b/c~1d", "value": 3},
            {"op": "copy", "from": "/a", "path": "/e"},
            {"op": "move", "from": "/b", "path": "/f"},
            {"op": "remove", "path": "/a/0"},
        ]);
        json_patch(&mut value, &patch).unwrap();
        assert_eq!(value, json!({"a": [2], "e": [1, 2], "f": {"c/d": 3}}));
        json_patch(&mut value, &json!([{"op": "replace", "path": "/f"}])).unwrap();
        assert_eq!(value["f"], Value::Null);
        for (bad, code) in [
            (json!([{"op": "add", "path": "/x", "value": 1}, {"op": "test", "path": "/a/0", "value": 9}]), 422),
            (json!([{"op": "remove", "path": "/none"}]), 422),
            (json!([{"op": "dance", "path": "/a"}]), 400),
            (json!({"op": "add"}), 400),
        ] {
            let before = value.clone();
            assert_eq!(json_patch(&mut value, &bad).unwrap_err().code, code, "{bad}");
            assert_eq!(value, before);
        }
    }

    #[test]
    fn sizes_are_capped() {
        let many = Value::Array(vec![json!({"op": "test", "path": "", "value": {}}); MAX_OPERATIONS + 1]);
        assert_eq!(json_patch(&mut json!({}), &many).unwrap_err().code, 413);
        let bomb: Vec<Value> = (0..40).map(|n| json!({"op": "copy", "from": "", "path": format!("/{n}")})).collect();
        assert_eq!(json_patch(&mut json!({"a": "b"}), &json!(bomb)).unwrap_err().code, 422);
    }
    #[test]
    fn nothing_nests_without_end() {
        let deeper = [
            json!({"op": "add", "path": "/a", "value": {}}),
            json!({"op": "move", "from": "/b", "path": "/a/x"}),
            json!({"op": "move", "from": "/a", "path": "/b"}),
        ];
        let bomb = Value::Array(deeper.into_iter().cycle().take(9999).collect());
        assert_eq!(json_patch(&mut json!({"b": {}}), &bomb).unwrap_err().code, 422);
    }
}
