//! Expressions of CEL in the tables: what a rule asks for, and what a cell shows.

use crate::prelude::*;
use cluster_cel::{Activation, Program, Type};
use std::cell::OnceCell;
use std::sync::OnceLock;

/// What expressions are about: an object, and what it was before a change. What they see of both is made once, for the
/// first that asks.
pub(super) struct Whole<'a> {
    pub(super) object: &'a Value,
    /// A null when there is no change.
    pub(super) old: &'a Value,
    seen: [OnceCell<cluster_cel::Value>; 2],
}

impl<'a> Whole<'a> {
    pub(super) fn new(object: &'a Value, old: &'a Value) -> Self {
        Self { object, old, seen: Default::default() }
    }
}

/// An expression over `self`, `object` and `old`, compiled when it is first asked.
#[derive(Debug, Clone, Deserialize)]
#[serde(from = "String")]
pub struct Expression {
    source: String,
    program: Arc<OnceLock<Program>>,
}

impl From<String> for Expression {
    fn from(source: String) -> Self {
        Self { source, program: Arc::default() }
    }
}

impl Expression {
    pub(super) fn program(&self) -> &Program {
        let variables = ["self", "object", "old"].map(|name| (name, Type::Dyn)).to_vec();
        let compile = || cluster_cel::compile(&self.source, &variables);
        self.program.get_or_init(|| compile().expect("an expression, which tests compile"))
    }

    /// Its value; `None` when it has none, because a part of the object is not there.
    pub(super) fn of(&self, this: &Value, whole: &Whole<'_>) -> Option<Value> {
        let mut activation = Activation::new(&Arc::default());
        if self.program().uses("self") {
            activation.bind("self", self.program().view("self", this));
        }
        for (name, value, seen) in [("object", whole.object, &whole.seen[0]), ("old", whole.old, &whole.seen[1])] {
            if self.program().uses(name) {
                activation.bind(name, seen.get_or_init(|| cluster_cel::dynamic(value)).clone());
            }
        }
        self.among(&activation)
    }

    fn among(&self, variables: &Activation) -> Option<Value> {
        #[cfg(test)]
        EVALUATED.set(EVALUATED.get() + 1);
        cluster_cel::to_json(&variables.evaluate(self.program()).ok()?)
    }
}

#[cfg(test)]
thread_local! {
    /// How many expressions this thread evaluated.
    pub(super) static EVALUATED: std::cell::Cell<usize> = const { std::cell::Cell::new(0) };
}

/// An object whose cells are asked for. What expressions see of it is made once, for the first.
pub(crate) struct Shown<'a> {
    pub(super) object: &'a Value,
    seen: OnceCell<Activation>,
}

impl<'a> Shown<'a> {
    pub(crate) fn new(object: &'a Value) -> Self {
        Self { object, seen: OnceCell::new() }
    }

    /// What the expression makes of the object; an empty text where a part of it is not there.
    pub(super) fn ask(&self, expression: &Expression) -> Value {
        let variables = self.seen.get_or_init(|| {
            let mut variables = Activation::new(&Arc::default());
            variables.bind("self", cluster_cel::dynamic(self.object));
            variables
        });
        expression.among(variables).unwrap_or_else(|| "".into())
    }
}
