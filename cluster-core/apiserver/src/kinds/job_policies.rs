//! The indexes that jobs name: those of success policies, and of what has ended.

use crate::kinds::prelude::*;

/// Faults of the indexes that a success policy names.
pub(super) fn check(spec: &At<'_>, errors: &mut Errors) {
    let completions = int(&spec.value["completions"]);
    let rules = spec.get("successPolicy.rules").items().filter(|_| spec.value["completionMode"] == "Indexed");
    for rule in rules {
        let (indexes, count) = (rule.get("succeededIndexes"), rule.get("succeededCount"));
        let total = count_indexes(indexes.text(), completions);
        if let Err(why) = &total {
            errors.push(indexes.invalid(&format!("error parsing succeededIndexes: {why}")));
        }
        let most = total.unwrap_or_default();
        if indexes.is_set() && count.int() > most {
            let why = format!(
                "must be less than or equal to {most} (the number of indexes in the specified succeededIndexes field)"
            );
            errors.push(count.invalid(&why));
        }
    }
}

/// How many indexes a text like `0,2-4` names, which must all be below `completions` and grow.
pub(super) fn count_indexes(text: &str, completions: i64) -> Result<i64, String> {
    let (mut total, mut last) = (0, None);
    for interval in intervals(text, completions) {
        let (first, end) = interval?;
        if let Some(last) = last.filter(|last| *last >= first) {
            return Err(format!("non-increasing order, previous: {last}, current: {first}"));
        }
        total += end - first + 1;
        last = Some(end);
    }
    Ok(total)
}

/// The first and the last index of each part of a text like `0,2-4`, or what is wrong with the part.
pub(super) fn intervals(text: &str, completions: i64) -> impl Iterator<Item = Result<(i64, i64), String>> {
    let index = move |text: &str| match text.parse::<i64>() {
        Err(_) => Err(format!("cannot convert string to integer for index: {text:?}")),
        Ok(index) if index >= completions => Err(format!("too large index: {text:?}")),
        Ok(index) => Ok(index),
    };
    text.split(',').filter(|part| !part.is_empty() || !text.is_empty()).map(move |part| {
        let (first, last) = part.split_once('-').map_or((part, None), |(first, last)| (first, Some(last)));
        if last.is_some_and(|last| last.contains('-')) {
            return Err(format!(
                "the fragment {part:?} violates the requirement that an index interval can have at most two parts separated by '-'"
            ));
        }
        let first = index(first)?;
        match last.map(index).transpose()? {
            Some(last) if first >= last => {
                Err(format!("non-increasing order, previous: {first}, current: {last}"))
            }
            last => Ok((first, last.unwrap_or(first))),
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn faults(spec: Value) -> Vec<String> {
        let (mut errors, object) = (Errors::new(), json!({"spec": spec}));
        errors.extend(At::root(&object).get("spec").faults(super::super::rules::named("JobSpec")));
        check(&At::root(&object).get("spec"), &mut errors);
        errors.retain(|fault| !fault.path.to_string().starts_with("spec.template"));
        errors.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn what_is_for_indexes_asks_for_indexes_and_their_limits() {
        let indexed = |rest: Value| {
            let mut spec = json!({"completionMode": "Indexed", "completions": 5, "parallelism": 2});
            spec.as_object_mut().expect("an object").extend(rest.as_object().expect("an object").clone());
            spec
        };
        let none: [&str; 0] = [];
        assert_eq!(faults(indexed(json!({"backoffLimitPerIndex": 1, "maxFailedIndexes": 5}))), none);
        assert_eq!(
            faults(json!({"maxFailedIndexes": 1, "successPolicy": {"rules": [{"succeededCount": 1}]}})),
            [
                "spec.backoffLimitPerIndex: Required value: when maxFailedIndexes is specified",
                "spec.maxFailedIndexes: Invalid value: 1: requires indexed completion mode",
                "spec.successPolicy: Invalid value: {\"Rules\":[{\"SucceededCount\":1,\"SucceededIndexes\":null}]}: requires indexed completion mode",
            ]
        );
        assert_eq!(
            faults(indexed(json!({"completions": 200_000, "parallelism": 20_000, "backoffLimitPerIndex": 1}))),
            [
                "spec.parallelism: Invalid value: 20000: must be less than or equal to 10000 when completions are above 100000 and used with backoff limit per index",
                "spec.maxFailedIndexes: Required value: must be specified when completions is above 100000",
            ]
        );
        assert_eq!(
            faults(indexed(
                json!({"successPolicy": {"rules": [{}, {"succeededIndexes": "0,2-3", "succeededCount": 4}]}})
            )),
            [
                "spec.successPolicy.rules[0]: Required value: at least one of succeededCount or succeededIndexes must be specified",
                "spec.successPolicy.rules[1].succeededCount: Invalid value: 4: must be less than or equal to 3 (the number of indexes in the specified succeededIndexes field)",
            ]
        );
    }

    #[test]
    fn a_failure_policy_looks_at_exit_codes_or_conditions() {
        let rules = json!([
            {"action": "FailIndex", "onPodConditions": [{"type": "A", "status": "True"}]},
            {"action": "Ignore"},
            {"action": "Ignore", "onExitCodes": {"containerName": "b", "operator": "In", "values": [3, 0, 3]}},
        ]);
        let pod = json!({"spec": {"containers": [{"name": "a"}]}});
        assert_eq!(
            faults(json!({"template": pod, "podFailurePolicy": {"rules": rules}})),
            [
                "spec.podFailurePolicy.rules[0].action: Invalid value: \"FailIndex\": requires the backoffLimitPerIndex to be set",
                "spec.podFailurePolicy.rules[1]: Invalid value: specifying one of OnExitCodes and OnPodConditions is required",
                "spec.podFailurePolicy.rules[2].onExitCodes.containerName: Invalid value: \"b\": must be one of the container or initContainer names in the pod template",
                "spec.podFailurePolicy.rules[2].onExitCodes.values[1]: Invalid value: 0: must not be 0 for the In operator",
                "spec.podFailurePolicy.rules[2].onExitCodes.values[2]: Duplicate value: 3",
                "spec.podFailurePolicy.rules[2].onExitCodes.values: Invalid value: [3,0,3]: must be ordered",
            ]
        );
    }

    #[test]
    fn indexes_grow_and_stay_below_the_completions() {
        assert_eq!(count_indexes("0,2-4", 5), Ok(4));
        assert_eq!(count_indexes("", 5), Ok(0));
        for (text, why) in [
            ("0-1-2", "the fragment \"0-1-2\" violates"),
            ("a", "cannot convert string to integer for index: \"a\""),
            ("5", "too large index: \"5\""),
            ("3,2", "non-increasing order, previous: 3, current: 2"),
        ] {
            let fault = count_indexes(text, 5).expect_err("a fault");
            assert!(fault.starts_with(why), "{fault}");
        }
    }
}
