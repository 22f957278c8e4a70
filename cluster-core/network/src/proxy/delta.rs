//! The script that turns one table into the next; only what differs is touched.

use super::ruleset::{Ruleset, TABLE};
use crate::kernel::Flow;

/// One nft transaction from `old` (or any state, when there is none) to `new`.
pub(super) fn script(old: Option<&Ruleset>, new: &Ruleset) -> String {
    let mut script = Script::default();
    let empty = Ruleset::default();
    let old = match old.filter(|old| old.frame == new.frame) {
        Some(old) => old,
        None => {
            // `add` first, so that `delete` works whether or not the table is there.
            script.line(format!("add table {TABLE}"));
            script.line(format!("delete table {TABLE}"));
            script.line(format!("table {TABLE} {{\n{}}}", new.frame));
            &empty
        }
    };
    // Elements before chains when removing, chains before elements when adding: verdicts need their chain.
    script.elements("delete", old, new);
    script.chains(old, new);
    script.elements("add", new, old);
    script.0
}

/// UDP flows that the old table made and the new one would not: the kernel must forget them, or clients that keep
/// their port go on talking to a pod that is gone. A node port that led nowhere has flows too: to the node itself.
pub(super) fn stale_flows(old: Option<&Ruleset>, new: &Ruleset) -> Vec<Flow> {
    let Some(old) = old else { return Vec::new() };
    let opened = |flow: &&Flow| {
        flow.service.is_none() && !old.udp_flows.iter().any(|f| (f.service, f.port) == (None, flow.port))
    };
    let opened = new.udp_flows.iter().filter(opened).map(|flow| Flow { endpoint: None, ..*flow });
    old.udp_flows.difference(&new.udp_flows).copied().chain(opened).collect()
}

#[derive(Default)]
struct Script(String);

impl Script {
    fn line(&mut self, line: String) {
        self.0.push_str(&line);
        self.0.push('\n');
    }

    /// Elements of `these` that `those` has not, or that lead elsewhere there.
    fn elements(&mut self, verb: &str, these: &Ruleset, those: &Ruleset) {
        for (map, elements) in &these.elements {
            let other = those.elements.get(map);
            let differing = elements.iter().filter(|(key, to)| other.and_then(|other| other.get(*key)) != Some(to));
            let whole = |(key, to): (&String, &String)| match (verb, to.as_str()) {
                ("add", to) if !to.is_empty() => format!("{key} : {to}"),
                _ => key.clone(),
            };
            let elements: Vec<String> = differing.map(whole).collect();
            if !elements.is_empty() {
                self.line(format!("{verb} element {TABLE} {map} {{ {} }}", elements.join(", ")));
            }
        }
    }

    fn chains(&mut self, old: &Ruleset, new: &Ruleset) {
        let gone: Vec<&String> = old.chains.keys().filter(|chain| !new.chains.contains_key(*chain)).collect();
        let changed: Vec<(&String, &Vec<String>)> =
            new.chains.iter().filter(|(chain, rules)| old.chains.get(*chain) != Some(rules)).collect();
        for (set, definition) in &new.affinity_sets {
            if !old.affinity_sets.contains_key(set) {
                self.line(format!("add set {TABLE} {set} {definition}"));
            }
        }
        // All chains exist and are empty before the first rule names one of them.
        for (chain, _) in &changed {
            self.line(format!("add chain {TABLE} {chain}"));
            self.line(format!("flush chain {TABLE} {chain}"));
        }
        for chain in &gone {
            self.line(format!("flush chain {TABLE} {chain}"));
        }
        for (chain, rules) in changed {
            for rule in rules {
                self.line(format!("add rule {TABLE} {chain} {rule}"));
            }
        }
        for chain in gone {
            self.line(format!("delete chain {TABLE} {chain}"));
        }
        for set in old.affinity_sets.keys().filter(|set| !new.affinity_sets.contains_key(*set)) {
            self.line(format!("delete set {TABLE} {set}"));
        }
    }
}
