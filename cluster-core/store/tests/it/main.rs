//! Tests of the store through its public interface.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]
#![expect(clippy::duplicate_mod, reason = "what every store must do is tried with each")]

mod at_rest;
mod crash;
mod file;
mod servers;
mod support;

#[path = "."]
mod sqlite {
    pub(crate) use crate::support::on_sqlite as empty;

    #[path = "snapshot.rs"]
    mod snapshot;
    #[path = "watch.rs"]
    mod watch;
    #[path = "write.rs"]
    mod write;
}

#[path = "."]
mod etcd {
    pub(crate) use crate::support::on_etcd as empty;

    #[path = "snapshot.rs"]
    mod snapshot;
    #[path = "watch.rs"]
    mod watch;
    #[path = "write.rs"]
    mod write;
}
