//! When a job has done enough before it has done all: the success policy.

use super::indexes;
use k8s_openapi::api::batch::v1::JobSpec;
use std::collections::BTreeSet;

/// The first rule that the finished indexes fulfil.
pub(super) fn matched(spec: &JobSpec, done: &BTreeSet<u32>) -> Option<usize> {
    let completions = spec.completions.and_then(|count| u32::try_from(count).ok()).unwrap_or_default();
    let rules = &spec.success_policy.as_ref()?.rules;
    rules.iter().position(|rule| {
        let wanted = rule.succeeded_indexes.as_deref().map(|text| indexes::parse(text, completions));
        let found = wanted.as_ref().map_or(done.len(), |wanted| wanted.intersection(done).count());
        let needed = rule.succeeded_count.and_then(|count| usize::try_from(count).ok());
        match needed.or(wanted.map(|wanted| wanted.len())) {
            Some(needed) => found >= needed,
            None => false,
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn the_first_fulfilled_rule_is_found() {
        let rules = json!([{"succeededIndexes": "0,5-7"}, {"succeededIndexes": "1-4", "succeededCount": 2},
            {"succeededCount": 6}]);
        let spec = json!({"completions": 10, "template": {}, "successPolicy": {"rules": rules}});
        let spec: JobSpec = serde_json::from_value(spec).expect("a spec");
        let cases = [("", None), ("0,5,6", None), ("0,5-7", Some(0)), ("1", None), ("2,4", Some(1)), ("4-9", Some(2))];
        for (done, expected) in cases {
            assert_eq!(matched(&spec, &indexes::parse(done, 10)), expected, "{done}");
        }
        assert_eq!(matched(&JobSpec::default(), &indexes::parse("0-9", 10)), None);
    }
}
