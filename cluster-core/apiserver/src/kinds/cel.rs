//! Expressions of CEL in the tables: what a rule asks for, and what a cell shows.

use crate::prelude::*;
use cluster_cel::{Activation, Program, Type};
use std::cell::OnceCell;
use std::sync::OnceLock;

/// An expression over `self` and `object`, compiled when it is first asked.
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
        let compile = || cluster_cel::compile(&self.source, &vec![("self", Type::Dyn), ("object", Type::Dyn)]);
        self.program.get_or_init(|| compile().expect("an expression, which tests compile"))
    }

    /// Its value; `None` when it has none, because a part of the object is not there.
    pub(super) fn of(&self, this: &Value, object: &Value) -> Option<Value> {
        let mut activation = Activation::new(&Arc::default());
        for (name, value) in [("self", this), ("object", object)] {
            if self.program().uses(name) {
                activation.bind(name, cluster_cel::dynamic(value));
            }
        }
        self.among(&activation)
    }

    fn among(&self, variables: &Activation) -> Option<Value> {
        cluster_cel::to_json(&variables.evaluate(self.program()).ok()?)
    }
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
