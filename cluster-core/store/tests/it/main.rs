//! Tests of the store through its public interface.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod at_rest;
mod crash;
mod file;
mod snapshot;
mod support;
mod watch;
mod write;
