//! The etcd of one of several masters. Its API server reaches it by a Unix socket in its folder, which nobody else on the
//! node may open; the etcds reach each other with certificates of the cluster's CA.

use crate::engine::logged;
use crate::prelude::*;
use cluster_client::kubeconfig::private_folder;
use cluster_config::{ETCD_PORT, pki_file};
use cluster_pki::ETCD_NAME;
use std::process::Command;

/// etcd wants a host and a port of every address; of a socket it makes a file of this name in its folder.
const SOCKET: &str = "client:0";

/// Where the API server finds etcd.
pub(crate) fn socket() -> PathBuf {
    Path::new(path::ETCD).join(SOCKET)
}

/// Starts etcd as one of the members that `config` tells of; what was there before is taken up.
pub(crate) fn command(config: &NodeConfig) -> Result<Command> {
    let made = private_folder(Path::new(path::ETCD));
    made.with_context(|| format!("failed to make {}", path::ETCD))?;
    // A killed etcd leaves its socket, and the next one trips over it.
    crate::init::remove_stale(&socket())?;
    let mut command = Command::new("etcd");
    command.current_dir(path::ETCD).args(arguments(config));
    logged(command, "etcd")
}

fn arguments(config: &NodeConfig) -> Vec<String> {
    let peer = |address: &Ipv4Addr| format!("https://{address}:{ETCD_PORT}");
    let members: Vec<String> = config.masters.iter().map(|address| format!("{address}={}", peer(address))).collect();
    let pki = |file: &str| format!("{}/{file}", path::PKI);
    let (own, socket) = (peer(&config.address), format!("unix://{SOCKET}"));
    [
        ("name", config.address.to_string()),
        ("data-dir", "data".to_owned()),
        ("initial-cluster", members.join(",")),
        ("initial-cluster-token", config.cluster.clone()),
        ("listen-peer-urls", own.clone()),
        ("initial-advertise-peer-urls", own),
        ("listen-client-urls", socket.clone()),
        ("advertise-client-urls", socket),
        ("peer-client-cert-auth", "true".to_owned()),
        ("peer-trusted-ca-file", pki(pki_file::CA_CERT)),
        ("peer-cert-file", pki(pki_file::ETCD_CERT)),
        ("peer-key-file", pki(pki_file::ETCD_KEY)),
        ("peer-cert-allowed-cn", ETCD_NAME.to_owned()),
        // What upstream's API servers ask for every five minutes.
        ("auto-compaction-mode", "periodic".to_owned()),
        ("auto-compaction-retention", "5m".to_owned()),
        ("max-request-bytes", (4 << 20).to_string()),
        ("logger", "zap".to_owned()),
        ("log-level", "warn".to_owned()),
    ]
    .map(|(name, value)| format!("--{name}={value}"))
    .to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_member_knows_all_and_only_masters_can_speak_to_it() {
        let config: NodeConfig = serde_json::from_value(serde_json::json!({
            "cluster": "dev", "name": "dev-master-2", "role": "master", "address": "172.30.0.3",
            "podCidr": "10.244.2.0/24", "podSubnet": "10.244.0.0/16", "serviceSubnet": "10.96.0.0/16",
            "dnsAddress": "10.96.0.10", "masters": ["172.30.0.2", "172.30.0.3"],
        }))
        .expect("a configuration");
        assert!(config.has_etcd());
        let arguments = arguments(&config);
        let members = "--initial-cluster=172.30.0.2=https://172.30.0.2:2380,172.30.0.3=https://172.30.0.3:2380";
        for argument in [members, "--name=172.30.0.3", "--listen-peer-urls=https://172.30.0.3:2380"] {
            assert!(arguments.contains(&argument.to_owned()), "{argument}");
        }
        for argument in ["--listen-client-urls=unix://client:0", "--peer-client-cert-auth=true"] {
            assert!(arguments.contains(&argument.to_owned()), "{argument}");
        }
    }
}
