//! Label selectors, from query text or from `meta/v1 LabelSelector`, and field selectors.

mod fields;
mod parse;

pub use fields::{FieldRequirement, FieldSelector};

use crate::field::{Error, Path};
use crate::name;
use serde_json::{Value, json};
use std::fmt;

/// What a requirement asks of its key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Operator {
    /// The value is this one.
    Equals,
    /// The value is not this one, or there is none.
    NotEquals,
    /// The value is one of these.
    In,
    /// The value is none of these, or there is none.
    NotIn,
    /// There is a value.
    Exists,
    /// There is no value.
    DoesNotExist,
    /// The value is a larger integer.
    GreaterThan,
    /// The value is a smaller integer.
    LessThan,
}

impl Operator {
    /// The operator that a `meta/v1 LabelSelectorRequirement` names.
    pub fn named(name: &str) -> Result<Self, String> {
        match name {
            "In" => Ok(Self::In),
            "NotIn" => Ok(Self::NotIn),
            "Exists" => Ok(Self::Exists),
            "DoesNotExist" => Ok(Self::DoesNotExist),
            other => Err(format!("{other:?} is not a valid label selector operator")),
        }
    }

    /// The operator that a selector of nodes names.
    pub fn of_nodes(name: &str) -> Option<Self> {
        match name {
            "Gt" => Some(Self::GreaterThan),
            "Lt" => Some(Self::LessThan),
            other => Self::named(other).ok(),
        }
    }

    /// Whether a label of this value is as the operator asks.
    pub fn holds(self, value: Option<&str>, wanted: &[String]) -> bool {
        let listed = || value.is_some_and(|value| wanted.iter().any(|one| one == value));
        let compare = |good: fn(&i64, &i64) -> bool| {
            let bound = wanted.first().and_then(|bound| bound.parse().ok());
            value.and_then(|value| value.parse().ok()).zip(bound).is_some_and(|(value, bound)| good(&value, &bound))
        };
        match self {
            Self::Equals | Self::In => listed(),
            Self::NotEquals | Self::NotIn => !listed(),
            Self::Exists => value.is_some(),
            Self::DoesNotExist => value.is_none(),
            Self::GreaterThan => compare(i64::gt),
            Self::LessThan => compare(i64::lt),
        }
    }
}

/// One condition on one key.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Requirement {
    /// The label.
    pub key: String,
    /// The condition.
    pub operator: Operator,
    /// What it is compared with, sorted.
    pub values: Vec<String>,
}

/// All conditions hold. The empty selector matches everything, [`Selector::nothing`] nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct Selector {
    requirements: Vec<Requirement>,
    nothing: bool,
}

impl Requirement {
    /// A checked requirement; faults are worded as upstream's `labels.NewRequirement`.
    pub fn new(key: &str, operator: Operator, mut values: Vec<String>) -> Result<Self, String> {
        let mut errors = Vec::new();
        let path = Path::new("values");
        if let Err(why) = name::qualified_name(key) {
            errors.push(Error::invalid(&Path::new("key"), &json!(key), &why));
        }
        let count = values.len();
        let fault = match operator {
            Operator::In | Operator::NotIn if count == 0 => "for 'in', 'notin' operators, values set can't be empty",
            Operator::Equals | Operator::NotEquals if count != 1 => {
                "exact-match compatibility requires one single value"
            }
            Operator::Exists | Operator::DoesNotExist if count != 0 => {
                "values set must be empty for exists and does not exist"
            }
            Operator::GreaterThan | Operator::LessThan if count != 1 => {
                "for 'Gt', 'Lt' operators, exactly one value is required"
            }
            _ => "",
        };
        if !fault.is_empty() {
            errors.push(Error::invalid(&path, &json!(values), fault));
        }
        for (index, value) in values.iter().enumerate() {
            if matches!(operator, Operator::GreaterThan | Operator::LessThan) && value.parse::<i64>().is_err() {
                let why = "for 'Gt', 'Lt' operators, the value must be an integer";
                errors.push(Error::invalid(&path.index(index), &json!(value), why));
            }
            if let Err(why) = name::label_value(value) {
                errors.push(Error::invalid(&path.index(index).key(key), &json!(value), &why));
            }
        }
        if !errors.is_empty() {
            return Err(crate::field::aggregate(&errors));
        }
        values.sort();
        values.dedup();
        Ok(Self { key: key.to_owned(), operator, values })
    }

    /// Whether a label set in which the key has this value fulfils the requirement.
    pub fn matches(&self, value: Option<&str>) -> bool {
        self.operator.holds(value, &self.values)
    }
}

impl Selector {
    /// The selector that matches nothing.
    pub fn nothing() -> Self {
        Self { nothing: true, ..Self::default() }
    }

    /// Reads `a=b,c in (d,e),!f`; faults are worded as upstream's `labels.Parse`.
    pub fn parse(text: &str) -> Result<Self, String> {
        Ok(Self::from_requirements(parse::requirements(text)?))
    }

    /// Reads a `meta/v1 LabelSelector`; null matches nothing, an empty one everything.
    pub fn from_label_selector(selector: &Value) -> Result<Self, String> {
        if selector.is_null() {
            return Ok(Self::nothing());
        }
        let mut requirements = Self::from_map(&selector["matchLabels"])?.requirements;
        for expression in selector["matchExpressions"].as_array().into_iter().flatten() {
            let operator = Operator::named(expression["operator"].as_str().unwrap_or_default())?;
            let values = expression["values"].as_array().into_iter().flatten();
            let values = values.filter_map(Value::as_str).map(str::to_owned).collect();
            requirements.push(Requirement::new(expression["key"].as_str().unwrap_or_default(), operator, values)?);
        }
        Ok(Self::from_requirements(requirements))
    }

    /// Reads a map of labels, as a Service's `spec.selector`; null and empty match everything.
    pub fn from_map(labels: &Value) -> Result<Self, String> {
        let entries = labels.as_object().into_iter().flatten();
        let equal = |(key, value): (&String, &Value)| {
            Requirement::new(key, Operator::Equals, vec![value.as_str().unwrap_or_default().to_owned()])
        };
        Ok(Self::from_requirements(entries.map(equal).collect::<Result<_, _>>()?))
    }

    /// A selector of these conditions.
    pub fn from_requirements(mut requirements: Vec<Requirement>) -> Self {
        requirements.sort_by(|a, b| a.key.cmp(&b.key));
        Self { requirements, nothing: false }
    }

    /// The conditions, sorted by key.
    pub fn requirements(&self) -> &[Requirement] {
        &self.requirements
    }

    /// Whether the label set behind `lookup` fulfils all conditions.
    pub fn matches<'a>(&self, lookup: impl Fn(&str) -> Option<&'a str>) -> bool {
        !self.nothing && self.requirements.iter().all(|requirement| requirement.matches(lookup(&requirement.key)))
    }

    /// Whether everything matches.
    pub fn is_empty(&self) -> bool {
        self.requirements.is_empty() && !self.nothing
    }
}

impl fmt::Display for Selector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let texts: Vec<String> = self.requirements.iter().map(ToString::to_string).collect();
        f.write_str(&texts.join(","))
    }
}

impl fmt::Display for Requirement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (key, values) = (&self.key, self.values.join(","));
        match self.operator {
            Operator::Equals => write!(f, "{key}={values}"),
            Operator::NotEquals => write!(f, "{key}!={values}"),
            Operator::In => write!(f, "{key} in ({values})"),
            Operator::NotIn => write!(f, "{key} notin ({values})"),
            Operator::Exists => f.write_str(key),
            Operator::DoesNotExist => write!(f, "!{key}"),
            Operator::GreaterThan => write!(f, "{key}>{values}"),
            Operator::LessThan => write!(f, "{key}<{values}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matches(selector: &str, labels: &[(&str, &str)]) -> bool {
        let value = |key: &str| labels.iter().find(|(name, _)| *name == key).map(|(_, value)| *value);
        Selector::parse(selector).unwrap().matches(value)
    }

    #[test]
    fn requirements_match_as_upstream() {
        let labels = &[("a", "b"), ("n", "5"), ("e", "")];
        for yes in [
            "",
            "a=b",
            "a==b",
            "a!=c",
            "a in (b,c)",
            "a notin (c)",
            "a",
            "!z",
            "z!=x",
            "z notin (x)",
            "n>4",
            "n < 6",
            "e=",
            "e",
            "a in ( b ), n",
            "in!=x",
            "e in (,x)",
        ] {
            assert!(matches(yes, labels), "{yes}");
        }
        for no in ["a=c", "z=x", "a!=b", "a in (c)", "z in (x)", "a notin (b)", "!a", "z", "n>5", "a>1", "e=x", "a=b,z"]
        {
            assert!(!matches(no, labels), "{no}");
        }
    }

    #[test]
    fn faults_are_worded_as_upstream() {
        let table = [
            ("a=b,", "found '', expected: identifier after ','"),
            (",a", "found ',', expected: !, identifier, or 'end of string'"),
            ("a b", "unable to parse requirement: found 'b', expected: in, notin, =, ==, !=, gt, lt"),
            ("a in b", "unable to parse requirement: found 'b' expected: '('"),
            ("a in (b", "unable to parse requirement: found '', expected: ',' or ')'"),
            ("a=b c", "found 'c', expected: ',' or 'end of string'"),
            ("!", "unable to parse requirement: found '', expected: identifier"),
        ];
        for (text, want) in table {
            assert_eq!(Selector::parse(text).unwrap_err(), want, "{text}");
        }
        let value = Selector::parse("a=-b").unwrap_err();
        assert!(
            value.starts_with("unable to parse requirement: values[0][a]: Invalid value: \"-b\": a valid label"),
            "{value}"
        );
        assert!(Selector::parse("n>x").unwrap_err().contains("the value must be an integer"));
    }

    #[test]
    fn text_reads_back() {
        for text in ["a=b", "a!=b", "a in (b,c)", "a notin (b)", "a", "!a", "a>1", "a=b,c"] {
            assert_eq!(Selector::parse(text).unwrap().to_string(), text);
        }
    }

    #[test]
    fn label_selectors_null_empty_and_expressions() {
        let of = |value: Value| Selector::from_label_selector(&value).unwrap();
        assert!(!of(Value::Null).matches(|_| None) && !of(Value::Null).is_empty());
        assert!(of(json!({})).matches(|_| None) && of(json!({})).is_empty());
        let both = of(
            json!({"matchLabels": {"a": "b"}, "matchExpressions": [{"key": "c", "operator": "In", "values": ["d"]}]}),
        );
        assert_eq!(both.to_string(), "a=b,c in (d)");
        let bad = json!({"matchExpressions": [{"key": "c", "operator": "Is"}]});
        assert_eq!(Selector::from_label_selector(&bad).unwrap_err(), "\"Is\" is not a valid label selector operator");
    }
}
