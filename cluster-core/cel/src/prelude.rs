//! The names that several files of this room use.

pub(crate) use crate::Type;
pub(crate) use kube_cel::cel::common::ast::{CallExpr, Expr, LiteralValue, operators};
pub(crate) use kube_cel::cel::extractors::This;
pub(crate) use kube_cel::cel::objects::Opaque;
pub(crate) use kube_cel::cel::parser::Expression;
pub(crate) use kube_cel::cel::{Context, ExecutionError, Value};
pub(crate) use std::collections::HashMap;
pub(crate) use std::sync::{Arc, LazyLock};
