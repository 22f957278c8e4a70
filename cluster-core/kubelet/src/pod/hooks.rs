//! postStart and preStop handlers.

use crate::prelude::*;
use crate::probe::{self, Target};
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
        let (code, output) = output_of(runtime, id, command).await.map_err(|e| e.to_string())?;
        return if code == 0 { Ok(()) } else { Err(format!("command exited with {code}: {output}")) };
    }
    if let Some(sleep) = &handler.sleep {
        tokio::time::sleep(Duration::from_secs(sleep.seconds.max(0).unsigned_abs())).await;
    }
    if let Some(http) = &handler.http_get {
        let target = Target::new(pod, container, ip);
        return probe::http::get(http, &target).await.map(drop);
    }
    Ok(())
}

/// Exit code and output of a command in a container.
pub(crate) async fn output_of(
    runtime: &dyn Runtime,
    id: &str,
    command: Vec<String>,
) -> Result<(i32, String), RuntimeError> {
    let mut session = runtime.exec(id, &ExecSpec { command, ..ExecSpec::default() }).await?;
    let mut text = Vec::new();
    while let Some(piece) = session.output.next().await {
        let (crate::runtime::Output::Stdout(bytes) | crate::runtime::Output::Stderr(bytes)) = piece?;
        // Enough for a message; the rest is read so that the command can end.
        if text.len() < 10 * 1024 {
            text.extend_from_slice(&bytes);
        }
    }
    Ok((session.exit_code.await?, String::from_utf8_lossy(&text).into_owned()))
}
