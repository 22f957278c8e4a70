//! How fast the nodes of a zone may lose their pods: when many fall silent at once, the fault is more likely elsewhere.

use super::is_ready;
use crate::prelude::*;

/// Nodes per second that lose their pods, in a zone that is well and in a large one that is not.
const RATE: f64 = 0.1;
const UNHEALTHY_RATE: f64 = 0.01;
/// From this share of silent nodes on a zone is not well.
const UNHEALTHY: f64 = 0.55;
/// Above so many nodes a zone is large.
const LARGE: usize = 50;
/// When to look again while nothing may go.
const RECHECK: Duration = Duration::from_secs(5);

/// The nodes of a zone.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
struct Zone {
    ready: usize,
    silent: usize,
}

impl Zone {
    fn is_down(self) -> bool {
        self.ready == 0 && self.silent > 0
    }

    fn rate(self) -> f64 {
        let all = self.ready + self.silent;
        let share = self.silent as f64 / all.max(1) as f64;
        if self.silent <= 2 || share < UNHEALTHY || self.is_down() {
            RATE
        } else if all > LARGE {
            UNHEALTHY_RATE
        } else {
            0.0
        }
    }
}

fn zone_of(node: &Node) -> String {
    let label = |name: &str| node.label(name).unwrap_or_default();
    format!("{}/{}", label("topology.kubernetes.io/region"), label("topology.kubernetes.io/zone"))
}

fn zones(nodes: &[Arc<Node>]) -> BTreeMap<String, Zone> {
    let mut zones: BTreeMap<String, Zone> = BTreeMap::new();
    for node in nodes {
        let zone = zones.entry(zone_of(node)).or_default();
        if is_ready(node) { zone.ready += 1 } else { zone.silent += 1 }
    }
    zones
}

/// When the next node of each zone may lose its pods.
#[derive(Debug, Default)]
pub(super) struct Limits(Mutex<HashMap<String, Instant>>);

impl Limits {
    /// After what time to ask again whether a silent node loses its pods, or `None` when it does now; `already` says that
    /// it was allowed before. When all zones are down, nobody loses pods, not even who was about to.
    pub(super) fn ask(&self, node: &Node, nodes: &[Arc<Node>], already: bool, now: Instant) -> Option<Duration> {
        let zones = zones(nodes);
        if zones.values().all(|zone| zone.is_down()) {
            return Some(RECHECK);
        }
        if already {
            return None;
        }
        let name = zone_of(node);
        let rate = zones.get(&name).copied().unwrap_or_default().rate();
        if rate <= 0.0 {
            return Some(RECHECK);
        }
        let mut limits = self.0.lock();
        let next = limits.entry(name).or_insert(now);
        if *next > now {
            return Some(*next - now);
        }
        *next = now + Duration::from_secs_f64(1.0 / rate);
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn nodes(zone: &str, ready: usize, silent: usize) -> Vec<Arc<Node>> {
        let node = |status: &str| {
            serde_json::from_value(json!({"metadata": {"labels": {"topology.kubernetes.io/zone": zone}},
                "status": {"conditions": [{"type": "Ready", "status": status}]}}))
        };
        let ready = (0..ready).map(|_| node("True"));
        ready.chain((0..silent).map(|_| node("Unknown"))).map(|node| Arc::new(node.expect("a node"))).collect()
    }

    #[test]
    fn a_zone_that_is_not_well_evicts_slowly_or_not_at_all() {
        let cases = [((3, 1), RATE), ((1, 2), RATE), ((1, 3), 0.0), ((20, 40), UNHEALTHY_RATE), ((0, 5), RATE)];
        for ((ready, silent), expected) in cases {
            let rate = Zone { ready, silent }.rate();
            assert!((rate - expected).abs() < f64::EPSILON, "{ready} {silent} {rate}");
        }
    }

    #[test]
    fn nodes_go_one_after_the_other_unless_all_are_gone() {
        let (limits, now) = (Limits::default(), Instant::now());
        let some = nodes("a", 3, 2);
        let silent = some[4].clone();
        assert_eq!(limits.ask(&silent, &some, false, now), None);
        assert_eq!(limits.ask(&silent, &some, false, now), Some(Duration::from_secs(10)));
        assert_eq!(limits.ask(&silent, &some, true, now), None);
        assert_eq!(limits.ask(&silent, &some, false, now + Duration::from_secs(10)), None);
        let gone = nodes("a", 0, 3);
        assert_eq!(limits.ask(&gone[0], &gone, true, now), Some(RECHECK));
        let mixed = [gone.clone(), nodes("b", 1, 0)].concat();
        assert_eq!(limits.ask(&gone[0], &mixed, true, now), None);
    }
}
