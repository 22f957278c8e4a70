//! postStart and preStop handlers.

use crate::prelude::*;
use crate::probe;
use crate::runtime::{ExecSpec, Runtime};
use k8s_openapi::api::core::v1::LifecycleHandler;

/// Runs a handler to its end; an `Err` says what went wrong.
pub(super) async fn run(
    runtime: &dyn Runtime,
    pod: &Pod,
    container: &str,
    id: &str,
    ip: &str,
    handler: &LifecycleHandler,
) -> Result<(), String> {
    if let Some(exec) = &handler.exec {
        let command = exec.command.clone().unwrap_or_default();
        // Its caller stops waiting for it when it stops the container.
        let ended = output_of(runtime, id, command, Duration::MAX).await.map_err(|e| e.to_string())?;
        let (code, output) = ended.unwrap_or_default();
        return if code == 0 { Ok(()) } else { Err(format!("command exited with {code}: {output}")) };
    }
    if let Some(sleep) = &handler.sleep {
        tokio::time::sleep(Duration::from_secs(sleep.seconds.max(0).unsigned_abs())).await;
        return Ok(());
    }
    let http = handler.http_get.as_ref().ok_or("invalid handler")?;
    probe::http::call(http, ip, probe::port(pod, container, &http.port)?).await
}

/// Exit code and output of a command in a container; nothing when it was killed because it took too long.
pub(crate) async fn output_of(
    runtime: &dyn Runtime,
    id: &str,
    command: Vec<String>,
    limit: Duration,
) -> Result<Option<(i32, String)>, RuntimeError> {
    let session = runtime.exec(id, &ExecSpec { command, ..ExecSpec::default() }).await?;
    let Session { mut output, exit_code, kill, .. } = session;
    let mut text = Vec::new();
    let read = async {
        while let Some(piece) = output.next().await {
            let (crate::runtime::Output::Stdout(bytes) | crate::runtime::Output::Stderr(bytes)) = piece?;
            // Enough for a message; the rest is read so that the command can end.
            if text.len() < 10 * 1024 {
                text.extend_from_slice(&bytes);
            }
        }
        exit_code.await
    };
    match tokio::time::timeout(limit, read).await {
        Ok(code) => Ok(Some((code?, String::from_utf8_lossy(&text).into_owned()))),
        Err(_) => kill.await.map(|()| None),
    }
}
