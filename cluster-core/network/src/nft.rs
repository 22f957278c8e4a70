//! Carries scripts into the kernel through the `nft` and `conntrack` programs.

use crate::Error;
use std::net::Ipv4Addr;
use std::process::Stdio;
use tokio::io::AsyncWriteExt;
use tokio::process::Command;

/// Runs one script as one transaction: all of it holds, or nothing.
pub(crate) async fn apply(script: &str) -> Result<(), Error> {
    let mut nft = Command::new("nft")
        .args(["-f", "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .map_err(Error::RunNft)?;
    if let Some(mut stdin) = nft.stdin.take() {
        stdin.write_all(script.as_bytes()).await.map_err(Error::RunNft)?;
    }
    let output = nft.wait_with_output().await.map_err(Error::RunNft)?;
    if output.status.success() {
        return Ok(());
    }
    Err(Error::Ruleset(String::from_utf8_lossy(&output.stderr).trim().to_owned()))
}

/// For how many seconds the kernel remembers TCP connections by their state. Source: kube-proxy's defaults.
const TCP_TIMEOUTS: [(&str, &str); 2] = [("established", "86400"), ("close_wait", "3600")];

/// Lets connections that one side has closed, and those that say nothing for a while, go on through their service.
pub(crate) fn remember_connections() {
    for (state, seconds) in TCP_TIMEOUTS {
        let file = format!("/proc/sys/net/netfilter/nf_conntrack_tcp_timeout_{state}");
        if let Err(error) = std::fs::write(&file, seconds) {
            tracing::warn!(%error, file, "failed to say how long connections are remembered");
        }
    }
}

/// UDP flows through a service: to what address (any, for a node port) and port, and to which endpoint they went (any,
/// when none).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Flow {
    pub(crate) service: Option<Ipv4Addr>,
    pub(crate) port: u16,
    pub(crate) endpoint: Option<Ipv4Addr>,
}

/// Makes the kernel forget UDP flows. A flow that stays only delays its client, so a failure is logged, not raised.
pub(crate) async fn forget_flows(flows: &[Flow]) {
    for Flow { service, port, endpoint } in flows {
        let mut arguments: Vec<String> = ["-D", "-p", "udp", "--orig-port-dst"].map(str::to_owned).to_vec();
        arguments.push(port.to_string());
        for (option, address) in [("--orig-dst", service), ("--reply-src", endpoint)] {
            arguments.extend(address.iter().flat_map(|address| [option.to_owned(), address.to_string()]));
        }
        let ran = Command::new("conntrack").args(&arguments).stdout(Stdio::null()).stderr(Stdio::null()).status().await;
        if let Err(error) = ran {
            tracing::warn!(%error, port, "failed to run conntrack; old UDP flows stay until they time out");
            return;
        }
    }
}
