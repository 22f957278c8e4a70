//! The names that most rules of kinds use, beside those of the whole server.

pub(super) use crate::kinds::cells::OwnCell;
pub(crate) use crate::kinds::rules::named;
pub(crate) use crate::kinds::walk::{
    At, at, child, copy, default, each, entries, int, is_empty, items, remove, text, texts,
};
pub(crate) use crate::prelude::*;
pub(crate) use crate::registry::Strategy;
pub(crate) use cluster_object::field::{Error, Errors, Path, Reason, plain};
pub(crate) use cluster_object::name;
pub(crate) use cluster_object::quantity::Quantity;
pub(crate) use cluster_object::selector::Selector;
