//! Why an operation on a cluster failed, and what its user can do about it.

use std::path::{Path, PathBuf};

/// A failure. Its text says what failed and why; [`Error::hint`] says how to mend it.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The Docker engine cannot be reached.
    #[error("no Docker engine answers: {0}")]
    NoEngine(String),
    /// The Docker engine refused.
    #[error("failed to {what}: {answer}")]
    Docker {
        /// What was tried.
        what: String,
        /// The engine's answer.
        answer: String,
    },
    /// The node image is not in the engine.
    #[error("the node image `{0}` is not in the Docker engine")]
    ImageMissing(String),
    /// The node program is not where it is looked for.
    #[error("the node program is not at `{}`", .0.display())]
    BinaryMissing(PathBuf),
    /// The description of a cluster is wrong.
    #[error("{0}")]
    Invalid(String),
    /// A cluster of this name exists and is another one.
    #[error("cluster `{name}` exists with {present}, not {wanted}")]
    Differs {
        /// The cluster.
        name: String,
        /// What it has.
        present: String,
        /// What was asked for.
        wanted: String,
    },
    /// No cluster has this name.
    #[error("there is no cluster `{0}`")]
    NoCluster(String),
    /// No node of the cluster has this name.
    #[error("cluster `{cluster}` has no node `{node}`; it has {nodes}")]
    NoNode {
        /// The cluster.
        cluster: String,
        /// The name that was given.
        node: String,
        /// Those it has.
        nodes: String,
    },
    /// Containers of this name are there, but not made by this program's state folder.
    #[error("Docker has {what} `{name}` already, and no cluster here knows it")]
    Foreign {
        /// `a container`, `a network` or `a volume`.
        what: &'static str,
        /// Its name.
        name: String,
    },
    /// Another process works on the cluster.
    #[error("another devcluster works on cluster `{0}` now")]
    Busy(String),
    /// A file could not be read or written.
    #[error("failed to {what} `{}`: {answer}", .path.display())]
    File {
        /// What was tried.
        what: &'static str,
        /// The file.
        path: PathBuf,
        /// The system's answer.
        answer: std::io::Error,
    },
    /// A node's container ended while it was waited for.
    #[error("node `{node}` stopped while it started; the last lines of its log:\n{log}")]
    NodeDied {
        /// The node.
        node: String,
        /// The end of its log.
        log: String,
    },
    /// No master of a cluster runs.
    #[error("no master of cluster `{0}` runs")]
    Stopped(String),
    /// Something did not happen in time.
    #[error("{what} did not happen within {seconds} s; the last lines of the master's log:\n{log}")]
    Timeout {
        /// What was waited for.
        what: String,
        /// For how long.
        seconds: u64,
        /// The end of the master's log.
        log: String,
    },
    /// A command in a node failed.
    #[error("`{command}` failed in node `{node}` with exit code {code}: {output}")]
    Command {
        /// The node.
        node: String,
        /// The command.
        command: String,
        /// How it ended.
        code: i64,
        /// What it said.
        output: String,
    },
    /// A certificate could not be made.
    #[error(transparent)]
    Pki(#[from] cluster_pki::Error),
    /// The cluster's API server refused or could not be reached.
    #[error(transparent)]
    Client(#[from] cluster_client::Error),
    /// Simulated nodes could not be made.
    #[error(transparent)]
    Simulator(#[from] cluster_simulator::Error),
    /// The user interrupted.
    #[error("interrupted")]
    Cancelled,
}

impl Error {
    /// Names the file and what was tried with it.
    pub fn file(what: &'static str, path: &Path) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.to_owned();
        move |answer| Self::File { what, path, answer }
    }

    /// Names the innermost cause; those around it say no more than that there is no connection.
    pub(crate) fn no_engine(error: bollard::errors::Error) -> Self {
        let mut cause: &dyn std::error::Error = &error;
        while let Some(inner) = cause.source() {
            cause = inner;
        }
        Self::NoEngine(cause.to_string())
    }

    /// What the user can do.
    pub fn hint(&self) -> Option<String> {
        Some(match self {
            Self::NoEngine(why) if why.to_lowercase().contains("permission denied") => {
                "Docker lets only members of its group in: `sudo usermod -aG docker $USER`, then log in again.".to_owned()
            }
            Self::NoEngine(_) => {
                "Start Docker (`sudo systemctl start docker`, or Docker Desktop), let `make up` install and start it, or \
                 name another engine's socket in DOCKER_HOST. `devcluster doctor` checks the whole machine."
                    .to_owned()
            }
            Self::Docker { answer, .. } => return docker_hint(answer).map(str::to_owned),
            Self::ImageMissing(_) => "Build it from the checkout with `make image`.".to_owned(),
            Self::BinaryMissing(_) => {
                "Build it with `cargo build --release -p cluster-core`, or name it with --node-binary.".to_owned()
            }
            Self::Differs { name, .. } => format!(
                "Change its workers with `devcluster scale --name {name} --workers N`, or replace it: `devcluster down \
                 --name {name}`, then `up` again."
            ),
            Self::Stopped(name) => format!("Start it with `devcluster start --name {name}`."),
            Self::NoCluster(name) => {
                format!("Make it with `devcluster up --name {name}`; `devcluster list` shows what there is.")
            }
            Self::Foreign { what, name } => {
                let kind = what.rsplit(' ').next().unwrap_or_default();
                format!("Choose another --name, or remove it: `docker {kind} rm {name}`.")
            }
            Self::Busy(_) => "Wait until it is done.".to_owned(),
            _ => return None,
        })
    }
}

fn docker_hint(message: &str) -> Option<&'static str> {
    let has = |part: &str| message.contains(part);
    if has("port is already allocated") || has("address already in use") {
        Some("Another program holds this port. Stop it, or choose another port.")
    } else if has("Pool overlaps") || has("invalid pool request") {
        Some("Another Docker network uses these addresses. `docker network ls` shows it; choose another subnet.")
    } else if has("no space left on device") {
        Some("The disk is full. `docker system df` shows what Docker keeps, `docker system prune` frees some of it.")
    } else if has("operation not permitted") || has("permission denied") {
        Some("The Docker engine may not do this here. `devcluster doctor` checks what nodes need.")
    } else if has("active endpoints") {
        Some(
            "A container that is not the cluster's is in its network: `docker network disconnect -f NETWORK CONTAINER`.",
        )
    } else if has("No such container") {
        Some("`devcluster status` shows what is there; `devcluster up` makes anew what is incomplete.")
    } else if has("is not running") || has("is paused") {
        Some("`devcluster status` shows which nodes run; `devcluster start` lets all run.")
    } else {
        None
    }
}

/// Names what a call to the engine was for.
pub(crate) trait Doing<T>: Sized {
    /// `what` reads after "failed to".
    fn doing(self, what: impl Into<String>) -> Result<T, Error>;

    /// The same; `None` when what it is done to is not there.
    fn if_there(self, what: impl Into<String>) -> Result<Option<T>, Error>;
}

impl<T> Doing<T> for Result<T, bollard::errors::Error> {
    fn doing(self, what: impl Into<String>) -> Result<T, Error> {
        self.map_err(|error| {
            let answer = match error {
                bollard::errors::Error::DockerResponseServerError { message, .. } => message,
                lost @ bollard::errors::Error::HyperLegacyError { .. } => return Error::no_engine(lost),
                other => other.to_string(),
            };
            Error::Docker { what: what.into(), answer }
        })
    }

    fn if_there(self, what: impl Into<String>) -> Result<Option<T>, Error> {
        match self {
            Err(bollard::errors::Error::DockerResponseServerError { status_code: 404, .. }) => Ok(None),
            other => other.doing(what).map(Some),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(message: &str) -> Error {
        let answer =
            bollard::errors::Error::DockerResponseServerError { status_code: 500, message: message.to_owned() };
        Err::<(), _>(answer).doing("start `dev-master-1`").expect_err("a refusal")
    }

    #[test]
    fn a_refusal_of_the_engine_names_the_step_and_how_to_mend_it() {
        let error = refused("driver failed: Bind for 127.0.0.1:6443 failed: port is already allocated");
        assert!(error.to_string().starts_with("failed to start `dev-master-1`: driver failed"));
        assert!(std::error::Error::source(&error).is_none(), "who prints all sources would say it twice");
        assert!(error.hint().is_some_and(|hint| hint.contains("holds this port")));
        assert!(refused("write: no space left on device").hint().is_some_and(|hint| hint.contains("disk is full")));
        assert_eq!(refused("something else").hint(), None);
    }

    #[test]
    fn who_may_not_ask_the_engine_is_told_how_to_be_let_in() {
        let hint = |kind: std::io::ErrorKind| {
            let error = Error::no_engine(std::io::Error::from(kind).into());
            assert_eq!(error.to_string(), format!("no Docker engine answers: {kind}"));
            error.hint().expect("a hint")
        };
        assert!(hint(std::io::ErrorKind::PermissionDenied).contains("usermod -aG docker"));
        assert!(hint(std::io::ErrorKind::ConnectionRefused).contains("Start Docker"));
    }
}
