//! Rules of single fields: what they fill in, find wrong and keep as it is.

use super::*;
use serde_json::json;

fn rules() -> Rules {
    let text = r#"[
        ["kind", [{"default": "A"}, {"oneOf": ["A", "B"]}]],
        ["spec.items[].name", [{"required": "say it"}, {"text": "dnsLabel"}, "unique"]],
        ["spec.items[].count", [{"default": 1}, {"range": [1, 3]}]],
        ["spec.more.needed", [{"required": ""}]],
        ["spec.fixed", [{"frozen": ""}]]
    ]"#;
    Rules::of(serde_json::from_str(text).expect("rules"))
}

#[test]
fn defaults_go_where_nothing_stands() {
    let mut object = json!({"spec": {"items": [{"name": "a"}, {"count": 2}]}});
    rules().fill(&mut object);
    assert_eq!(object, json!({"kind": "A", "spec": {"items": [{"name": "a", "count": 1}, {"count": 2}]}}));
}

#[test]
fn faults_name_each_value() {
    let object = json!({"kind": "C", "spec": {"more": {}, "items": [{"name": "a"}, {"name": "a", "count": 9}, {}]}});
    let found: Vec<String> = At::root(&object).faults(&rules()).iter().map(ToString::to_string).collect();
    assert_eq!(
        found,
        [
            "kind: Unsupported value: \"C\": supported values: \"A\", \"B\"",
            "spec.items[1].name: Duplicate value: \"a\"",
            "spec.items[1].count: Invalid value: 9: must be between 1 and 3, inclusive",
            "spec.items[2].name: Required value: say it",
            "spec.more.needed: Required value",
        ]
    );
    assert_eq!(At::root(&json!({"kind": "A", "spec": {}})).faults(&rules()), vec![]);
}

#[test]
fn conditions_are_expressions() {
    fn of_rule(rule: &Rule) -> Vec<&Expression> {
        match rule {
            Rule::Computed(expression) | Rule::UniqueBy(expression) => vec![expression],
            Rule::Needed(when) | Rule::Wrong(when) | Rule::Forbidden(when) | Rule::Warns(when) => vec![&when.0],
            guard => guard.guarded().iter().flat_map(of_rule).collect(),
        }
    }
    fn compiled(tree: &Tree) -> usize {
        let own = tree.rules.iter().chain(&tree.defaults).chain(&tree.changes).flat_map(of_rule);
        let own = own.filter(|expression| !expression.program().source().is_empty());
        let below = tree.fields.iter().map(|(_, field)| field).chain(tree.items.as_deref());
        own.count() + below.map(compiled).sum::<usize>()
    }
    assert!(TABLE.values().map(|rules| compiled(&rules.tree)).sum::<usize>() > 0);
}

#[test]
fn what_is_frozen_does_not_change() {
    let old = json!({"spec": {"fixed": 1}});
    assert_eq!(At::root(&old).update_faults(&rules(), &old, [&old, &old]), vec![]);
    let new = json!({"spec": {"fixed": 2}});
    let found = At::root(&new).update_faults(&rules(), &old, [&new, &old]);
    assert_eq!(found[0].to_string(), "spec.fixed: Invalid value: 2: field is immutable");
}
