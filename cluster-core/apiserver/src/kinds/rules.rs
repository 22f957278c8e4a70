//! Rules of single fields as data: what is filled in, what must hold, what may not change.
//!
//! What involves one field at a time stands in `rules.json`, by kind; only what involves several is code.

use super::walk::{At, TextRule, at, is_empty, items};
use cluster_object::field::{Error, Errors};
use cluster_object::{meta, name};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer};
use serde_json::Value;
use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::LazyLock;

/// A rule about each value at a path.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) enum Rule {
    /// Filled in when nothing is given.
    Default(Value),
    /// Must not be empty; with the text of the fault.
    Required(#[serde(borrow)] Cow<'static, str>),
    /// Must keep this when it is given; by its name in [`TEXTS`].
    #[serde(deserialize_with = "text_rule")]
    Text(TextRule),
    /// Must keep this, also when it is empty.
    #[serde(deserialize_with = "text_rule")]
    Must(TextRule),
    /// Must be one of these when it is given.
    OneOf(#[serde(borrow)] Vec<&'static str>),
    /// Must be in this range when it is given.
    Range(i64, i64),
    /// Must not be less than this when it is given; with the text of the fault.
    AtLeast(i64, &'static str),
    /// Must not be more than this.
    AtMost(i64),
    /// Must not be negative.
    NonNegative,
    /// Must be a quantity that is not negative when it is given.
    Quantity,
    /// Must be a label selector when it is given.
    Selector,
    /// Must be a map of labels when it is given.
    Labels,
    /// Has at most so many items or bytes.
    Most(usize),
    /// No other item of the list has the same.
    Unique,
    /// Does not change; with the text that forbids it, empty for upstream's usual one.
    Frozen(&'static str),
}

/// What text may have to be.
const TEXTS: [(&str, TextRule); 16] = [
    ("cidr", super::networking::is_cidr),
    ("configKey", name::config_key),
    ("dns1035Label", name::dns1035_label),
    ("dnsLabel", name::dns_label),
    ("dnsSubdomain", name::dns_subdomain),
    ("domainPrefixedPath", super::batch::domain_prefixed_path),
    ("driverName", super::storage::driver_name),
    ("envVarName", name::env_var_name),
    ("ip", super::pod::validation::is_ip),
    ("labelValue", name::label_value),
    ("openIp", super::endpoints::open_ip),
    ("pathSegment", name::path_segment),
    ("portName", name::port_name),
    ("provisionerName", |text| name::qualified_name(&text.to_lowercase())),
    ("qualifiedName", name::qualified_name),
    ("signerName", super::certificates::signer_name),
];

fn text_rule<'de, D: Deserializer<'de>>(deserializer: D) -> Result<TextRule, D::Error> {
    let wanted = <&str>::deserialize(deserializer)?;
    let found = TEXTS.iter().find(|(name, _)| *name == wanted);
    found.map(|(_, rule)| *rule).ok_or_else(|| D::Error::custom(format!("there is no rule {wanted:?} of texts")))
}

/// The rules of a field. In a path, `list[]` stands for each item. A field is looked at only when what it stands in is
/// there.
pub(crate) type Field = (&'static str, Vec<Rule>);

static TABLE: LazyLock<HashMap<&str, Vec<Field>>> =
    LazyLock::new(|| serde_json::from_str(include_str!("rules.json")).expect("a table of rules, which tests read"));

/// The rules that stand in `rules.json` under a name: those of a kind, or of a part that several kinds have.
pub(super) fn named(name: &str) -> &'static [Field] {
    TABLE.get(name).map(Vec::as_slice).unwrap_or_default()
}

/// The names under which rules stand.
#[cfg(test)]
pub(super) fn names() -> impl Iterator<Item = &'static str> {
    TABLE.keys().copied()
}

/// Fills in what the rules fill in.
pub(crate) fn fill(fields: &[Field], object: &mut Value) {
    for (path, rules) in fields {
        for rule in rules {
            if let Rule::Default(value) = rule {
                fill_one(object, path, value);
            }
        }
    }
}

fn fill_one(object: &mut Value, path: &str, value: &Value) {
    if let Some((list, rest)) = path.split_once("[].") {
        let items = list.split('.').try_fold(object, |object, key| object.get_mut(key)).and_then(Value::as_array_mut);
        return items.into_iter().flatten().for_each(|item| fill_one(item, rest, value));
    }
    let (parent, key) = match path.rsplit_once('.') {
        Some((parent, key)) => (at(object, parent), key),
        None => (Some(object), path),
    };
    if let Some(parent) = parent.and_then(Value::as_object_mut)
        && parent.get(key).is_none_or(Value::is_null)
    {
        parent.insert(key.to_owned(), value.clone());
    }
}

/// What breaks the rules.
pub(crate) fn faults(fields: &[Field], object: &Value) -> Errors {
    At::root(object).faults(fields)
}

impl At<'_> {
    /// What breaks the rules of the fields below this one.
    pub(crate) fn faults(&self, fields: &[Field]) -> Errors {
        let mut errors = Errors::new();
        for (path, rules) in fields.iter().filter(|(_, rules)| !rules.is_empty()) {
            let mut seen = Vec::new();
            // Most fields of most objects are absent, and few rules are about that.
            let absent_too = rules.iter().any(|rule| matches!(rule, Rule::Required(_) | Rule::Must(_) | Rule::Unique));
            for value in all(self, path, absent_too) {
                for rule in rules {
                    check(rule, &value, &mut seen, &mut errors);
                }
            }
        }
        errors
    }
}

/// What changed that may not.
pub(crate) fn update_faults(fields: &[Field], new: &Value, old: &Value) -> Errors {
    let mut errors = Errors::new();
    for (path, rules) in fields {
        let frozen = rules.iter().find_map(|rule| if let Rule::Frozen(why) = rule { Some(*why) } else { None });
        let (Some(why), now, was) = (frozen, meta::get(new, path), meta::get(old, path)) else { continue };
        if now == was || (is_empty(now) && is_empty(was)) {
            continue;
        }
        let now = At::root(new).get(path);
        errors.push(if why.is_empty() { now.invalid("field is immutable") } else { now.forbidden(why) });
    }
    errors
}

/// The values at `path` whose surroundings are there; without those that are absent themselves, unless told otherwise.
fn all<'a>(object: &At<'a>, path: &str, absent_too: bool) -> Vec<At<'a>> {
    let is_absent = |path: &str| meta::get(object.value, path).is_null();
    if let Some((list, rest)) = path.split_once("[]") {
        if is_absent(list) {
            return Vec::new();
        }
        let items = object.get(list).items();
        return match rest.strip_prefix('.') {
            Some(rest) => items.flat_map(|item| all(&item, rest, absent_too)).collect(),
            None => items.collect(),
        };
    }
    let alone = path.rsplit_once('.').is_some_and(|(parent, _)| parent != "spec" && is_absent(parent));
    if alone || (!absent_too && is_absent(path)) { Vec::new() } else { vec![object.get(path)] }
}

fn check(rule: &Rule, value: &At<'_>, seen: &mut Vec<(String, String)>, errors: &mut Errors) {
    match rule {
        Rule::Required(detail) if value.is_empty() => errors.push(value.missing(detail)),
        Rule::Text(rule) => value.optional_rule(*rule, errors),
        Rule::Must(rule) => value.rule(*rule, errors),
        Rule::OneOf(allowed) => value.optional_one_of(allowed, errors),
        Rule::Range(low, high) if value.is_set() => value.in_range(*low, *high, errors),
        Rule::AtLeast(low, detail) if value.is_set() && value.int() < *low => errors.push(value.invalid(detail)),
        Rule::AtMost(high) if value.int() > *high => {
            errors.push(value.invalid(&format!("must be less than or equal to {high}")));
        }
        Rule::NonNegative => value.non_negative(errors),
        Rule::Quantity if value.is_set() => {
            value.quantity(errors);
        }
        Rule::Selector => value.label_selector(errors),
        Rule::Labels => value.labels(errors),
        Rule::Most(most) => match items(value.value).len() {
            0 if value.text().len() > *most => errors.push(Error::too_long(&value.path, *most)),
            count if count > *most => errors.push(Error::too_many(&value.path, count, *most)),
            _ => {}
        },
        Rule::Unique => {
            let path = value.path.to_string();
            let list = path.rsplit_once('[').map_or("", |(list, _)| list).to_owned();
            let entry = (list, value.text().to_owned());
            if seen.contains(&entry) {
                errors.push(Error::duplicate(&value.path, value.value));
            } else {
                seen.push(entry);
            }
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn fields() -> Vec<Field> {
        let text = r#"[
            ["kind", [{"default": "A"}, {"oneOf": ["A", "B"]}]],
            ["spec.items[].name", [{"required": "say it"}, {"text": "dnsLabel"}, "unique"]],
            ["spec.items[].count", [{"default": 1}, {"range": [1, 3]}]],
            ["spec.more.needed", [{"required": ""}]],
            ["spec.fixed", [{"frozen": ""}]]
        ]"#;
        serde_json::from_str(text).expect("rules")
    }

    #[test]
    fn defaults_go_where_nothing_stands() {
        let mut object = json!({"spec": {"items": [{"name": "a"}, {"count": 2}]}});
        fill(&fields(), &mut object);
        assert_eq!(object, json!({"kind": "A", "spec": {"items": [{"name": "a", "count": 1}, {"count": 2}]}}));
    }

    #[test]
    fn faults_name_each_value() {
        let object =
            json!({"kind": "C", "spec": {"more": {}, "items": [{"name": "a"}, {"name": "a", "count": 9}, {}]}});
        let found: Vec<String> = faults(&fields(), &object).iter().map(ToString::to_string).collect();
        assert_eq!(
            found,
            [
                "kind: Unsupported value: \"C\": supported values: \"A\", \"B\"",
                "spec.items[1].name: Duplicate value: \"a\"",
                "spec.items[2].name: Required value: say it",
                "spec.items[1].count: Invalid value: 9: must be between 1 and 3, inclusive",
                "spec.more.needed: Required value",
            ]
        );
        assert_eq!(faults(&fields(), &json!({"kind": "A", "spec": {}})), vec![]);
    }

    #[test]
    fn what_is_frozen_does_not_change() {
        let old = json!({"spec": {"fixed": 1}});
        assert_eq!(update_faults(&fields(), &old, &old), vec![]);
        let found = update_faults(&fields(), &json!({"spec": {"fixed": 2}}), &old);
        assert_eq!(found[0].to_string(), "spec.fixed: Invalid value: 2: field is immutable");
    }
}
