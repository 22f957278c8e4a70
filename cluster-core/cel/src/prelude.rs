//! The names that several files of this room use.

pub(crate) use crate::types::{Order, Type};
pub(crate) use kube_cel::KubeCelExt;
pub(crate) use kube_cel::cel::common::ast::{
    CallExpr, ComprehensionExpr, EntryExpr, Expr, LiteralValue, MapExpr, SelectExpr, operators,
};
pub(crate) use kube_cel::cel::extractors::{Arguments, This};
pub(crate) use kube_cel::cel::objects::{Key, Map, Opaque, OptionalValue};
pub(crate) use kube_cel::cel::parser::Expression;
pub(crate) use kube_cel::cel::{Context, ExecutionError, FunctionContext, Value};
pub(crate) use std::collections::HashMap;
pub(crate) use std::sync::{Arc, LazyLock};
