//! Why a request to the agent failed, and how that is told: as Kubernetes tells it.

use crate::prelude::*;
use axum::Json;

/// A failure of the agent.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// An answer to a request that was wrong, or that a cluster's API server gave.
    #[error(transparent)]
    Status(#[from] Status),
    /// The launcher could not do it.
    #[error(transparent)]
    Launcher(#[from] cluster_launcher::Error),
    /// A cluster's API server refused or could not be reached.
    #[error(transparent)]
    Client(#[from] cluster_client::Error),
    /// The agent did not start, or does not answer.
    #[error("{0}")]
    Unreachable(String),
}

impl Error {
    /// Names the file and what was tried with it.
    pub(crate) fn file(what: &'static str, path: &Path) -> impl FnOnce(std::io::Error) -> Self {
        let failed = cluster_launcher::Error::file(what, path);
        move |source| failed(source).into()
    }

    /// As Kubernetes words it.
    pub(crate) fn status(&self) -> Status {
        use cluster_launcher::Error as Launcher;
        match self {
            Self::Status(status) | Self::Client(cluster_client::Error::Api(status)) => status.clone(),
            Self::Client(error) => Status::new(503, "ServiceUnavailable", error.to_string()),
            Self::Launcher(error) => {
                let (code, reason) = match error {
                    Launcher::NoCluster(_) | Launcher::NoNode { .. } => (404, "NotFound"),
                    Launcher::Busy(_) | Launcher::Differs { .. } | Launcher::Foreign { .. } => (409, "Conflict"),
                    Launcher::Invalid(_) => (422, "Invalid"),
                    Launcher::NoEngine(_) | Launcher::Stopped(_) => (503, "ServiceUnavailable"),
                    _ => (500, "InternalError"),
                };
                Status::new(code, reason, with_hint(error))
            }
            Self::Unreachable(_) => Status::internal(self),
        }
    }
}

/// The launcher's error with what the user can do.
pub(crate) fn with_hint(error: &cluster_launcher::Error) -> String {
    error.hint().map_or_else(|| error.to_string(), |hint| format!("{error}. {hint}"))
}

impl IntoResponse for Error {
    fn into_response(self) -> Response {
        let status = self.status();
        let code = StatusCode::from_u16(status.code).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        (code, Json(status.to_json())).into_response()
    }
}
