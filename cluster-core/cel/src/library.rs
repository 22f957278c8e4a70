//! The functions that expressions may call: kube-cel's, and those that it lacks.

use crate::prelude::*;
use std::cmp::Ordering;

use crate::limits;
use crate::macros::{AS_LIST, ENTRIES, INSERT, SORT_BY};
use crate::rewrite::{PAID, TICK};

/// The types that have a name without a dot.
pub(crate) const TYPES: &[&str] =
    &["bool", "bytes", "double", "int", "list", "map", "null_type", "optional_type", "string", "type", "uint"];

/// The library, registered once.
pub(crate) static LIBRARY: LazyLock<Context<'static>> = LazyLock::new(|| {
    let mut context = Context::default().with_all();
    context.add_function("dyn", |value: Value| -> Result<Value, ExecutionError> { Ok(value) });
    context.add_function("bool", to_bool);
    context.add_function(TICK, tick);
    context.add_function(PAID, paid);
    context.add_function("type", |value: Value| -> Result<Value, ExecutionError> { Ok(named(type_name(&value))) });
    for name in TYPES {
        context.add_variable_from_value(*name, named(name));
    }
    let protobuf = ["Timestamp", "Duration"].map(|name| (name.to_owned(), named(&format!("google.protobuf.{name}"))));
    let google = crate::object([("protobuf".to_owned(), crate::object(protobuf))]);
    context.add_variable_from_value("google", google);
    context.add_function(ENTRIES, entries);
    context.add_function(AS_LIST, as_list);
    context.add_function(INSERT, insert);
    context.add_function(SORT_BY, sort_by);
    crate::lists::register(&mut context);
    crate::standard::register(&mut context);
    crate::authorizer::register(&mut context);
    context
});

fn to_bool(value: Value) -> Result<bool, ExecutionError> {
    match value {
        Value::Bool(is) => Ok(is),
        Value::String(text) if text.eq_ignore_ascii_case("true") || *text == "1" || *text == "t" => Ok(true),
        Value::String(text) if text.eq_ignore_ascii_case("false") || *text == "0" || *text == "f" => Ok(false),
        _ => Err(ExecutionError::function_error("bool", "type conversion error")),
    }
}

fn tick(budget: Value, steps: i64) -> Result<bool, ExecutionError> {
    limits::spend(&budget, steps.unsigned_abs()).map(|()| true)
}

fn paid(budget: Value, value: Value) -> Result<Value, ExecutionError> {
    limits::spend(&budget, limits::size(&value)).map(|()| value)
}

/// A type as a value.
#[derive(Debug, PartialEq, Eq)]
struct TypeName(String);

impl Opaque for TypeName {
    fn runtime_type_name(&self) -> &'static str {
        "type"
    }
}

fn named(name: &str) -> Value {
    Value::Opaque(Arc::new(TypeName(name.to_owned())))
}

/// The type that a value is the name of.
pub(crate) fn type_value(value: &Value) -> Option<&str> {
    let Value::Opaque(inner) = value else { return None };
    inner.downcast_ref::<TypeName>().map(|TypeName(name)| name.as_str())
}

pub(crate) fn type_name(value: &Value) -> &str {
    match value {
        Value::List(_) => "list",
        Value::Map(_) => "map",
        Value::Int(_) => "int",
        Value::UInt(_) => "uint",
        Value::Float(_) => "double",
        Value::String(_) => "string",
        Value::Bytes(_) => "bytes",
        Value::Bool(_) => "bool",
        Value::Duration(_) => "google.protobuf.Duration",
        Value::Timestamp(_) => "google.protobuf.Timestamp",
        Value::Opaque(inner) if inner.downcast_ref::<OptionalValue>().is_some() => "optional_type",
        Value::Opaque(inner) => inner.runtime_type_name(),
        Value::Null => "null_type",
        Value::Function(..) => "function",
    }
}

/// Maps are gone through in the order of their keys, so that the outcome is always the same.
fn entries(of: Value) -> Result<Value, ExecutionError> {
    let pair = |key: Value, value: &Value| Value::List(Arc::new(vec![key, value.clone()]));
    let pairs = match of {
        Value::List(items) => (0..).map(Value::Int).zip(items.iter()).map(|(index, item)| pair(index, item)).collect(),
        Value::Map(map) => {
            let mut sorted: Vec<(&Key, &Value)> = map.map.iter().collect();
            sorted.sort_by_key(|(key, _)| *key);
            sorted.into_iter().map(|(key, value)| pair(key.into(), value)).collect()
        }
        _ => return Err(ExecutionError::NoSuchOverload),
    };
    Ok(Value::List(Arc::new(pairs)))
}

fn as_list(optional: Value) -> Result<Value, ExecutionError> {
    let optional: &OptionalValue = (&optional).try_into()?;
    Ok(Value::List(Arc::new(optional.value().cloned().into_iter().collect())))
}

fn insert(Arguments(given): Arguments) -> Result<Value, ExecutionError> {
    let (Value::Map(map), more) = (&given[0], &given[1..]) else { return Err(ExecutionError::NoSuchOverload) };
    let new: Vec<(Key, Value)> = match more {
        [Value::Map(more)] => more.map.iter().map(|(key, value)| (key.clone(), value.clone())).collect(),
        [key, value] => vec![(key.clone().try_into().map_err(|_| ExecutionError::NoSuchOverload)?, value.clone())],
        _ => return Err(ExecutionError::NoSuchOverload),
    };
    let mut all: HashMap<Key, Value> = (*map.map).clone();
    for (key, value) in new {
        if all.contains_key(&key) {
            return Err(ExecutionError::function_error(INSERT, format!("insert failed: key '{key}' already exists")));
        }
        all.insert(key, value);
    }
    Ok(Value::Map(Map { map: Arc::new(all) }))
}

fn sort_by(This(items): This<Arc<Vec<Value>>>, keys: Arc<Vec<Value>>) -> Result<Value, ExecutionError> {
    let mut sorted: Vec<(&Value, &Value)> = keys.iter().zip(items.iter()).collect();
    let alike = keys
        .windows(2)
        .all(|pair| type_name(&pair[0]) == type_name(&pair[1]) && pair[0].partial_cmp(&pair[1]).is_some());
    if !alike {
        return Err(ExecutionError::function_error(
            "sortBy",
            "list elements must have the same type and be comparable",
        ));
    }
    sorted.sort_by(|(a, _), (b, _)| a.partial_cmp(b).unwrap_or(Ordering::Equal));
    Ok(Value::List(Arc::new(sorted.into_iter().map(|(_, item)| item.clone()).collect())))
}
