//! What an evaluation is estimated to cost at most, as upstream reckons: the estimate decides which rules a definition
//! may have.
//!
//! Facts: cel-go's `checker/cost.go` and `ext`, and `library/cost.go` of k8s.io/apiserver.

use crate::prelude::*;

/// Reading a character, a fraction of a step.
const CHARACTER: f64 = 0.1;
/// What a character of a regular expression makes of each step.
const PATTERN: f64 = 0.25;
/// Making a list.
pub(crate) const LIST: u64 = 10;
/// Making a map.
pub(crate) const MAP: u64 = 30;
/// Making an object.
pub(crate) const OBJECT: u64 = 40;
/// Asking what somebody may do.
const CHECK: u64 = 350_000;
/// The longest regular expression of a named format.
const FORMAT: f64 = 128.0;

/// The fewest and the most characters or items.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Size {
    min: u64,
    max: u64,
}

impl Size {
    const UNKNOWN: Self = Self::to(u64::MAX);

    pub(crate) const fn new(size: u64) -> Self {
        Self { min: size, max: size }
    }

    pub(crate) const fn to(max: u64) -> Self {
        Self { min: 0, max }
    }

    pub(crate) fn union(self, other: Self) -> Self {
        Self { min: self.min.min(other.min), max: self.max.max(other.max) }
    }

    /// What so many rounds cost.
    pub(crate) fn rounds(self, cost: u64) -> u64 {
        self.max.saturating_mul(cost)
    }

    fn plus(self, other: Self) -> Self {
        Self { min: self.min.saturating_add(other.min), max: self.max.saturating_add(other.max) }
    }

    fn times(self, other: Self) -> Self {
        Self { min: self.min.saturating_mul(other.min), max: self.max.saturating_mul(other.max) }
    }

    fn cost(self, factor: f64) -> u64 {
        times(self.max, factor)
    }
}

fn times(cost: u64, factor: f64) -> u64 {
    (cost as f64 * factor).ceil() as u64
}

/// What is known of a part of an expression.
#[derive(Debug, Clone)]
pub(crate) struct Node {
    pub(crate) kind: Type,
    /// Whether the type's own bounds hold: the value is a part of a variable.
    pub(crate) declared: bool,
    /// What follows from the expression.
    pub(crate) size: Option<Size>,
    /// Of the values that a list or map holds, as far as the expression tells.
    pub(crate) items: Option<Size>,
    /// The whole number that stands there.
    pub(crate) literal: Option<i64>,
    /// What it takes to evaluate it.
    pub(crate) cost: u64,
}

impl Node {
    pub(crate) fn new(kind: Type, cost: u64) -> Self {
        Self { kind, declared: false, size: None, items: None, literal: None, cost }
    }

    pub(crate) fn sized(kind: Type, size: Size, cost: u64) -> Self {
        Self { size: Some(size), ..Self::new(kind, cost) }
    }

    pub(crate) fn literal(value: &LiteralValue) -> Self {
        let (kind, size) = match value {
            LiteralValue::Boolean(_) => (Type::Bool, 1),
            LiteralValue::Bytes(bytes) => (Type::Bytes(0), bytes.inner().len()),
            LiteralValue::Double(_) => (Type::Double, 1),
            LiteralValue::Int(_) => (Type::Int, 1),
            LiteralValue::Null => (Type::Null, 1),
            LiteralValue::String(text) => (Type::String(0), text.inner().chars().count()),
            LiteralValue::UInt(_) => (Type::Uint, 1),
        };
        let literal = if let LiteralValue::Int(number) = value { Some(*number.inner()) } else { None };
        Self { literal, ..Self::sized(kind, Size::new(size as u64), 0) }
    }

    /// A new list, map or object.
    pub(crate) fn made(kind: Type, count: usize, parts: &[Self], price: u64) -> Self {
        let cost = parts.iter().map(|part| part.cost).fold(price, u64::saturating_add);
        Self::sized(kind, Size::new(count as u64), cost)
    }

    /// The size, as far as it is known.
    pub(crate) fn known_size(&self) -> Option<Size> {
        let declared = || self.declared.then(|| Size::to(self.kind.most()));
        self.size.or_else(declared).or_else(|| self.kind.is_scalar().then(|| Size::new(1)))
    }

    pub(crate) fn any_size(&self) -> Size {
        self.known_size().unwrap_or(Size::UNKNOWN)
    }

    fn item(&self) -> Option<&Type> {
        if let Type::List(item, ..) = &self.kind { Some(item) } else { None }
    }

    /// The size of the items of a list, as its declaration says.
    fn item_size(&self) -> Size {
        self.item().filter(|_| self.declared).map_or(Size::UNKNOWN, |item| Size::to(item.most()))
    }
}

/// Of what a list or map of these holds.
pub(crate) fn sizes(parts: &[Node]) -> Option<Size> {
    Some(parts.iter().map(Node::any_size).reduce(Size::union).unwrap_or(Size::new(0)))
}

fn is_text(kind: &Type) -> bool {
    matches!(kind, Type::String(_) | Type::Bytes(_) | Type::Dyn)
}

/// What a call costs, besides its arguments, and the size of its result where that is known.
pub(crate) fn of_call(name: &str, receiver: Option<&Node>, args: &[Node]) -> (u64, Option<Size>) {
    let all: Vec<&Node> = receiver.into_iter().chain(args).collect();
    let size = |index: usize| all.get(index).map_or(Size::UNKNOWN, |node| node.any_size());
    let text = |index: usize| size(index).cost(CHARACTER);
    let pattern = || {
        let length = size(0).plus(Size::new(1)).cost(CHARACTER);
        length.saturating_mul(size(1).cost(PATTERN))
    };
    let alike = |parsed: bool| u64::from(parsed).saturating_mul(text(1));
    let is_string = |index: usize| all.get(index).is_some_and(|node| is_text(&node.kind));
    match name {
        "@asList" => (1, Some(Size::to(1))),
        "check" => (CHECK, None),
        "fieldSelector" | "labelSelector" => {
            let requirements = size(1).cost(0.5).saturating_mul(LIST + OBJECT);
            (LIST.saturating_add(text(1)).saturating_add(requirements), None)
        }
        "isSorted" | "sum" | "max" | "min" | "indexOf" | "lastIndexOf" => match all[0].item() {
            Some(Type::String(_) | Type::Bytes(_)) => {
                (size(0).max.saturating_mul(all[0].item_size().cost(CHARACTER).saturating_add(1)), None)
            }
            Some(_) => (size(0).max, None),
            None => (text(0), None),
        },
        "url" | "jsonpatch.escapeKey" | "lowerAscii" | "upperAscii" | "substring" | "trim" => (text(0), Some(size(0))),
        "cidr" | "isIP" | "isCIDR" | "quantity" | "isQuantity" | "semver" | "isSemver" => (text(0), None),
        "ip" if receiver.is_none() => (text(0), None),
        "ip.isCanonical" => (size(0).cost(2.0 * CHARACTER), None),
        "containsIP" => (4_u64.saturating_add(alike(is_string(1))), None),
        "containsCIDR" => (7_u64.saturating_add(alike(is_string(1))), None),
        "validate" => (times(text(1), FORMAT * PATTERN), None),
        "replace" => (size(0).cost(2.0 * CHARACTER), Some(replaced(size(0), size(1), size(2)))),
        "split" => {
            let limit = args.get(1).and_then(|limit| limit.literal).map(|limit| limit as u64);
            (size(0).cost(2.0 * CHARACTER), Some(Size::to(limit.unwrap_or(size(0).max))))
        }
        "join" => {
            let separators = Size { min: size(0).min.saturating_sub(1), max: size(0).max.saturating_sub(1) };
            let parts = all[0].item().map_or(Size::new(0), |_| size(0).times(all[0].item_size()));
            let size = if args.is_empty() { parts } else { parts.plus(size(1).times(separators)) };
            (size.cost(CHARACTER), Some(size))
        }
        "find" | "findAll" => (pattern(), Some(Size::to(size(0).max))),
        "matches" => (pattern(), None),
        "contains" => (text(0).saturating_mul(text(1)), None),
        "format" => (text(0), None),
        "startsWith" | "endsWith" => (text(1), None),
        "bytes" if is_string(0) => (text(0), Some(Size { max: size(0).max.saturating_mul(4), ..size(0) })),
        "string" if matches!(all[0].kind, Type::Bytes(_)) => (text(0), Some(Size { min: size(0).min / 4, ..size(0) })),
        "strings.quote" => (text(0), Some(size(0).times(Size { min: 1, max: 2 }).plus(Size::new(2)))),
        "sets.contains" | "sets.intersects" => (size(0).times(size(1)).max.saturating_add(1), None),
        "sets.equivalent" => (size(0).times(size(1)).cost(2.0).saturating_add(1), None),
        "@in" => (if matches!(all[1].kind, Type::Map(..)) { 1 } else { size(1).max }, None),
        "_&&_" | "_||_" => (0, None),
        "_+_" => match &all[0].kind {
            Type::List(..) => (1, Some(size(0).plus(size(1)))),
            kind if is_text(kind) => {
                let joined = size(0).plus(size(1));
                (joined.cost(CHARACTER), Some(joined))
            }
            _ => (1, None),
        },
        "_==_" | "_!=_" if !matches!(all[0].kind, Type::Opaque(_)) => {
            (Size::to(size(0).max.min(size(1).max)).cost(CHARACTER), None)
        }
        "_<_" | "_<=_" | "_>_" | "_>=_" if all.iter().all(|node| is_text(&node.kind)) => {
            (Size::to(size(0).max.min(size(1).max)).cost(CHARACTER), None)
        }
        "slice" => {
            let end = args[1].literal.map_or(size(0).max, |end| end as u64);
            made(Size::new(end.wrapping_sub(args[0].literal.unwrap_or_default() as u64)))
        }
        "lists.range" => made(args[0].literal.map_or(Size::new(u64::MAX), |count| Size::new(count as u64))),
        "reverse" if matches!(all[0].kind, Type::List(..)) => made(size(0)),
        "flatten" => {
            let depth = args.first().map_or(1, |depth| depth.literal.unwrap_or(i64::MAX));
            made(flat(all[0].any_size(), &all[0].kind, all[0].declared, depth))
        }
        "distinct" | "sort" | "@sortByAssociatedKeys" => {
            let sorted = all[all.len() - 1];
            let each = match sorted.item() {
                Some(item) if is_text(item) => all[0].items.unwrap_or(all[0].item_size()).cost(CHARACTER),
                Some(Type::List(..) | Type::Map(..) | Type::Object(_)) => u64::MAX,
                _ => 1,
            };
            let (cost, count) = (sorted.any_size().times(sorted.any_size()).max, sorted.any_size());
            (times(cost.saturating_mul(each), 2.0).saturating_add(LIST + 1), Some(count))
        }
        _ => (1, None),
    }
}

/// A new list.
fn made(size: Size) -> (u64, Option<Size>) {
    (size.max.saturating_add(LIST + 1), Some(size))
}

fn flat(size: Size, kind: &Type, declared: bool, depth: i64) -> Size {
    match kind {
        Type::List(items, ..) if depth > 0 => {
            let inner = if declared { Size::to(items.most()) } else { Size::UNKNOWN };
            size.times(flat(inner, items, declared, depth - 1))
        }
        _ => size,
    }
}

/// The size of text in which one thing is put in place of another.
fn replaced(text: Size, old: Size, new: Size) -> Size {
    let ceil = |a: u64, b: u64| a.div_ceil(b.max(1));
    let (most, kept) = match () {
        () if old.min == 0 => (text.max.saturating_add(1), text.max),
        () if new.max <= old.min => (0, text.max),
        () => (ceil(text.max, old.min), 0),
    };
    let (fewest, least) = match () {
        () if old.max == 0 => (text.min.saturating_add(1), text.min),
        () if old.max <= new.min => (0, text.min),
        () => (ceil(text.min, old.max), 0),
    };
    Size { min: fewest, max: most }.times(new).plus(Size { min: least, max: kept })
}
