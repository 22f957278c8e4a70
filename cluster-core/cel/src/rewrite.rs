//! Turns a parsed expression into one that the interpreter evaluates as CEL means it, and never without end.

use crate::prelude::*;
use kube_cel::cel::common::ast::{MapEntryExpr, StructExpr};

use crate::check::Typed;
use crate::lists::{EQUAL, JOIN};
use crate::macros::RESULT;
use crate::standard::{ALL, AND, ANY, NEGATE, OR, RELEASE};

/// The function that loops ask for leave, and the variable that holds the budget.
pub(crate) const TICK: &str = "@tick";
pub(crate) const BUDGET: &str = "@budget";
/// What takes the size of a value from the budget before the value is copied into another.
pub(crate) const PAID: &str = "@paid";

/// Text that stands in an expression is copied for nothing up to this length.
const SHORT: usize = 100;

/// What joins two sides, and what joins what the items of a loop say.
const JOINTS: [(&str, &str, &str); 2] = [(operators::LOGICAL_AND, AND, ALL), (operators::LOGICAL_OR, OR, ANY)];

/// The expressions inside of one. To look at them and to change them are two functions, since borrows differ.
macro_rules! parts {
    ($(#[$doc:meta])* $name:ident, $as_deref:ident, $iter:ident $(, $mutable:tt)?) => {
        $(#[$doc])*
        pub(crate) fn $name(expression: &$($mutable)? Expression) -> Vec<&$($mutable)? Expression> {
            match &$($mutable)? expression.expr {
                Expr::Call(call) => call.target.$as_deref().into_iter().chain(call.args.$iter()).collect(),
                Expr::Comprehension(inner) => {
                    let ComprehensionExpr { iter_range, accu_init, loop_cond, loop_step, result, .. } =
                        &$($mutable)? **inner;
                    vec![iter_range, accu_init, loop_cond, loop_step, result]
                }
                Expr::List(list) => list.elements.$iter().collect(),
                Expr::Select(select) => vec![&$($mutable)? select.operand],
                Expr::Map(MapExpr { entries }) | Expr::Struct(StructExpr { entries, .. }) => {
                    let parts = entries.$iter().flat_map(|entry| match &$($mutable)? entry.expr {
                        EntryExpr::StructField(field) => vec![&$($mutable)? field.value],
                        EntryExpr::MapEntry(entry) => vec![&$($mutable)? entry.key, &$($mutable)? entry.value],
                    });
                    parts.collect()
                }
                Expr::Unspecified | Expr::Ident(_) | Expr::Literal(_) => Vec::new(),
            }
        }
    };
}

parts!(
    /// The expressions inside of one, without those of a struct's or map's entries that are no expressions.
    children, as_deref, iter
);
parts!(
    /// As [`children`], to be changed.
    children_mut, as_deref_mut, iter_mut, mut
);

/// How deep the expression is nested.
pub(crate) fn depth(expression: &Expression) -> usize {
    1 + children(expression).into_iter().map(depth).max().unwrap_or_default()
}

/// Gives each part a number of its own, in the order of those that the parser gave, which what a macro made shares with it.
pub(crate) fn number(expression: &mut Expression, last: &mut u64) {
    *last += 1;
    expression.id = expression.id << 32 | *last;
    for inner in children_mut(expression) {
        number(inner, last);
    }
}

/// How many steps one evaluation takes, loops inside of it left out: they account for themselves.
pub(crate) fn weight(expression: &Expression) -> u64 {
    match &expression.expr {
        Expr::Comprehension(inner) => {
            1 + [&inner.iter_range, &inner.accu_init, &inner.result].into_iter().map(weight).sum::<u64>()
        }
        Expr::Literal(_) => 0,
        _ => 1 + children(expression).into_iter().map(weight).sum::<u64>(),
    }
}

/// Rewrites the whole expression.
///
/// - A selection becomes an index: the interpreter's own selection says `false` for what is no map, and does not pass
///   optionals on.
/// - A struct literal becomes a map: the interpreter knows no structs.
/// - A loop pays before each round.
/// - What is put into a list or map or added to something is paid for first: the interpreter copies it.
/// - What is compared or joined by its type is told the type's number.
/// - An error on one side of `&&` and `||` waits for the other side, in a loop for the other items.
pub(crate) fn rewrite(expression: &mut Expression, typed: &Typed) {
    let kind = typed.get(&expression.id).copied();
    for inner in children_mut(expression) {
        rewrite(inner, typed);
    }
    if let (Expr::Call(call), Some(kind)) = (&mut expression.expr, kind) {
        call.args.push(literal(LiteralValue::Int(kind.into())));
        let differs = call.func_name == operators::NOT_EQUALS;
        let function = if call.func_name == operators::ADD { JOIN } else { EQUAL };
        function.clone_into(&mut call.func_name);
        if differs {
            *expression = self::call(operators::LOGICAL_NOT, vec![std::mem::take(expression)]);
        }
        return;
    }
    match &mut expression.expr {
        Expr::Call(call) if call.func_name == operators::NEGATE => {
            NEGATE.clone_into(&mut call.func_name);
        }
        Expr::Call(CallExpr { func_name, args, .. })
            if let Some((_, of_sides, of_items)) = JOINTS.iter().find(|(operator, ..)| operator == func_name) =>
        {
            let loops = matches!(args.first(), Some(Expression { expr: Expr::Ident(name), .. }) if name == RESULT);
            (if loops { *of_items } else { *of_sides }).clone_into(func_name);
        }
        Expr::Call(call) if call.func_name == operators::ADD => call.args.iter_mut().for_each(pay),
        Expr::List(list) => list.elements.iter_mut().for_each(pay),
        Expr::Map(map) => {
            for entry in &mut map.entries {
                if let EntryExpr::MapEntry(entry) = &mut entry.expr {
                    pay(&mut entry.value);
                }
            }
        }
        Expr::Call(call) if call.func_name == operators::OPT_SELECT => {
            operators::OPT_INDEX.clone_into(&mut call.func_name);
        }
        // kube-cel answers with null where it is documented to give an optional.
        Expr::Call(CallExpr { func_name, target: Some(target), .. })
            if func_name == "named" && matches!(&target.expr, Expr::Ident(name) if name == "format") =>
        {
            let found = std::mem::take(expression);
            *expression = call("optional.ofNonZeroValue", vec![found]);
        }
        Expr::Comprehension(inner) => {
            let price = 1 + weight(&inner.loop_cond) + weight(&inner.loop_step);
            let condition = std::mem::take(&mut inner.loop_cond);
            let leave = call(TICK, vec![budget(), literal(LiteralValue::Int((price as i64).into()))]);
            if matches!(&inner.accu_init.expr, Expr::Literal(LiteralValue::Boolean(_))) {
                inner.result = call(RELEASE, vec![std::mem::take(&mut inner.result)]);
            }
            inner.loop_cond =
                call(operators::CONDITIONAL, vec![leave, condition, literal(LiteralValue::Boolean(false.into()))]);
        }
        Expr::Select(SelectExpr { operand, field, test: false }) => {
            let field = literal(LiteralValue::String(std::mem::take(field).into()));
            *expression = call(operators::INDEX, vec![std::mem::take(&mut **operand), field]);
        }
        Expr::Struct(object) => {
            let mut entries = std::mem::take(&mut object.entries);
            for entry in &mut entries {
                if let EntryExpr::StructField(field) = &mut entry.expr {
                    let key = literal(LiteralValue::String(std::mem::take(&mut field.field).into()));
                    pay(&mut field.value);
                    let (value, optional) = (std::mem::take(&mut field.value), field.optional);
                    entry.expr = EntryExpr::MapEntry(MapEntryExpr { key, value, optional });
                }
            }
            expression.expr = Expr::Map(MapExpr { entries });
        }
        _ => {}
    }
}

/// Lets a part be paid for, unless it was when it was made or is no larger than the step that it costs.
fn pay(of: &mut Expression) {
    let free = match &of.expr {
        Expr::List(_) | Expr::Map(_) => true,
        Expr::Call(call) => call.func_name == operators::ADD,
        Expr::Literal(LiteralValue::String(text)) => text.inner().len() <= SHORT,
        Expr::Literal(LiteralValue::Bytes(_)) => false,
        Expr::Literal(_) => true,
        _ => false,
    };
    if !free {
        *of = call(PAID, vec![budget(), std::mem::take(of)]);
    }
}

/// The variable that holds the budget.
pub(crate) fn budget() -> Expression {
    part(Expr::Ident(BUDGET.to_owned()))
}

pub(crate) fn part(expr: Expr) -> Expression {
    Expression { id: 0, expr }
}

fn literal(value: LiteralValue) -> Expression {
    part(Expr::Literal(value))
}

fn call(name: &str, args: Vec<Expression>) -> Expression {
    part(Expr::Call(CallExpr { func_name: name.to_owned(), target: None, args }))
}
