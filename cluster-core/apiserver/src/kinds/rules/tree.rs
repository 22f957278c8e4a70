//! The rules of a kind by place, and the walks down an object along them: to fill in, to check, to compare.

use super::super::{pod, workloads};
use super::{Elsewhere, Field, Rule, Whole, named, on};
use crate::kinds::prelude::*;

/// The rules by place, so that a walk down an object looks at what is there instead of at every row.
#[derive(Debug)]
pub(super) struct Tree {
    pub(super) defaults: Vec<Rule>,
    pub(super) rules: Vec<Rule>,
    pub(super) changes: Vec<Rule>,
    elsewhere: Elsewhere,
    /// Whether something is to be filled in, checked, or compared after a change, here or below.
    fills: bool,
    checks: bool,
    compares: bool,
    pub(super) fields: Vec<(&'static str, Tree)>,
    pub(super) items: Option<Box<Tree>>,
}

/// The way from where a walk began; it lives on the stack and becomes text for what has rules.
#[derive(Clone, Copy)]
pub(super) enum Way<'w> {
    Root(&'w Path),
    Field(&'w Way<'w>, &'static str),
    Item(&'w Way<'w>, usize),
    Entry(&'w Way<'w>, &'w str),
}

impl Way<'_> {
    fn path(&self) -> Path {
        match self {
            Self::Root(path) => (*path).clone(),
            Self::Field(up, name) => up.path().child(name),
            Self::Item(up, index) => up.path().index(*index),
            Self::Entry(up, key) => up.path().key(key),
        }
    }

    /// The way to what this one leads on from.
    fn up(&self) -> &Way<'_> {
        match self {
            Self::Root(_) => self,
            Self::Field(up, _) | Self::Item(up, _) | Self::Entry(up, _) => up,
        }
    }
}

/// All that the rules are about, and what must be unique in a list: the rule that says so, and the text that stands
/// there already.
pub(super) type Seen<'a> = (&'a Whole<'a>, Vec<(&'a Rule, Cow<'a, str>)>);

impl Tree {
    pub(super) const EMPTY: Self = Self {
        defaults: Vec::new(),
        rules: Vec::new(),
        changes: Vec::new(),
        elsewhere: (0, ""),
        fills: false,
        checks: false,
        compares: false,
        fields: Vec::new(),
        items: None,
    };

    pub(super) fn add(&mut self, path: &'static str, field: Field) {
        self.fills |= field.1.iter().any(|rule| rule.is_default() || rule.fills());
        self.checks |= field.1.iter().any(|rule| !rule.is_default() && !rule.is_of_changes());
        self.compares |= field.1.iter().any(Rule::is_of_changes);
        if let Some(below) = path.strip_prefix("[]") {
            return self.items.get_or_insert(Box::new(Self::EMPTY)).add(below.trim_start_matches('.'), field);
        }
        if !path.is_empty() {
            let (name, below) = path.split_at(path.find(['.', '[']).unwrap_or(path.len()));
            return self.field(name).add(below.strip_prefix('.').unwrap_or(below), field);
        }
        self.elsewhere = field.2.unwrap_or(self.elsewhere);
        for rule in field.1 {
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

    /// What faults say of where the value is that this way leads to.
    fn path(&self, way: &Way<'_>) -> Path {
        let (levels, name) = self.elsewhere;
        on((0..levels).fold(way, |way, _| way.up()).path(), name)
    }

    pub(super) fn fill(&self, value: &mut Value) {
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
                        expression.of(value, &Whole::new(&Value::Null, &Value::Null)).filter(|found| !found.is_null())
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
            let at = At { path: self.path(way), value };
            check_all(&self.rules, within, &at, seen, errors);
        }
        if let Some(item) = &self.items {
            let mut seen = (seen.0, Vec::new());
            for (index, each) in items(value).iter().enumerate() {
                item.check(&Way::Item(way, index), value, each, &mut seen, errors);
            }
            for (key, each) in entries(value) {
                item.check(&Way::Entry(way, key), value, each, &mut seen, errors);
            }
        }
        // A spec is there in Go even when nobody gives it.
        if !value.is_null() || matches!(way, Way::Root(_) | Way::Field(_, "spec")) {
            for (name, field) in self.fields.iter().filter(|(_, field)| field.checks) {
                let here = value.get(name).unwrap_or(&Value::Null);
                field.check(&Way::Field(way, name), value, here, seen, errors);
            }
        }
    }

    /// Checks an object that the rules are about as a whole.
    pub(super) fn check_whole(&self, at: &At<'_>, whole: &Whole<'_>, errors: &mut Errors) {
        self.check(&Way::Root(&at.path), at.value, at.value, &mut (whole, Vec::new()), errors);
    }

    /// What changed here and below that may not.
    pub(super) fn compare(
        &self,
        way: &Way<'_>,
        within: &Value,
        [now, was]: [&Value; 2],
        whole: &Whole<'_>,
        errors: &mut Errors,
    ) {
        for rule in &self.changes {
            let at = || At { path: self.path(way), value: now };
            if let Rule::Update(rules) = rule {
                check_all(rules, within, &at(), &mut (whole, Vec::new()), errors);
            }
            errors.extend(match rule {
                _ if now == was || is_empty(now) && is_empty(was) => None,
                Rule::Frozen("") => Some(at().invalid("field is immutable")),
                Rule::Frozen(why) => Some(at().forbidden(why)),
                Rule::Kept(why) if !is_empty(was) => Some(at().forbidden(why)),
                Rule::Grows(why) if int(now) < int(was) => Some(at().invalid_number(why)),
                _ => None,
            });
        }
        for (name, field) in self.fields.iter().filter(|(_, field)| field.compares) {
            let both = [now, was].map(|value| value.get(name).unwrap_or(&Value::Null));
            field.compare(&Way::Field(way, name), now, both, whole, errors);
        }
        if let Some(item) = self.items.as_deref().filter(|item| item.compares) {
            for (index, each) in items(now).iter().enumerate() {
                item.compare(&Way::Item(way, index), now, [each, &was[index]], whole, errors);
            }
        }
    }
}

fn check_all<'a>(rules: &'a [Rule], within: &Value, value: &At<'a>, seen: &mut Seen<'a>, errors: &mut Errors) {
    for rule in rules {
        check(rule, within, value, seen, errors);
    }
}

fn check<'a>(rule: &'a Rule, within: &Value, value: &At<'a>, seen: &mut Seen<'a>, errors: &mut Errors) {
    let this = if within.is_array() { value.value } else { within };
    if lets_through(rule, this, value, seen) {
        return check_all(rule.guarded(), within, value, seen, errors);
    }
    // Of a change it also matters what is gone.
    let is_judged = value.is_set() || !seen.0.old.is_null();
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
        Rule::Labels => value.labels(errors),
        Rule::Keys(rule) => errors.extend(value.entries().filter_map(|(key, entry)| {
            let why = rule(key).err()?;
            Some(Error::invalid(&entry.path, &key.into(), &why))
        })),
        Rule::Most(most) => match items(value.value).len() {
            0 if value.text().len() > *most => errors.push(Error::too_long(&value.path, *most)),
            count if count > *most => errors.push(Error::too_many(&value.path, count, *most)),
            _ => {}
        },
        Rule::Distinct if value.is_empty() => {}
        Rule::Unique | Rule::Distinct if !is_new(seen, rule, value.text().into()) => {
            errors.push(Error::duplicate(&value.path, value.value));
        }
        Rule::UniqueBy(key) => {
            let key = key.of(this, seen.0).unwrap_or_default();
            // Something of several parts is shown by what makes it unique.
            let is_whole = value.value.is_number() || value.value.is_string();
            let shown = if is_whole { value.value } else { &key };
            if !key.is_null() && !is_new(seen, rule, key.to_string().into()) {
                errors.push(Error::duplicate(&value.path, shown));
            }
        }
        Rule::Sole(fields, none, several) => {
            let mut given = fields.iter().filter(|field| !value.value[**field].is_null());
            if given.next().is_none() {
                errors.push(value.missing(none));
            }
            errors.extend(given.map(|other| value.get(other).forbidden(several)));
        }
        Rule::Template if value.is_set() => pod::validation::template(value, errors),
        Rule::Selects => workloads::selector(&At::root(seen.0.object), errors),
        Rule::Like(name) if value.is_set() => errors.extend(value.faults(named(name))),
        Rule::Share(whole) if value.is_set() => workloads::int_or_percent(value, *whole, errors),
        Rule::Port if value.is_set() => value.port_or_name(errors),
        Rule::Needed(when) => errors.extend(when.faults(value, this, seen.0, At::missing)),
        Rule::Wrong(when) if is_judged => errors.extend(when.faults(value, this, seen.0, At::invalid)),
        Rule::Forbidden(when) if is_judged => errors.extend(when.faults(value, this, seen.0, At::forbidden)),
        Rule::Warns(when) if value.is_set() => errors.extend(when.faults(value, this, seen.0, At::warning)),
        _ => {}
    }
}

/// Whether the rules that this one guards must be kept.
fn lets_through<'a>(rule: &'a Rule, this: &Value, value: &At<'a>, seen: &mut Seen<'a>) -> bool {
    match rule {
        Rule::When(other, values, _) => is_among(meta::get(this, other), values),
        Rule::UnlessOne(fields, _) => fields.iter().filter(|field| !value.value[**field].is_null()).count() != 1,
        Rule::Keyed(part, _) => value.entries().any(|(key, _)| key.contains(part)),
        Rule::Ending(end, _) => value.text().ends_with(end),
        Rule::Given(_) => value.is_set(),
        Rule::Repeated(_) => value.is_set() && !is_new(seen, rule, value.text().into()),
        _ => false,
    }
}

/// Whether a value is one of these texts, or none of those after a `!`: nothing is an empty one, and `*` is anything else.
fn is_among(value: &Value, texts: &[&str]) -> bool {
    let text: Cow<'_, str> = match value {
        Value::String(text) => text.into(),
        Value::Bool(_) | Value::Number(_) => value.to_string().into(),
        _ if is_empty(value) => "".into(),
        _ => "*".into(),
    };
    match texts.split_first() {
        Some((&"!", others)) => !others.contains(&&*text),
        _ => texts.contains(&&*text) || texts == ["*"] && !text.is_empty(),
    }
}

/// Whether no earlier item of the list has this text by the rule.
fn is_new<'a>(seen: &mut Seen<'a>, rule: &'a Rule, text: Cow<'a, str>) -> bool {
    let known = seen.1.iter().any(|(by, known)| std::ptr::eq(*by, rule) && *known == text);
    if !known {
        seen.1.push((rule, text));
    }
    !known
}
