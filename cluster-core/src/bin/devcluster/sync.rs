//! `devcluster sync`: shows what a sync does.

use crate::arguments::SyncArguments;
use crate::show;
use anyhow::Result;
use cluster_agent::sync::{Spec, Syncing, Told};
use cluster_launcher::Launcher;

/// Runs until the user interrupts, or once.
pub(crate) async fn run(launcher: &Launcher, cluster: &str, arguments: SyncArguments) -> Result<u8> {
    let SyncArguments { paths, namespace, configmap, secret, once, diff, pull, no_prune, rollout } = arguments;
    let writes = !diff && !pull;
    let spec = Spec { paths, namespace, config_maps: configmap, secrets: secret, prune: !no_prune && writes, rollout };
    let mut news = true;
    let tell = |told| news = tell(told, news);
    let mut sync = Syncing::new(launcher.client(cluster)?, spec, tell).await?;
    let failed = match () {
        () if diff => {
            let (differ, faults) = sync.diff().await?;
            differ + faults > 0
        }
        () if pull => sync.pull(true).await? > 0,
        () if once => sync.once().await? > 0,
        () => {
            sync.follow().await?;
            false
        }
    };
    Ok(failed.into())
}

/// Shows what happens, of rounds those that brought news; whether the next one does.
fn tell(told: Told, news: bool) -> bool {
    match told {
        Told::Done { object, what } => show::line(&format!("{object} {what}")),
        Told::Fault(fault) | Told::Left(fault) => show::error(&fault.to_string()),
        Told::Diff(text) => show::text(&text),
        Told::Round { objects, faults, took } => {
            if news {
                let faults = if faults == 0 { String::new() } else { format!(", {faults} wrong") };
                show::note(&format!("  {objects} objects{faults}, {}", show::seconds(took.as_millis() as u64)));
            }
            return false;
        }
    }
    true
}
