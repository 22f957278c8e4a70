//! What the app says, in the user's language: its own words, and the agent's sayings by their codes.

use serde::Deserialize;
use std::collections::HashMap;
use std::sync::LazyLock;

type Texts = HashMap<String, String>;

const OWN: &str = include_str!("words.json");
const SAYINGS: &str = include_str!(concat!(env!("OUT_DIR"), "/sayings.json"));

/// By language, of which there are those that the agent has sayings in; a code of the agent has a dot in it.
static WORDS: LazyLock<HashMap<String, Texts>> = LazyLock::new(|| {
    let read = |text| serde_json::from_str::<HashMap<String, Texts>>(text).expect("texts, which a test reads");
    let (mut own, sayings) = (read(OWN), read(SAYINGS));
    let both = |(language, texts): (String, Texts)| {
        let mut words = own.remove(&language).unwrap_or_default();
        words.extend(texts);
        (language, words)
    };
    sayings.into_iter().map(both).collect()
});

/// Something that the agent says: a code with values, and the same in English.
#[derive(Debug, Deserialize)]
pub(crate) struct Saying {
    #[serde(default)]
    code: String,
    #[serde(default)]
    with: HashMap<String, Part>,
    text: String,
}

/// What stands for a name in braces: a text, or what is said itself.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Part {
    Text(String),
    Saying(Saying),
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
        values.iter().fold(text, |text, (name, value)| put(&text, name, value))
    }

    /// What the agent says; in English when the code is not known.
    pub(crate) fn say(self, saying: &Saying) -> String {
        if !self.0.contains_key(&saying.code) {
            return saying.text.clone();
        }
        let said = |part: &Part| match part {
            Part::Text(text) => text.clone(),
            Part::Saying(saying) => self.say(saying),
        };
        let text = self.text(&saying.code, &[]);
        saying.with.iter().fold(text, |text, (name, part)| put(&text, name, &said(part)))
    }
}

fn put(text: &str, name: &str, value: &str) -> String {
    text.replace(&format!("{{{name}}}"), value)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    #[test]
    fn every_language_has_all_words() {
        let codes = |texts: &'static Texts| texts.keys().collect::<std::collections::BTreeSet<_>>();
        for (language, texts) in WORDS.iter() {
            // Others have the steps of operations too, whose English is their name.
            let missing: Vec<_> = codes(&WORDS["en"]).difference(&codes(texts)).copied().collect();
            assert_eq!(missing, Vec::<&String>::new(), "{language}");
        }
        let own: HashMap<String, Texts> = serde_json::from_str(OWN).expect("texts");
        assert!(own.keys().all(|language| WORDS.contains_key(language)), "{:?}", own.keys());
    }

    #[test]
    fn the_agents_sayings_are_said_in_the_language_of_the_page() {
        let saying = json!({"code": "work.stop", "with": {"cluster": "dev"}, "text": "Stop cluster dev"});
        let said = |tag, saying: &Value| Words::of(tag).say(&serde_json::from_value(saying.clone()).expect("a saying"));
        assert_eq!(said("es", &saying), "Detener el clúster dev");
        assert_eq!(said("zh-Hans", &saying), "停止集群 dev");
        assert_eq!(said("fr", &saying), "Stop cluster dev");
        assert_eq!(said("de", &json!({"text": "no space"})), "no space");
        let how = json!({"code": "why.ended.code", "with": {"code": "3"}, "text": "ended with exit code 3"});
        let within =
            json!({"code": "why.container.ended", "with": {"name": "web", "how": how}, "text": "container web"});
        assert_eq!(said("de", &within), "Container web: endete mit Exit-Code 3");
    }
}
