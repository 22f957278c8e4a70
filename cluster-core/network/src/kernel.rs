//! Carries what the node's network is to be into the kernel, by the programs that are made for it.

use crate::Error;
use std::net::Ipv4Addr;
use std::process::Stdio;
use tokio::io::AsyncWriteExt;
use tokio::process::Command;

/// Runs a program with this input, and answers what it prints.
pub(crate) async fn run(program: &'static str, arguments: &[&str], input: &str) -> Result<String, Error> {
    let failed = |source| Error::Run { program, source };
    let mut child = Command::new(program)
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .map_err(failed)?;
    if let Some(mut stdin) = child.stdin.take() {
        stdin.write_all(input.as_bytes()).await.map_err(failed)?;
    }
    let output = child.wait_with_output().await.map_err(failed)?;
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim().to_owned();
    if output.status.success() {
        return Ok(text(&output.stdout));
    }
    Err(Error::Refused { program, reason: text(&output.stderr) })
}

/// Runs one script of nftables as one transaction: all of it holds, or nothing.
pub(crate) async fn apply(script: &str) -> Result<(), Error> {
    run("nft", &["-f", "-"], script).await.map(drop)
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
        let port = port.to_string();
        let mut arguments = vec!["-D", "-p", "udp", "--orig-port-dst", &port];
        let addresses = [("--orig-dst", service), ("--reply-src", endpoint)];
        let addresses = addresses.map(|(option, address)| (option, address.map(|address| address.to_string())));
        for (option, address) in &addresses {
            arguments.extend(address.iter().flat_map(|address| [option, address.as_str()]));
        }
        // It refuses where there is nothing to forget.
        if let Err(error @ Error::Run { .. }) = run("conntrack", &arguments, "").await {
            tracing::warn!(%error, port, "old UDP flows stay until they time out");
            return;
        }
    }
}
