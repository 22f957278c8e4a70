//! `$(VAR)` references in values and command lines.

/// Replaces `$(NAME)` by its value; `$$(NAME)` and unknown names stay as text.
pub(crate) fn expand<'v>(text: &str, value: impl Fn(&str) -> Option<&'v str>) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('$') {
        out.push_str(&rest[..at]);
        let after = &rest[at + 1..];
        if let Some(tail) = after.strip_prefix('$') {
            out.push('$');
            rest = tail;
        } else if let Some((name, tail)) = after.strip_prefix('(').and_then(|inner| inner.split_once(')')) {
            match value(name) {
                Some(found) => out.push_str(found),
                None => out.push_str(&rest[at..rest.len() - tail.len()]),
            }
            rest = tail;
        } else {
            out.push('$');
            rest = after;
        }
    }
    out.push_str(rest);
    out
}

/// The same for texts in which every name must have a value.
pub(crate) fn expand_all<'v>(text: &str, value: impl Fn(&str) -> Option<&'v str>) -> Result<String, String> {
    let missing = std::cell::Cell::new(None);
    let out = expand(text, |name| {
        let found = value(name);
        if found.is_none() {
            missing.set(Some(name.to_owned()));
        }
        found
    });
    missing.into_inner().map_or(Ok(out), |name| Err(format!("missing value for {name:?}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_expand_as_upstream_does() {
        let cases = [
            ("$(A)-$(B)", "a-b"),
            ("$$(A)", "$(A)"),
            ("$$$(A)", "$a"),
            ("$(NONE)", "$(NONE)"),
            ("$(A", "$(A"),
            ("$A$", "$A$"),
            ("x$$y", "x$y"),
            ("$(A)$(A)", "aa"),
        ];
        for (given, wanted) in cases {
            let value = |name: &str| match name {
                "A" => Some("a"),
                "B" => Some("b"),
                _ => None,
            };
            assert_eq!(expand(given, value), wanted, "{given}");
            let missing = given.contains("NONE").then(|| "missing value for \"NONE\"".to_owned());
            assert_eq!(expand_all(given, value).err(), missing, "{given}");
        }
    }
}
