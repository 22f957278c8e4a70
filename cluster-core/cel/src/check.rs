//! The type check, with an estimate of what an evaluation costs at most.

use std::sync::Arc;

use kube_cel::cel::common::ast::{CallExpr, ComprehensionExpr, Expr, LiteralValue, SelectExpr, operators};
use kube_cel::cel::parser::Expression;

use crate::library::TYPES;
use crate::macros::{AS_LIST, ENTRIES};
use crate::rewrite::children;
use crate::{Declarations, Type, functions};

/// What a check finds.
pub(crate) struct Checked {
    pub(crate) result: Type,
    pub(crate) cost: u64,
    pub(crate) errors: Vec<String>,
}

/// Checks an expression over these variables.
pub(crate) fn check(expression: &Expression, source: &str, variables: &Declarations) -> Checked {
    let variables = variables.iter().map(|(name, kind)| ((*name).to_owned(), kind.clone())).collect();
    let mut checker = Checker { source, root: expression, variables, errors: Vec::new(), cost: 0 };
    let result = checker.of(expression);
    Checked { result, cost: checker.cost, errors: checker.errors }
}

/// An error at a line and column, both from 1, with the line below it.
pub(crate) fn located(source: &str, line: usize, column: usize, message: &str) -> String {
    let text = source.lines().nth(line - 1).unwrap_or_default();
    format!("ERROR: <input>:{line}:{column}: {message}\n | {text}\n | {}^", ".".repeat(column - 1))
}

struct Checker<'a> {
    source: &'a str,
    root: &'a Expression,
    variables: Vec<(String, Type)>,
    errors: Vec<String>,
    cost: u64,
}

impl Checker<'_> {
    fn of(&mut self, expression: &Expression) -> Type {
        match &expression.expr {
            Expr::Literal(value) => literal(value),
            Expr::Ident(name) => {
                self.pay(1);
                match self.variable(name) {
                    Some(kind) => kind,
                    None => self.fault(expression, &format!("undeclared reference to '{name}' (in container '')")),
                }
            }
            Expr::Select(select) => self.select(expression, select),
            Expr::Call(call) => self.call(expression, call),
            Expr::Comprehension(inner) => self.comprehension(inner),
            Expr::List(list) => {
                self.pay(10);
                let kinds: Vec<Type> = list.elements.iter().map(|element| self.of(element)).collect();
                let same = kinds.windows(2).all(|pair| pair[0].accepts(&pair[1]));
                let widest = kinds.iter().max_by_key(|kind| kind.size()).cloned();
                let element = widest.filter(|_| same && list.optional_indices.is_empty()).unwrap_or(Type::Dyn);
                Type::List(Arc::new(element), kinds.len() as u64)
            }
            Expr::Map(map) => {
                self.pay(30);
                for part in children(expression) {
                    self.of(part);
                }
                Type::Map(Arc::new(Type::Dyn), map.entries.len() as u64)
            }
            Expr::Struct(object) => {
                self.pay(40);
                let family = object.type_name.split('.').next().unwrap_or_default();
                if self.variable(family).is_none() {
                    let message = format!("undeclared reference to '{}' (in container '')", object.type_name);
                    return self.fault(expression, &message);
                }
                for part in children(expression) {
                    self.of(part);
                }
                Type::Dyn
            }
            Expr::Unspecified => self.fault(expression, "unsupported expression"),
        }
    }

    fn pay(&mut self, steps: u64) {
        self.cost = self.cost.saturating_add(steps);
    }

    fn variable(&self, name: &str) -> Option<Type> {
        let found = self.variables.iter().rev().find(|(known, _)| known == name).map(|(_, kind)| kind.clone());
        found.or_else(|| match name {
            "google" => Some(Type::Dyn),
            name => TYPES.contains(&name).then_some(Type::Opaque("type")),
        })
    }

    fn fault(&mut self, at: &Expression, message: &str) -> Type {
        let (line, column) = self.position(at);
        self.errors.push(located(self.source, line, column, message));
        Type::Dyn
    }

    /// Where a part stands. The parser keeps no positions, but its numbers rise from left to right: the part is as many
    /// occurrences of its own sign into the text.
    fn position(&self, at: &Expression) -> (usize, usize) {
        let Some(sign) = sign(at) else { return (1, 1) };
        let mut same = Vec::new();
        collect(self.root, &sign, &mut same);
        same.sort_unstable();
        let rank = same.iter().position(|id| *id == at.id).unwrap_or_default();
        let mut found = self.source.match_indices(&sign.0);
        let offset = found.nth(rank).or_else(|| self.source.match_indices(&sign.0).next()).map_or(0, |(at, _)| at);
        let before = &self.source[..offset];
        let line_start = before.rfind('\n').map_or(0, |end| end + 1);
        (before.matches('\n').count() + 1, before[line_start..].chars().count() + 1 + sign.1)
    }

    fn select(&mut self, expression: &Expression, select: &SelectExpr) -> Type {
        self.pay(1);
        let operand = self.of(&select.operand);
        let found = self.field(expression, &operand, &select.field);
        if select.test { Type::Bool } else { found }
    }

    fn field(&mut self, at: &Expression, operand: &Type, name: &str) -> Type {
        match operand {
            Type::Dyn => Type::Dyn,
            Type::Map(values, _) => (**values).clone(),
            Type::Object(object) => match object.fields.get(name) {
                Some(kind) => kind.clone(),
                None => self.fault(at, &format!("undefined field '{name}'")),
            },
            Type::Optional(inner) => optional(self.field(at, inner, name)),
            other => self.fault(at, &format!("type '{other}' does not support field selection")),
        }
    }

    fn call(&mut self, expression: &Expression, call: &CallExpr) -> Type {
        self.pay(1);
        let (name, args) = (call.func_name.as_str(), &call.args);
        if name == operators::CONDITIONAL {
            return self.conditional(expression, args);
        }
        let qualified = match call.target.as_deref().map(|target| &target.expr) {
            Some(Expr::Ident(prefix)) if self.variable(prefix).is_none() => Some(format!("{prefix}.{name}")),
            _ => None,
        };
        let namespaced = qualified.as_deref().filter(|name| functions::exists(name));
        let receiver = match (namespaced, &call.target) {
            (None, Some(target)) => Some(self.of(target)),
            _ => None,
        };
        let name = namespaced.unwrap_or(name);
        if name == operators::OPT_SELECT
            && let [operand, Expression { expr: Expr::Literal(LiteralValue::String(field)), .. }] = args.as_slice()
        {
            let operand = self.of(operand);
            return optional(self.field(expression, &operand, field.inner()));
        }
        let kinds: Vec<Type> = args.iter().map(|argument| self.of(argument)).collect();
        self.pay_for(name, receiver.as_ref(), &kinds);
        let found = match name {
            ENTRIES => matches!(kinds[0], Type::List(..) | Type::Map(..) | Type::Dyn)
                .then(|| Type::List(Arc::new(Type::List(Arc::new(Type::Dyn), 2)), kinds[0].size())),
            AS_LIST => match &kinds[0] {
                Type::Optional(inner) => Some(Type::List(Arc::clone(inner), 1)),
                Type::Dyn => Some(Type::List(Arc::new(Type::Dyn), 1)),
                _ => None,
            },
            operators::INDEX => index(&kinds),
            operators::OPT_INDEX => index(&kinds).map(optional),
            operators::EQUALS | operators::NOT_EQUALS => kinds[0].accepts(&kinds[1]).then_some(Type::Bool),
            operators::GREATER | operators::GREATER_EQUALS | operators::LESS | operators::LESS_EQUALS => {
                comparable(&kinds).then_some(Type::Bool)
            }
            operators::IN => match &kinds[1] {
                Type::List(items, _) => items.accepts(&kinds[0]).then_some(Type::Bool),
                Type::Map(..) => Type::String(0).accepts(&kinds[0]).then_some(Type::Bool),
                Type::Dyn => Some(Type::Bool),
                _ => None,
            },
            _ if !functions::exists(name) => {
                return self.fault(expression, &format!("undeclared reference to '{name}' (in container '')"));
            }
            _ => functions::result(name, receiver.as_ref(), &kinds),
        };
        found.unwrap_or_else(|| {
            let shown = kinds.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
            let applied = receiver.map_or_else(|| format!("({shown})"), |receiver| format!("{receiver}.({shown})"));
            self.fault(expression, &format!("found no matching overload for '{name}' applied to '{applied}'"))
        })
    }

    /// Text and lists are paid for by their size, a tenth of a step for each character.
    fn pay_for(&mut self, name: &str, receiver: Option<&Type>, arguments: &[Type]) {
        let size = |kind: &Type| match kind {
            Type::String(size) | Type::Bytes(size) | Type::List(_, size) | Type::Map(_, size) => *size,
            _ => 0,
        };
        let tenth = |size: u64| size.div_ceil(10);
        let all: u64 = receiver.into_iter().chain(arguments).map(size).fold(0, u64::saturating_add);
        match name {
            operators::EQUALS | operators::NOT_EQUALS => {
                self.pay(tenth(arguments.iter().map(size).min().unwrap_or_default()));
            }
            operators::IN => self.pay(arguments.get(1).map_or(0, size)),
            "contains" | "matches" | "find" | "findAll" => {
                let mut both = receiver.into_iter().chain(arguments).map(size);
                let (text, pattern) = (both.next().unwrap_or_default(), both.next().unwrap_or_default());
                self.pay(tenth(text).saturating_mul(tenth(pattern).max(1)));
            }
            "sets.contains" | "sets.equivalent" | "sets.intersects" => {
                self.pay(arguments.iter().map(|kind| size(kind).max(1)).fold(1, u64::saturating_mul));
            }
            "startsWith" | "endsWith" => self.pay(tenth(arguments.first().map_or(0, size))),
            "size" | operators::INDEX | operators::OPT_INDEX => {}
            _ => self.pay(tenth(all)),
        }
    }

    fn conditional(&mut self, expression: &Expression, args: &[Expression]) -> Type {
        let kinds: Vec<Type> = args.iter().map(|argument| self.of(argument)).collect();
        let [condition, yes, no] = kinds.as_slice() else { return Type::Dyn };
        if !Type::Bool.accepts(condition) || !yes.accepts(no) {
            let message = format!("found no matching overload for '_?_:_' applied to '({condition}, {yes}, {no})'");
            return self.fault(expression, &message);
        }
        if yes.size() >= no.size() && *yes != Type::Dyn { yes.clone() } else { no.clone() }
    }

    fn comprehension(&mut self, inner: &ComprehensionExpr) -> Type {
        let range = self.of(&inner.iter_range);
        let item = match &range {
            Type::List(items, _) => (**items).clone(),
            Type::Map(..) => Type::String(253),
            Type::Dyn => Type::Dyn,
            other => {
                let message = format!(
                    "expression of type '{other}' cannot be range of a comprehension (must be list, map, or dynamic)"
                );
                self.fault(&inner.iter_range, &message)
            }
        };
        let start = self.of(&inner.accu_init);
        let depth = self.variables.len();
        self.variables.push((inner.accu_var.clone(), start));
        self.variables.push((inner.iter_var.clone(), item));
        let before = std::mem::take(&mut self.cost);
        self.of(&inner.loop_cond);
        let step = self.of(&inner.loop_step);
        self.cost = before.saturating_add(self.cost.saturating_mul(range.size()));
        let gathered = match step {
            Type::List(items, _) if range.size() > 0 => Type::List(items, range.size()),
            Type::Map(values, _) if range.size() > 0 => Type::Map(values, range.size()),
            other => other,
        };
        self.variables.truncate(depth);
        self.variables.push((inner.accu_var.clone(), gathered));
        let result = self.of(&inner.result);
        self.variables.truncate(depth);
        result
    }
}

fn literal(value: &LiteralValue) -> Type {
    match value {
        LiteralValue::Boolean(_) => Type::Bool,
        LiteralValue::Bytes(bytes) => Type::Bytes(bytes.inner().len() as u64),
        LiteralValue::Double(_) => Type::Double,
        LiteralValue::Int(_) => Type::Int,
        LiteralValue::Null => Type::Null,
        LiteralValue::String(text) => Type::String(text.inner().chars().count() as u64),
        LiteralValue::UInt(_) => Type::Uint,
    }
}

fn optional(kind: Type) -> Type {
    if matches!(kind, Type::Optional(_)) { kind } else { Type::Optional(Arc::new(kind)) }
}

fn index(kinds: &[Type]) -> Option<Type> {
    let [container, key] = kinds else { return None };
    match container {
        Type::Dyn => Some(Type::Dyn),
        Type::List(items, _) => Type::Int.accepts(key).then(|| (**items).clone()),
        Type::Map(values, _) => Type::String(0).accepts(key).then(|| (**values).clone()),
        Type::Optional(inner) => index(&[(**inner).clone(), key.clone()]).map(optional),
        _ => None,
    }
}

/// Numbers of all kinds compare with each other, everything else with its like.
fn comparable(kinds: &[Type]) -> bool {
    let number = |kind: &Type| matches!(kind, Type::Int | Type::Uint | Type::Double | Type::Dyn);
    let ordered = |kind: &Type| {
        matches!(kind, Type::Bool | Type::String(_) | Type::Bytes(_) | Type::Timestamp | Type::Duration | Type::Dyn)
    };
    let [a, b] = kinds else { return false };
    (number(a) && number(b)) || (ordered(a) && ordered(b) && a.accepts(b))
}

/// The sign a part shows in the text, and how far behind its start the part stands.
fn sign(expression: &Expression) -> Option<(String, usize)> {
    match &expression.expr {
        Expr::Ident(name) => Some((name.clone(), 0)),
        Expr::Select(select) => Some((format!(".{}", select.field), 0)),
        Expr::Struct(object) => Some((object.type_name.clone(), 0)),
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
