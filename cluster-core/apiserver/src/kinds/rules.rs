//! Rules of single fields as data: what is filled in, what must hold, what may not change.
//!
//! What involves one field at a time stands in `rules.json`, by kind, and what involves several where an expression says
//! it; the rest is code.

use super::cel::Expression;
use super::pod;
use super::walk::{TextRule, canonical_quantities, canonical_quantity};
use super::workloads::int_or_percent;
use crate::kinds::prelude::*;
use cluster_object::schedule::Schedule;
use jiff::tz::TimeZone;
use serde::Deserializer;
use serde::de::Error as _;

/// A rule about each value at a path.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) enum Rule {
    /// Filled in when nothing is given.
    Default(Value),
    /// Filled in when nothing or something empty is given.
    Otherwise(Value),
    /// Filled in likewise, with what the field beside it has.
    Copied(&'static str),
    /// Filled in when nothing is given, with when the image is pulled that the field beside it names.
    PullPolicy(&'static str),
    /// Filled in when nothing or something empty is given, with what an expression over `self` makes of the object that
    /// holds the field; a null leaves it.
    Computed(Expression),
    /// As the rules of this name say, for parts that several kinds have.
    Like(&'static str),
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
    /// Must be one of these, also when nothing is given.
    Is(#[serde(borrow)] Vec<&'static str>),
    /// Must be in this range when it is given.
    Range(i64, i64),
    /// Must be in this range, in which nothing counts as 0; with the text of the fault.
    Within(i64, i64, &'static str),
    /// Must not be less than this when it is given; with the text of the fault.
    AtLeast(i64, &'static str),
    /// Must not be more than this.
    AtMost(i64),
    /// Must not be negative.
    NonNegative,
    /// Must not be more than the field beside it; with the text of the fault.
    NotAbove(&'static str, &'static str),
    /// Must be a quantity that is not negative when it is given; gets its canonical form.
    Quantity,
    /// Is a map of quantities, which get their canonical form.
    Canonical,
    /// The same, and none of them may be negative.
    Amounts,
    /// Must be a label selector when it is given.
    Selector,
    /// Must be a map of labels when it is given.
    Labels,
    /// Has at most so many items or bytes.
    Most(usize),
    /// No other item of the list has the same.
    Unique,
    /// The same, when it is given.
    Distinct,
    /// One of these fields of it must be there; with the text of the fault.
    AnyOf(#[serde(borrow)] Vec<&'static str>, &'static str),
    /// Just one of these fields of it may be there; with the texts of the faults when none is, empty where that is right,
    /// and when several are.
    Either(#[serde(borrow)] Vec<&'static str>, &'static str, &'static str),
    /// May not be given beside this field; with the text of the fault.
    Without(&'static str, &'static str),
    /// Must be the way to a field of a pod: one of these, or one of its labels or annotations.
    FieldPath(#[serde(borrow)] Vec<&'static str>),
    /// Is a term of a node selector.
    NodeTerm,
    /// Is a template of pods.
    Template,
    /// Is the selector of the template beside it.
    Selects,
    /// Must be a number or a percentage when it is given, at most 100 % when this is true.
    Share(bool),
    /// Must be the number or the name of a port when it is given.
    Port,
    /// Is missing when the condition holds.
    Needed(Condition),
    /// Is wrong when it is given and the condition holds.
    Wrong(Condition),
    /// May not be given when the condition holds.
    Forbidden(Condition),
    /// Does not change; with the text that forbids it, empty for upstream's usual one.
    Frozen(&'static str),
    /// Only these fields of it change; with the text that forbids others to.
    FrozenBut(#[serde(borrow)] Vec<&'static str>, Cow<'static, str>),
    /// Does not change once it is given; with the text that forbids it.
    Kept(#[serde(borrow)] Cow<'static, str>),
    /// Does not become less; with the text of the fault.
    Grows(&'static str),
}

/// An expression over `self`, what the field stands in or the item of a list itself, and `object`, all that the rules are
/// about; and the text of the fault when it is true. It may also give the text itself, empty for no fault.
#[derive(Debug, Deserialize)]
pub(crate) struct Condition(Expression, String);

impl Condition {
    /// The fault there is.
    fn fault(&self, this: &Value, object: &Value) -> Option<String> {
        match self.0.of(this, object)? {
            Value::Bool(true) => Some(self.1.clone()),
            Value::String(text) if !text.is_empty() => Some(text),
            _ => None,
        }
    }
}

/// What text may have to be.
const TEXTS: [(&str, TextRule); 29] = [
    ("absolutePath", |text| kept(text.starts_with('/'), "must be an absolute path")),
    ("cidr", super::networking::is_cidr),
    ("conditionReason", name::condition_reason),
    ("configKey", name::config_key),
    ("dns1035Label", name::dns1035_label),
    ("dnsLabel", name::dns_label),
    ("dnsName", super::networking::dns_name),
    ("dnsSubdomain", name::dns_subdomain),
    ("domainPrefixedPath", super::batch::domain_prefixed_path),
    ("driverName", super::storage::driver_name),
    ("envVarName", name::env_var_name),
    ("ingressHost", super::networking::ingress_host),
    ("ip", super::pod::validation::is_ip),
    ("labelValue", name::label_value),
    ("metricTarget", |text| {
        let known = matches!(text, "Utilization" | "Value" | "AverageValue");
        kept(known, "must be either Utilization, Value, or AverageValue")
    }),
    ("mixedLabel", |text| {
        let why = |why| format!("may have mixed case, but should otherwise match: {why}");
        name::dns1035_label(&text.to_lowercase()).map_err(why)
    }),
    ("noParent", |text| kept(text.split('/').all(|part| part != ".."), "must not contain '..'")),
    ("noParentName", |text| kept(!text.starts_with("..") || text.starts_with("../"), "must not start with '..'")),
    ("openIp", super::endpoints::open_ip),
    ("pathSegment", name::path_segment),
    ("portName", name::port_name),
    ("printable", crate::custom::definition::printable),
    ("provisionerName", |text| name::qualified_name(&text.to_lowercase())),
    ("qualifiedName", name::qualified_name),
    ("relativePath", |text| kept(!text.starts_with('/'), "must be a relative path")),
    ("schedule", |text| Schedule::parse(text, &TimeZone::UTC).map(drop)),
    ("signerName", super::certificates::signer_name),
    ("simplePath", |text| kept(text.starts_with('.'), "must be a simple json path starting with .")),
    ("timeZone", super::batch::time_zone),
];

fn kept(is: bool, why: &str) -> Result<(), String> {
    if is { Ok(()) } else { Err(why.to_owned()) }
}

/// Reads a rule of texts by its name.
pub(super) fn text_rule<'de, D: Deserializer<'de>>(deserializer: D) -> Result<TextRule, D::Error> {
    let wanted = <&str>::deserialize(deserializer)?;
    let found = TEXTS.iter().find(|(name, _)| *name == wanted);
    found.map(|(_, rule)| *rule).ok_or_else(|| D::Error::custom(format!("there is no rule {wanted:?} of texts")))
}

/// A row of the table: a path, in which `list[]` stands for each item, and the rules of what is there. A field is looked
/// at only when what it stands in is there.
type Field = (&'static str, Vec<Rule>);

/// The rules of a kind, or of a part that several kinds have.
#[derive(Debug)]
pub(crate) struct Rules {
    /// The fields in the order in which upstream looks at them.
    pub(super) paths: Vec<&'static str>,
    tree: Tree,
}

/// The same by place, so that a walk down an object looks at what is there instead of at every row.
#[derive(Debug)]
struct Tree {
    defaults: Vec<Rule>,
    rules: Vec<Rule>,
    changes: Vec<Rule>,
    /// Whether something is to be filled in, or to be checked, here or below.
    fills: bool,
    checks: bool,
    fields: Vec<(&'static str, Tree)>,
    items: Option<Box<Tree>>,
}

/// Those of a kind that no row is about.
pub(crate) static NONE: Rules = Rules { paths: Vec::new(), tree: Tree::EMPTY };

static TABLE: LazyLock<HashMap<&str, Rules>> = LazyLock::new(|| {
    let rows: HashMap<&str, Vec<Field>> =
        serde_json::from_str(include_str!("rules.json")).expect("a table of rules, which tests read");
    rows.into_iter().map(|(name, fields)| (name, Rules::of(fields))).collect()
});

/// The rules that stand in `rules.json` under a name.
pub(crate) fn named(name: &str) -> &'static Rules {
    TABLE.get(name).unwrap_or(&NONE)
}

/// The names under which rules stand.
#[cfg(test)]
pub(super) fn names() -> impl Iterator<Item = &'static str> {
    TABLE.keys().copied()
}

impl Rules {
    /// Of the rows of a table.
    pub(super) fn of(fields: Vec<Field>) -> Self {
        let (paths, mut tree) = (fields.iter().map(|(path, _)| *path).collect(), Tree::EMPTY);
        for (path, rules) in fields {
            tree.add(path, rules);
        }
        Self { paths, tree }
    }

    /// Fills in what the rules fill in.
    pub(crate) fn fill(&self, object: &mut Value) {
        self.tree.fill(object);
    }
}

impl Rule {
    fn is_default(&self) -> bool {
        matches!(
            self,
            Self::Default(_) | Self::Otherwise(_) | Self::Copied(_) | Self::PullPolicy(_) | Self::Computed(_)
        )
    }

    fn is_of_changes(&self) -> bool {
        matches!(self, Self::Frozen(_) | Self::FrozenBut(..) | Self::Kept(_) | Self::Grows(_))
    }

    /// Whether it is also about what is not there.
    fn is_of_absence(&self) -> bool {
        matches!(
            self,
            Self::Required(_)
                | Self::Must(_)
                | Self::Is(_)
                | Self::Within(..)
                | Self::Unique
                | Self::Needed(_)
                | Self::Selects
        )
    }

    /// Brings what is there into the form it has when it is read again, or completes it.
    fn fill(&self, value: &mut Value) {
        match self {
            Self::Like(name) => named(name).fill(value),
            Self::Quantity => canonical_quantity(value),
            Self::Canonical | Self::Amounts => canonical_quantities(Some(value)),
            Self::Template if value.is_object() => pod::defaults::template(value),
            _ => {}
        }
    }

    fn fills(&self) -> bool {
        matches!(self, Self::Like(_) | Self::Quantity | Self::Canonical | Self::Amounts | Self::Template)
    }
}

impl At<'_> {
    /// What breaks the rules of the fields below this one, in the order of the table.
    pub(crate) fn faults(&self, rules: &Rules) -> Errors {
        let mut errors = Errors::new();
        rules.tree.check_fields(&Way::Root(&self.path), self.value, &mut (self.value, Vec::new()), &mut errors);
        order::sort(rules, &self.path, &mut errors);
        errors
    }

    /// What changed that may not, from what it was before.
    pub(crate) fn update_faults(&self, rules: &Rules, old: &Value) -> Errors {
        let mut errors = Errors::new();
        rules.tree.compare(&Way::Root(&self.path), self.value, old, &mut errors);
        errors
    }
}

/// The way from where a walk began; it lives on the stack and becomes text for what has rules.
#[derive(Clone, Copy)]
enum Way<'w> {
    Root(&'w Path),
    Field(&'w Way<'w>, &'static str),
    Item(&'w Way<'w>, usize),
}

impl Way<'_> {
    fn path(&self) -> Path {
        match self {
            Self::Root(path) => (*path).clone(),
            Self::Field(up, name) => up.path().child(name),
            Self::Item(up, index) => up.path().index(*index),
        }
    }
}

/// All that the rules are about, and what must be unique in a list: the rule that says so, and the text that stands
/// there already.
type Seen<'a> = (&'a Value, Vec<(&'a Rule, &'a str)>);

impl Tree {
    const EMPTY: Self = Self {
        defaults: Vec::new(),
        rules: Vec::new(),
        changes: Vec::new(),
        fills: false,
        checks: false,
        fields: Vec::new(),
        items: None,
    };

    fn add(&mut self, path: &'static str, rules: Vec<Rule>) {
        self.fills |= rules.iter().any(|rule| rule.is_default() || rule.fills());
        self.checks |= rules.iter().any(|rule| !rule.is_default() && !rule.is_of_changes());
        if let Some(below) = path.strip_prefix("[]") {
            return self.items.get_or_insert(Box::new(Self::EMPTY)).add(below.trim_start_matches('.'), rules);
        }
        if !path.is_empty() {
            let (name, below) = path.split_at(path.find(['.', '[']).unwrap_or(path.len()));
            return self.field(name).add(below.strip_prefix('.').unwrap_or(below), rules);
        }
        for rule in rules {
            let list = match &rule {
                rule if rule.is_default() => &mut self.defaults,
                rule if rule.is_of_changes() => &mut self.changes,
                _ => &mut self.rules,
            };
            list.push(rule);
        }
    }

    fn field(&mut self, name: &'static str) -> &mut Self {
        let place = self.fields.iter().position(|(known, _)| *known == name).unwrap_or_else(|| {
            self.fields.push((name, Self::EMPTY));
            self.fields.len() - 1
        });
        &mut self.fields[place].1
    }

    fn fill(&self, value: &mut Value) {
        self.rules.iter().for_each(|rule| rule.fill(value));
        if let (Some(item), Some(items)) = (&self.items, value.as_array_mut()) {
            for value in items {
                item.fill(value);
            }
        }
        for (name, field) in self.fields.iter().filter(|(_, field)| field.fills) {
            if !value.is_object() {
                return;
            }
            for rule in &field.defaults {
                let given = value.get(*name).unwrap_or(&Value::Null);
                let filled = match rule {
                    Rule::Default(default) if given.is_null() => Some(default.clone()),
                    Rule::Otherwise(default) if is_empty(given) => Some(default.clone()),
                    // A port of 0 is a fault wherever it stands.
                    Rule::Copied(other) if is_empty(given) => {
                        value.get(*other).filter(|value| !is_empty(value) || value.is_number()).cloned()
                    }
                    Rule::PullPolicy(image) if given.is_null() => {
                        Some(pod::defaults::pull_policy(text(&value[*image])).into())
                    }
                    Rule::Computed(expression) if is_empty(given) && !given.is_number() && !given.is_boolean() => {
                        expression.of(value, &Value::Null).filter(|found| !found.is_null())
                    }
                    _ => None,
                };
                if let Some(filled) = filled {
                    value[*name] = filled;
                }
            }
            if let Some(value) = value.get_mut(*name) {
                field.fill(value);
            }
        }
    }

    /// Checks what stands here, `within` an object or a list, and all below.
    fn check<'a>(&'a self, way: &Way<'_>, within: &Value, value: &'a Value, seen: &mut Seen<'a>, errors: &mut Errors) {
        // Most fields of most objects are absent, and few rules are about that.
        if self.rules.iter().any(|rule| !value.is_null() || rule.is_of_absence()) {
            let at = At { path: way.path(), value };
            self.rules.iter().for_each(|rule| check(rule, within, &at, seen, errors));
        }
        if let (Some(item), Value::Array(items)) = (&self.items, value) {
            let mut seen = (seen.0, Vec::new());
            for (index, each) in items.iter().enumerate() {
                item.check(&Way::Item(way, index), value, each, &mut seen, errors);
            }
        }
        // A spec is there in Go even when nobody gives it.
        if !value.is_null() || matches!(way, Way::Field(_, "spec")) {
            self.check_fields(way, value, seen, errors);
        }
    }

    fn check_fields<'a>(&'a self, way: &Way<'_>, value: &'a Value, seen: &mut Seen<'a>, errors: &mut Errors) {
        for (name, field) in self.fields.iter().filter(|(_, field)| field.checks) {
            let here = value.get(name).unwrap_or(&Value::Null);
            field.check(&Way::Field(way, name), value, here, seen, errors);
        }
    }

    fn compare(&self, way: &Way<'_>, new: &Value, old: &Value, errors: &mut Errors) {
        for (name, field) in &self.fields {
            let [now, was] = [new, old].map(|value| value.get(name).unwrap_or(&Value::Null));
            let way = Way::Field(way, name);
            for rule in &field.changes {
                let at = || At { path: way.path(), value: now };
                errors.extend(match rule {
                    _ if now == was || is_empty(now) && is_empty(was) => None,
                    Rule::Frozen("") => Some(at().invalid("field is immutable")),
                    Rule::Frozen(why) => Some(at().forbidden(why)),
                    Rule::FrozenBut(free, why) if rest(now, free).ne(rest(was, free)) => Some(at().forbidden(why)),
                    Rule::Kept(why) if !is_empty(was) => Some(at().forbidden(why)),
                    Rule::Grows(why) if int(now) < int(was) => Some(at().invalid_number(why)),
                    _ => None,
                });
            }
            field.compare(&way, now, was, errors);
        }
    }
}

/// The fields of an object but for some.
fn rest<'v>(object: &'v Value, but: &[&str]) -> impl Iterator<Item = (&'v String, &'v Value)> {
    entries(object).filter(|(name, _)| !but.contains(&name.as_str()))
}

fn check<'a>(rule: &'a Rule, within: &Value, value: &At<'a>, seen: &mut Seen<'a>, errors: &mut Errors) {
    let this = if within.is_array() { value.value } else { within };
    match rule {
        Rule::Required(detail) if value.is_empty() => errors.push(value.missing(detail)),
        Rule::Text(rule) => value.optional_rule(*rule, errors),
        Rule::Must(rule) => value.rule(*rule, errors),
        Rule::OneOf(allowed) => value.optional_one_of(allowed, errors),
        Rule::Is(allowed) => value.one_of(allowed, errors),
        Rule::Within(low, high, detail) if !(*low..=*high).contains(&value.int()) => {
            errors.push(value.invalid_number(detail));
        }
        Rule::Range(low, high) if value.is_set() => value.in_range(*low, *high, errors),
        Rule::AtLeast(low, detail) if value.is_set() && value.int() < *low => errors.push(value.invalid(detail)),
        Rule::AtMost(high) if value.int() > *high => {
            errors.push(value.invalid(&format!("must be less than or equal to {high}")));
        }
        Rule::NonNegative => value.non_negative(errors),
        Rule::NotAbove(other, detail) if value.int() > int(&within[*other]) => errors.push(value.invalid(detail)),
        Rule::Quantity if value.is_set() => {
            value.quantity(errors);
        }
        Rule::Amounts => {
            for (_, amount) in value.entries() {
                amount.quantity(errors);
            }
        }
        Rule::Selector => value.label_selector(errors),
        Rule::Labels => value.labels(errors),
        Rule::Most(most) => match items(value.value).len() {
            0 if value.text().len() > *most => errors.push(Error::too_long(&value.path, *most)),
            count if count > *most => errors.push(Error::too_many(&value.path, count, *most)),
            _ => {}
        },
        Rule::Distinct if value.is_empty() => {}
        Rule::Unique | Rule::Distinct => {
            let text = value.text();
            if seen.1.iter().any(|(by, known)| std::ptr::eq(*by, rule) && *known == text) {
                errors.push(Error::duplicate(&value.path, value.value));
            } else {
                seen.1.push((rule, text));
            }
        }
        Rule::AnyOf(fields, detail) if fields.iter().all(|field| value.get(field).is_empty()) => {
            errors.push(value.missing(detail));
        }
        Rule::Either(fields, none, several) => match fields.iter().filter(|field| value.get(field).is_set()).count() {
            0 if !none.is_empty() => errors.push(value.invalid(none)),
            0 | 1 => {}
            _ => errors.push(value.invalid(several)),
        },
        Rule::Without(other, detail) if !value.is_empty() && !is_empty(&within[*other]) => {
            errors.push(value.invalid(detail));
        }
        Rule::FieldPath(fields) if !value.is_empty() => {
            let base = value.text().split('[').next().unwrap_or_default();
            if !matches!(base, "metadata.labels" | "metadata.annotations") && !fields.contains(&base) {
                value.one_of(fields, errors);
            }
        }
        Rule::NodeTerm => pod::validation::node_selector_term(value, errors),
        Rule::Template if value.is_set() => pod::validation::template(value, errors),
        Rule::Selects => super::workloads::selector(&At::root(seen.0), errors),
        Rule::Like(name) if value.is_set() => errors.extend(value.faults(named(name))),
        Rule::Share(whole) if value.is_set() => int_or_percent(value, *whole, errors),
        Rule::Port if value.is_set() => value.port_or_name(errors),
        Rule::Needed(when) => errors.extend(when.fault(this, seen.0).map(|why| value.missing(&why))),
        Rule::Wrong(when) if value.is_set() => errors.extend(when.fault(this, seen.0).map(|why| value.invalid(&why))),
        Rule::Forbidden(when) if value.is_set() => {
            errors.extend(when.fault(this, seen.0).map(|why| value.forbidden(&why)));
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
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
        let object =
            json!({"kind": "C", "spec": {"more": {}, "items": [{"name": "a"}, {"name": "a", "count": 9}, {}]}});
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
        fn compiled(tree: &Tree) -> usize {
            let own = tree.rules.iter().chain(&tree.defaults).filter(|rule| match rule {
                Rule::Computed(expression) => !expression.program().source().is_empty(),
                Rule::Needed(when) | Rule::Wrong(when) | Rule::Forbidden(when) => !when.0.program().source().is_empty(),
                _ => false,
            });
            let below = tree.fields.iter().map(|(_, field)| field).chain(tree.items.as_deref());
            own.count() + below.map(compiled).sum::<usize>()
        }
        assert!(TABLE.values().map(|rules| compiled(&rules.tree)).sum::<usize>() > 0);
    }

    #[test]
    fn what_is_frozen_does_not_change() {
        let old = json!({"spec": {"fixed": 1}});
        assert_eq!(At::root(&old).update_faults(&rules(), &old), vec![]);
        let found = At::root(&json!({"spec": {"fixed": 2}})).update_faults(&rules(), &old);
        assert_eq!(found[0].to_string(), "spec.fixed: Invalid value: 2: field is immutable");
    }
}
