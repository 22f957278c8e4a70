//! The type check, with an estimate of what an evaluation costs at most.

use crate::cost::{self, Node, Size, sizes};
use crate::library::TYPES;
use crate::lists::Types;
use crate::macros::{AS_LIST, ENTRIES};
use crate::position::{located, position};
use crate::prelude::*;
use crate::rewrite::children;
use crate::{Declarations, functions};

/// What a check finds.
pub(crate) struct Checked {
    pub(crate) result: Type,
    pub(crate) cost: u64,
    pub(crate) errors: Vec<String>,
    pub(crate) typed: Typed,
    pub(crate) types: Types,
}

/// Which comparisons and joints go by the type of their left side, by their numbers: the numbers of these types.
pub(crate) type Typed = HashMap<u64, i64>;

/// Checks an expression over these variables.
pub(crate) fn check(expression: &Expression, source: &str, variables: &Declarations) -> Checked {
    let declared = |(name, kind): &(&str, Type)| {
        // What an optional holds cannot be followed.
        let known = !matches!(kind, Type::Optional(_));
        ((*name).to_owned(), Node { declared: known, ..Node::new(kind.clone(), 1) })
    };
    let own = variables.first().map_or(0, |(_, kind)| kind.most());
    let variables = variables.iter().map(declared).collect();
    let (errors, items, typed, types) = (Vec::new(), Vec::new(), Typed::new(), Types::default());
    let mut checker = Checker { source, root: expression, variables, own, errors, mixed: false, items, typed, types };
    let Node { kind: result, cost, .. } = checker.of(expression);
    checker.errors.sort();
    let Checker { typed, types, errors, .. } = checker;
    let errors = errors.into_iter().map(|(line, column, why)| located(source, line, column, &why)).collect();
    Checked { result, cost, errors, typed, types }
}

struct Checker<'a> {
    source: &'a str,
    root: &'a Expression,
    variables: Vec<(String, Node)>,
    /// The size of the first variable, which is what upstream takes that of the items of a computed list for.
    own: u64,
    errors: Vec<(usize, usize, String)>,
    /// Whether items of a list may be of several types.
    mixed: bool,
    /// The types of the items of the list that was looked at last.
    items: Vec<Type>,
    typed: Typed,
    types: Types,
}

impl Checker<'_> {
    fn of(&mut self, expression: &Expression) -> Node {
        match &expression.expr {
            Expr::Literal(value) => Node::literal(value),
            Expr::Ident(name) => match self.variable(name) {
                Some(known) => Node { cost: 1, ..known },
                None => {
                    let why = format!("undeclared reference to '{name}' (in container '')");
                    Node::new(self.fault(expression, &why), 1)
                }
            },
            Expr::Select(select) => self.select(expression, select),
            Expr::Call(call) => self.call(expression, call),
            Expr::Comprehension(inner) => self.comprehension(inner),
            Expr::List(list) => {
                let parts: Vec<Node> = list.elements.iter().map(|element| self.of(element)).collect();
                let element = self.alike(&list.elements, &parts, list.optional_indices.is_empty());
                self.items = parts.iter().map(|part| part.kind.clone()).collect();
                let kind = list_of(Arc::new(element), 0);
                Node { items: sizes(&parts), ..Node::made(kind, parts.len(), &parts, cost::LIST) }
            }
            Expr::Map(map) => {
                let parts = children(expression);
                let nodes: Vec<Node> = parts.iter().map(|part| self.of(part)).collect();
                let optional = |entry: &EntryExpr| matches!(entry, EntryExpr::MapEntry(entry) if entry.optional);
                let plain = !map.entries.iter().any(|entry| optional(&entry.expr));
                let values: Vec<Node> = nodes.iter().skip(1).step_by(2).cloned().collect();
                let value = self.alike(parts.iter().skip(1).step_by(2).copied(), &values, plain);
                // The type of a map tells only its values'; its keys are text then.
                let named = nodes.iter().step_by(2).all(|key| Type::String(0).accepts(&key.kind));
                let kind = if named { Type::Map(Arc::new(value), 0) } else { Type::Dyn };
                Node { items: sizes(&values), ..Node::made(kind, map.entries.len(), &nodes, cost::MAP) }
            }
            Expr::Struct(object) => {
                let family = object.type_name.split('.').next().unwrap_or_default();
                if self.variable(family).is_none() {
                    let message = format!("undeclared reference to '{}' (in container '')", object.type_name);
                    return Node::new(self.fault(expression, &message), cost::OBJECT);
                }
                let parts: Vec<Node> = children(expression).into_iter().map(|part| self.of(part)).collect();
                Node { size: None, ..Node::made(Type::Dyn, 0, &parts, cost::OBJECT) }
            }
            Expr::Unspecified => Node::new(self.fault(expression, "unsupported expression"), 0),
        }
    }

    /// The type that all parts of a list or map have, which must be one.
    fn alike<'b>(&mut self, parts: impl IntoIterator<Item = &'b Expression>, nodes: &[Node], plain: bool) -> Type {
        let Some(first) = nodes.first().filter(|_| plain) else { return Type::Dyn };
        if self.mixed && nodes.iter().any(|node| !first.kind.accepts(&node.kind)) {
            return Type::Dyn;
        }
        for (part, node) in parts.into_iter().zip(nodes) {
            if !first.kind.accepts(&node.kind) {
                let why = format!("expected type '{}' but found '{}'", first.kind, node.kind);
                self.fault(part, &why);
                return Type::Dyn;
            }
        }
        nodes.iter().map(|node| &node.kind).find(|kind| **kind != Type::Dyn).cloned().unwrap_or(Type::Dyn)
    }

    fn variable(&self, name: &str) -> Option<Node> {
        let found = self.variables.iter().rev().find(|(known, _)| known == name).map(|(_, node)| node.clone());
        found.or_else(|| match name {
            "google" => Some(Node::new(Type::Dyn, 1)),
            name => TYPES.contains(&name).then(|| Node::new(Type::Opaque("type"), 1)),
        })
    }

    fn exists(&self, name: &str) -> bool {
        // That one is for changes only.
        functions::exists(name) && (name != "jsonpatch.escapeKey" || self.variable("JSONPatch").is_some())
    }

    fn fault(&mut self, at: &Expression, message: &str) -> Type {
        let (line, column) = position(self.root, self.source, at);
        self.errors.push((line, column, message.to_owned()));
        Type::Dyn
    }

    fn select(&mut self, expression: &Expression, select: &SelectExpr) -> Node {
        let operand = self.of(&select.operand);
        let kind = self.field(expression, &operand.kind, &select.field);
        if select.test {
            return Node::new(Type::Bool, operand.cost);
        }
        let step = u64::from(matches!(operand.kind, Type::Map(..) | Type::Object(_)));
        let declared = operand.declared && matches!(operand.kind, Type::Object(_));
        Node { declared, ..Node::new(kind, operand.cost.saturating_add(step)) }
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

    fn call(&mut self, expression: &Expression, call: &CallExpr) -> Node {
        let (name, args) = (call.func_name.as_str(), &call.args);
        let qualified = match call.target.as_deref().map(|target| &target.expr) {
            Some(Expr::Ident(prefix)) if self.variable(prefix).is_none() => Some(format!("{prefix}.{name}")),
            _ => None,
        };
        let namespaced = qualified.as_deref().filter(|name| self.exists(name));
        let receiver = match (namespaced, &call.target) {
            (None, Some(target)) => Some(self.of(target)),
            _ => None,
        };
        let name = namespaced.unwrap_or(name);
        if name == operators::OPT_SELECT
            && let [operand, Expression { expr: Expr::Literal(LiteralValue::String(field)), .. }] = args.as_slice()
        {
            let operand = self.of(operand);
            let kind = optional(self.field(expression, &operand.kind, field.inner()));
            return Node::new(kind, operand.cost.saturating_add(1));
        }
        // What is formatted may be of any types, side by side.
        let mixed = self.mixed;
        self.mixed |= name == "format";
        let nodes: Vec<Node> = args.iter().map(|argument| self.of(argument)).collect();
        self.mixed = mixed;
        let items = std::mem::take(&mut self.items);
        let kinds: Vec<Type> = nodes.iter().map(|node| node.kind.clone()).collect();
        let found = match name {
            AS_LIST => match &kinds[0] {
                Type::Optional(inner) => Some(list_of(Arc::clone(inner), 1)),
                Type::Dyn => Some(list_of(Arc::new(Type::Dyn), 1)),
                _ => None,
            },
            operators::CONDITIONAL => (Type::Bool.accepts(&kinds[0]) && kinds[1].accepts(&kinds[2]))
                .then(|| kinds[usize::from(kinds[1] == Type::Dyn) + 1].clone()),
            operators::INDEX => index(&kinds),
            operators::OPT_INDEX => index(&kinds).map(optional),
            operators::EQUALS | operators::NOT_EQUALS => kinds[0].accepts(&kinds[1]).then_some(Type::Bool),
            operators::GREATER | operators::GREATER_EQUALS | operators::LESS | operators::LESS_EQUALS => {
                comparable(&kinds).then_some(Type::Bool)
            }
            operators::IN => match &kinds[1] {
                Type::List(items, ..) => items.accepts(&kinds[0]).then_some(Type::Bool),
                Type::Map(..) => Type::String(0).accepts(&kinds[0]).then_some(Type::Bool),
                Type::Dyn => Some(Type::Bool),
                _ => None,
            },
            _ if !self.exists(name) => {
                let why = format!("undeclared reference to '{name}' (in container '')");
                return Node::new(self.fault(expression, &why), 0);
            }
            _ => functions::result(name, receiver.as_ref().map(|receiver| &receiver.kind), &kinds),
        };
        let Some(kind) = found else {
            let shown = kinds.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
            let applied = receiver.map_or_else(|| format!("({shown})"), |on| format!("{}.({shown})", on.kind));
            let why = format!("found no matching overload for '{name}' applied to '{applied}'");
            return Node::new(self.fault(expression, &why), 0);
        };
        let by_type = match (name, kinds.as_slice()) {
            // What the interpreter compares rightly itself.
            (operators::EQUALS | operators::NOT_EQUALS, [a, b]) => !(a.is_plain() && a.accepts(b) && *b != Type::Dyn),
            (operators::ADD, [Type::List(_, _, order), _]) => *order != Order::Given,
            _ => false,
        };
        if by_type {
            self.typed.insert(expression.id, self.types.0.len() as i64);
            self.types.0.push(kinds[0].clone());
        }
        self.literals(name, receiver.is_some(), args);
        self.formatted(expression, call, &items);
        let node = match (name, nodes.as_slice()) {
            ("dyn", [value]) => Node { kind, ..value.clone() },
            (operators::CONDITIONAL, [condition, yes, no]) => {
                let cost = condition.cost.saturating_add(yes.cost.max(no.cost));
                let items = yes.items.zip(no.items).map(|(yes, no)| yes.union(no));
                return Node { items, ..Node::sized(kind, yes.any_size().union(no.any_size()), cost) };
            }
            (operators::INDEX, [of, _]) => Node { declared: of.declared, size: of.items, ..Node::new(kind, 0) },
            (operators::ADD, [a, b]) => {
                Node { items: a.items.zip(b.items).map(|(a, b)| a.union(b)), ..Node::new(kind, 0) }
            }
            _ => Node::new(kind, 0),
        };
        let (price, size) = cost::of_call(name, receiver.as_ref(), &nodes);
        let parts = receiver.iter().chain(&nodes).map(|node| node.cost);
        Node { size: size.or(node.size), cost: parts.fold(price, u64::saturating_add), ..node }
    }

    /// A pattern that is known must fit the values that it is given side by side.
    fn formatted(&mut self, expression: &Expression, call: &CallExpr, items: &[Type]) {
        let (Some(Expr::Literal(LiteralValue::String(pattern))), [Expression { expr: Expr::List(list), .. }], "format") =
            (call.target.as_deref().map(|target| &target.expr), call.args.as_slice(), call.func_name.as_str())
        else {
            return;
        };
        if let Some((index, why)) = crate::format::check(pattern.inner(), items) {
            let at = index.map_or(expression, |index| &list.elements[index]);
            self.fault(at, &why);
        }
    }

    /// Literals that could never be read are faults at once.
    fn literals(&mut self, name: &str, method: bool, args: &[Expression]) {
        let wrong: fn(&str) -> bool = match name {
            "matches" => |text| crate::regex(text).is_err(),
            "duration" => |text| !crate::is_duration(text),
            "timestamp" => |text| chrono::DateTime::parse_from_rfc3339(text).is_err(),
            _ => return,
        };
        if let Some(at) = args.get(usize::from(name == "matches" && !method))
            && let Expr::Literal(LiteralValue::String(text)) = &at.expr
            && wrong(text.inner())
        {
            self.fault(at, &format!("invalid {name} argument"));
        }
    }

    fn comprehension(&mut self, inner: &ComprehensionExpr) -> Node {
        // Over two variables: the macro's own way to them is no step of the expression.
        let of_two = match &inner.iter_range.expr {
            Expr::Call(call) if call.func_name == ENTRIES => call.args.first(),
            _ => None,
        };
        let over = of_two.unwrap_or(&inner.iter_range);
        let range = self.of(over);
        let start = self.of(&inner.accu_init);
        let bound = is_bind(inner);
        let own = Node { declared: start.declared, items: start.items, literal: None, ..start.clone() };
        let size = start.known_size();
        let depth = self.variables.len();
        self.variables.push((inner.accu_var.clone(), if bound { own } else { Node { size, ..own } }));
        if bound {
            let result = self.of(&inner.result);
            self.variables.truncate(depth);
            let cost = [range.cost, start.cost].into_iter().fold(result.cost, u64::saturating_add);
            return Node { cost, declared: false, size: result.known_size(), ..result };
        }
        let (key, value) = self.items(over, &range);
        let step = match (of_two, two_names(&inner.loop_step)) {
            (Some(_), Some((names, step))) => {
                self.variables.extend(names.into_iter().zip([key, value]));
                step
            }
            _ => {
                let single = if matches!(range.kind, Type::Map(..)) { key } else { value };
                self.variables.push((inner.iter_var.clone(), single));
                &inner.loop_step
            }
        };
        let condition = self.of(&inner.loop_cond);
        let step = self.of(step);
        self.variables.truncate(depth);
        let gathers = matches!(inner.accu_init.expr, Expr::List(_) | Expr::Map(_));
        let gathered = Node { cost: 1, size: gathers.then(|| range.any_size()).or(size), ..step.clone() };
        self.variables.push((inner.accu_var.clone(), Node { kind: step.kind.clone(), size, ..gathered.clone() }));
        let result = self.of(&inner.result);
        self.variables.truncate(depth);
        let rounds = Node::any_size(&range).rounds(condition.cost.saturating_add(step.cost));
        let cost = [range.cost, start.cost, result.cost].into_iter().fold(rounds, u64::saturating_add);
        Node { kind: result.kind, cost, declared: false, ..gathered }
    }

    /// The variables that go over a list or map: keys (or indices) and values.
    fn items(&mut self, at: &Expression, range: &Node) -> (Node, Node) {
        let (key, value) = match &range.kind {
            Type::List(items, ..) => (Type::Int, (**items).clone()),
            Type::Map(values, _) => (Type::String(0), (**values).clone()),
            Type::Dyn => (Type::Dyn, Type::Dyn),
            other => {
                let message = format!(
                    "expression of type '{other}' cannot be range of a comprehension (must be list, map, or dynamic)"
                );
                let kind = self.fault(at, &message);
                (kind.clone(), kind)
            }
        };
        let node = |kind: Type| {
            let size = (!range.declared).then(|| Size::to(self.own));
            Node { declared: range.declared, size, ..Node::new(kind, 1) }
        };
        (Node { size: None, ..node(key) }, node(value))
    }
}

/// Whether a comprehension only gives a value a name.
fn is_bind(inner: &ComprehensionExpr) -> bool {
    matches!(&inner.iter_range.expr, Expr::List(list) if list.elements.is_empty())
        && matches!(&inner.loop_cond.expr, Expr::Literal(LiteralValue::Boolean(never)) if !*never.inner())
}

/// The two names that the step of a comprehension gives to an entry, and what is below them.
fn two_names(step: &Expression) -> Option<([String; 2], &Expression)> {
    let Expr::Comprehension(first) = &step.expr else { return None };
    let Expr::Comprehension(second) = &first.result.expr else { return None };
    Some(([first.accu_var.clone(), second.accu_var.clone()], &second.result))
}

fn list_of(items: Arc<Type>, most: u64) -> Type {
    Type::List(items, most, Order::Given)
}

fn optional(kind: Type) -> Type {
    if matches!(kind, Type::Optional(_)) { kind } else { Type::Optional(Arc::new(kind)) }
}

fn index(kinds: &[Type]) -> Option<Type> {
    let [container, key] = kinds else { return None };
    match container {
        Type::Dyn => Some(Type::Dyn),
        Type::List(items, ..) => Type::Int.accepts(key).then(|| (**items).clone()),
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
