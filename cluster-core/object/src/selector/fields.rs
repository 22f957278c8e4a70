//! Field selectors: `metadata.name=a,status.phase!=Running`.

use std::fmt;

/// One condition on one field.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct FieldRequirement {
    /// For example `spec.nodeName`.
    pub field: String,
    /// Equal, or not equal.
    pub equal: bool,
    /// What the field is compared with.
    pub value: String,
}

/// All conditions hold; the empty selector matches everything.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct FieldSelector {
    requirements: Vec<FieldRequirement>,
}

impl FieldSelector {
    /// Reads `a=b,c!=d`, where `\` escapes `,`, `=` and itself in values.
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut requirements = Vec::new();
        for term in split_terms(text).into_iter().filter(|term| !term.is_empty()) {
            let (field, equal, value) =
                split_term(term).ok_or_else(|| format!("invalid selector: '{text}'; can't understand '{term}'"))?;
            requirements.push(FieldRequirement { field: field.to_owned(), equal, value: unescape(value)? });
        }
        requirements.sort_by(|a, b| a.field.cmp(&b.field));
        Ok(Self { requirements })
    }

    /// The conditions, sorted by field.
    pub fn requirements(&self) -> &[FieldRequirement] {
        &self.requirements
    }

    /// Whether the fields behind `lookup` fulfil all conditions; an absent field is empty.
    pub fn matches<'a>(&self, lookup: impl Fn(&str) -> Option<&'a str>) -> bool {
        self.requirements.iter().all(|r| (lookup(&r.field).unwrap_or_default() == r.value) == r.equal)
    }

    /// The value that `field` must have, if the selector pins it to one.
    pub fn exact(&self, field: &str) -> Option<&str> {
        self.requirements.iter().find(|r| r.equal && r.field == field).map(|r| r.value.as_str())
    }

    /// Whether everything matches.
    pub fn is_empty(&self) -> bool {
        self.requirements.is_empty()
    }
}

impl fmt::Display for FieldSelector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, r) in self.requirements.iter().enumerate() {
            let comma = if index == 0 { "" } else { "," };
            let value = r.value.replace('\\', r"\\").replace(',', r"\,").replace('=', r"\=");
            write!(f, "{comma}{}{}{value}", r.field, if r.equal { "=" } else { "!=" })?;
        }
        Ok(())
    }
}

/// Splits at the commas that no backslash escapes.
fn split_terms(text: &str) -> Vec<&str> {
    let (mut terms, mut start, mut escaped) = (Vec::new(), 0, false);
    for (index, c) in text.char_indices() {
        if c == ',' && !escaped {
            terms.push(&text[start..index]);
            start = index + 1;
        }
        escaped = c == '\\' && !escaped;
    }
    terms.push(&text[start..]);
    terms
}

/// Splits at the first operator.
fn split_term(term: &str) -> Option<(&str, bool, &str)> {
    let (at, operator) = term.char_indices().find_map(|(index, _)| {
        ["!=", "==", "="].iter().find(|op| term[index..].starts_with(**op)).map(|op| (index, *op))
    })?;
    Some((&term[..at], operator != "!=", &term[at + operator.len()..]))
}

fn unescape(value: &str) -> Result<String, String> {
    let mut plain = String::with_capacity(value.len());
    let mut chars = value.chars();
    while let Some(c) = chars.next() {
        match c {
            '\\' => match chars.next() {
                Some(c @ ('\\' | ',' | '=')) => plain.push(c),
                other => {
                    let text: String = other.into_iter().collect();
                    return Err(format!("invalid field selector: invalid escape sequence: \\{text}"));
                }
            },
            ',' | '=' => return Err(format!("invalid field selector: unescaped character in value: {c}")),
            c => plain.push(c),
        }
    }
    Ok(plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parses_matches_and_prints() {
        let selector = FieldSelector::parse(r"spec.nodeName=n1,,status.phase!=Failed,a==x\,y\=z\\").unwrap();
        assert_eq!(selector.to_string(), r"a=x\,y\=z\\,spec.nodeName=n1,status.phase!=Failed");
        let lookup = |field: &str| match field {
            "a" => Some(r"x,y=z\"),
            "spec.nodeName" => Some("n1"),
            _ => None,
        };
        assert!(selector.matches(lookup));
        assert!(!selector.matches(|_| None));
        assert_eq!(selector.exact("spec.nodeName"), Some("n1"));
        assert_eq!(selector.exact("status.phase"), None);
        assert!(FieldSelector::parse("").unwrap().is_empty());
    }

    #[test]
    fn faults_are_worded_as_upstream() {
        let fault = |text| FieldSelector::parse(text).unwrap_err();
        assert_eq!(fault("a=b,c"), "invalid selector: 'a=b,c'; can't understand 'c'");
        assert_eq!(fault("a=b=c"), "invalid field selector: unescaped character in value: =");
        assert_eq!(fault(r"a=\x"), r"invalid field selector: invalid escape sequence: \x");
    }
}
