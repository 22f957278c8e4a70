//! The host's background process: one per user, for what outlives a command. It serves the dashboard and keeps the
//! watched views of every running cluster, and lets services answer on localhost.
//!
//! # What it speaks
//!
//! HTTP and one WebSocket on loopback. A browser comes with a one-time token (`/#t=…`), swaps it at `POST /api/session`
//! for a cookie, and takes a ticket from `POST /api/ticket` for each WebSocket (`ticket=…`). A program of the same user
//! sends the bearer token of `agent.json`. Writes are JSON with that content type, also when their body is empty.
//! Failures are Kubernetes `Status` objects.
//!
//! | Request | Answer |
//! |---|---|
//! | `GET /api/session` | who serves: version and port |
//! | `GET /api/clusters`, `POST` | the clusters; makes one: `{name, masters, workers}` |
//! | `POST /api/clusters/{cluster}/actions` | `{action, node?, count?, images?}`, see `server/api.rs`; 202 with `{operation}` |
//! | `GET /api/clusters/{cluster}/images`, `POST` | the nodes' images; takes an archive of `docker save` into all nodes |
//! | `GET /api/clusters/{cluster}/why/{namespace}/{pod}` | what each node has against a pod |
//! | `/api/clusters/{cluster}/k8s/…` | the cluster's API server, as its administrator; upgrades with a ticket |
//! | `GET /api/operations`, `DELETE …/{id}` | what is being done; cancels it |
//! | `GET /api/forwards`, `POST`, `DELETE …/{id}` | ports of 127.0.0.1 that lead into clusters: `{cluster, namespace, target, port, local?}` |
//! | `GET /api/syncs`, `POST`, `DELETE …/{id}` | folders that are kept in clusters: `{cluster, namespace?, paths?, configMaps?, secrets?, prune?, rollout?}` |
//! | `POST /api/syncs/{diff, preview, pull}` | the same body: what an apply would change in the cluster, a pull in the files; pulls: `{changes, faults}` |
//! | `GET /api/ws?ticket=…` | the WebSocket |
//!
//! Over the WebSocket a page opens, changes and closes numbered views: `{"op": "open", "view": 7, "spec": {"kind":
//! "list", …}}`, see `view.rs`. A view's messages carry its number: `rows` (the window, later only what is new in it, at
//! most ten times a second), `object`, `counts`, `problems`, `lines`, `metrics`, and `state` when it follows its cluster
//! no more or again. Everybody is told `clusters`, `operation`, `forwards` and `syncs`.

mod activity;
mod board;
mod clusters;
mod contact;
mod error;
mod feed;
mod forwards;
mod health;
pub mod log;
mod memory;
mod operations;
mod prelude;
mod process;
mod row;
mod saying;
mod server;
mod session;
pub mod sync;
mod syncs;
mod view;
mod watch;

pub use contact::{Contact, READY, browse};
pub use error::Error;
pub use forwards::Wanted;
pub use process::{Options, run};
