//! What needs a terminal: progress with a spinner, where there is none plain lines, and interactive commands.

use crate::show;
use anyhow::Result;
use cluster_launcher::{Event, Launcher, Progress};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::io::IsTerminal;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio_util::sync::CancellationToken;

const TICK: Duration = Duration::from_millis(80);

/// A spinner on a terminal, else lines: on standard error, so that standard output holds the answer alone.
pub(crate) fn progress() -> Progress {
    let spinner = std::io::stderr().is_terminal().then(|| {
        let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
        bar.set_style(
            ProgressStyle::with_template("{spinner} {msg}").unwrap_or_else(|_| ProgressStyle::default_spinner()),
        );
        bar
    });
    Arc::new(move |event| tell(event, spinner.as_ref()))
}

fn tell(event: Event<'_>, spinner: Option<&ProgressBar>) {
    let line = |text: &str| match spinner {
        Some(bar) => bar.suspend(|| show::note(text)),
        None => show::note(text),
    };
    if let (Event::End(..) | Event::Failed(_), Some(bar)) = (event, spinner) {
        bar.disable_steady_tick();
        bar.set_message("");
        bar.finish_and_clear();
    }
    match (event, spinner) {
        (Event::Begin(step), Some(bar)) => {
            bar.reset();
            bar.set_message(step.to_owned());
            bar.enable_steady_tick(TICK);
        }
        (Event::Begin(_), None) => {}
        (Event::End(step, took), _) => line(&format!("  {step:<24} {:>8}", show::seconds(took.as_millis() as u64))),
        (Event::Failed(step), _) => line(&format!("  {step:<24}   failed")),
        (Event::Warn(text), _) => line(&format!("warning: {text}")),
    }
}

/// How long a signal may come again for the same reason: `timeout`, `make` and their like pass on to the command what the
/// terminal has sent to all of them.
const ECHO: Duration = Duration::from_secs(1);

/// Triggered by the first SIGINT or SIGTERM, after which what was begun is cleared away; the second ends the process.
pub(crate) fn interrupts() -> std::io::Result<CancellationToken> {
    let cancel = CancellationToken::new();
    let triggered = cancel.clone();
    #[cfg(unix)]
    let signal = {
        use tokio::signal::unix::{SignalKind, signal};
        let (mut interrupt, mut terminate) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
        async move || {
            tokio::select! {
                _ = interrupt.recv() => {}
                _ = terminate.recv() => {}
            }
        }
    };
    #[cfg(not(unix))]
    let signal = async || drop(tokio::signal::ctrl_c().await);
    tokio::spawn(async move {
        let mut signal = signal;
        signal().await;
        triggered.cancel();
        let first = Instant::now();
        while first.elapsed() < ECHO {
            signal().await;
        }
        show::warning("not everything was cleared away; `devcluster list` shows what is left");
        std::process::exit(i32::from(crate::INTERRUPTED));
    });
    Ok(cancel)
}

/// Runs a command in a node with this process's input and output, in a terminal when this is one.
pub(crate) async fn exec(launcher: &Launcher, cluster: &str, node: &str, command: &[String]) -> Result<u8> {
    let interactive = std::io::stdin().is_terminal() && std::io::stdout().is_terminal();
    let raw = if interactive { raw::enter()? } else { None };
    let ((mode, sizes), outputs) = (raw.unzip(), (tokio::io::stdout(), tokio::io::stderr()));
    let code = launcher.exec(cluster, node, command, sizes, tokio::io::stdin(), outputs).await?;
    drop(mode);
    Ok(u8::try_from(code).unwrap_or(u8::MAX))
}

#[cfg(unix)]
mod raw {
    use rustix::termios::{OptionalActions, Termios, tcgetattr, tcgetwinsize, tcsetattr};
    use tokio::signal::unix::{SignalKind, signal};
    use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

    const DEFAULT_SIZE: (u16, u16) = (80, 24);

    /// The terminal hands every key to the command until this is dropped.
    pub(super) struct Mode {
        before: Termios,
    }

    /// With the terminal's columns and rows, which come again whenever they are others.
    pub(super) fn enter() -> std::io::Result<Option<(Mode, UnboundedReceiver<(u16, u16)>)>> {
        let Ok(before) = tcgetattr(std::io::stdin()) else { return Ok(None) };
        let (sender, sizes) = unbounded_channel();
        let mut changes = signal(SignalKind::window_change())?;
        let mut raw = before.clone();
        raw.make_raw();
        tcsetattr(std::io::stdin(), OptionalActions::Now, &raw)?;
        let size = || tcgetwinsize(std::io::stdin()).map_or(DEFAULT_SIZE, |size| (size.ws_col, size.ws_row));
        tokio::spawn(async move { while sender.send(size()).is_ok() && changes.recv().await.is_some() {} });
        Ok(Some((Mode { before }, sizes)))
    }

    impl Drop for Mode {
        fn drop(&mut self) {
            if let Err(error) = tcsetattr(std::io::stdin(), OptionalActions::Now, &self.before) {
                tracing::error!(%error, "failed to restore the terminal; run `reset`");
            }
        }
    }
}

#[cfg(not(unix))]
mod raw {
    /// Terminals are only handed over on Unix.
    pub(super) fn enter() -> std::io::Result<Option<((), tokio::sync::mpsc::UnboundedReceiver<(u16, u16)>)>> {
        Ok(None)
    }
}
