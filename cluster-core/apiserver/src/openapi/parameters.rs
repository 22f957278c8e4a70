//! What operations are told beside their bodies.

use crate::prelude::*;

/// A parameter of an operation.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Parameter {
    pub(super) name: &'static str,
    /// `path` or `query`.
    pub(super) place: &'static str,
    /// Its type.
    pub(super) kind: &'static str,
    pub(super) words: Cow<'static, str>,
}

/// Query parameters by what they are for: name, type and meaning.
static QUERY: LazyLock<HashMap<&str, Vec<(&str, &str, &str)>>> = LazyLock::new(|| {
    serde_json::from_str(include_str!("parameters.json")).expect("a table of texts, which tests read")
});

/// The parameters in these sets and on the path, by name. `kind` is what `name` is one of.
pub(super) fn of(sets: &[&str], path: &str, kind: &str) -> Vec<Parameter> {
    let query = sets.iter().filter_map(|set| QUERY.get(set)).flatten();
    let mut all: Vec<Parameter> = query
        .map(|&(name, kind, words)| Parameter { name, place: "query", kind, words: Cow::Borrowed(words) })
        .collect();
    let in_path = [
        ("name", Cow::Owned(format!("name of the {kind}"))),
        ("namespace", Cow::Borrowed("The namespace.")),
        ("path", Cow::Borrowed("The path behind the proxy.")),
    ];
    let named = in_path.into_iter().filter(|(name, _)| path.contains(&format!("{{{name}}}")));
    all.extend(named.map(|(name, words)| Parameter { name, place: "path", kind: "string", words }));
    all.sort_unstable();
    all
}
