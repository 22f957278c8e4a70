//! The names that several files of the store use.

pub(crate) use crate::at_rest::AesGcm;
pub(crate) use crate::ring::LIMITS;
pub(crate) use crate::state::{Commit, State};
pub(crate) use crate::{
    Change, Draft, Entry, Event, Expect, Expired, IoError, Key, OpenError, Revision, SealError, WriteError,
};
pub(crate) use async_trait::async_trait;
pub(crate) use bytes::Bytes;
pub(crate) use sqlx::sqlite::SqliteConnection;
pub(crate) use std::path::{Path, PathBuf};
pub(crate) use std::sync::Arc;
pub(crate) use std::time::{Duration, Instant};
pub(crate) use tokio::sync::{mpsc, oneshot};
