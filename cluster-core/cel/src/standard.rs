//! Functions that the interpreter or kube-cel have otherwise than cel-go.

use crate::limits;
use crate::prelude::*;
use crate::rewrite::{budget, part};
use chrono::{DateTime, FixedOffset, Utc};

/// What a minus before a number is rewritten to: the interpreter's own panics at the least of all.
pub(crate) const NEGATE: &str = "@negate";
/// What `&&` and `||` are: an error counts only when the other side does not decide.
pub(crate) const AND: &str = "@and";
pub(crate) const OR: &str = "@or";
/// What they are between the items of `all` and `exists`: an error waits for the end of the loop.
pub(crate) const ALL: &str = "@all";
pub(crate) const ANY: &str = "@any";
/// What such a loop ends with.
pub(crate) const RELEASE: &str = "@release";
const GETTERS: [&str; 10] = [
    "getDate",
    "getDayOfMonth",
    "getDayOfWeek",
    "getDayOfYear",
    "getFullYear",
    "getHours",
    "getMilliseconds",
    "getMinutes",
    "getMonth",
    "getSeconds",
];

/// Functions whose results may be larger than all that they are given; they pay before.
const GROWING: [&str; 4] = ["replace", "join", "lists.range", "strings.quote"];

/// Functions that say of an argument which cannot be evaluated that it is missing; the error itself is to be told.
const HIDING: [&str; 3] = ["sign", "semver", "isSemver"];

type Outcome = Result<Value, ExecutionError>;

/// An error that waits for the other sides.
#[derive(Debug, PartialEq)]
struct Held(ExecutionError);

// What has it is compared with nothing.
impl Eq for Held {}

impl Opaque for Held {
    fn runtime_type_name(&self) -> &'static str {
        "error"
    }
}

/// The library without what stands here.
static BASE: LazyLock<Context<'static>> = LazyLock::new(|| Context::default().with_all());

fn base(name: &str, this: Option<Value>, given: &[Value]) -> Outcome {
    let mut context = BASE.new_inner_scope();
    let mut bind = |name: String, value: Value| {
        context.add_variable_from_value(name.clone(), value);
        part(Expr::Ident(name))
    };
    let target = this.map(|this| Box::new(bind("@this".to_owned(), this)));
    let args = given.iter().enumerate().map(|(index, value)| bind(format!("@{index}"), value.clone())).collect();
    context.resolve(&part(Expr::Call(CallExpr { func_name: name.to_owned(), target, args })))
}

/// Puts these functions in the place of the library's.
pub(crate) fn register(context: &mut Context<'_>) {
    context.add_function(NEGATE, negate);
    context.add_function(AND, |call: &FunctionContext<'_, '_>| release(joined(call, false)));
    context.add_function(OR, |call: &FunctionContext<'_, '_>| release(joined(call, true)));
    context.add_function(ALL, |call: &FunctionContext<'_, '_>| -> Outcome { Ok(joined(call, false)) });
    context.add_function(ANY, |call: &FunctionContext<'_, '_>| -> Outcome { Ok(joined(call, true)) });
    context.add_function(RELEASE, |value: Value| release(value));
    context.add_function("format", crate::format::format);
    context.add_function("size", size);
    context.add_function("sum", sum);
    context.add_function("optional.unwrap", |items: Arc<Vec<Value>>| unwrap(&items));
    context.add_function("unwrapOpt", |This(items): This<Arc<Vec<Value>>>| unwrap(&items));
    context.add_function("int", |given: Value| match given {
        Value::Timestamp(moment) => Ok(Value::Int(moment.timestamp())),
        other => base("int", Some(other), &[]),
    });
    context.add_function("timestamp", |given: Value| match given {
        Value::Int(seconds) => {
            let moment = DateTime::from_timestamp(seconds, 0);
            let overflow = || ExecutionError::function_error("timestamp", "timestamp overflow");
            moment.map(|moment| Value::Timestamp(moment.fixed_offset())).ok_or_else(overflow)
        }
        Value::Timestamp(_) => Ok(given),
        other => base("timestamp", None, &[other]),
    });
    context.add_function("string", |given: Value| match given {
        Value::Opaque(_) => base("string", Some(given), &[]),
        other => crate::format::text(&other).map(|text| Value::String(Arc::new(text))),
    });
    for name in ["matches", "find", "findAll"] {
        context.add_function(name, |call: &FunctionContext<'_, '_>| matched(name, call));
    }
    for name in HIDING {
        context.add_function(name, |call: &FunctionContext<'_, '_>| base(name, call.this.clone(), &resolved(call)?));
    }
    for name in GROWING {
        context.add_function(name, |call: &FunctionContext<'_, '_>| grown(name, call));
    }
    for name in GETTERS {
        context.add_function(name, move |This(this): This<Value>, Arguments(given): Arguments| {
            match (this, &given[..]) {
                (Value::Timestamp(moment), []) => {
                    base(name, Some(Value::Timestamp(moment.with_timezone(&Utc).fixed_offset())), &[])
                }
                (Value::Timestamp(moment), [Value::String(zone)]) => {
                    let offset = offset(&moment, zone);
                    let offset = offset
                        .ok_or_else(|| ExecutionError::function_error(name, format!("unknown time zone {zone}")))?;
                    base(name, Some(Value::Timestamp(moment.with_timezone(&offset))), &[])
                }
                (other, given) => base(name, Some(other), given),
            }
        });
    }
}

/// What both sides say together: what one `decides` alone, or else the first error, held.
fn joined(call: &FunctionContext<'_, '_>, decides: bool) -> Value {
    let mut held = None;
    for side in call.args {
        let error = match call.ptx.resolve(side) {
            Ok(Value::Bool(is)) if is == decides => return Value::Bool(is),
            Ok(Value::Bool(_)) => continue,
            Ok(Value::Opaque(waiting)) if waiting.downcast_ref::<Held>().is_some() => Value::Opaque(waiting),
            Ok(_) => Value::Opaque(Arc::new(Held(ExecutionError::NoSuchOverload))),
            Err(error) => Value::Opaque(Arc::new(Held(error))),
        };
        held.get_or_insert(error);
    }
    held.unwrap_or(Value::Bool(!decides))
}

fn release(value: Value) -> Outcome {
    let Value::Opaque(inner) = &value else { return Ok(value) };
    let error = inner.downcast_ref().map(|Held(error)| error.clone());
    error.map_or(Ok(value), Err)
}

/// A function that takes a pattern: the second of all that it is given.
fn matched(name: &'static str, call: &FunctionContext<'_, '_>) -> Outcome {
    let mut given = resolved(call)?;
    if let Some(Value::String(pattern)) = given.get_mut(usize::from(call.this.is_none())) {
        *pattern = Arc::new(crate::pattern::translated(pattern));
    }
    base(name, call.this.clone(), &given)
}

fn resolved(call: &FunctionContext<'_, '_>) -> Result<Vec<Value>, ExecutionError> {
    call.args.iter().map(|argument| call.ptx.resolve(argument)).collect()
}

fn grown(name: &'static str, call: &FunctionContext<'_, '_>) -> Outcome {
    let given = resolved(call)?;
    limits::spend(&call.ptx.resolve(&budget())?, limits::growth(name, call.this.as_ref(), &given))?;
    // Less than none is all of them.
    let all = name == "replace" && matches!(given.get(2), Some(Value::Int(count)) if *count < 0);
    base(name, call.this.clone(), &given[..if all { 2 } else { given.len() }])
}

fn negate(value: Value) -> Outcome {
    match value {
        Value::Int(number) => {
            let overflow = || ExecutionError::function_error(NEGATE, "integer overflow");
            number.checked_neg().map(Value::Int).ok_or_else(overflow)
        }
        Value::Float(number) => Ok(Value::Float(-number)),
        _ => Err(ExecutionError::NoSuchOverload),
    }
}

/// Of text the number of its characters, not of its bytes.
fn size(call: &FunctionContext<'_, '_>) -> Result<i64, ExecutionError> {
    match call.this.iter().chain(&resolved(call)?).next() {
        Some(Value::String(text)) => Ok(text.chars().count() as i64),
        Some(Value::Bytes(bytes)) => Ok(bytes.len() as i64),
        Some(Value::List(items)) => Ok(items.len() as i64),
        Some(Value::Map(map)) => Ok(map.map.len() as i64),
        _ => Err(ExecutionError::NoSuchOverload),
    }
}

/// The values of those optionals that have one.
fn unwrap(items: &[Value]) -> Outcome {
    let held = items.iter().map(|item| <&OptionalValue>::try_from(item).map(|held| held.value().cloned()));
    let held: Vec<Option<Value>> = held.collect::<Result<_, _>>()?;
    Ok(Value::List(Arc::new(held.into_iter().flatten().collect())))
}

fn sum(This(items): This<Arc<Vec<Value>>>) -> Outcome {
    if !matches!(items.first(), Some(Value::Duration(_))) {
        return base("sum", Some(Value::List(items)), &[]);
    }
    let add = |sum: chrono::Duration, item: &Value| match item {
        Value::Duration(span) => sum.checked_add(span),
        _ => None,
    };
    let overflow = || ExecutionError::function_error("sum", "integer overflow");
    items.iter().try_fold(chrono::Duration::zero(), add).map(Value::Duration).ok_or_else(overflow)
}

/// How far a zone is from UTC at that moment: `+01:30`, `-08:00`, or a name as `Europe/Berlin`.
fn offset(moment: &DateTime<FixedOffset>, zone: &str) -> Option<FixedOffset> {
    if let Some((hours, minutes)) = zone.split_once(':') {
        let (hours, minutes): (i32, i32) = (hours.parse().ok()?, minutes.parse().ok()?);
        let sign = if zone.starts_with('-') { -1 } else { 1 };
        return FixedOffset::east_opt(hours.checked_mul(3600)?.checked_add(sign * minutes.checked_mul(60)?)?);
    }
    let zone = jiff::tz::TimeZone::get(zone).ok()?;
    FixedOffset::east_opt(zone.to_offset(jiff::Timestamp::from_second(moment.timestamp()).ok()?).seconds())
}
