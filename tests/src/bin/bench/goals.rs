//! What is measured, what peers reach and what devcluster must reach: DESIGN.md section 7 as a table.

/// One kind of work.
pub(crate) struct Goal {
    /// The work.
    pub(crate) work: &'static str,
    /// What peers reach.
    pub(crate) peer: &'static str,
    /// What devcluster must reach, in words.
    pub(crate) target: &'static str,
    /// The same as bounds of the measured values, by name.
    pub(crate) bounds: &'static [(&'static str, Bound)],
}

/// What a value must be.
#[derive(Clone, Copy)]
pub(crate) enum Bound {
    /// This or less.
    AtMost(f64),
    /// This or more.
    AtLeast(f64),
}

use Bound::{AtLeast, AtMost};

const fn goal(
    work: &'static str,
    peer: &'static str,
    target: &'static str,
    bounds: &'static [(&'static str, Bound)],
) -> Goal {
    Goal { work, peer, target, bounds }
}

/// A part of the work of the row before it.
pub(crate) const PART: Goal = goal("", "", "", &[]);
// Where a target is five times a peer's range, the bound is five times its upper end.
pub(crate) const START: Goal = goal("API server start to /readyz", "4.6 s", "100 ms", &[("", AtMost(100.0))]);
pub(crate) const RESTART: Goal = goal("start with all objects of this table", "", "", &[]);
pub(crate) const IDLE_RSS: Goal =
    goal("control plane idle, no objects (RSS)", "367 MB api+etcd, k3s ~500 MB", "50 MB", &[("", AtMost(50.0))]);
pub(crate) const FULL_RSS: Goal =
    goal("RSS, 25,000 pods + 27,000 ConfigMaps", "4.1 GB", "400 MB", &[("", AtMost(400.0))]);
pub(crate) const CREATE_CONFIG_MAP: Goal = goal(
    "create ConfigMap, 32 connections",
    "2,000-2,700/s, p99 40 ms",
    "5x, p99 5 ms",
    &[("rate", AtLeast(13_500.0)), ("p99", AtMost(5.0))],
);
pub(crate) const CREATE_POD: Goal = goal(
    "create Pod, 32 connections",
    "1,250/s, p99 90 ms",
    "5x, p99 10 ms",
    &[("rate", AtLeast(6_250.0)), ("p99", AtMost(10.0))],
);
pub(crate) const GET: Goal = goal("get Pod, 32 connections", "4,300-6,000/s", "5x", &[("rate", AtLeast(30_000.0))]);
pub(crate) const LIST: Goal = goal("list 25,000 pods", "0.8 s, 107 MB", "100 ms", &[("", AtMost(100.0))]);
pub(crate) const WATCH: Goal =
    goal("create -> 200 watchers have it", "p50 15 ms, p99 22 ms", "p99 5 ms", &[("p99", AtMost(5.0))]);
pub(crate) const LOST: Goal = goal("acknowledged writes lost by kill -9", "0", "0", &[("", AtMost(0.0))]);
pub(crate) const SCHEDULE: Goal =
    goal("schedule 5,000 pods on 1,000 nodes", "164/s", "2,000/s", &[("rate", AtLeast(2_000.0))]);
pub(crate) const SCHEDULE_BASIC: Goal =
    goal("schedule 5,000 pods on 5,000 nodes", "680/s (floor)", "5x", &[("rate", AtLeast(3_400.0))]);
pub(crate) const SCHEDULE_SPREAD: Goal =
    goal("- spread over zones", "460/s (floor)", "5x", &[("rate", AtLeast(2_300.0))]);
pub(crate) const SCHEDULE_AFFINITY: Goal =
    goal("- with node affinity", "220/s (floor)", "5x", &[("rate", AtLeast(1_100.0))]);
pub(crate) const SCHEDULE_ANTI_AFFINITY: Goal =
    goal("- 2,000 pods, each alone on its node", "60/s (floor)", "5x", &[("rate", AtLeast(300.0))]);
pub(crate) const SCHEDULE_PREEMPTION: Goal = goal("preempt for 500 pods on 500 full nodes", "", "", &[]);
pub(crate) const DEPLOYMENT: Goal = goal("deployment of 1,000 replicas to Ready, simulated", "", "", &[]);
pub(crate) const SCALE_FILL: Goal = goal("150,000 pods on 5,000 simulated nodes: all Ready", "", "", &[]);
pub(crate) const SCALE_RSS: Goal = goal("- whole control plane (RSS)", "", "4 GiB", &[("", AtMost(4_295.0))]);
pub(crate) const SCALE_CALLS: Goal =
    goal("- single-object calls while it fills", "p99 1 s", "p99 1 s", &[("p99", AtMost(1_000.0))]);
pub(crate) const SCALE_LIST: Goal = goal("- list all pods", "p99 30 s", "2 s", &[("", AtMost(2_000.0))]);
pub(crate) const SCALE_START: Goal =
    goal("- pod create -> Ready at 100 pods/s", "p99 5 s", "p99 5 s", &[("p99", AtMost(5_000.0))]);
pub(crate) const SCALE_CPU: Goal = goal("- heartbeats alone, share of a core", "", "100 %", &[("", AtMost(100.0))]);
pub(crate) const UP: Goal = goal(
    "up, image present, 1 master + 2 workers",
    "k3d 20 s, kind 33 s, minikube 51 s",
    "6 s",
    &[("", AtMost(6_000.0))],
);
pub(crate) const MASTER_RSS: Goal =
    goal("node process of an idle master (RSS)", "k3s ~500 MB", "50 MB", &[("", AtMost(50.0))]);
pub(crate) const IDLE_CPU: Goal = goal("idle CPU, 3 nodes, share of a core", "5-20 %", "1 %", &[("", AtMost(1.0))]);
pub(crate) const POD_READY: Goal =
    goal("pod create -> Ready, image present", "~2 s", "400 ms", &[("p50", AtMost(400.0))]);
pub(crate) const CONFIG_EDIT: Goal =
    goal("ConfigMap edit -> new file in a container", "60-90 s", "p99 100 ms", &[("p99", AtMost(100.0))]);
pub(crate) const FILE_SAVE: Goal =
    goal("manifest saved -> new file in a container", "", "p99 150 ms", &[("p99", AtMost(150.0))]);
pub(crate) const ENDPOINTS: Goal =
    goal("endpoint change -> programmed on every node", "1 s and more", "p99 100 ms", &[("p99", AtMost(100.0))]);
