//! `format`, and text made of values, as cel-go words them.
//!
//! Facts: <https://pkg.go.dev/github.com/google/cel-go/ext#Strings>.

use crate::library::{type_name, type_value};
use crate::prelude::*;
use std::fmt::Write as _;

/// Digits after the point where none are asked for, and the most that may be.
const PRECISION: usize = 6;
const MAX_PRECISION: usize = 100;
/// The name of each clause and what it takes, for errors.
const CLAUSES: [(char, &str, &str); 8] = [
    ('s', "string", "strings, bools, bytes, ints, doubles, maps, lists, types, durations, and timestamps"),
    ('d', "decimal", "integers"),
    ('f', "fixed-point", "doubles"),
    ('e', "scientific", "doubles"),
    ('b', "binary", "integers and bools"),
    ('o', "octal", "integers"),
    ('x', "hex", "integers, byte buffers, and strings"),
    ('X', "hex", "integers, byte buffers, and strings"),
];

fn fault(why: String) -> ExecutionError {
    ExecutionError::function_error("format", why)
}

fn refused(verb: char, found: &str) -> String {
    match CLAUSES.iter().find(|(known, ..)| *known == verb) {
        Some((_, clause, takes)) => {
            format!("error during formatting: {clause} clause can only be used on {takes}, was given {found}")
        }
        None => format!("could not parse formatting clause: unrecognized formatting clause \"{verb}\""),
    }
}

/// A part of a pattern.
enum Piece<'a> {
    Text(&'a str),
    Clause { verb: char, precision: usize },
}

fn pieces(pattern: &str) -> Result<Vec<Piece<'_>>, String> {
    let (mut pieces, mut rest) = (Vec::new(), pattern);
    while let Some((before, clause)) = rest.split_once('%') {
        pieces.push(Piece::Text(before));
        if let Some(after) = clause.strip_prefix('%') {
            pieces.push(Piece::Text("%"));
            rest = after;
            continue;
        }
        let digits = clause.strip_prefix('.').unwrap_or_default();
        let digits = &digits[..digits.find(|c: char| !c.is_ascii_digit()).unwrap_or(digits.len())];
        let precision = if digits.is_empty() { PRECISION } else { digits.parse().unwrap_or(usize::MAX) };
        if precision > MAX_PRECISION {
            return Err(format!("precision of {digits} exceeds the maximum of {MAX_PRECISION}"));
        }
        let clause = if digits.is_empty() { clause } else { &clause[digits.len() + 1..] };
        let mut letters = clause.chars();
        let verb = letters.next().ok_or("unexpected end of string")?;
        pieces.push(Piece::Clause { verb, precision });
        rest = letters.as_str();
    }
    pieces.push(Piece::Text(rest));
    Ok(pieces)
}

/// What is wrong with a pattern for values of these types, and with which of them.
pub(crate) fn check(pattern: &str, kinds: &[Type]) -> Option<(Option<usize>, String)> {
    let pieces = match pieces(pattern) {
        Ok(pieces) => pieces,
        Err(why) => return Some((None, why)),
    };
    let verbs = pieces.iter().filter_map(|piece| match piece {
        Piece::Clause { verb, .. } => Some(*verb),
        Piece::Text(_) => None,
    });
    verbs.enumerate().find_map(|(index, verb)| match kinds.get(index) {
        None => Some((None, format!("index {index} out of range"))),
        Some(kind) if takes(verb, kind) => None,
        Some(kind) => {
            let known = CLAUSES.iter().any(|(known, ..)| *known == verb);
            let shown = kind.to_string();
            Some((known.then_some(index), refused(verb, shown.split('(').next().unwrap_or_default())))
        }
    })
}

fn takes(verb: char, kind: &Type) -> bool {
    let whole = matches!(kind, Type::Int | Type::Uint);
    match verb {
        's' => {
            !matches!(kind, Type::Object(_) | Type::Optional(_))
                && (!matches!(kind, Type::Opaque(_)) || *kind == Type::Opaque("type"))
        }
        'd' | 'o' => whole || *kind == Type::Dyn,
        'f' | 'e' => matches!(kind, Type::Double | Type::String(_) | Type::Dyn),
        'b' => whole || matches!(kind, Type::Bool | Type::Dyn),
        'x' | 'X' => whole || matches!(kind, Type::String(_) | Type::Bytes(_) | Type::Dyn),
        _ => false,
    }
}

/// `'%s has %d'.format([a, b])`.
pub(crate) fn format(This(pattern): This<Arc<String>>, given: Arc<Vec<Value>>) -> Result<Arc<String>, ExecutionError> {
    let (mut made, mut index) = (String::new(), 0);
    for piece in pieces(&pattern).map_err(fault)? {
        match piece {
            Piece::Text(text) => made.push_str(text),
            Piece::Clause { verb, precision } => {
                let value = given.get(index).ok_or_else(|| fault(format!("index {index} out of range")))?;
                made.push_str(&one(verb, precision, value)?);
                index += 1;
            }
        }
    }
    Ok(Arc::new(made))
}

fn one(verb: char, precision: usize, value: &Value) -> Result<String, ExecutionError> {
    let made = match (verb, value) {
        ('s', value) => return text(value),
        ('d', Value::Int(number)) => Some(number.to_string()),
        ('d', Value::UInt(number)) => Some(number.to_string()),
        ('f', Value::Float(number)) => Some(grouped(&format!("{number:.precision$}"))),
        ('e', Value::Float(number)) => Some(scientific(*number, precision)),
        ('b', Value::Bool(is)) => Some(u8::from(*is).to_string()),
        ('b', Value::Int(number)) => Some(signed(*number, |number| format!("{number:b}"))),
        ('b', Value::UInt(number)) => Some(format!("{number:b}")),
        ('o', Value::Int(number)) => Some(signed(*number, |number| format!("{number:o}"))),
        ('o', Value::UInt(number)) => Some(format!("{number:o}")),
        ('x', value) => hex(value),
        ('X', value) => hex(value).map(|digits| digits.to_uppercase()),
        _ => None,
    };
    made.ok_or_else(|| fault(refused(verb, type_name(value))))
}

fn signed(number: i64, digits: impl Fn(u64) -> String) -> String {
    format!("{}{}", if number < 0 { "-" } else { "" }, digits(number.unsigned_abs()))
}

fn hex(value: &Value) -> Option<String> {
    let bytes = |bytes: &[u8]| {
        bytes.iter().fold(String::new(), |mut text, byte| {
            // Writing to text does not fail.
            let _written = write!(text, "{byte:02x}");
            text
        })
    };
    match value {
        Value::Int(number) => Some(signed(*number, |number| format!("{number:x}"))),
        Value::UInt(number) => Some(format!("{number:x}")),
        Value::String(text) => Some(bytes(text.as_bytes())),
        Value::Bytes(given) => Some(bytes(given)),
        _ => None,
    }
}

/// With a comma at each thousand, as in English.
fn grouped(number: &str) -> String {
    let whole = number.find('.').unwrap_or(number.len());
    let digits = number.trim_start_matches('-').find('.').unwrap_or(number.trim_start_matches('-').len());
    let mut made = String::new();
    for (at, c) in number.char_indices() {
        let left = whole.saturating_sub(at);
        if c.is_ascii_digit() && at < whole && left % 3 == 0 && left < digits {
            made.push(',');
        }
        made.push(c);
    }
    made
}

/// `1.5×10⁰³`.
fn scientific(number: f64, precision: usize) -> String {
    let shown = format!("{number:.precision$e}");
    let Some((mantissa, exponent)) = shown.split_once('e') else { return general(number) };
    let (sign, exponent) = exponent.strip_prefix('-').map_or(("", exponent), |digits| ("⁻", digits));
    let raised = |digit: char| digit.to_digit(10).and_then(|digit| "⁰¹²³⁴⁵⁶⁷⁸⁹".chars().nth(digit as usize));
    let exponent: String = format!("{exponent:0>2}").chars().filter_map(raised).collect();
    format!("{mantissa}×10{sign}{exponent}")
}

/// A value as `string()` and `%s` show it.
pub(crate) fn text(value: &Value) -> Result<String, ExecutionError> {
    Ok(match value {
        Value::String(text) => (**text).clone(),
        Value::Bytes(bytes) => String::from_utf8_lossy(bytes).into_owned(),
        Value::Int(number) => number.to_string(),
        Value::UInt(number) => number.to_string(),
        Value::Float(number) => general(*number),
        Value::Bool(is) => is.to_string(),
        Value::Null => "null".to_owned(),
        Value::Timestamp(moment) => {
            let moment = moment.naive_utc();
            let fraction = format!(".{:09}", moment.and_utc().timestamp_subsec_nanos());
            format!("{}{}Z", moment.format("%Y-%m-%dT%H:%M:%S"), fraction.trim_end_matches(['0', '.']))
        }
        Value::Duration(span) => {
            format!("{}s", span.num_nanoseconds().map_or(span.num_seconds() as f64, |nanos| nanos as f64 / 1e9))
        }
        Value::List(items) => {
            let items: Vec<String> = items.iter().map(nested).collect::<Result<_, _>>()?;
            format!("[{}]", items.join(", "))
        }
        Value::Map(map) => {
            let entry = |(key, value): (&Key, &Value)| Ok(format!("{}:{}", nested(&key.into())?, nested(value)?));
            let mut entries: Vec<String> = map.map.iter().map(entry).collect::<Result<_, ExecutionError>>()?;
            entries.sort();
            format!("{{{}}}", entries.join(", "))
        }
        other => match type_value(other) {
            Some(name) => name.to_owned(),
            None => return Err(fault(refused('s', type_name(other)))),
        },
    })
}

/// A value inside of a list or map, as an expression would write it.
fn nested(value: &Value) -> Result<String, ExecutionError> {
    let plain = text(value)?;
    Ok(match value {
        Value::String(_) => format!("{plain:?}"),
        Value::Bytes(_) => format!("b{plain:?}"),
        Value::Float(number) if number.is_finite() => format!("{number:.PRECISION$}"),
        Value::Float(_) => format!("{plain:?}"),
        Value::Timestamp(_) => format!("timestamp({plain:?})"),
        Value::Duration(_) => format!("duration({plain:?})"),
        value if type_value(value).is_some() => format!("type({plain})"),
        _ => plain,
    })
}

/// Go's `%g`: the shortest text that reads as the same number.
fn general(number: f64) -> String {
    if number.is_nan() {
        return "NaN".to_owned();
    }
    if number.is_infinite() {
        return if number > 0.0 { "+Inf" } else { "-Inf" }.to_owned();
    }
    let shown = format!("{number:e}");
    let (mantissa, exponent) = shown.split_once('e').unwrap_or((&shown, "0"));
    match exponent.parse::<i32>() {
        Ok(exponent) if !(-4..6).contains(&exponent) => {
            format!("{mantissa}e{}{:02}", if exponent < 0 { '-' } else { '+' }, exponent.abs())
        }
        _ => number.to_string(),
    }
}
