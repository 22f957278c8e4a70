//! Aggregation: groups that other servers serve, named by APIServices, and the APIServices of those served here.
//!
//! [`follow`] keeps the list of remote servers and the conditions of all APIServices up to date; the pipeline asks
//! [`Remotes::serving`] whether a request is another server's business.

mod available;
mod local;
mod openapi;
mod proxy;

pub(crate) use available::follow;
pub(crate) use local::local_status;
pub(crate) use openapi::{add_to_openapi, swagger};

use crate::prelude::*;
use arc_swap::ArcSwap;
use cluster_pki::{Authority, Pair, Subject};

/// Where APIServices are stored.
pub(crate) const STORAGE: &str = "apiregistration.k8s.io/apiservices";
/// Extension servers take requests of this name for the API server's.
const PROXY_NAME: &str = "front-proxy-client";

/// The servers behind this one, by group and version.
pub(crate) struct Remotes {
    by_version: ArcSwap<BTreeMap<(String, String), Arc<Remote>>>,
    /// The authority of [`Self::identity`]; made anew at every start, and published for extension servers to follow.
    authority: String,
    identity: Pair,
}

/// A server behind this one.
#[derive(Debug, Clone)]
pub(crate) struct Remote {
    pub(crate) group: String,
    pub(crate) version: String,
    /// The APIService's spec.
    pub(crate) spec: Value,
    pub(crate) available: bool,
    /// Its `APIResourceList`; null when it could not be had.
    pub(crate) resources: Value,
    /// Where its OpenAPI v3 document is; empty when it has none.
    pub(crate) openapi: String,
}

impl Remote {
    /// `/apis/GROUP/VERSION`
    fn path(&self) -> String {
        format!("/apis/{}/{}", self.group, self.version)
    }
}

impl Remotes {
    pub(crate) fn new() -> Result<Self, cluster_pki::Error> {
        let authority = Authority::generate("front-proxy-ca")?;
        let identity = authority.issue(&Subject::client(PROXY_NAME, ""))?;
        Ok(Self { by_version: ArcSwap::default(), authority: authority.cert().to_owned(), identity })
    }

    /// The server whose business `path` is.
    pub(crate) fn serving(&self, path: &str) -> Option<Arc<Remote>> {
        let known = self.by_version.load();
        if known.is_empty() {
            return None;
        }
        let path = path.strip_prefix("/openapi/v3").unwrap_or(path);
        let mut parts = path.strip_prefix("/apis/")?.split('/');
        known.get(&(parts.next()?.to_owned(), parts.next()?.to_owned())).cloned()
    }

    /// All of them, by group and version.
    pub(crate) fn all(&self) -> Vec<Arc<Remote>> {
        self.by_version.load().values().cloned().collect()
    }

    /// What extension servers read to trust the identity that this server shows them: the data of the ConfigMap
    /// `kube-system/extension-apiserver-authentication`.
    pub(crate) fn authentication(&self, client_ca: &str) -> Value {
        let list = |names: &[&str]| json!(names).to_string();
        json!({
            "client-ca-file": client_ca,
            "requestheader-client-ca-file": self.authority,
            "requestheader-allowed-names": list(&[PROXY_NAME]),
            "requestheader-username-headers": list(&["X-Remote-User"]),
            "requestheader-uid-headers": list(&["X-Remote-Uid"]),
            "requestheader-group-headers": list(&["X-Remote-Group"]),
            "requestheader-extra-headers-prefix": list(&["X-Remote-Extra-"]),
        })
    }
}
