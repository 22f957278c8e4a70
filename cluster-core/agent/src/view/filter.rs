//! What people type to narrow a list or a log, as k9s reads it: words of which all must fit. `!` turns one round, `/…/`
//! is a regular expression, `column:…` looks into one column, `-l …` is a label selector, and quotes hold words together.

use crate::prelude::*;
use crate::row::Column;
use cluster_object::selector::Selector;
use regex::bytes::{Regex, RegexBuilder};
use std::sync::LazyLock;

/// One word with what is before it; a regular expression ends with a slash that ends the word.
const WORD: &str = r#"(-l\s+)?(!)?(?:([A-Za-z][\w-]*):)?(?:/((?:[^/\\]|\\.)+)/(?:\s|$)|"([^"]*)(?:"|$)|(\S+))"#;

/// All conditions of a text.
#[derive(Debug, Clone)]
pub(super) struct Filter(Vec<Term>);

#[derive(Debug, Clone)]
struct Term {
    not: bool,
    /// Where; empty for anywhere.
    column: String,
    what: What,
    /// As it was typed, for where there is no such column.
    typed: String,
}

#[derive(Debug, Clone)]
enum What {
    /// In small letters.
    Has(String),
    Matches(Regex),
    Selects(Selector),
}

impl Filter {
    /// Reads what is typed. What is not finished, such as `!` or `status:`, says nothing yet.
    pub(super) fn parse(text: &str) -> Self {
        static WORDS: LazyLock<regex::Regex> =
            LazyLock::new(|| regex::Regex::new(WORD).expect("a pattern, which tests read"));
        Self(WORDS.captures_iter(text).filter_map(|word| term(&word)).collect())
    }

    /// Whether a line of text has it all.
    pub(super) fn fits_line(&self, line: &str) -> bool {
        self.0.is_empty() || self.fits(&line.to_lowercase(), None)
    }

    /// Whether a text in small letters has it all, which may be that of a row.
    pub(super) fn fits(&self, text: &str, row: Option<(&Row, &[Column])>) -> bool {
        self.0.iter().all(|term| term.fits(text, row))
    }
}

fn term(word: &regex::Captures<'_>) -> Option<Term> {
    let [selector, not, column, pattern, quoted, bare] =
        [1, 2, 3, 4, 5, 6].map(|number| word.get(number).map(|part| part.as_str()));
    let typed = word[0].trim().trim_start_matches('!').to_lowercase();
    let plain = quoted.or(bare).unwrap_or_default();
    if quoted.is_none() && (typed.is_empty() || typed == "-l" || typed.ends_with(':')) {
        return None;
    }
    let what = match pattern.map(|pattern| RegexBuilder::new(pattern).unicode(false).case_insensitive(true).build()) {
        _ if selector.is_some() => What::Selects(Selector::parse(plain).ok()?),
        Some(Ok(pattern)) => What::Matches(pattern),
        Some(Err(_)) => What::Has(typed.clone()),
        // Perhaps the beginning of a regular expression.
        None => What::Has(plain.strip_prefix('/').unwrap_or(plain).to_lowercase()),
    };
    Some(Term { not: not.is_some(), column: column.unwrap_or_default().to_lowercase(), what, typed })
}

impl Term {
    fn fits(&self, text: &str, row: Option<(&Row, &[Column])>) -> bool {
        let named = row.filter(|_| !self.column.is_empty());
        let cell = named.and_then(|(row, columns)| cell(row, columns, &self.column));
        let fits = match (&self.what, row, cell) {
            (What::Selects(selector), Some((row, _)), _) => selector.matches(|key| row.label(key)),
            // No column at all: `nginx:1.2` is what somebody looks for.
            (What::Selects(_), None, _) => text.contains(&self.typed),
            (_, _, None) if !self.column.is_empty() => text.contains(&self.typed),
            (What::Has(part), _, cell) => cell.as_deref().unwrap_or(text).contains(part),
            (What::Matches(pattern), _, cell) => pattern.is_match(cell.as_deref().unwrap_or(text).as_bytes()),
        };
        fits != self.not
    }
}

/// What stands in a column, in small letters; its name's spaces may be written as hyphens.
fn cell(row: &Row, columns: &[Column], name: &str) -> Option<String> {
    let cell = row.cell(columns, name).or_else(|| row.cell(columns, &name.replace('-', " ")));
    match cell {
        None if ["namespace", "ns"].contains(&name) => Some(row.namespace.clone()),
        cell => cell.map(|cell| cell.as_str().map_or_else(|| cell.to_string(), str::to_lowercase)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::row;

    fn fits(filter: &str) -> bool {
        let table = json!({
            "columnDefinitions": [{"name": "Name"}, {"name": "Status"}, {"name": "Restarts"}, {"name": "Last Seen"}],
            "rows": [{"cells": ["web-1", "CrashLoopBackOff", 12, "5m"], "object": {"metadata": {"name": "web-1",
                "namespace": "shop", "labels": {"app": "Web", "tier": "front"}}}}],
        });
        let (columns, rows) = row::read(table.to_string().as_bytes(), ("", "configmaps"), &[]).expect("a table");
        Filter::parse(filter).fits(&rows[0].found_by, Some((&rows[0], &columns)))
    }

    #[test]
    fn a_row_fits_a_filter_of_k9s_grammar() {
        let table = [
            ("", true),
            ("  web  CRASH ", true),
            ("web other", false),
            ("!other", true),
            ("!web", false),
            ("web !other", true),
            ("/^web-\\d /", true),
            ("/^web$/", false),
            ("!/^web$/ shop", true),
            ("/web-1 shop/", true),
            ("/CRASH|Error/", true),
            ("status:crash", true),
            ("status:shop", false),
            ("!status:running", true),
            ("STATUS:/^crash.*off$/", true),
            ("status:/^crash$/", false),
            ("restarts:12", true),
            ("last-seen:5m", true),
            ("ns:shop namespace:sh", true),
            ("ns:other", false),
            ("name:\"web-1\"", true),
            ("\"web-1 shop\"", true),
            ("\"shop front\"", false),
            ("app=web", true),
            ("-l app=Web", true),
            ("-l app=web", false),
            ("-l app!=Web", false),
            ("-l tier=front,app web", true),
            ("-l \"app in (Web, other), !gone\" status:crash", true),
            // What is no column is looked for as it is.
            ("image:1.2", false),
        ];
        for (filter, expected) in table {
            assert_eq!(fits(filter), expected, "{filter}");
        }
    }

    #[test]
    fn what_is_not_finished_hides_nothing() {
        for filter in ["!", "status:", "!status:", "-l", "-l \"app in (\"", "/we", "status:/cra", "\"\""] {
            assert!(fits(filter), "{filter}");
        }
        assert!(!fits("/(/"), "no regular expression is looked for as it is");
    }

    #[test]
    fn a_line_of_text_has_no_columns_and_no_labels() {
        let fits =
            |filter: &str| Filter::parse(filter).fits_line("GET /api/cats image:1.2 with ls -l app=web took 5ms Größe");
        for filter in
            ["", "get CATS", "image:1.2", "!dogs", "/took \\d+ms /", "GRÖßE", "-l app=web", "/api/cats", "\"with ls\""]
        {
            assert!(fits(filter), "{filter}");
        }
        for filter in ["dogs", "!image:1.2", "image:1.3", "/^took/", "-l app=other"] {
            assert!(!fits(filter), "{filter}");
        }
    }
}
