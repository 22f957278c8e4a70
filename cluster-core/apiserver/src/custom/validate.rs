//! Validation of a custom object against the OpenAPI schema of its definition, worded as upstream's validator.

use super::formats;
use super::walk::{Part, every, has_type, map_key, type_name};
use crate::kinds::prelude::*;
use serde_json::Number;

/// The compiled `pattern`s of a schema.
pub(super) type Patterns = HashMap<String, Regex>;

/// Errors that stand for the whole object have no path.
pub(super) fn nowhere() -> Path {
    Path::new("<nil>")
}

/// Compiles every pattern of a schema; those that cannot be read are left out.
pub(super) fn patterns(props: &Value, found: &mut Patterns) {
    let pattern = text(&props["pattern"]);
    found.extend(
        cluster_cel::regex(pattern).ok().filter(|_| !pattern.is_empty()).map(|regex| (pattern.to_owned(), regex)),
    );
    every(props).for_each(|inner| patterns(inner, found));
}

/// All faults of `part`. What an update leaves as it was is not looked at again.
pub(super) fn validate(part: &Part<'_>, patterns: &Patterns) -> Errors {
    let mut checker = Checker { patterns, errors: Errors::new() };
    checker.part(part);
    checker.errors
}

struct Checker<'a> {
    patterns: &'a Patterns,
    errors: Errors,
}

impl Checker<'_> {
    fn part(&mut self, part: &Part<'_>) {
        let Part { props, value, path, .. } = part;
        if part.unchanged() || (value.is_null() && props["nullable"] == true) {
            return;
        }
        if !has_type(props, value) {
            let (wanted, format) = (text(&props["type"]), text(&props["format"]));
            let (wanted, given) = match (wanted, format) {
                ("", _) => ("integer,string", type_name(value)),
                // A number that is not whole is told apart by its format.
                (_, "int32" | "int64") if value.is_number() => (format, "float64"),
                _ => (wanted, type_name(value)),
            };
            self.wrong_type(path, &given.into(), wanted);
            if let Value::Number(number) = value {
                self.range(part, number);
            }
            return self.one_of(part);
        }
        match value {
            Value::String(given) => self.string(part, given),
            Value::Number(given) => self.number(part, given),
            Value::Array(list) => self.list(part, list),
            Value::Object(_) => self.object(part),
            _ => {}
        }
        self.one_of(part);
        self.alternatives(part);
        for child in part.children() {
            self.part(&child);
        }
    }

    /// `enum`.
    fn one_of(&mut self, part: &Part<'_>) {
        let allowed = items(&part.props["enum"]);
        if !allowed.is_empty() && !allowed.contains(part.value) {
            let shown: Vec<String> = allowed.iter().map(plain).collect();
            let shown: Vec<&str> = shown.iter().map(String::as_str).collect();
            self.errors.push(Error::not_supported(&part.path, part.value, &shown));
        }
    }

    /// `invalid` with upstream's words: the path again, `in body` and the rule.
    fn broken(&mut self, part: &Part<'_>, rule: &str) {
        self.broken_by(part, part.value, rule);
    }

    fn broken_by(&mut self, part: &Part<'_>, value: &Value, rule: &str) {
        let detail = format!("{} in body {rule}", part.path);
        self.errors.push(Error::invalid(&part.path, value, &detail));
    }

    fn wrong_type(&mut self, path: &Path, value: &Value, wanted: &str) {
        let body = format!("Invalid value: {value}: {path} in body must be of type {wanted}: {value}");
        self.errors.push(Error::new(path, Reason::TypeInvalid, body));
    }

    fn string(&mut self, part: &Part<'_>, given: &str) {
        let (props, length) = (part.props, given.chars().count() as u64);
        if let Some(max) = props["maxLength"].as_u64().filter(|max| length > *max) {
            self.errors.push(Error::too_long(&part.path, max as usize));
        } else if let Some(min) = props["minLength"].as_u64().filter(|min| length < *min) {
            self.broken(part, &format!("should be at least {min} chars long"));
        } else if self.patterns.get(text(&props["pattern"])).is_some_and(|regex| !regex.is_match(given)) {
            self.broken(part, &format!("should match '{}'", text(&props["pattern"])));
        }
        let format = text(&props["format"]);
        if !formats::fits(format, given) {
            self.wrong_type(&part.path, &given.into(), format);
        }
    }

    /// Whether a number can be one of its type and format.
    fn range(&mut self, part: &Part<'_>, given: &Number) {
        let (kind, format) = (text(&part.props["type"]), text(&part.props["format"]));
        let number = given.as_f64().unwrap_or_default();
        let whole = given.is_i64() || (given.is_f64() && number.fract() == 0.0 && number.abs() < 2_f64.powi(63));
        let fits = match (kind, format) {
            ("integer", "int32") => whole && (f64::from(i32::MIN)..=f64::from(i32::MAX)).contains(&number),
            ("integer", _) => whole,
            (_, "float") => (number as f32).is_finite(),
            _ => true,
        };
        if fits {
            return;
        }
        let known = matches!((kind, format), ("integer", "int32" | "int64") | ("number", _));
        let format = if known { format!("with format {format}") } else { "(default format)".to_owned() };
        let body = format!("Invalid value: \"\": Checked value must be of type {kind} {format} in {}", part.path);
        self.errors.push(Error::new(&nowhere(), Reason::Invalid, body));
    }

    fn number(&mut self, part: &Part<'_>, given: &Number) {
        let (props, number) = (part.props, given.as_f64().unwrap_or_default());
        let bound = |name: &str| props[name].as_f64();
        self.range(part, given);
        if let Some(max) = bound("maximum") {
            if props["exclusiveMaximum"] == true && number >= max {
                self.broken(part, &format!("should be less than {max}"));
            } else if number > max {
                self.broken(part, &format!("should be less than or equal to {max}"));
            }
        }
        if let Some(min) = bound("minimum") {
            if props["exclusiveMinimum"] == true && number <= min {
                self.broken(part, &format!("should be greater than {min}"));
            } else if number < min {
                self.broken(part, &format!("should be greater than or equal to {min}"));
            }
        }
        if let Some(factor) = bound("multipleOf")
            && (number / factor).fract().abs() > 1e-9
        {
            self.broken(part, &format!("should be a multiple of {factor}"));
        }
    }

    fn list(&mut self, part: &Part<'_>, list: &[Value]) {
        let (props, length) = (part.props, list.len() as u64);
        if let Some(max) = props["maxItems"].as_u64().filter(|max| length > *max) {
            self.errors.push(Error::too_many(&part.path, list.len(), max as usize));
        }
        if let Some(min) = props["minItems"].as_u64().filter(|min| length < *min) {
            self.broken_by(part, &length.into(), &format!("should have at least {min} items"));
        }
        let keyed = match text(&props["x-kubernetes-list-type"]) {
            "set" => false,
            "map" => true,
            _ => return,
        };
        let mut seen = std::collections::HashSet::new();
        for (index, item) in list.iter().enumerate() {
            let identity = if keyed { map_key(props, item) } else { item.clone() };
            if !seen.insert(identity.to_string()) {
                self.errors.push(Error::duplicate(&part.path.index(index), &identity));
            }
        }
    }

    fn object(&mut self, part: &Part<'_>) {
        let (props, length) = (part.props, entries(part.value).count());
        if let Some(max) = props["maxProperties"].as_u64().filter(|max| length as u64 > *max) {
            self.errors.push(Error::too_many(&part.path, length, max as usize));
        }
        if let Some(min) = props["minProperties"].as_u64().filter(|min| (length as u64) < *min) {
            self.broken_by(part, &length.into(), &format!("should have at least {min} properties"));
        }
        for field in texts(&props["required"]).filter(|field| part.value.get(*field).is_none()) {
            self.errors.push(Error::required(&part.path.child(field), ""));
        }
        if props["x-kubernetes-embedded-resource"] == true {
            for field in ["apiVersion", "kind"].into_iter().filter(|field| is_empty(&part.value[*field])) {
                self.errors.push(Error::required(&part.path.child(field), ""));
            }
        }
    }

    /// `allOf`, `anyOf`, `oneOf` and `not`.
    fn alternatives(&mut self, part: &Part<'_>) {
        let patterns = self.patterns;
        let faults = |props| validate(&Part { props, old: None, ..part.clone() }, patterns);
        let outcomes = |name: &str| items(&part.props[name]).iter().map(faults).collect::<Vec<Errors>>();
        let closest = |outcomes: Vec<Errors>| outcomes.into_iter().min_by_key(Vec::len).unwrap_or_default();
        let (all, any, one) = (outcomes("allOf"), outcomes("anyOf"), outcomes("oneOf"));
        let excluded = part.props.get("not").is_some_and(|props| faults(props).is_empty());
        let mut found = Errors::new();
        let mut composite = |rule: &str| {
            let body = format!("Invalid value: \"\": {:?} must {rule}", part.path.to_string());
            found.push(Error::new(&nowhere(), Reason::Invalid, body));
        };
        let fits = |outcomes: &[Errors]| outcomes.iter().filter(|errors| errors.is_empty()).count();
        let mut details = Errors::new();
        if fits(&all) < all.len() {
            let none = if fits(&all) == 0 { ". None validated" } else { "" };
            composite(&format!("validate all the schemas (allOf){none}"));
            details.extend(all.into_iter().flatten());
        }
        if !any.is_empty() && fits(&any) == 0 {
            composite("validate at least one schema (anyOf)");
            details.extend(closest(any));
        }
        match (one.len(), fits(&one)) {
            (0, _) | (_, 1) => {}
            (_, 0) => {
                composite("validate one and only one schema (oneOf). Found none valid");
                details.extend(closest(one));
            }
            (_, count) => {
                composite(&format!("validate one and only one schema (oneOf). Found {count} valid alternatives"));
            }
        }
        if excluded {
            composite("not validate the schema (not)");
        }
        self.errors.extend(found.into_iter().chain(details));
    }
}
