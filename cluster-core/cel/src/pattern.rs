//! Regular expressions as Go reads them, whose classes know ASCII alone and have neither classes nor operators inside.
//!
//! Facts: <https://github.com/google/re2/wiki/Syntax>.

use regex::Regex;

/// Compiles a pattern that is written for Go.
pub fn regex(pattern: &str) -> Result<Regex, regex::Error> {
    Regex::new(&translated(pattern))
}

/// The pattern in the words of the regex crate.
pub(crate) fn translated(pattern: &str) -> String {
    let (mut out, mut rest, mut inside) = (String::with_capacity(pattern.len()), pattern, false);
    while let Some(c) = rest.chars().next() {
        let posix = rest.strip_prefix("[:").and_then(|name| name.find(":]")).map_or(0, |end| end + 4);
        let opened = ["[^]", "[]", "[^", "["].into_iter().find(|open| !inside && rest.starts_with(open));
        let taken = match (c, inside) {
            ('\\', _) => {
                let escaped = rest.chars().nth(1).map_or(1, |escaped| 1 + escaped.len_utf8());
                out.push_str(class(&rest[..escaped], inside).unwrap_or(&rest[..escaped]));
                escaped
            }
            ('[', true) if posix > 0 => {
                out.push_str(&rest[..posix]);
                posix
            }
            ('[', false) => {
                let opened = opened.unwrap_or("[");
                out.push_str(opened);
                inside = true;
                opened.len()
            }
            (']', true) => {
                out.push(c);
                inside = false;
                1
            }
            _ => {
                if inside && (matches!(c, '[' | '&' | '~') || (c == '-' && out.ends_with('-'))) {
                    out.push('\\');
                }
                out.push(c);
                c.len_utf8()
            }
        };
        rest = &rest[taken..];
    }
    out
}

/// A class by a letter, also inside of another.
fn class(escape: &str, inside: bool) -> Option<&'static str> {
    Some(match (escape, inside) {
        (r"\d", false) => "[0-9]",
        (r"\d", true) => "0-9",
        (r"\D", _) => "[^0-9]",
        (r"\w", false) => "[0-9A-Za-z_]",
        (r"\w", true) => "0-9A-Za-z_",
        (r"\W", _) => "[^0-9A-Za-z_]",
        (r"\s", false) => r"[\t\n\f\r ]",
        (r"\s", true) => r"\t\n\f\r ",
        (r"\S", _) => r"[^\t\n\f\r ]",
        (r"\b", false) => r"(?-u:\b)",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_match_what_they_match_in_go() {
        let cases = [
            (r"^\d+$", "12", true),
            (r"^\d+$", "٣", false),
            (r"^[\d.]+$", "1.2", true),
            (r"^[^\d]$", "٣", true),
            (r"^\w$", "ä", false),
            (r"^\W[\S]$", "äö", true),
            (r"^\s$", "\u{a0}", false),
            (r"\bb", "äb", true),
            (r"^[^[]+$", "a]b", true),
            (r"^[^[]+$", "a[b", false),
            (r"^[a&&b]+$", "a&b", true),
            (r"^[]a]+$", "a]", true),
            (r"^[[:alpha:]-]+$", "a-b", true),
            (r"^[+--]+$", "+,-", true),
            (r"^\[x\]é$", "[x]é", true),
        ];
        for (pattern, text, expected) in cases {
            let regex = regex(pattern).unwrap_or_else(|error| panic!("{pattern}: {error}"));
            assert_eq!(regex.is_match(text), expected, "{pattern} {text}");
        }
        assert!(regex("[").is_err() && regex("(").is_err() && regex("\\").is_err());
    }
}
