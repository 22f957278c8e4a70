//! How the pods of one scheduler name are scheduled: which plugins, with which weights and arguments.

use crate::model::{RequiredNodes, Spread};
use crate::plugins::{PLUGINS, SCORING_COUNT, SCORINGS};
use crate::prelude::*;

/// The scheduler whose pods name none.
pub(crate) const DEFAULT_NAME: &str = "default-scheduler";

/// Everything a scheduler can be told. The default is upstream's.
#[derive(Debug)]
pub struct Settings {
    /// The first is for pods that name no scheduler, when it is called `default-scheduler`.
    pub(crate) profiles: Vec<Profile>,
    pub(crate) first_backoff: Duration,
    pub(crate) longest_backoff: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        let (first_backoff, longest_backoff) = (Duration::from_secs(1), Duration::from_secs(10));
        Self { profiles: vec![Profile::default()], first_backoff, longest_backoff }
    }
}

impl Settings {
    /// The profile for a scheduler name as pods have it; none for the pods of other schedulers.
    pub(crate) fn profile(&self, scheduler: &str) -> Option<&Profile> {
        let name = if scheduler.is_empty() { DEFAULT_NAME } else { scheduler };
        self.profiles.iter().find(|profile| profile.name == name)
    }
}

/// How much of a resource should be taken on the node that is chosen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Strategy {
    Least,
    Most,
    /// Points of utilization in percent and score up to 100, by utilization; straight lines between them.
    Ratio(Vec<(i64, i64)>),
}

/// One way to schedule.
#[derive(Debug, Clone)]
pub struct Profile {
    pub(crate) name: String,
    /// Places in the table of plugins that refuse no node.
    pub(crate) disabled: PluginSet,
    /// One for each row of the table of scorings; zero leaves it out.
    pub(crate) weights: [i64; SCORING_COUNT],
    /// The share of nodes that are compared; by the size of the cluster when it is zero.
    pub(crate) percentage: usize,
    pub(crate) preempts: bool,
    pub(crate) strategy: Strategy,
    /// What the strategy looks at, with weights.
    pub(crate) resources: Vec<(String, i64)>,
    /// Asked of every pod beside its own rules.
    pub(crate) added_nodes: RequiredNodes,
    pub(crate) added_preferences: Vec<(i64, NodeSelectorTerm)>,
    /// The constraints of pods that have none of their own; `None` for upstream's, which only prefer.
    pub(crate) spread: Option<(Vec<Spread>, Vec<Spread>)>,
    /// How much a pod is liked that wants this one near.
    pub(crate) hard_affinity_weight: i64,
}

impl Default for Profile {
    fn default() -> Self {
        Self {
            name: DEFAULT_NAME.to_owned(),
            disabled: 0,
            weights: SCORINGS.each_ref().map(|scoring| scoring.weight),
            percentage: 0,
            preempts: true,
            strategy: Strategy::Least,
            resources: vec![("cpu".to_owned(), 1), ("memory".to_owned(), 1)],
            added_nodes: RequiredNodes::default(),
            added_preferences: Vec::new(),
            spread: None,
            hard_affinity_weight: 1,
        }
    }
}

impl Profile {
    /// Switches a plugin on or off where it is asked, `*` meaning all; gives whether there is such a plugin.
    pub(crate) fn set(&mut self, name: &str, on: bool, point: Point, weight: Option<i64>) -> bool {
        const OTHERS: [&str; 5] =
            ["PrioritySort", "SchedulingGates", "DefaultPreemption", "DefaultBinder", "DynamicResources"];
        let matches = |known: &str| name == "*" || name == known;
        if point != Point::Score {
            for (place, _) in PLUGINS.iter().enumerate().filter(|(_, plugin)| matches(plugin.name)) {
                self.disabled = if on { self.disabled & !(1 << place) } else { self.disabled | 1 << place };
            }
            if matches("DefaultPreemption") {
                self.preempts = on;
            }
        }
        if point != Point::Filter {
            for (own, scoring) in self.weights.iter_mut().zip(&SCORINGS).filter(|(_, s)| matches(s.name)) {
                *own = if on { weight.filter(|weight| *weight > 0).unwrap_or(scoring.weight) } else { 0 };
            }
        }
        name == "*"
            || OTHERS.contains(&name)
            || PLUGINS.iter().any(|plugin| plugin.name == name)
            || SCORINGS.iter().any(|scoring| scoring.name == name)
    }
}

/// Where a plugin is switched.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Point {
    /// Wherever it works.
    Multi,
    Filter,
    Score,
}
