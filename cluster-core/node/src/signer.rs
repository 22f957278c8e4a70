//! The cluster's authority as the controllers' signer of certificate requests.

use crate::api::read;
use anyhow::{Context, Result};
use cluster_config::pki_file;
use cluster_controllers::{Signer, Subject};
use cluster_pki::{Authority, Pair, Requested};
use std::fmt;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

struct ClusterSigner(Authority);

impl fmt::Debug for ClusterSigner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ClusterSigner")
    }
}

/// The signer with the authority's key below `folder`.
pub(crate) fn signer(folder: &Path) -> Result<Arc<dyn Signer>> {
    let pair = Pair { cert: read(folder, pki_file::CA_CERT)?, key: read(folder, pki_file::CA_KEY)? };
    Ok(Arc::new(ClusterSigner(Authority::from_pem(&pair).context("failed to read the authority")?)))
}

impl Signer for ClusterSigner {
    fn subject(&self, request: &str) -> Result<Subject, String> {
        let Requested { common_name, organization, names, other_names } =
            Requested::read(request).map_err(|error| format!("{error:#}"))?;
        Ok(Subject { common_name, organization, names, other_names })
    }

    fn sign(&self, request: &str, usages: &[String], lifetime: Duration) -> Result<String, String> {
        self.0.sign(request, usages, lifetime).map_err(|error| format!("{error:#}"))
    }
}
