//! `format`, and text made of values, as cel-go words them.
//!
//! Facts: <https://pkg.go.dev/github.com/google/cel-go/ext#Strings>.

use crate::library::{type_name, type_value};
use kube_cel::cel::extractors::This;
use kube_cel::cel::objects::Key;
use kube_cel::cel::{ExecutionError, Value};
use std::fmt::Write as _;
use std::sync::Arc;

/// Digits after the point where none are asked for.
const PRECISION: usize = 6;

fn fault(why: String) -> ExecutionError {
    ExecutionError::function_error("format", why)
}

/// `'%s has %d'.format([a, b])`.
pub(crate) fn format(This(pattern): This<Arc<String>>, given: Arc<Vec<Value>>) -> Result<Arc<String>, ExecutionError> {
    let (mut made, mut rest, mut index) = (String::new(), pattern.as_str(), 0);
    while let Some((before, clause)) = rest.split_once('%') {
        made.push_str(before);
        if let Some(after) = clause.strip_prefix('%') {
            made.push('%');
            rest = after;
            continue;
        }
        let digits = clause.strip_prefix('.').unwrap_or_default();
        let digits = &digits[..digits.find(|c: char| !c.is_ascii_digit()).unwrap_or(digits.len())];
        let precision = digits.parse().unwrap_or(PRECISION);
        let clause = if digits.is_empty() { clause } else { &clause[digits.len() + 1..] };
        let mut letters = clause.chars();
        let verb = letters.next().ok_or_else(|| fault("unexpected end of string".to_owned()))?;
        let value = given.get(index).ok_or_else(|| fault(format!("index {index} out of range")))?;
        made.push_str(&one(verb, precision, value)?);
        (rest, index) = (letters.as_str(), index + 1);
    }
    made.push_str(rest);
    Ok(Arc::new(made))
}

fn one(verb: char, precision: usize, value: &Value) -> Result<String, ExecutionError> {
    let refused = |clause: &str, takes: &str| {
        let found = type_name(value);
        fault(format!("error during formatting: {clause} clause can only be used on {takes}, was given {found}"))
    };
    Ok(match (verb, value) {
        ('s', value) => text(value)?,
        ('d', Value::Int(number)) => number.to_string(),
        ('d', Value::UInt(number)) => number.to_string(),
        ('f', Value::Float(number)) => grouped(&format!("{number:.precision$}")),
        ('e', Value::Float(number)) => scientific(*number, precision),
        ('b', Value::Bool(is)) => u8::from(*is).to_string(),
        ('b', Value::Int(number)) => signed(*number, |number| format!("{number:b}")),
        ('b', Value::UInt(number)) => format!("{number:b}"),
        ('o', Value::Int(number)) => signed(*number, |number| format!("{number:o}")),
        ('o', Value::UInt(number)) => format!("{number:o}"),
        ('x' | 'X', value) => {
            let found = hex(value).ok_or_else(|| refused("hex", "integers, byte buffers, and strings"))?;
            if verb == 'X' { found.to_uppercase() } else { found }
        }
        ('d', _) => return Err(refused("decimal", "integers")),
        ('f', _) => return Err(refused("fixed-point", "doubles")),
        ('e', _) => return Err(refused("scientific", "doubles")),
        ('b', _) => return Err(refused("binary", "integers and bools")),
        ('o', _) => return Err(refused("octal", "integers")),
        (verb, _) => {
            return Err(fault(format!("could not parse formatting clause: unrecognized formatting clause \"{verb}\"")));
        }
    })
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
        other => type_value(other).map(str::to_owned).ok_or_else(|| {
            fault(format!(
                "error during formatting: string clause can only be used on strings, bools, bytes, ints, doubles, maps, \
                 lists, types, durations, and timestamps, was given {}",
                type_name(other)
            ))
        })?,
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
