//! The names that most files of the store use.

pub(crate) use crate::at_rest::AtRest;
pub(crate) use crate::state::{Commit, State};
pub(crate) use crate::{Change, Draft, Entry, Event, Expect, Key, Revision};
pub(crate) use async_trait::async_trait;
pub(crate) use bytes::Bytes;
pub(crate) use std::path::{Path, PathBuf};
pub(crate) use std::sync::Arc;
pub(crate) use std::time::Duration;
pub(crate) use tokio::sync::{mpsc, oneshot};
