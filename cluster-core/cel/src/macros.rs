//! The macros that the parser does not know, unfolded into what it does: `optMap` and `optFlatMap`, `sortBy`, and the comprehensions over two variables.
//!
//! Facts: <https://pkg.go.dev/github.com/google/cel-go/ext> and
//! <https://kubernetes.io/docs/reference/using-api/cel/#cel-community-libraries>.

use crate::prelude::*;
use crate::rewrite::children_mut;
use kube_cel::cel::common::ast::ListExpr;

/// `[key, value]` of each entry of a map, `[index, value]` of each item of a list.
pub(crate) const ENTRIES: &str = "@entries";
/// The value of an optional as a list, which is empty when there is none.
pub(crate) const AS_LIST: &str = "@asList";
/// A map with another entry, or with those of another map.
pub(crate) const INSERT: &str = "@mapInsert";
/// A list in the order of as many keys.
pub(crate) const SORT_BY: &str = "@sortByAssociatedKeys";
/// The variable `authorizer.requestResource` has a dot in its name.
pub(crate) const REQUEST_RESOURCE: &str = "authorizer.requestResource";
/// What a fold gathers, as in the parser's own macros.
pub(crate) const RESULT: &str = "@result";
const ENTRY: &str = "@entry";
const TARGET: &str = "@target";

/// Unfolds all macros in an expression; the error says which argument is no name.
pub(crate) fn unfold(expression: &mut Expression) -> Result<(), String> {
    for inner in children_mut(expression) {
        unfold(inner)?;
    }
    match &mut expression.expr {
        Expr::Select(SelectExpr { operand, field, test: false })
            if field == "requestResource" && matches!(&operand.expr, Expr::Ident(name) if name == "authorizer") =>
        {
            expression.expr = Expr::Ident(REQUEST_RESOURCE.to_owned());
        }
        Expr::Call(CallExpr { func_name, target: Some(target), args }) => {
            let at = At(expression.id);
            if is_macro(func_name, args.len()) {
                let (target, args) = (std::mem::take(&mut **target), std::mem::take(args));
                *expression = at.unfolded(&func_name.clone(), target, args)?;
            }
        }
        _ => {}
    }
    Ok(())
}

fn is_macro(name: &str, arguments: usize) -> bool {
    match name {
        "optMap" | "optFlatMap" | "sortBy" => arguments == 2,
        "all" | "exists" | "exists_one" | "existsOne" => arguments == 3,
        "transformList" | "transformMap" | "transformMapEntry" => matches!(arguments, 3 | 4),
        _ => false,
    }
}

fn named(expression: Option<Expression>) -> Result<String, String> {
    match expression.map(|it| it.expr) {
        Some(Expr::Ident(name)) => Ok(name),
        _ => Err("argument must be a simple name".to_owned()),
    }
}

/// Makes parts that stand where the macro stood.
#[derive(Clone, Copy)]
struct At(u64);

impl At {
    fn unfolded(self, name: &str, target: Expression, args: Vec<Expression>) -> Result<Expression, String> {
        let mut args = args.into_iter();
        let first = named(args.next())?;
        let mut next = || args.next().unwrap_or_default();
        Ok(match name {
            "optMap" | "optFlatMap" => {
                // The interpreter loses an optional that is bound to a name, so this goes through lists.
                let value = next();
                let mapped = if name == "optMap" { self.list(vec![value]) } else { self.call(AS_LIST, vec![value]) };
                let over = self.call(AS_LIST, vec![target]);
                let found = self.fold(over, first, self.list(vec![]), self.truth(true), self.add(mapped));
                self.of(found, "first", vec![])
            }
            "sortBy" => {
                let result = self.add(self.list(vec![next()]));
                let keys = self.fold(self.ident(TARGET), first, self.list(vec![]), self.truth(true), result);
                self.bind(TARGET, target, self.of(self.ident(TARGET), SORT_BY, vec![keys]))
            }
            _ => {
                let second = named(Some(next()))?;
                let last: Vec<Expression> = args.collect();
                self.of_two(name, target, [first, second], last)
            }
        })
    }

    /// A comprehension whose variables are key (or index) and value.
    fn of_two(self, name: &str, target: Expression, names: [String; 2], mut args: Vec<Expression>) -> Expression {
        let body = args.pop().unwrap_or_default();
        let result = || self.ident(RESULT);
        let not_false = |value| self.call(operators::NOT_STRICTLY_FALSE, vec![value]);
        let always = || self.truth(true);
        let (start, condition, step) = match name {
            "all" => (self.truth(true), not_false(result()), self.call(operators::LOGICAL_AND, vec![result(), body])),
            "exists" => {
                let open = not_false(self.call(operators::LOGICAL_NOT, vec![result()]));
                (self.truth(false), open, self.call(operators::LOGICAL_OR, vec![result(), body]))
            }
            "exists_one" | "existsOne" => {
                (self.number(0), always(), self.choice(body, self.add(self.number(1)), result()))
            }
            "transformList" => (self.list(vec![]), always(), self.add(self.list(vec![body]))),
            "transformMap" => {
                let insert = self.call(INSERT, vec![result(), self.ident(&names[0]), body]);
                (self.part(Expr::Map(MapExpr::default())), always(), insert)
            }
            _ => (self.part(Expr::Map(MapExpr::default())), always(), self.call(INSERT, vec![result(), body])),
        };
        let step = match args.pop() {
            Some(filter) => self.choice(filter, step, result()),
            None => step,
        };
        let entry = |index| self.call(operators::INDEX, vec![self.ident(ENTRY), self.number(index)]);
        let [key, value] = names;
        let step = self.bind(&key, entry(0), self.bind(&value, entry(1), step));
        let folded = self.fold(self.call(ENTRIES, vec![target]), ENTRY.to_owned(), start, condition, step);
        if name.starts_with("exists") && name != "exists" {
            return self.call(operators::EQUALS, vec![folded, self.number(1)]);
        }
        folded
    }

    fn fold(
        self,
        over: Expression,
        item: String,
        start: Expression,
        condition: Expression,
        step: Expression,
    ) -> Expression {
        let result = self.ident(RESULT);
        self.comprehension((over, &item), (RESULT, start), condition, step, result)
    }

    /// `body` where `name` is `value`: a comprehension over nothing, as cel-go does it.
    fn bind(self, name: &str, value: Expression, body: Expression) -> Expression {
        let nothing = (self.list(vec![]), "#unused");
        self.comprehension(nothing, (name, value), self.truth(false), self.ident(name), body)
    }

    fn comprehension(
        self,
        (iter_range, item): (Expression, &str),
        (accu, accu_init): (&str, Expression),
        loop_cond: Expression,
        loop_step: Expression,
        result: Expression,
    ) -> Expression {
        let (iter_var, accu_var) = (item.to_owned(), accu.to_owned());
        let parts = ComprehensionExpr {
            iter_range,
            iter_var,
            iter_var2: None,
            accu_var,
            accu_init,
            loop_cond,
            loop_step,
            result,
        };
        self.part(Expr::Comprehension(Box::new(parts)))
    }

    fn add(self, more: Expression) -> Expression {
        self.call(operators::ADD, vec![self.ident(RESULT), more])
    }

    fn choice(self, condition: Expression, yes: Expression, no: Expression) -> Expression {
        self.call(operators::CONDITIONAL, vec![condition, yes, no])
    }

    fn of(self, target: Expression, name: &str, args: Vec<Expression>) -> Expression {
        let target = Some(Box::new(target));
        self.part(Expr::Call(CallExpr { func_name: name.to_owned(), target, args }))
    }

    fn call(self, name: &str, args: Vec<Expression>) -> Expression {
        self.part(Expr::Call(CallExpr { func_name: name.to_owned(), target: None, args }))
    }

    fn list(self, items: Vec<Expression>) -> Expression {
        self.part(Expr::List(ListExpr::new(items)))
    }

    fn ident(self, name: &str) -> Expression {
        self.part(Expr::Ident(name.to_owned()))
    }

    fn truth(self, is: bool) -> Expression {
        self.part(Expr::Literal(LiteralValue::Boolean(is.into())))
    }

    fn number(self, number: i64) -> Expression {
        self.part(Expr::Literal(LiteralValue::Int(number.into())))
    }

    fn part(self, expr: Expr) -> Expression {
        Expression { id: self.0, expr }
    }
}
