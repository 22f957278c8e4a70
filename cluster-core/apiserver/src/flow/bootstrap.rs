//! The priority levels and flow schemas that every cluster has.
//!
//! Facts: <https://kubernetes.io/docs/concepts/cluster-administration/flow-control/#defaults>.

use serde_json::{Value, json};

/// Name, nominal shares, lendable percent, queues and hand size of a queueing level.
type Level = (&'static str, u32, u32, u32, u32);

const LEVELS: &[Level] = &[
    ("leader-election", 10, 0, 16, 4),
    ("node-high", 40, 25, 64, 6),
    ("system", 30, 33, 64, 6),
    ("workload-high", 40, 50, 128, 6),
    ("workload-low", 100, 90, 128, 6),
    ("global-default", 20, 50, 128, 6),
];

/// Name, level, precedence, distinguisher, subjects and rules of a schema. Subjects are `u:user`, `g:group` and
/// `s:account` of `kube-system`. Rules are `verbs groups resources`, with `!` in front when cluster-wide objects are
/// meant too, or `verbs paths`; without any, all requests are meant.
type Schema =
    (&'static str, &'static str, u32, &'static str, &'static [&'static str], &'static [&'static [&'static str]]);

const NODES: &[&str] = &["g:system:nodes"];
const EVERYBODY: &[&str] = &["g:system:unauthenticated", "g:system:authenticated"];
const CONTROLLER_MANAGER: &str = "u:system:kube-controller-manager";
const SCHEDULER: &str = "u:system:kube-scheduler";
const ELECTION: &[&str] = &["get create update", "coordination.k8s.io", "leases"];

const SCHEMAS: &[Schema] = &[
    ("exempt", "exempt", 1, "", &["g:system:masters"], &[]),
    ("probes", "exempt", 2, "", EVERYBODY, &[&["get", "/healthz /readyz /livez"]]),
    ("system-leader-election", "leader-election", 100, "ByUser", &[CONTROLLER_MANAGER, SCHEDULER, "s:*"], &[ELECTION]),
    (
        "endpoint-controller",
        "workload-high",
        150,
        "ByUser",
        &[CONTROLLER_MANAGER, "s:endpoint-controller", "s:endpointslicemirroring-controller"],
        &[&["get create update", "", "endpoints"]],
    ),
    ("workload-leader-election", "leader-election", 200, "ByUser", &["s:*"], &[ELECTION]),
    (
        "system-node-high",
        "node-high",
        400,
        "ByUser",
        NODES,
        &[&["!*", "", "nodes nodes/status"], &["*", "coordination.k8s.io", "leases"]],
    ),
    ("system-nodes", "system", 500, "ByUser", NODES, &[]),
    ("kube-controller-manager", "workload-high", 800, "ByNamespace", &[CONTROLLER_MANAGER], &[]),
    ("kube-scheduler", "workload-high", 800, "ByNamespace", &[SCHEDULER], &[]),
    ("kube-system-service-accounts", "workload-high", 900, "ByNamespace", &["s:*"], &[]),
    ("service-accounts", "workload-low", 9000, "ByUser", &["g:system:serviceaccounts"], &[]),
    ("global-default", "global-default", 9900, "ByUser", EVERYBODY, &[]),
    ("catch-all", "catch-all", 10_000, "ByUser", EVERYBODY, &[]),
];

/// Both lists: levels first, because schemas name them.
pub(crate) fn objects() -> Vec<Value> {
    let queueing = LEVELS.iter().map(|&(name, shares, lendable, queues, hand)| {
        let queuing = json!({"queues": queues, "handSize": hand, "queueLengthLimit": 50});
        let limited = json!({"nominalConcurrencyShares": shares, "lendablePercent": lendable,
            "limitResponse": {"type": "Queue", "queuing": queuing}});
        object("PriorityLevelConfiguration", name, &json!({"type": "Limited", "limited": limited}))
    });
    let exempt = json!({"type": "Exempt", "exempt": {"nominalConcurrencyShares": 0, "lendablePercent": 0}});
    let catch_all = json!({"type": "Limited",
        "limited": {"nominalConcurrencyShares": 5, "lendablePercent": 0, "limitResponse": {"type": "Reject"}}});
    let fixed = [("exempt", exempt), ("catch-all", catch_all)];
    let fixed = fixed.into_iter().map(|(name, spec)| object("PriorityLevelConfiguration", name, &spec));
    queueing.chain(fixed).chain(SCHEMAS.iter().map(schema)).collect()
}

fn object(kind: &str, name: &str, spec: &Value) -> Value {
    json!({
        "apiVersion": "flowcontrol.apiserver.k8s.io/v1", "kind": kind, "spec": spec,
        "metadata": {"name": name, "annotations": {"apf.kubernetes.io/autoupdate-spec": "true"}},
    })
}

fn schema(&(name, level, precedence, distinguisher, subjects, rules): &Schema) -> Value {
    let everything: &[&[&str]] = &[&["!*", "*", "*"], &["*", "*"]];
    let rules = if rules.is_empty() { everything } else { rules };
    let (resources, paths): (Vec<&[&str]>, Vec<&[&str]>) = rules.iter().partition(|rule| rule.len() == 3);
    let mut rule = json!({"subjects": subjects.iter().map(|given| subject(given)).collect::<Vec<_>>()});
    let words = |text: &str| text.split(' ').map(str::to_owned).collect::<Vec<_>>();
    let resource = |rule: &&[&str]| {
        let mut given = json!({"verbs": words(rule[0].trim_start_matches('!')), "apiGroups": [rule[1]],
            "resources": words(rule[2]), "namespaces": ["*"]});
        if rule[0].starts_with('!') {
            given["clusterScope"] = true.into();
        }
        given
    };
    let path = |rule: &&[&str]| json!({"verbs": words(rule[0]), "nonResourceURLs": words(rule[1])});
    for (field, list) in [
        ("resourceRules", resources.iter().map(resource).collect::<Vec<_>>()),
        ("nonResourceRules", paths.iter().map(path).collect()),
    ] {
        if !list.is_empty() {
            rule[field] = list.into();
        }
    }
    let mut spec = json!({"priorityLevelConfiguration": {"name": level}, "matchingPrecedence": precedence,
        "rules": [rule]});
    if !distinguisher.is_empty() {
        spec["distinguisherMethod"] = json!({"type": distinguisher});
    }
    object("FlowSchema", name, &spec)
}

fn subject(given: &str) -> Value {
    match given.split_at(2) {
        ("u:", name) => json!({"kind": "User", "user": {"name": name}}),
        ("g:", name) => json!({"kind": "Group", "group": {"name": name}}),
        (_, name) => json!({"kind": "ServiceAccount", "serviceAccount": {"name": name, "namespace": "kube-system"}}),
    }
}
