//! The operations a resource offers, independent of the form they are written down in.
//!
//! Names, codes and media types are those of upstream's published documents, `api/openapi-spec` in its repository.

use super::parameters::{self as parameter, Parameter};
use super::{Kind, path};
use crate::prelude::*;

pub(super) const ANY: &[&str] = &["*/*"];
/// What is answered.
pub(super) const OBJECTS: &[&str] = &["application/json", "application/yaml", "application/vnd.kubernetes.protobuf"];
const LISTS: &[&str] = &[
    "application/json",
    "application/yaml",
    "application/vnd.kubernetes.protobuf",
    "application/json;stream=watch",
    "application/vnd.kubernetes.protobuf;stream=watch",
];
const LOGS: &[&str] = &["text/plain", "application/json", "application/yaml", "application/vnd.kubernetes.protobuf"];
/// What is spoken about custom objects.
const CUSTOM: &[&str] = &["application/json", "application/yaml"];
const PATCHES: &[&str] = &[
    "application/apply-patch+yaml",
    "application/json-patch+json",
    "application/merge-patch+json",
    "application/strategic-merge-patch+json",
];
const PROXIED: &[&str] = &["delete", "get", "head", "options", "patch", "post", "put"];

/// What each verb does, in the order of the documents.
const VERBS: [(&str, &str); 7] = [
    ("list", "list"),
    ("create", "post"),
    ("deletecollection", "deletecollection"),
    ("get", "get"),
    ("update", "put"),
    ("patch", "patch"),
    ("delete", "delete"),
];

/// How an action is written down; of a subresource that is connected to, its parameters alone.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Action {
    /// The first word of its name, and what stands there before and after the kind.
    word: &'static str,
    before: &'static str,
    after: &'static str,
    method: &'static str,
    codes: Vec<u16>,
    /// The definition of the body, whether there must be one, and the definition of the answer: the kind's own (`self`),
    /// that of its `list`, or one of the API's machinery.
    body: &'static str,
    required: bool,
    answer: &'static str,
    /// Whether the answer may be a stream.
    streams: bool,
    /// The sets of its query parameters.
    parameters: Vec<&'static str>,
    /// `{one}` stands for an object of the kind or a part of one, `{the}` for a certain one.
    description: &'static str,
}

static ACTIONS: LazyLock<HashMap<&str, Action>> =
    LazyLock::new(|| serde_json::from_str(include_str!("actions.json")).expect("a table of actions, which tests read"));

const META: &str = "io.k8s.apimachinery.pkg.apis.meta.v1.";

/// One method on one path.
pub(super) struct Operation<'a> {
    pub(super) path: String,
    pub(super) method: &'static str,
    /// `x-kubernetes-action`; empty when there is none.
    pub(super) action: &'static str,
    pub(super) id: String,
    pub(super) description: String,
    pub(super) tag: String,
    pub(super) kind: Option<Kind<'a>>,
    pub(super) parameters: Vec<Parameter>,
    pub(super) consumes: &'static [&'static str],
    /// The definition of the body, and whether there must be one.
    pub(super) body: Option<(String, bool)>,
    pub(super) produces: &'static [&'static str],
    pub(super) answer: Answer,
    /// The codes of success.
    pub(super) codes: &'static [u16],
}

/// What an operation answers.
pub(super) enum Answer {
    Definition(String),
    Text,
    Object,
}

/// The name of a definition of the API's machinery.
pub(super) fn meta(kind: &str) -> String {
    format!("{META}{kind}")
}

/// The definition that describes a kind, when there is one; a custom kind's name is its group backwards.
pub(super) fn definition_name(resource: &Resource, kind: &Kind<'_>) -> Option<String> {
    if resource.custom.is_some() && kind.group == resource.group && kind.kind == resource.kind {
        let group: Vec<&str> = resource.group.split('.').rev().collect();
        return Some(format!("{}.{}.{}", group.join("."), resource.version, resource.kind));
    }
    let own = kind.group == resource.group && kind.version == resource.version;
    let (group, version) = if own { resource.modern() } else { (kind.group, kind.version) };
    cluster_schema::builtin_definition(group, version, kind.kind).map(|found| found.name.clone())
}

/// The kind of a resource's objects.
pub(super) fn kind(resource: &Resource) -> Kind<'_> {
    Kind { group: &resource.group, version: &resource.version, kind: &resource.kind }
}

/// The kind a subresource speaks.
pub(super) fn subresource_kind<'a>(resource: &'a Resource, sub: &'a Subresource) -> Kind<'a> {
    Kind {
        group: sub.group.as_ref().unwrap_or(&resource.group),
        version: sub.version.as_ref().unwrap_or(&resource.version),
        kind: &sub.kind,
    }
}

/// Everything a resource offers.
pub(super) fn operations(resource: &Resource) -> Vec<Operation<'_>> {
    let mut writer = Writer::new(resource);
    let namespaced = resource.scope == Scope::Namespaced;
    let verbs = discovery::verbs(resource.verbs);
    for (_, action) in VERBS.iter().filter(|(verb, _)| verbs.contains(verb)) {
        writer.add(action, None);
    }
    if verbs.contains(&"watch") && resource.custom.is_none() {
        writer.add("watchlist", None);
        writer.add("watch", None);
        if namespaced {
            writer.for_all_namespaces("watchlist");
        }
    }
    if namespaced && verbs.contains(&"list") {
        writer.for_all_namespaces("list");
    }
    for sub in &resource.subresources {
        match sub.name.as_str() {
            "attach" | "exec" | "portforward" => writer.connect(sub, &["get", "post"], ""),
            "proxy" => ["", "/{path}"].into_iter().for_each(|rest| writer.connect(sub, PROXIED, rest)),
            _ => sub.verbs.iter().for_each(|verb| writer.add(method_of_verb(verb), Some(sub))),
        }
    }
    writer.done
}

fn method_of_verb(verb: &str) -> &'static str {
    VERBS.iter().find(|(known, _)| *known == verb).map_or("get", |(_, method)| method)
}

struct Writer<'a> {
    resource: &'a Resource,
    names: Names,
    done: Vec<Operation<'a>>,
}

/// How a group and version is called.
pub(super) struct Names {
    /// `Apps`
    pub(super) group: String,
    /// `AppsV1`
    pub(super) words: String,
    /// `apps_v1`
    pub(super) tag: String,
}

impl Names {
    pub(super) fn of(group: &str, version: &str) -> Self {
        let group = if group.is_empty() { "core" } else { group.trim_end_matches(".k8s.io") };
        let group: String = group.split(['.', '-']).map(capitalised).collect();
        let words = format!("{group}{}", capitalised(version));
        Self { tag: format!("{}_{version}", uncapitalised(&group)), group, words }
    }
}

impl<'a> Writer<'a> {
    fn new(resource: &'a Resource) -> Self {
        Self { resource, names: Names::of(&resource.group, &resource.version), done: Vec::new() }
    }

    /// Adds what `action` does to the collection, to an object, or to its subresource.
    fn add(&mut self, action: &'static str, sub: Option<&'a Subresource>) {
        let resource = self.resource;
        let is_custom = resource.custom.is_some();
        let kind = sub.map_or_else(|| kind(resource), |sub| subresource_kind(resource, sub));
        let name = definition_name(resource, &kind);
        let known = &ACTIONS[action];
        let definition = |which: &str| match which {
            "" => None,
            "self" => name.clone(),
            "list" => name.as_ref().map(|name| format!("{name}List")),
            machinery => Some(meta(machinery)),
        };
        let log = sub.is_some_and(|sub| sub.name == "log");
        // Upstream's documents keep it from namespaces.
        let returns = action == "delete" && resource.strategy.returns_deleted && resource.plural != "namespaces";
        let answer = if log { None } else { definition(if returns { "self" } else { known.answer }) };
        let what = sub.map_or_else(String::new, |sub| capitalised(&sub.name));
        let scope = if resource.scope == Scope::Namespaced { "Namespaced" } else { "" };
        let consumes = match action {
            "patch" if is_custom => &PATCHES[..3],
            "patch" => PATCHES,
            _ if is_custom => CUSTOM,
            _ => ANY,
        };
        let produces = match known.streams {
            _ if is_custom => CUSTOM,
            _ if log => LOGS,
            true => LISTS,
            false => OBJECTS,
        };
        let Action { word, before, after, .. } = known;
        let path = self.path(action, sub);
        let sets = if log { &ACTIONS["log"].parameters } else { &known.parameters };
        self.done.push(Operation {
            parameters: parameter::of(sets, &path, kind.kind),
            path,
            method: known.method,
            action,
            id: format!("{word}{}{before}{scope}{}{what}{after}", self.names.words, resource.kind),
            description: description(known.description, &resource.kind, sub),
            tag: self.names.tag.clone(),
            kind: Some(kind),
            consumes,
            body: definition(known.body).map(|name| (name, known.required)),
            produces,
            answer: answer.map_or(Answer::Text, Answer::Definition),
            // Nobody makes a custom object by a patch, say the documents.
            codes: if is_custom && action == "patch" { &[200] } else { &known.codes },
        });
    }

    /// The same over all namespaces.
    fn for_all_namespaces(&mut self, action: &'static str) {
        self.add(action, None);
        let Some(operation) = self.done.last_mut() else { return };
        operation.path = operation.path.replace("/namespaces/{namespace}", "");
        operation.parameters.retain(|parameter| parameter.name != "namespace");
        operation.id = operation.id.replacen("Namespaced", "", 1) + "ForAllNamespaces";
    }

    /// The methods that open a stream or are passed on, at the subresource and at `rest` below it.
    fn connect(&mut self, sub: &'a Subresource, methods: &[&'static str], rest: &str) {
        let kind = subresource_kind(self.resource, sub);
        let scope = if self.resource.scope == Scope::Namespaced { "Namespaced" } else { "" };
        let with = if rest.is_empty() { "" } else { "WithPath" };
        for &method in methods {
            let path = format!("{}{rest}", self.path("connect", Some(sub)));
            let Names { words, tag, .. } = &self.names;
            let what = format!("{scope}{}{}{with}", self.resource.kind, capitalised(&sub.name));
            let upper = method.to_ascii_uppercase();
            self.done.push(Operation {
                parameters: parameter::of(&ACTIONS[sub.name.as_str()].parameters, &path, kind.kind),
                path,
                method,
                action: "connect",
                id: format!("connect{words}{}{what}", capitalised(method)),
                description: format!("connect {upper} requests to {} of {}", sub.name, self.resource.kind),
                tag: tag.clone(),
                kind: Some(kind),
                consumes: ANY,
                body: None,
                produces: ANY,
                answer: Answer::Text,
                codes: &[200],
            });
        }
    }

    fn path(&self, action: &str, sub: Option<&Subresource>) -> String {
        let Resource { group, version, plural, scope, .. } = self.resource;
        let root = path(group, version);
        let watch = if action.starts_with("watch") { "/watch" } else { "" };
        let namespace = if *scope == Scope::Namespaced { "/namespaces/{namespace}" } else { "" };
        let collection = format!("/{root}{watch}{namespace}/{plural}");
        match (sub, action) {
            (Some(sub), _) => format!("{collection}/{{name}}/{}", sub.name),
            (None, "list" | "post" | "deletecollection" | "watchlist") => collection,
            (None, _) => format!("{collection}/{{name}}"),
        }
    }
}

fn description(pattern: &str, kind: &str, sub: Option<&Subresource>) -> String {
    let article = if kind.starts_with(['A', 'E', 'I', 'O', 'U']) { "an" } else { "a" };
    let whole = |of: &str| sub.map_or_else(|| of.to_owned(), |sub| format!("{} of {of}", sub.name));
    let (one, the) = (whole(&format!("{article} {kind}")), whole(&format!("the specified {kind}")));
    pattern.replace("{kind}", kind).replace("{one}", &one).replace("{the}", &the)
}

fn capitalised(word: &str) -> String {
    let mut letters = word.chars();
    letters.next().map_or_else(String::new, |first| first.to_ascii_uppercase().to_string() + letters.as_str())
}

pub(crate) fn uncapitalised(word: &str) -> String {
    let mut letters = word.chars();
    letters.next().map_or_else(String::new, |first| first.to_ascii_lowercase().to_string() + letters.as_str())
}
