//! The way to a cluster's API server: a client for this process, kubeconfig entries for kubectl.

use crate::prelude::*;
use cluster_client::Error as ClientError;
use cluster_client::http::{HttpBackend, Identity};
use cluster_client::kubeconfig::{self, Entry, Kubeconfig};

const FIELD_MANAGER: &str = "devcluster";

impl Launcher {
    /// A client of the cluster as its administrator.
    pub fn client(&self, cluster: &str) -> Result<Client> {
        Ok(Client::new(Arc::new(self.backend(cluster)?), FIELD_MANAGER))
    }

    /// What such a client speaks through, for requests of any form.
    pub fn backend(&self, cluster: &str) -> Result<HttpBackend> {
        let spec = self.state.require(cluster)?.spec;
        let entry = self.entry(&spec)?;
        let (cert, key) = entry.client_certificate.unwrap_or_default();
        let servers = spec.server_urls();
        let servers: Vec<&str> = servers.iter().map(String::as_str).collect();
        Ok(HttpBackend::with_servers(&servers, &entry.ca_pem, Identity::ClientCert { cert, key })?)
    }

    /// A kubeconfig with this cluster alone.
    pub fn kubeconfig(&self, cluster: &str) -> Result<String> {
        let record = self.state.require(cluster)?;
        let entry = self.entry(&record.spec)?;
        let mut config = Kubeconfig::default();
        config.set_current_context(&entry.name);
        config.merge(&entry);
        Ok(config.to_yaml()?)
    }

    /// Puts the cluster into kubectl's configuration as the current context, and remembers the one before.
    pub(crate) fn merge_kubeconfig(&self, record: &mut Record) -> Result<()> {
        let entry = self.entry(&record.spec)?;
        let before = Kubeconfig::load()?.current_context().to_owned();
        if before != entry.name {
            record.previous_context = before;
        }
        let missing = || ClientError::Config("the home directory is unknown: set HOME or KUBECONFIG".to_owned());
        kubeconfig::edit(&kubeconfig::path_to_edit().ok_or_else(missing)?, |config| {
            config.merge(&entry);
            config.set_current_context(&entry.name);
        })?;
        Ok(())
    }

    /// Takes the cluster out again; the context before it comes back if it is still there.
    pub(crate) fn unmerge_kubeconfig(record: &Record) -> Result<()> {
        let name = record.spec.context();
        for path in kubeconfig::paths().into_iter().filter(|path| path.exists()) {
            let config = Kubeconfig::read(&path)?;
            let named = config.contexts().contains(&name.as_str()) || config.current_context() == name;
            if named {
                let others = Kubeconfig::load()?;
                kubeconfig::edit(&path, |config| {
                    let was_current = config.current_context() == name;
                    config.remove(&name);
                    if was_current && others.contexts().contains(&record.previous_context.as_str()) {
                        config.set_current_context(&record.previous_context);
                    }
                })?;
            }
        }
        Ok(())
    }

    fn entry(&self, spec: &ClusterSpec) -> Result<Entry> {
        let admin = self.state.admin(&spec.name)?;
        Ok(Entry {
            name: spec.context(),
            server: spec.server_url(),
            ca_pem: self.state.pki(&spec.name)?.ca_cert().as_bytes().to_vec(),
            client_certificate: Some((admin.cert.into_bytes(), admin.key.into_bytes())),
            ..Default::default()
        })
    }
}
