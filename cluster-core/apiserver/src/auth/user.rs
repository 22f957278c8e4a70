//! The identity behind a request.

use sha2::{Digest as _, Sha256};
use std::collections::BTreeMap;
use x509_parser::prelude::{FromDer, X509Certificate};

/// Names of groups with a meaning to the server.
pub mod group {
    /// May do everything; not revocable.
    pub const MASTERS: &str = "system:masters";
    /// Everybody who proved an identity.
    pub const AUTHENTICATED: &str = "system:authenticated";
    /// Everybody who did not.
    pub const UNAUTHENTICATED: &str = "system:unauthenticated";
    /// Kubelets.
    pub const NODES: &str = "system:nodes";
    /// All service accounts.
    pub const SERVICE_ACCOUNTS: &str = "system:serviceaccounts";
}

/// A user as authentication found it; a request extension of callers in the same process, and of those with a certificate.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct UserInfo {
    /// For example `system:serviceaccount:default:default`.
    pub name: String,
    /// A unique id, when the authenticator knows one.
    pub uid: String,
    /// The groups.
    pub groups: Vec<String>,
    /// More facts, for example the pod a token is bound to.
    pub extra: BTreeMap<String, Vec<String>>,
}

impl UserInfo {
    /// A user who proved to be `name` of `groups`; `system:authenticated` is added.
    pub fn authenticated(name: &str, groups: &[&str]) -> Self {
        let mut groups: Vec<String> = groups.iter().map(|g| (*g).to_owned()).collect();
        groups.push(group::AUTHENTICATED.to_owned());
        Self { name: name.to_owned(), groups, ..Self::default() }
    }

    /// Somebody without credentials.
    pub fn anonymous() -> Self {
        let groups = vec![group::UNAUTHENTICATED.to_owned()];
        Self { name: "system:anonymous".to_owned(), groups, ..Self::default() }
    }

    /// The service account `name` of `namespace`.
    pub fn service_account(namespace: &str, name: &str, uid: &str) -> Self {
        let namespaced = format!("{}:{namespace}", group::SERVICE_ACCOUNTS);
        let user = Self::authenticated(
            &format!("system:serviceaccount:{namespace}:{name}"),
            &[group::SERVICE_ACCOUNTS, &namespaced],
        );
        Self { uid: uid.to_owned(), ..user }
    }

    /// The user that a client certificate names, which TLS has verified against the cluster's CA: common name and
    /// organizations. `None` when it names nobody.
    pub(crate) fn of_certificate(der: &[u8]) -> Option<Self> {
        let (_, certificate) = X509Certificate::from_der(der).ok()?;
        let subject = certificate.subject();
        let name = subject.iter_common_name().next()?.as_str().ok()?;
        let groups: Vec<&str> = subject.iter_organization().filter_map(|o| o.as_str().ok()).collect();
        let credential = vec![format!("X509SHA256={:x}", Sha256::digest(der))];
        let extra = BTreeMap::from([("authentication.kubernetes.io/credential-id".to_owned(), credential)]);
        Some(Self { extra, ..Self::authenticated(name, &groups) })
    }

    /// Whether the user is in `group`.
    pub fn in_group(&self, group: &str) -> bool {
        self.groups.iter().any(|g| g == group)
    }

    /// The node this user is the kubelet of.
    pub fn node_name(&self) -> Option<&str> {
        if self.in_group(group::NODES) { self.name.strip_prefix("system:node:") } else { None }
    }

    /// The wire form, `authentication.k8s.io` `UserInfo`.
    pub fn to_json(&self) -> serde_json::Value {
        let mut value = serde_json::json!({ "username": self.name, "groups": self.groups });
        if !self.uid.is_empty() {
            value["uid"] = serde_json::json!(self.uid);
        }
        if !self.extra.is_empty() {
            value["extra"] = serde_json::json!(self.extra);
        }
        value
    }
}

/// Where a request comes from; a request extension.
#[derive(Debug, Clone, Copy)]
pub(crate) struct PeerAddress(pub(crate) std::net::IpAddr);
