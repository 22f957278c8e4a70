//! The numbers and the selector that the scale subresource of a custom object reads, wherever its schema puts them.

use crate::kinds::prelude::*;
use crate::registry::Scale;
use cluster_object::field::go_type;

/// Faults of what a scale would show, worded as upstream's `validateScaleSpec` and `validateScaleStatus`.
pub(super) fn faults(scale: &Scale, object: &Value) -> Errors {
    let mut errors = Errors::new();
    for path in [&scale.spec_replicas, &scale.status_replicas] {
        let (value, at) = (meta::get(object, path.trim_start_matches('.')), Path::new(path));
        match value.as_i64() {
            Some(number) if number < 0 => {
                errors.push(Error::invalid(&at, value, "should be a non-negative integer"));
            }
            Some(number) if number > i32::MAX.into() => {
                errors.push(Error::invalid(&at, value, &format!("should be less than or equal to {}", i32::MAX)));
            }
            None if !value.is_null() => errors.push(Error::invalid(&at, &json!(0), &unreadable(path, value, "int64"))),
            _ => {}
        }
    }
    let (value, at) = (meta::get(object, scale.selector.trim_start_matches('.')), Path::new(&scale.selector));
    if !scale.selector.is_empty() && !value.is_null() && !value.is_string() {
        errors.push(Error::invalid(&at, &json!(""), &unreadable(&scale.selector, value, "string")));
    }
    errors
}

/// What upstream says of a value of another type.
fn unreadable(path: &str, value: &Value, wanted: &str) -> String {
    format!("{path} accessor error: {} is of the type {}, expected {wanted}", plain(value), go_type(value))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_scale_reads_is_a_count_and_a_text() {
        let scale = Scale {
            spec_replicas: ".spec.n".into(),
            status_replicas: ".status.n".into(),
            selector: ".status.sel".into(),
        };
        let cases = [
            (json!({"spec": {"n": 3}, "status": {"n": 0, "sel": "a=b"}}), vec![]),
            (json!({}), vec![]),
            (json!({"spec": {"n": -1}}), vec![".spec.n: Invalid value: -1: should be a non-negative integer"]),
            (
                json!({"spec": {"n": 2_147_483_648_i64}}),
                vec![".spec.n: Invalid value: 2147483648: should be less than or equal to 2147483647"],
            ),
            (
                json!({"spec": {"n": "1"}, "status": {"n": 1.5, "sel": 2}}),
                vec![
                    ".spec.n: Invalid value: 0: .spec.n accessor error: 1 is of the type string, expected int64",
                    ".status.n: Invalid value: 0: .status.n accessor error: 1.5 is of the type float64, expected int64",
                    ".status.sel: Invalid value: \"\": .status.sel accessor error: 2 is of the type int64, expected string",
                ],
            ),
        ];
        for (object, expected) in cases {
            let found: Vec<String> = faults(&scale, &object).iter().map(ToString::to_string).collect();
            assert_eq!(found, expected, "{object}");
        }
    }
}
