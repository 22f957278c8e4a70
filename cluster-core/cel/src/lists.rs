//! `==` and `+` as Kubernetes has them: a number equals another kind's that says the same, and lists of the types `set`
//! and `map` know no order.
//!
//! Facts: <https://kubernetes.io/docs/reference/using-api/cel/#cel-community-libraries> and the page on validation rules.

use crate::limits;
use crate::prelude::*;
use crate::rewrite::{budget, part};

/// What `==` and `+` become; the third argument is the number of the left side's type among [`TYPES`].
pub(crate) const EQUAL: &str = "@equal";
pub(crate) const JOIN: &str = "@join";
/// The variable that holds the types.
pub(crate) const TYPES: &str = "@types";

/// The types that an expression's comparisons need.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Types(pub(crate) Vec<Type>);

impl Opaque for Types {
    fn runtime_type_name(&self) -> &'static str {
        "types"
    }
}

type Outcome = Result<Value, ExecutionError>;

pub(crate) fn register(context: &mut Context<'_>) {
    context.add_function(EQUAL, |call: &FunctionContext<'_, '_>| {
        by_type(call, |a, b, kind| Ok(Value::Bool(equal(a, b, kind))))
    });
    context.add_function(JOIN, |call: &FunctionContext<'_, '_>| by_type(call, join));
}

fn by_type(call: &FunctionContext<'_, '_>, work: impl FnOnce(&Value, &Value, &Type) -> Outcome) -> Outcome {
    let [a, b, index] = call.args else { return Err(ExecutionError::NoSuchOverload) };
    let (a, b) = (call.ptx.resolve(a)?, call.ptx.resolve(b)?);
    let types = call.ptx.resolve(&part(Expr::Ident(TYPES.to_owned())))?;
    let (Value::Int(index), Value::Opaque(types)) = (call.ptx.resolve(index)?, types) else {
        return Err(ExecutionError::NoSuchOverload);
    };
    let kind = types.downcast_ref::<Types>().and_then(|Types(all)| all.get(usize::try_from(index).ok()?));
    let kind = kind.unwrap_or(&Type::Dyn);
    // Without an order each item may have to be held against all others.
    let rounds = if unordered(kind) { limits::size(&a).saturating_mul(limits::size(&b)) } else { 0 };
    limits::spend(&call.ptx.resolve(&budget())?, rounds)?;
    work(&a, &b, kind)
}

fn unordered(kind: &Type) -> bool {
    match kind {
        Type::List(items, _, order) => *order != Order::Given || unordered(items),
        Type::Map(values, _) => unordered(values),
        Type::Object(object) => object.fields.values().any(unordered),
        _ => false,
    }
}

fn equal(a: &Value, b: &Value, kind: &Type) -> bool {
    match (a, b, kind) {
        (Value::List(a), Value::List(b), Type::List(items, _, order)) => {
            let counterpart = |(at, item)| match order {
                Order::Given => b.get(at),
                order => b.iter().find(|other| same(item, other, items, order)),
            };
            let alike = |(at, item)| counterpart((at, item)).is_some_and(|other| equal(item, other, items));
            a.len() == b.len() && a.iter().enumerate().all(alike)
        }
        (Value::Map(a), Value::Map(b), _) => {
            let alike = |(key, value): (&Key, &Value)| {
                let kind = match (kind, key) {
                    (Type::Map(values, _), _) => Some(&**values),
                    (Type::Object(object), Key::String(name)) => object.fields.get(name.as_str()),
                    _ => None,
                };
                b.map.get(key).is_some_and(|other| equal(value, other, kind.unwrap_or(&Type::Dyn)))
            };
            a.map.len() == b.map.len() && a.map.iter().all(alike)
        }
        _ => a == b,
    }
}

/// Whether two items stand for the same one of an unordered list.
fn same(a: &Value, b: &Value, items: &Type, order: &Order) -> bool {
    match (a, b, order) {
        (Value::Map(a), Value::Map(b), Order::Keyed(keys)) => {
            keys.iter().map(|key| Key::from(key.as_str())).all(|key| a.map.get(&key) == b.map.get(&key))
        }
        _ => equal(a, b, items),
    }
}

/// The items of the left list in their places, those of the right one in the place of the same or at the end.
fn join(a: &Value, b: &Value, kind: &Type) -> Outcome {
    let (Value::List(a), Value::List(b), Type::List(items, _, order)) = (a, b, kind) else {
        return Err(ExecutionError::NoSuchOverload);
    };
    let mut joined = (**a).clone();
    for item in b.iter() {
        match a.iter().position(|known| same(known, item, items, order)) {
            Some(at) => joined[at] = item.clone(),
            None => joined.push(item.clone()),
        }
    }
    Ok(Value::List(Arc::new(joined)))
}
