//! What the app says, in the user's language: its own words, and the agent's sayings by their codes.

use serde::Deserialize;
use serde_json::Value;
use std::collections::HashMap;
use std::sync::LazyLock;

type Texts = HashMap<String, String>;

const SAYINGS: [(&str, &str); 5] = [
    ("en", include_str!("../../cluster-core/agent/src/sayings/en.json")),
    ("de", include_str!("../../cluster-core/agent/src/sayings/de.json")),
    ("es", include_str!("../../cluster-core/agent/src/sayings/es.json")),
    ("ja", include_str!("../../cluster-core/agent/src/sayings/ja.json")),
    ("zh", include_str!("../../cluster-core/agent/src/sayings/zh.json")),
];

/// By language; a code of the agent has a dot in it.
static WORDS: LazyLock<HashMap<String, Texts>> = LazyLock::new(|| {
    let read = |text| serde_json::from_str::<Texts>(text).expect("texts, which a test reads");
    let mut words: HashMap<String, Texts> =
        serde_json::from_str(include_str!("words.json")).expect("texts, which a test reads");
    for (language, sayings) in SAYINGS {
        words.entry(language.to_owned()).or_default().extend(read(sayings));
    }
    words
});

/// Something that the agent says: a code with values, and the same in English.
#[derive(Debug, Deserialize)]
pub(crate) struct Saying {
    #[serde(default)]
    code: String,
    #[serde(default)]
    with: HashMap<String, Value>,
    text: String,
}

/// The words of one language.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Words(&'static Texts);

impl Words {
    /// Those of a language by its tag, `de` or `zh-Hans`; English for others.
    pub(crate) fn of(tag: &str) -> Self {
        Self(WORDS.get(tag.split('-').next().unwrap_or_default()).unwrap_or_else(|| &WORDS["en"]))
    }

    /// What stands under a code, with a value in the place of each name in braces.
    pub(crate) fn text(self, code: &str, values: &[(&str, &str)]) -> String {
        let text = self.0.get(code).map_or(code, String::as_str).to_owned();
        values.iter().fold(text, |text, (name, value)| text.replace(&format!("{{{name}}}"), value))
    }

    /// What the agent says; in English when the code is not known.
    pub(crate) fn say(self, saying: &Saying) -> String {
        if !self.0.contains_key(&saying.code) {
            return saying.text.clone();
        }
        let values: Vec<_> =
            saying.with.iter().map(|(name, value)| (name.as_str(), value.as_str().unwrap_or_default())).collect();
        self.text(&saying.code, &values)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn every_language_has_all_words() {
        let codes = |language: &str| {
            let own = WORDS[language].keys().filter(|code| WORDS["en"].contains_key(*code));
            own.cloned().collect::<std::collections::BTreeSet<_>>()
        };
        for (language, _) in SAYINGS {
            assert_eq!(codes(language), codes("en"), "{language}");
        }
    }

    #[test]
    fn the_agents_sayings_are_said_in_the_language_of_the_page() {
        let saying = json!({"code": "work.stop", "with": {"cluster": "dev"}, "text": "Stop cluster dev"});
        let said = |tag, saying: &Value| Words::of(tag).say(&serde_json::from_value(saying.clone()).expect("a saying"));
        assert_eq!(said("es", &saying), "Detener el clúster dev");
        assert_eq!(said("zh-Hans", &saying), "停止集群 dev");
        assert_eq!(said("fr", &saying), "Stop cluster dev");
        assert_eq!(said("de", &json!({"text": "no space"})), "no space");
    }
}
