//! What operations are told beside their bodies.

use std::borrow::Cow;

/// A parameter of an operation.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Parameter {
    pub(super) name: &'static str,
    /// `path` or `query`.
    pub(super) place: &'static str,
    /// Its type.
    pub(super) kind: &'static str,
    pub(super) words: Cow<'static, str>,
}

/// A query parameter: name, type and meaning.
type Row = (&'static str, &'static str, &'static str);

const SELECT: &[Row] = &[
    ("continue", "string", "Where to go on: the continue token of the list before."),
    ("fieldSelector", "string", "Only objects whose fields match."),
    ("labelSelector", "string", "Only objects whose labels match."),
    ("limit", "integer", "The most objects of one answer; a continue token tells that there are more."),
    ("resourceVersion", "string", "The revision that the answer is of, or is no older than."),
    ("resourceVersionMatch", "string", "How resourceVersion is meant: Exact or NotOlderThan."),
    ("sendInitialEvents", "boolean", "A watch begins with the objects that are there, and a bookmark after them."),
    ("timeoutSeconds", "integer", "How long the call may take."),
];
const WATCH: &[Row] = &[
    ("allowWatchBookmarks", "boolean", "A watch gets BOOKMARK events."),
    ("watch", "boolean", "Follow changes instead of listing."),
];
const WRITE: &[Row] = &[
    DRY_RUN,
    ("fieldManager", "string", "Who owns the fields that are written; an apply must name it."),
    ("fieldValidation", "string", "What unknown and duplicate fields lead to: Ignore, Warn or Strict."),
];
const DRY_RUN: Row = ("dryRun", "string", "All: everything happens but the storing.");
const FORCE: &[Row] = &[("force", "boolean", "An apply takes the fields of other managers.")];
const DELETE: &[Row] = &[
    DRY_RUN,
    ("gracePeriodSeconds", "integer", "How long the object may take to end; 0 is at once."),
    ("ignoreStoreReadErrorWithClusterBreakingPotential", "boolean", "Delete even what cannot be read."),
    ("orphanDependents", "boolean", "Deprecated: use propagationPolicy."),
    ("propagationPolicy", "string", "What becomes of dependents: Orphan, Background or Foreground."),
];
const PRETTY: &[Row] = &[("pretty", "string", "Whether the answer is indented.")];
const LOG: &[Row] = &[
    CONTAINER,
    ("follow", "boolean", "Go on as lines are written."),
    ("insecureSkipTLSVerifyBackend", "boolean", "Trust whatever certificate the node has."),
    ("limitBytes", "integer", "The most bytes."),
    ("previous", "boolean", "The log of the container before its last restart."),
    ("sinceSeconds", "integer", "Only lines that are no older."),
    ("stream", "string", "All, Stdout or Stderr."),
    ("tailLines", "integer", "Only so many lines from the end."),
    ("timestamps", "boolean", "Each line begins with its time."),
];
const CONTAINER: Row = ("container", "string", "The container; may be left out when there is only one.");
const STREAMS: &[Row] = &[
    CONTAINER,
    ("stderr", "boolean", "Whether there is a stream of errors."),
    ("stdin", "boolean", "Whether there is a stream of input."),
    ("stdout", "boolean", "Whether there is a stream of output."),
    ("tty", "boolean", "Whether the process has a terminal."),
];
const COMMAND: &[Row] = &[("command", "string", "The command and its arguments.")];
const PORTS: &[Row] = &[("ports", "integer", "The ports of the pod.")];
const PATH: &[Row] = &[("path", "string", "The path behind the proxy.")];

/// The parameters of an action or of a subresource that is connected to, by name. `kind` is what `name` is one of.
pub(super) fn of(action: &str, path: &str, kind: &str, log: bool) -> Vec<Parameter> {
    let rows: &[&[Row]] = match action {
        _ if log => &[LOG, PRETTY],
        "list" | "watch" | "watchlist" => &[SELECT, WATCH, PRETTY],
        "post" | "put" => &[WRITE, PRETTY],
        "patch" => &[WRITE, FORCE, PRETTY],
        "delete" => &[DELETE, PRETTY],
        "deletecollection" => &[SELECT, DELETE, PRETTY],
        "exec" => &[COMMAND, STREAMS],
        "attach" => &[STREAMS],
        "portforward" => &[PORTS],
        "proxy" => &[PATH],
        _ => &[PRETTY],
    };
    let query = rows.iter().copied().flatten();
    let mut all: Vec<Parameter> = query
        .map(|&(name, kind, words)| Parameter { name, place: "query", kind, words: Cow::Borrowed(words) })
        .collect();
    let in_path = [
        ("name", Cow::Owned(format!("name of the {kind}"))),
        ("namespace", Cow::Borrowed("The namespace.")),
        ("path", Cow::Borrowed(PATH[0].2)),
    ];
    let named = in_path.into_iter().filter(|(name, _)| path.contains(&format!("{{{name}}}")));
    all.extend(named.map(|(name, words)| Parameter { name, place: "path", kind: "string", words }));
    all.sort_unstable();
    all
}
