//! CEL as Kubernetes speaks it: parsing, type checks against schemas, cost estimates and bounded evaluation.
//!
//! Syntax and function library come from kube-cel. That parser knows no types, so [`compile`] checks them itself and
//! words faults as cel-go does; that interpreter has no limits, so loops are made to ask for leave ([`Budget`]). The
//! macros that the parser lacks are unfolded before the check; the functions that the library lacks are added, and those
//! that it has otherwise than cel-go replaced.

mod authorizer;
mod check;
mod cost;
mod format;
mod functions;
mod library;
mod limits;
mod lists;
mod macros;
mod pattern;
mod position;
mod prelude;
mod program;
mod rewrite;
mod standard;
#[cfg(test)]
mod tests;
mod types;
mod value;

pub use authorizer::{AUTHORIZER_VARIABLES, Authorizer, Check, authorizer};
pub use limits::{Budget, STATIC_LIMIT, STATIC_TOTAL};
pub use pattern::regex;
pub use program::{Activation, Failure, Program, compile};
pub use types::{Declarations, Object, Order, Type, most_of};
pub use value::{dynamic, escape, is_duration, object, optional, to_json, typed};

/// A value of the interpreter.
pub use kube_cel::cel::Value;
