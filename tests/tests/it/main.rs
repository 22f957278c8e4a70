//! Devcluster as its users meet it: real kubectl and client libraries, a real cluster. `tests/run` makes the cluster.
//!
//! Most tests have a namespace of their own and run side by side; those in [`whole`] break the cluster or load the
//! machine, so each of them runs alone.

mod access;
mod agent;
mod apply;
mod bad_input;
mod cats;
mod clients;
mod create;
mod delete;
mod edit;
mod get;
mod info;
mod limits;
mod logs;
mod network;
mod pods;
mod rollout;
mod rust_client;
mod streams;
mod support;
mod sync;
mod volumes;
mod whole;
