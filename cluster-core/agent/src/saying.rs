//! What the agent tells people: a code with values, so that the dashboard says it in its reader's language, and the same
//! in English for everybody else. `sayings.json` has the English; the dashboard's catalogues translate the same codes.

use serde::Serialize;
use std::collections::BTreeMap;
use std::sync::LazyLock;

static ENGLISH: LazyLock<BTreeMap<&str, &str>> =
    LazyLock::new(|| serde_json::from_str(include_str!("sayings.json")).expect("a table of texts, which tests read"));

/// One thing said.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, Serialize)]
pub(crate) struct Saying {
    /// Empty for what others said, which nobody translates.
    #[serde(skip_serializing_if = "str::is_empty")]
    code: &'static str,
    /// What stands for the names in braces.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    with: BTreeMap<&'static str, Part>,
    /// In English.
    pub(crate) text: String,
}

/// A value in a saying: a text, or something said itself.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize)]
#[serde(untagged)]
pub(crate) enum Part {
    Text(String),
    Saying(Saying),
}

/// What the table has under a code.
pub(crate) fn say(code: &'static str) -> Saying {
    Saying { code, with: BTreeMap::new(), text: ENGLISH.get(code).copied().unwrap_or(code).to_owned() }
}

impl Saying {
    /// What somebody else said, as it is.
    pub(crate) fn verbatim(text: impl Into<String>) -> Self {
        Self { text: text.into(), ..Self::default() }
    }

    /// Puts a value where `{name}` stands.
    pub(crate) fn with(mut self, name: &'static str, value: impl Into<Part>) -> Self {
        let value = value.into();
        let text = match &value {
            Part::Text(text) => text,
            Part::Saying(saying) => &saying.text,
        };
        self.text = self.text.replace(&format!("{{{name}}}"), text);
        self.with.insert(name, value);
        self
    }

    /// The same with what somebody said of it, if anything.
    pub(crate) fn because(self, message: &str) -> Self {
        if message.is_empty() { self } else { say("why.because").with("what", self).with("message", message) }
    }
}

impl From<&str> for Part {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<String> for Part {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<i64> for Part {
    fn from(number: i64) -> Self {
        Self::Text(number.to_string())
    }
}

impl From<Saying> for Part {
    fn from(saying: Saying) -> Self {
        Self::Saying(saying)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_saying_has_its_code_and_values_beside_the_english_text() {
        let how = say("why.ended.code").with("code", 3);
        let saying = say("why.container.ended").with("name", "web").with("how", how);
        let expected = json!({"code": "why.container.ended", "text": "container web ended with exit code 3", "with":
            {"name": "web", "how": {"code": "why.ended.code", "with": {"code": "3"}, "text": "ended with exit code 3"}}});
        assert_eq!(json!(saying), expected);
        assert_eq!(json!(Saying::verbatim("{a: b}")), json!({"text": "{a: b}"}));
        assert_eq!(say("why.pod.evicted").because("").text, "was evicted");
        assert_eq!(say("why.pod.evicted").because("low on memory").text, "was evicted: low on memory");
    }

    /// Every code that the sources name is in the table, and the table has no other.
    #[test]
    fn the_table_has_what_is_said_and_nothing_else() {
        let sources = [
            include_str!("health.rs"),
            include_str!("health/claims.rs"),
            include_str!("health/nodes.rs"),
            include_str!("health/pods.rs"),
            include_str!("health/workloads.rs"),
            include_str!("forwards.rs"),
            include_str!("forwards/services.rs"),
            include_str!("server/api.rs"),
            include_str!("saying.rs"),
        ];
        let is_code = |word: &&str| ["why.", "do.", "work."].iter().any(|start| word.starts_with(start));
        let words = sources.iter().flat_map(|source| source.split('"').filter(is_code));
        let said: std::collections::BTreeSet<&str> = words.filter(|word| !word.ends_with('.')).collect();
        let missing: Vec<_> = said.iter().filter(|code| !ENGLISH.contains_key(**code)).collect();
        let unused: Vec<_> = ENGLISH.keys().filter(|code| !said.contains(**code)).collect();
        assert_eq!((missing, unused), (Vec::<&&str>::new(), Vec::<&&str>::new()));
    }
}
