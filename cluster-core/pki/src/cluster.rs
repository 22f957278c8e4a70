//! Which certificates and keys a cluster and each of its nodes need.

use crate::{Authority, Error, Pair, Subject, Usage};
use base64::Engine as _;
use cluster_config::{CLUSTER_DOMAIN, pki_file};
use std::net::Ipv4Addr;

/// The common name of etcd's certificates; etcd takes no other for one of its own.
pub const ETCD_NAME: &str = "devcluster-etcd";

/// Names of files with what they hold.
pub type Files = Vec<(&'static str, String)>;

/// What a cluster must keep: everything else is issued from it.
pub struct ClusterPki {
    authority: Authority,
    service_account_key: String,
    encryption_key: String,
}

/// Where a node is reached.
#[derive(Debug, Clone)]
pub struct Endpoint<'a> {
    /// The node's name.
    pub name: &'a str,
    /// Its address in the cluster's network.
    pub address: Ipv4Addr,
}

impl ClusterPki {
    /// Makes the CA and keys of a new cluster.
    pub fn generate(cluster: &str) -> Result<Self, Error> {
        let mut key = [0u8; 32];
        aws_lc_rs::rand::fill(&mut key).map_err(|_| Error::Random)?;
        Ok(Self {
            authority: Authority::generate(&format!("devcluster-{cluster}"))?,
            service_account_key: rcgen::KeyPair::generate()?.serialize_pem(),
            encryption_key: base64::engine::general_purpose::STANDARD.encode(key),
        })
    }

    /// Takes up a cluster's CA and keys from the files that [`Self::files`] named; `read` gives a file's content.
    pub fn load<E: From<Error>>(mut read: impl FnMut(&'static str) -> Result<String, E>) -> Result<Self, E> {
        let ca = Pair { cert: read(pki_file::CA_CERT)?, key: read(pki_file::CA_KEY)? };
        Ok(Self {
            authority: Authority::from_pem(&ca)?,
            service_account_key: read(pki_file::SERVICE_ACCOUNT_KEY)?,
            encryption_key: read(pki_file::ENCRYPTION_KEY)?,
        })
    }

    /// The files to keep on the host.
    pub fn files(&self) -> Files {
        let ca = self.authority.to_pem();
        vec![
            (pki_file::CA_CERT, ca.cert),
            (pki_file::CA_KEY, ca.key),
            (pki_file::SERVICE_ACCOUNT_KEY, self.service_account_key.clone()),
            (pki_file::ENCRYPTION_KEY, self.encryption_key.clone()),
        ]
    }

    /// The CA's certificate, PEM.
    pub fn ca_cert(&self) -> &str {
        self.authority.cert()
    }

    /// A client certificate for the cluster's administrator (`kubernetes-admin`, group `system:masters`).
    pub fn admin(&self) -> Result<Pair, Error> {
        self.authority.issue(&Subject::client("kubernetes-admin", "system:masters"))
    }

    /// What every node carries: the CA's certificate, the kubelet's and the proxy's identity.
    pub fn node_files(&self, node: &Endpoint<'_>) -> Result<Files, Error> {
        let names = [node.name, &node.address.to_string(), "127.0.0.1"].map(str::to_owned).to_vec();
        let kubelet = Subject::client(&format!("system:node:{}", node.name), "system:nodes");
        let kubelet = Subject { names, usage: Usage::Both, ..kubelet };
        let proxy = Subject::client("system:kube-proxy", "system:node-proxier");
        let mut files = vec![(pki_file::CA_CERT, self.authority.cert().to_owned())];
        self.issue(&mut files, pki_file::KUBELET_CERT, pki_file::KUBELET_KEY, &kubelet)?;
        self.issue(&mut files, pki_file::PROXY_CERT, pki_file::PROXY_KEY, &proxy)?;
        Ok(files)
    }

    /// What a master carries beside [`Self::node_files`]. `service_address` is the API server's cluster IP,
    /// `extra_names` are names and addresses of the host's side.
    pub fn master_files(
        &self,
        node: &Endpoint<'_>,
        service_address: Ipv4Addr,
        extra_names: &[String],
    ) -> Result<Files, Error> {
        let mut names = vec![
            node.name.to_owned(),
            node.address.to_string(),
            service_address.to_string(),
            "127.0.0.1".to_owned(),
            "::1".to_owned(),
            "localhost".to_owned(),
            "kubernetes".to_owned(),
            "kubernetes.default".to_owned(),
            "kubernetes.default.svc".to_owned(),
            format!("kubernetes.default.svc.{CLUSTER_DOMAIN}"),
        ];
        names.extend(extra_names.iter().cloned());
        let serving = Subject { names, usage: Usage::Server, ..Subject::client("kube-apiserver", "") };
        let names = vec![node.address.to_string()];
        let etcd = Subject { names, usage: Usage::Both, ..Subject::client(ETCD_NAME, "") };
        let to_kubelets = Subject::client("kube-apiserver-kubelet-client", "kubeadm:cluster-admins");
        let mut files = self.files();
        files.retain(|(name, _)| *name != pki_file::CA_CERT);
        self.issue(&mut files, pki_file::API_CERT, pki_file::API_KEY, &serving)?;
        self.issue(&mut files, pki_file::ETCD_CERT, pki_file::ETCD_KEY, &etcd)?;
        self.issue(&mut files, pki_file::KUBELET_CLIENT_CERT, pki_file::KUBELET_CLIENT_KEY, &to_kubelets)?;
        Ok(files)
    }

    fn issue(&self, files: &mut Files, cert: &'static str, key: &'static str, subject: &Subject) -> Result<(), Error> {
        let pair = self.authority.issue(subject)?;
        files.extend([(cert, pair.cert), (key, pair.key)]);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stored_cluster_issues_for_new_nodes_under_the_same_authority() {
        let made = ClusterPki::generate("dev").expect("PKI");
        let files = made.files();
        let loaded = ClusterPki::load(|name| {
            let found = files.iter().find(|(file, _)| *file == name).map(|(_, text)| text.clone());
            found.ok_or(Error::Random)
        })
        .expect("load");
        let node = Endpoint { name: "dev-worker-1", address: Ipv4Addr::new(172, 30, 0, 3) };
        assert_eq!(loaded.ca_cert(), made.ca_cert());
        assert_eq!(loaded.files(), files);
        let names: Vec<_> = loaded.node_files(&node).expect("node files").into_iter().map(|(name, _)| name).collect();
        assert_eq!(names, ["ca.crt", "kubelet.crt", "kubelet.key", "kube-proxy.crt", "kube-proxy.key"]);
        let master = loaded.master_files(&node, Ipv4Addr::new(10, 96, 0, 1), &[]).expect("master files");
        assert!(master.iter().any(|(name, _)| *name == pki_file::CA_KEY));
    }
}
