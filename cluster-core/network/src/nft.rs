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

/// Makes the kernel forget UDP flows from a service to an endpoint. A flow that stays only delays its client, so a
/// failure is logged, not raised.
pub(crate) async fn forget_flows(flows: &[(Ipv4Addr, u16, Ipv4Addr)]) {
    for (service, port, endpoint) in flows {
        let arguments = [
            "-D".to_owned(),
            "-p".to_owned(),
            "udp".to_owned(),
            "--orig-dst".to_owned(),
            service.to_string(),
            "--orig-port-dst".to_owned(),
            port.to_string(),
            "--reply-src".to_owned(),
            endpoint.to_string(),
        ];
        let ran = Command::new("conntrack").args(&arguments).stdout(Stdio::null()).stderr(Stdio::null()).status().await;
        if let Err(error) = ran {
            tracing::warn!(%error, %service, "failed to run conntrack; old UDP flows stay until they time out");
            return;
        }
    }
}
