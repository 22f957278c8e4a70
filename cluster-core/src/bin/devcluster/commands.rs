//! One function per command: from arguments to the launcher and from its answer to the screen.

use crate::INTERRUPTED;
use crate::agent;
use crate::arguments::{Arguments, Common, Format, NodeVerb, SyncArguments, UpArguments, Verb};
use crate::images;
use crate::show::{self, Table};
use crate::sync;
use crate::terminal;
use anyhow::{Context, Result};
use clap::CommandFactory;
use cluster_client::Client;
use cluster_client::kubeconfig::Kubeconfig;
use cluster_core::Simulate;
use cluster_launcher::{ClusterSpec, Error, Event, Launcher, NodeStatus, Report, Switch, UpOptions};
use serde::Serialize;
use serde_json::json;
use std::path::PathBuf;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

const DEFAULT_NAME: &str = "dev";
const DEFAULT_MASTERS: u16 = 1;
const DEFAULT_WORKERS: u16 = 2;

/// Runs the command; the exit code when it ended as it should.
pub(crate) async fn run(arguments: Arguments) -> Result<u8> {
    let Arguments { verb, common } = arguments;
    match verb {
        Verb::Completion { shell } => {
            let mut script = Vec::new();
            clap_complete::generate(shell, &mut Arguments::command(), "devcluster", &mut script);
            show::text(&String::from_utf8_lossy(&script));
            return Ok(0);
        }
        Verb::Version => {
            show::line(concat!("devcluster ", env!("CARGO_PKG_VERSION")));
            return Ok(0);
        }
        Verb::Doctor => return doctor(&common).await,
        Verb::Simulate(arguments) => return simulate(&common, &arguments),
        Verb::Why { pod, kubeconfig: Some(path) } => {
            let client = Client::new(Arc::new(Kubeconfig::read(&path)?.backend(None)?), "devcluster");
            why(&client, &common, &pod).await?;
            return Ok(0);
        }
        Verb::Agent => return agent::run(&common).await,
        _ => {}
    }
    let cancel = terminal::interrupts()?;
    let progress = terminal::progress();
    let launcher = Launcher::connect()?.reporting_to(progress.clone(), cancel.clone());
    let (finishes, endless) = (changes_clusters(&verb), is_endless(&verb));
    let mut outcome = pin!(dispatch(&launcher, verb, &common));
    tokio::select! {
        outcome = &mut outcome => return outcome,
        () = cancel.cancelled() => {}
    }
    if endless {
        return Ok(INTERRUPTED);
    }
    if !finishes {
        return Err(Error::Cancelled.into());
    }
    progress(Event::Warn("interrupted: what was begun comes to its end first; again ends at once"));
    outcome.await
}

/// Whether a command leaves nothing half when it is interrupted, for which it takes a while; the others just end.
fn changes_clusters(verb: &Verb) -> bool {
    use Verb::{Down, Node, Pause, Scale, Start, Stop, Unpause, Up};
    match verb {
        Node(verb) => !matches!(verb, NodeVerb::List),
        verb => matches!(verb, Up(_) | Down | Stop | Start | Pause | Unpause | Scale { .. }),
    }
}

/// Whether a command goes on until it is interrupted, which then is no fault.
fn is_endless(verb: &Verb) -> bool {
    matches!(
        verb,
        Verb::Logs { follow: true, .. } | Verb::Sync(SyncArguments { once: false, diff: false, pull: false, .. })
    )
}

async fn dispatch(launcher: &Launcher, verb: Verb, common: &Common) -> Result<u8> {
    let cluster = common.name.as_deref().unwrap_or(DEFAULT_NAME);
    let wait = Duration::from_secs(common.wait);
    match verb {
        Verb::Up(arguments) => up(launcher, common, arguments).await?,
        Verb::Down => launcher.down(cluster).await?,
        Verb::Stop => launcher.switch(cluster, None, Switch::Stop).await?,
        Verb::Start => launcher.start(cluster, None, wait).await?,
        Verb::Pause => launcher.switch(cluster, None, Switch::Pause).await?,
        Verb::Unpause => launcher.switch(cluster, None, Switch::Resume).await?,
        Verb::Status => {
            let status = launcher.status(cluster).await?;
            let forwards = agent::forwards(launcher, cluster).await?;
            let mut shown = json!(status);
            shown["forwards"] = json!(forwards);
            print(common, &shown, |_| {
                show::line(&format!("cluster {}: {}, API server {}", status.name, status.state, status.server));
                nodes_table(&status.nodes).print();
                if status.simulated > 0 {
                    show::line(&format!("and {} simulated nodes", status.simulated));
                }
                if !forwards.is_empty() {
                    show::line("");
                    agent::forwards_table(&forwards).print();
                }
            })?;
        }
        Verb::List => list(launcher, common).await?,
        Verb::Scale { workers, simulated } => {
            launcher.scale(cluster, workers, simulated, &node_binary(common)?, wait).await?;
        }
        Verb::Node(verb) => node(launcher, common, cluster, verb).await?,
        Verb::Image(verb) => images::run(launcher, common, cluster, verb).await?,
        Verb::Kubeconfig => show::text(&launcher.kubeconfig(cluster)?),
        Verb::Logs { node, follow, tail } => {
            launcher.logs(cluster, &node, follow, tail, tokio::io::stdout()).await?;
        }
        Verb::Exec { node, command } => return terminal::exec(launcher, cluster, &node, &command).await,
        Verb::Why { pod, .. } => why(&launcher.client(cluster)?, common, &pod).await?,
        Verb::Demo => demo(launcher, common, cluster).await?,
        Verb::Sync(arguments) => return sync::run(launcher, cluster, arguments).await,
        Verb::Forward(arguments) => agent::forward(launcher, common, cluster, arguments).await?,
        Verb::Dashboard { no_open } => agent::dashboard(launcher, common, no_open).await?,
        Verb::Agent | Verb::Doctor | Verb::Simulate(_) | Verb::Completion { .. } | Verb::Version => {}
    }
    Ok(0)
}

/// Prints JSON when that was asked for, else lets `text` print.
pub(crate) fn print<T: Serialize>(common: &Common, value: &T, text: impl FnOnce(&T)) -> Result<()> {
    match common.output {
        Format::Json => show::line(&serde_json::to_string_pretty(value)?),
        Format::Text => text(value),
    }
    Ok(())
}

/// The node's program lies beside this one.
pub(crate) fn node_binary(common: &Common) -> Result<PathBuf> {
    if let Some(path) = &common.node_binary {
        return Ok(path.clone());
    }
    let own = std::env::current_exe().context("failed to find this program's folder")?;
    Ok(own.with_file_name("devcluster-node"))
}

async fn up(launcher: &Launcher, common: &Common, arguments: UpArguments) -> Result<()> {
    let UpArguments { masters, workers, config, simulated, apiserver_arg } = arguments;
    let mut spec = if let Some(path) = &config {
        let text = if path.as_os_str() == "-" {
            std::io::read_to_string(std::io::stdin())
        } else {
            std::fs::read_to_string(path)
        };
        let text = text.with_context(|| format!("failed to read `{}`", path.display()))?;
        let (spec, warnings) = cluster_launcher::parse_config(&text, common.name.as_deref(), &common.image)?;
        for warning in &warnings {
            show::warning(warning);
        }
        spec
    } else {
        let name = common.name.as_deref().unwrap_or(DEFAULT_NAME);
        let (masters, workers) = (masters.unwrap_or(DEFAULT_MASTERS), workers.unwrap_or(DEFAULT_WORKERS));
        ClusterSpec::new(name, &common.image, masters, workers)
    };
    if !apiserver_arg.is_empty() {
        spec.api_server = cluster_launcher::api_server_arguments(&apiserver_arg)?;
    }
    let options = UpOptions {
        spec,
        explicit: masters.is_some() || workers.is_some() || config.is_some() || !apiserver_arg.is_empty(),
        binary: node_binary(common)?,
        wait: Duration::from_secs(common.wait),
        simulated,
    };
    let report = launcher.up(options).await?;
    // The cluster is there whether the agent is or not.
    if let Err(error) = agent::contact(launcher, common).await {
        show::warning(&format!("services do not answer on localhost: {error}"));
    }
    print(common, &report, show_report)
}

fn show_report(report: &Report) {
    show::line("");
    nodes_table(&report.nodes).print();
    show::line("");
    let (cluster, took) = (&report.cluster, show::seconds(report.total_millis));
    if report.unchanged {
        show::line(&format!("Cluster {cluster} runs already; checked in {took}."));
        return;
    }
    show::line(&format!(
        "Cluster {cluster} is ready after {took}. kubectl uses it as context {}. Try:",
        report.context
    ));
    let name = if cluster == DEFAULT_NAME { String::new() } else { format!(" --name {cluster}") };
    for (command, what) in [
        ("kubectl get nodes -o wide".to_owned(), "the nodes"),
        (format!("devcluster demo{name}"), "an application, with the addresses where it answers"),
        ("devcluster dashboard".to_owned(), "all of it in the browser"),
        (format!("devcluster node add{name}"), "one more worker, while everything runs"),
        (format!("devcluster down{name}"), "remove it all"),
    ] {
        show::line(&format!("  {command:<36} {what}"));
    }
}

fn nodes_table(nodes: &[NodeStatus]) -> Table {
    let mut table = Table::new(["NAME", "ROLE", "READY", "CONTAINER", "ADDRESS"]);
    for node in nodes {
        let ready = match node.ready {
            Some(true) => "yes",
            Some(false) => "no",
            None => "unknown",
        };
        table.row([&node.name, node.role, ready, &node.container, &node.address.to_string()]);
    }
    table
}

async fn list(launcher: &Launcher, common: &Common) -> Result<()> {
    let mut clusters = Vec::new();
    for name in launcher.clusters()? {
        clusters.push(launcher.status(&name).await?);
    }
    if clusters.is_empty() {
        show::note("there is no cluster; `devcluster up` makes one");
    }
    print(common, &clusters, |clusters| {
        let mut table = Table::new(["NAME", "STATE", "NODES", "SERVER", "CONTEXT"]);
        for cluster in clusters {
            let nodes = cluster.nodes.len().to_string();
            table.row([&cluster.name, cluster.state, &nodes, &cluster.server, &cluster.context]);
        }
        table.print();
    })
}

async fn node(launcher: &Launcher, common: &Common, cluster: &str, verb: NodeVerb) -> Result<()> {
    let wait = Duration::from_secs(common.wait);
    match verb {
        NodeVerb::Add { simulated: Some(count), .. } => {
            let added = launcher.add_simulated_nodes(cluster, count).await?;
            print(common, &added, |added| added.iter().for_each(|name| show::line(name)))?;
        }
        NodeVerb::Add { count, simulated: None } => {
            let added = launcher.add_nodes(cluster, count, &node_binary(common)?, wait).await?;
            print(common, &added, |added| nodes_table(added).print())?;
        }
        NodeVerb::Remove { node } => launcher.remove_node(cluster, &node, wait).await?,
        NodeVerb::List => print(common, &launcher.status(cluster).await?.nodes, |nodes| nodes_table(nodes).print())?,
        NodeVerb::Stop { node } => launcher.switch(cluster, Some(&node), Switch::Stop).await?,
        NodeVerb::Start { node } => launcher.start(cluster, Some(&node), wait).await?,
    }
    Ok(())
}

async fn demo(launcher: &Launcher, common: &Common, cluster: &str) -> Result<()> {
    let addresses = launcher.demo(cluster, Duration::from_secs(common.wait)).await?;
    print(common, &addresses, |addresses| {
        show::line("\nCats for gold answers on every node (user admin, password gold):");
        for address in addresses {
            show::line(&format!("  {:<22} {}", address.node, address.url));
        }
        show::line("\nTry:");
        for command in [
            "kubectl edit configmap front-config        # the page's title follows at once",
            "kubectl set image deploy/front '*=devcluster/cats-for-gold:v2'",
            "kubectl rollout undo deploy/front",
            "kubectl get pods -o wide -w",
        ] {
            show::line(&format!("  {command}"));
        }
    })
}

async fn why(client: &Client, common: &Common, pod: &str) -> Result<()> {
    let (namespace, name) = pod.split_once('/').unwrap_or(("default", pod));
    let explanation = cluster_scheduler::explain(client, namespace, name).await?;
    print(common, &explanation, |explanation| {
        show::line(&explanation.summary);
        let mut table = Table::new(["NODE", "WHY NOT"]);
        for (nodes, why) in answers(&explanation.nodes) {
            table.row([&nodes, &why]);
        }
        if !explanation.nodes.is_empty() {
            table.print();
        }
    })
}

/// What is said of each node; many of which the same is to be said share a line.
fn answers(verdicts: &[cluster_scheduler::Verdict]) -> Vec<(String, String)> {
    const MANY: usize = 5;
    let mut answers: Vec<(String, Vec<&str>)> = Vec::new();
    for verdict in verdicts {
        let why = match verdict.reasons.as_slice() {
            [] => "nothing is against it".to_owned(),
            reasons => reasons.join("; "),
        };
        match answers.iter_mut().find(|(known, _)| *known == why) {
            Some((_, nodes)) => nodes.push(&verdict.node),
            None => answers.push((why, vec![&verdict.node])),
        }
    }
    let lines = |(why, nodes): (String, Vec<&str>)| match nodes.as_slice() {
        [first, others @ ..] if others.len() >= MANY => vec![(format!("{first} and {} others", others.len()), why)],
        few => few.iter().map(|node| ((*node).to_owned(), why.clone())).collect(),
    };
    answers.into_iter().flat_map(lines).collect()
}

/// Becomes the node's program, which is the cluster. Returns only when that fails.
#[cfg(target_os = "linux")]
fn simulate(common: &Common, arguments: &Simulate) -> Result<u8> {
    use std::os::unix::process::CommandExt;
    let Simulate { nodes, kubeconfig, data, scheduler_config, port, apiserver_arg } = arguments;
    let program = node_binary(common)?;
    let mut command = std::process::Command::new(&program);
    command.args(["simulate", "--nodes", &nodes.to_string(), "--port", &port.to_string()]);
    for (flag, path) in [("--kubeconfig", kubeconfig), ("--data", data), ("--scheduler-config", scheduler_config)] {
        command.args(path.iter().flat_map(|path| [flag.as_ref(), path.as_os_str()]));
    }
    command.args(apiserver_arg.iter().map(|argument| format!("--apiserver-arg={argument}")));
    if std::env::var_os("DEVCLUSTER_LOG").is_none() {
        command.env("DEVCLUSTER_LOG", "warn");
    }
    Err(command.exec()).with_context(|| format!("failed to start `{}`", program.display()))
}

#[cfg(not(target_os = "linux"))]
fn simulate(_: &Common, _: &Simulate) -> Result<u8> {
    anyhow::bail!("`devcluster simulate` runs on Linux only: use `devcluster up --simulated` here")
}

async fn doctor(common: &Common) -> Result<u8> {
    let checks = cluster_launcher::doctor(&common.image).await;
    print(common, &checks, |checks| {
        for check in checks {
            show::line(&format!("{} {:<22} {}", if check.ok { "ok  " } else { "FAIL" }, check.name, check.found));
            if !check.ok {
                show::line(&format!("     mend it with: {}", check.remedy));
            }
        }
    })?;
    Ok(u8::from(checks.iter().any(|check| !check.ok)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use cluster_scheduler::Verdict;

    #[test]
    fn many_nodes_with_one_answer_share_a_line() {
        let verdict = |node: &str, reasons: &[&str]| Verdict {
            node: node.to_owned(),
            reasons: reasons.iter().map(|reason| (*reason).to_owned()).collect(),
        };
        let mut verdicts = vec![verdict("a", &["x", "y"]), verdict("b", &[]), verdict("c", &["x", "y"])];
        verdicts.extend((1..=6).map(|number| verdict(&format!("sim-{number}"), &["taints"])));
        let line = |nodes: &str, why: &str| (nodes.to_owned(), why.to_owned());
        let expected = [
            line("a", "x; y"),
            line("c", "x; y"),
            line("b", "nothing is against it"),
            line("sim-1 and 5 others", "taints"),
        ];
        assert_eq!(answers(&verdicts), expected);
    }
}
