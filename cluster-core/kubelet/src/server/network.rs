//! The `network` of `/stats/summary`: bytes and errors of each interface, as the kernel counts them.

use crate::prelude::*;

/// The interface whose figures stand beside the list. Source: upstream's summary.
const DEFAULT: &str = "eth0";
/// Interfaces that lead nowhere or to pods, which are counted themselves. Source: cAdvisor ignores the same.
const IGNORED: [&str; 3] = ["lo", "veth", "docker"];

/// The network that a process sees, while it lives. All processes of a pod see the same.
pub(super) fn of(process: &str, time: &str) -> Option<Value> {
    let table = std::fs::read_to_string(format!("/proc/{process}/net/dev"));
    table
        .inspect_err(|error| tracing::debug!(process, %error, "failed to read its network's figures"))
        .ok()
        .map(|table| stats(&table, time))
}

/// The networks of pods, by UID. Those of the node itself have none of their own.
pub(super) async fn of_pods(target: &Target, running: &[ContainerInfo], time: &str) -> HashMap<String, Value> {
    let sandboxes = running.iter().filter(|c| c.label(label::CONTAINER) == label::SANDBOX);
    let asked = sandboxes.map(|sandbox| async move {
        let info = target.context.runtime.inspect(&sandbox.id).await.ok().filter(|info| !info.ip.is_empty())?;
        Some((sandbox.label(label::POD_UID).to_owned(), of(&info.pid.to_string(), time)?))
    });
    futures::future::join_all(asked).await.into_iter().flatten().collect()
}

fn stats(table: &str, time: &str) -> Value {
    let interfaces: Vec<Value> = table.lines().filter_map(interface).collect();
    let mut stats =
        interfaces.iter().find(|one| one["name"] == DEFAULT).cloned().unwrap_or_else(|| json!({"name": ""}));
    stats["time"] = json!(time);
    stats["interfaces"] = interfaces.into();
    stats
}

/// One line of `/proc/net/dev`: received bytes, packets, errors and five more, then the same of what was sent.
fn interface(line: &str) -> Option<Value> {
    let (name, figures) = line.split_once(':')?;
    let name = name.trim();
    let figures: Vec<u64> = figures.split_whitespace().filter_map(|figure| figure.parse().ok()).collect();
    if IGNORED.iter().any(|start| name.starts_with(start)) {
        return None;
    }
    let at = |index: usize| figures.get(index);
    Some(json!({"name": name, "rxBytes": at(0)?, "rxErrors": at(2)?, "txBytes": at(8)?, "txErrors": at(10)?}))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_interface_stands_beside_all_that_count() {
        let table = "Inter-|   Receive                |  Transmit\n \
             face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs\n    \
               lo:     469       4    0    0    0     0          0         0      469       4    0    0    0     0       0          0\n\
            docker0:       9       0    0    0    0     0          0         0        9       0    0    2    0     0       0          0\n  \
             eth1:       5       0    1    0    0     0          0         0        6       0    2    0    0     0       0          0\n  \
             eth0:  506458     638    3    0    0     0          0         0   128911     857    4    0    0     0       0          0\n";
        let (one, two) = (
            json!({"name": "eth1", "rxBytes": 5, "rxErrors": 1, "txBytes": 6, "txErrors": 2}),
            json!({"name": "eth0", "rxBytes": 506_458, "rxErrors": 3, "txBytes": 128_911, "txErrors": 4}),
        );
        let mut expected = two.clone();
        expected["time"] = json!("now");
        expected["interfaces"] = json!([one, two]);
        assert_eq!(stats(table, "now"), expected);
        assert_eq!(stats("", "now"), json!({"name": "", "time": "now", "interfaces": []}));
    }
}
