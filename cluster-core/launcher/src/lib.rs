//! Makes clusters out of Docker containers and takes care of them: the host's side of devcluster.
//!
//! A [`Launcher`] speaks to the Docker engine, keeps what it must remember in a folder per cluster, tells its caller
//! through [`Progress`] what it does, and reaches a cluster's API server as any client does.

mod access;
mod arguments;
mod config_file;
mod container;
mod demo;
mod doctor;
mod engine;
mod error;
mod exec;
mod images;
mod lifecycle;
mod network;
mod nodes;
mod prelude;
mod progress;
mod ready;
mod spec;
mod state;
mod status;
mod up;

pub use arguments::api_server as api_server_arguments;
pub use config_file::parse as parse_config;
pub use demo::DemoAddress;
pub use doctor::{Check, doctor};
pub use engine::Launcher;
pub use error::Error;
pub use images::{ImageInfo, LoadReport};
pub use lifecycle::Switch;
pub use progress::{Event, Progress, StepTime};
pub use spec::{ClusterSpec, Mount, NodeSpec, Port, Protocol};
pub use state::{lock, read_json, write_json};
pub use status::{ClusterStatus, NodeStatus};
pub use up::{Report, UpOptions};

/// What every operation returns.
pub type Result<T> = std::result::Result<T, Error>;
