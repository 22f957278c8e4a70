//! Where in a YAML or JSON text the field of a path stands: by indentation, which is all that people write by hand.

use std::ops::Range;

/// Where a field stands: its lines, how far in its key is, and how far its own fields are, if it has any.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Place {
    pub(super) lines: Range<usize>,
    pub(super) indent: usize,
    pub(super) inner: Option<usize>,
}

/// What stands on a line: a field, or the start of an item.
#[derive(Debug, Clone, Copy)]
struct Token<'a> {
    line: usize,
    indent: usize,
    /// `None` for the dash of an item.
    key: Option<&'a str>,
}

/// The line, counted from 0, of the field at `path` (`spec.containers[0].image`), or of the nearest one above it that
/// can be found.
pub(super) fn line(text: &str, path: &str) -> Option<usize> {
    walk(&tokens(text), path.split(['.', '[']).filter(|part| !part.is_empty())).0.map(|token| token.line)
}

/// The place of the field at a path, of which an index is a part like `0]`, and of no other; the empty path leads to the
/// document.
pub(super) fn exact(text: &str, path: &[String]) -> Option<Place> {
    let tokens = tokens(text);
    let (found, rest) = walk(&tokens, path.iter().map(String::as_str));
    let rest = rest?;
    let inner = rest.first().filter(|first| first.key.is_some()).map(|first| first.indent);
    let (begin, indent) = found.map_or((0, 0), |token| (token.line, token.indent));
    Some(Place { lines: begin..end(text, begin, found), indent, inner })
}

/// Where what begins on a line ends: at the next content that is no deeper, but for the items of a field, which may stand
/// as far left as it does. A document ends with the text.
fn end(text: &str, begin: usize, found: Option<Token<'_>>) -> usize {
    let within = |line: &str| {
        let content = line.trim_start();
        let deep = line.len() - content.len();
        found.is_none_or(|token| {
            deep > token.indent || (deep == token.indent && token.key.is_some() && content.starts_with("- "))
        })
    };
    let lines = text.lines().enumerate().skip(begin).filter(|(_, line)| !line.trim_start().is_empty());
    lines.take_while(|(number, line)| *number == begin || within(line)).last().map_or(begin, |(number, _)| number + 1)
}

/// The last field that a path leads to, and what is below it if that is the path's end.
fn walk<'a>(
    tokens: &'a [Token<'a>],
    path: impl Iterator<Item = &'a str>,
) -> (Option<Token<'a>>, Option<&'a [Token<'a>]>) {
    let (mut found, mut rest) = (None, tokens);
    let mut indent = None;
    for part in path {
        let index = part.strip_suffix(']').and_then(|number| number.parse::<usize>().ok());
        let at = match index {
            Some(index) => nth(rest, indent, |token| token.key.is_none(), index),
            None => nth(rest, indent, |token| token.key == Some(part), 0),
        };
        // Go's errors leave indexes out: then the first item that has the field is as good as any.
        let at = at.or_else(|| rest.iter().position(|token| token.key == Some(part)));
        let Some(at) = at else { return (found, None) };
        let token = rest[at];
        found = Some(token);
        let end = rest[at + 1..].iter().position(|next| !below(token, *next)).map_or(rest.len(), |end| at + 1 + end);
        rest = &rest[at + 1..end];
        indent = rest.first().map(|first| first.indent);
    }
    (found, Some(rest))
}

/// Whether a later token belongs to an earlier one: items may stand as far left as the field that holds them.
fn below(token: Token<'_>, next: Token<'_>) -> bool {
    next.indent > token.indent || (next.indent == token.indent && next.key.is_none() && token.key.is_some())
}

/// The place of the n-th fitting token among those that are not deeper than the first.
fn nth(tokens: &[Token<'_>], indent: Option<usize>, fits: impl Fn(&Token<'_>) -> bool, n: usize) -> Option<usize> {
    let indent = indent.or_else(|| tokens.first().map(|first| first.indent))?;
    let level = tokens.iter().enumerate().filter(|(_, token)| token.indent == indent && fits(token));
    level.map(|(at, _)| at).nth(n)
}

fn tokens(text: &str) -> Vec<Token<'_>> {
    let mut tokens = Vec::new();
    for (line, content) in text.lines().enumerate() {
        let mut indent = content.len() - content.trim_start().len();
        let mut rest = &content[indent..];
        while let Some(item) = rest.strip_prefix("- ").or(if rest == "-" { Some("") } else { None }) {
            tokens.push(Token { line, indent, key: None });
            let inner = item.trim_start();
            indent += rest.len() - inner.len();
            rest = inner;
        }
        if rest.starts_with('#') {
            continue;
        }
        let colon = rest.find(": ").or_else(|| rest.trim_end().strip_suffix(':').map(str::len));
        if let Some(colon) = colon {
            let key = rest[..colon].trim_matches(['"', '\'']);
            tokens.push(Token { line, indent, key: Some(key) });
        }
    }
    tokens
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_found_by_their_path() {
        let text = "# note\nkind: Pod\nspec:\n  containers:\n  - name: a\n    image: x\n  - image: y\n    env:\n      - name: E\n        value: v\n  volumes: []\nstatus:\n  name: z\n";
        let table = [
            ("kind", Some(1)),
            ("spec.containers[0].image", Some(5)),
            ("spec.containers[1].image", Some(6)),
            ("spec.containers[1].env[0].value", Some(9)),
            ("spec.containers.image", Some(5)),
            ("spec.volumes", Some(10)),
            ("status.name", Some(12)),
            ("spec.absent.deeper", Some(2)),
            ("absent", None),
        ];
        for (path, expected) in table {
            assert_eq!(line(text, path), expected, "{path}");
        }
    }

    #[test]
    fn a_field_ends_where_the_next_begins() {
        let text = "kind: Pod\ndata:\n  a.txt: |\n    one\n\n    b: two\n\n  # of c\n  c: x\nspec:\n- name: n\n  list:\n  - 1\n";
        let place = |lines, indent, inner| Some(Place { lines, indent, inner });
        let table: [(&[&str], _); 7] = [
            (&[], place(0..13, 0, Some(0))),
            (&["data"], place(1..9, 0, Some(2))),
            (&["data", "a.txt"], place(2..6, 2, Some(4))),
            (&["data", "c"], place(8..9, 2, None)),
            (&["spec"], place(9..13, 0, None)),
            (&["spec", "0]"], place(10..13, 0, Some(2))),
            (&["data", "d"], None),
        ];
        for (path, expected) in table {
            let path: Vec<String> = path.iter().map(|part| (*part).to_owned()).collect();
            assert_eq!(exact(text, &path), expected, "{path:?}");
        }
    }

    #[test]
    fn json_is_read_by_its_lines() {
        let text = "{\n  \"kind\": \"Pod\",\n  \"spec\": {\n    \"nodeName\": \"x\"\n  }\n}\n";
        assert_eq!(line(text, "spec.nodeName"), Some(3));
    }
}
