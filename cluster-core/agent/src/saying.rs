//! What the agent tells people: a code with values, so that the dashboard says it in its reader's language, and the same
//! in English for everybody else. `sayings/` has the texts by language; the dashboard
//! and the desktop app read them by the same codes.

use crate::prelude::*;
use std::sync::LazyLock;

static ENGLISH: LazyLock<BTreeMap<&str, &str>> = LazyLock::new(|| {
    serde_json::from_str(include_str!("sayings/en.json")).expect("a table of texts, which tests read")
});

/// One thing said.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, Serialize)]
pub(crate) struct Saying {
    /// Empty for what others said, which nobody translates.
    #[serde(skip_serializing_if = "str::is_empty")]
    code: &'static str,
    /// What stands for the names in braces: texts, and what is said itself.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    with: BTreeMap<&'static str, Value>,
    /// In English.
    pub(crate) text: String,
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
    pub(crate) fn with(self, name: &'static str, value: impl ToString) -> Self {
        let text = value.to_string();
        self.put(name, &text, text.as_str().into())
    }

    /// Puts something said there.
    pub(crate) fn saying(self, name: &'static str, saying: &Self) -> Self {
        self.put(name, &saying.text, json!(saying))
    }

    /// The name of an operation that the saying is the title of.
    pub(crate) fn action(&self) -> &'static str {
        self.code.strip_prefix("work.").unwrap_or_default()
    }

    fn put(mut self, name: &'static str, text: &str, value: Value) -> Self {
        self.text = self.text.replace(&format!("{{{name}}}"), text);
        self.with.insert(name, value);
        self
    }

    /// The same with what somebody said of it, if anything.
    pub(crate) fn because(self, message: &str) -> Self {
        if message.is_empty() { self } else { say("why.because").saying("what", &self).with("message", message) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_saying_has_its_code_and_values_beside_the_english_text() {
        let how = say("why.ended.code").with("code", 3);
        let saying = say("why.container.ended").with("name", "web").saying("how", &how);
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
