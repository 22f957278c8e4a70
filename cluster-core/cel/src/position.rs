//! Where in the text an expression stands, as far as that can be told: the parser keeps no places.

use crate::prelude::*;
use crate::rewrite::children;

/// An error at a line and column, both from 1, with the line below it.
pub(crate) fn located(source: &str, line: usize, column: usize, message: &str) -> String {
    let text = source.lines().nth(line - 1).unwrap_or_default();
    format!("ERROR: <input>:{line}:{column}: {message}\n | {text}\n | {}^", ".".repeat(column - 1))
}

/// Where a part stands. The parser keeps no positions, but its numbers rise from left to right: the part is as many
/// occurrences of its own sign into the text.
pub(crate) fn position(root: &Expression, source: &str, at: &Expression) -> (usize, usize) {
    let Some(sign) = sign(at) else { return (1, 1) };
    let mut same = Vec::new();
    collect(root, &sign, &mut same);
    same.sort_unstable();
    let rank = same.iter().position(|id| *id == at.id).unwrap_or_default();
    let mut found = source.match_indices(&sign.0);
    let double = sign.0.replace('\'', "\"");
    let first = || source.match_indices(&sign.0).chain(source.match_indices(&double)).next();
    let offset = found.nth(rank).or_else(first).map_or(0, |(at, _)| at);
    let before = &source[..offset];
    let line_start = before.rfind('\n').map_or(0, |end| end + 1);
    (before.matches('\n').count() + 1, before[line_start..].chars().count() + 1 + sign.1)
}

/// The sign a part shows in the text, and how far behind its start the part stands.
fn sign(expression: &Expression) -> Option<(String, usize)> {
    match &expression.expr {
        Expr::Ident(name) => Some((name.clone(), 0)),
        Expr::Select(select) => Some((format!(".{}", select.field), 0)),
        Expr::Struct(object) => Some((object.type_name.clone(), 0)),
        Expr::Literal(LiteralValue::String(text)) => Some((format!("'{}'", text.inner()), 0)),
        Expr::Call(call) => Some(match call.func_name.as_str() {
            operators::INDEX | operators::OPT_INDEX => ("[".to_owned(), 0),
            operators::OPT_SELECT => (".?".to_owned(), 0),
            operators::CONDITIONAL => ("?".to_owned(), 0),
            operators::IN => (" in ".to_owned(), 1),
            name if name.contains('_') => (name.trim_matches('_').to_owned(), 0),
            name => (format!("{name}("), name.chars().count()),
        }),
        _ => None,
    }
}

fn collect(expression: &Expression, wanted: &(String, usize), found: &mut Vec<u64>) {
    if sign(expression).as_ref() == Some(wanted) {
        found.push(expression.id);
    }
    for inner in children(expression) {
        collect(inner, wanted, found);
    }
}
