//! The operations a resource offers, independent of the form they are written down in.

use super::{Kind, path};
use crate::registry::{Resource, Scope, Subresource, Verbs};

/// A query parameter: name and type.
pub(super) type Parameter = (&'static str, &'static str);

const LIST: &[Parameter] = &[
    ("allowWatchBookmarks", "boolean"),
    ("continue", "string"),
    ("fieldSelector", "string"),
    ("labelSelector", "string"),
    ("limit", "integer"),
    ("resourceVersion", "string"),
    ("resourceVersionMatch", "string"),
    ("sendInitialEvents", "boolean"),
    ("timeoutSeconds", "integer"),
    ("watch", "boolean"),
];
const WRITE: &[Parameter] = &[("dryRun", "string"), ("fieldManager", "string"), ("fieldValidation", "string")];
const FORCE: &[Parameter] = &[("force", "boolean")];
const DELETE: &[Parameter] = &[
    ("dryRun", "string"),
    ("gracePeriodSeconds", "integer"),
    ("ignoreStoreReadErrorWithClusterBreakingPotential", "boolean"),
    ("orphanDependents", "boolean"),
    ("propagationPolicy", "string"),
];

const JSON: &[&str] = &["application/json", "application/yaml"];
const PATCHES: &[&str] = &[
    "application/apply-patch+yaml",
    "application/json-patch+json",
    "application/merge-patch+json",
    "application/strategic-merge-patch+json",
];

pub(super) const PATCH: &str = "io.k8s.apimachinery.pkg.apis.meta.v1.Patch";
pub(super) const DELETE_OPTIONS: &str = "io.k8s.apimachinery.pkg.apis.meta.v1.DeleteOptions";
pub(super) const STATUS: &str = "io.k8s.apimachinery.pkg.apis.meta.v1.Status";

/// One method on one path.
pub(super) struct Operation<'a> {
    pub(super) path: String,
    pub(super) method: &'static str,
    /// `x-kubernetes-action`.
    pub(super) action: &'static str,
    pub(super) id: String,
    pub(super) tag: String,
    pub(super) kind: Kind<'a>,
    pub(super) parameters: Vec<Parameter>,
    /// The definition of the body and the media types it may come in.
    pub(super) body: Option<(String, &'static [&'static str])>,
    /// The definition of the answer; `None` for plain text.
    pub(super) response: Option<String>,
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
    let collection: &[&str] = match resource.verbs {
        Verbs::All => &["list", "post", "deletecollection"],
        Verbs::NoDeleteCollection => &["list", "post"],
        Verbs::Unlisted => &["post"],
        Verbs::CreateOnly => &["post"],
        Verbs::ReadOnly => &["list"],
    };
    let item: &[&str] = match resource.verbs {
        Verbs::All | Verbs::NoDeleteCollection | Verbs::Unlisted => &["get", "put", "patch", "delete"],
        Verbs::CreateOnly => &[],
        Verbs::ReadOnly => &["get"],
    };
    for action in collection.iter().chain(item) {
        writer.add(action, None);
    }
    if resource.scope == Scope::Namespaced && collection.contains(&"list") {
        writer.add_list_of_all();
    }
    for sub in &resource.subresources {
        sub.verbs.iter().for_each(|verb| writer.add(method_of_verb(verb), Some(sub)));
    }
    writer.done
}

fn method_of_verb(verb: &str) -> &'static str {
    match verb {
        "create" => "post",
        "update" => "put",
        "patch" => "patch",
        "delete" => "delete",
        _ => "get",
    }
}

struct Writer<'a> {
    resource: &'a Resource,
    /// `/apis/apps/v1`
    root: String,
    /// `AppsV1`
    words: String,
    tag: String,
    done: Vec<Operation<'a>>,
}

impl<'a> Writer<'a> {
    fn new(resource: &'a Resource) -> Self {
        let root = format!("/{}", path(&resource.group, &resource.version));
        let group = if resource.group.is_empty() { "core" } else { resource.group.trim_end_matches(".k8s.io") };
        let camel: String = group.split(['.', '-']).map(capitalised).collect();
        let tag = format!("{}_{}", uncapitalised(&camel), resource.version);
        Self { resource, root, words: format!("{camel}{}", capitalised(&resource.version)), tag, done: Vec::new() }
    }

    /// Adds what `action` does to the collection, to an object, or to its subresource.
    fn add(&mut self, action: &'static str, sub: Option<&'a Subresource>) {
        let resource = self.resource;
        let kind = sub.map_or_else(|| kind(resource), |sub| subresource_kind(resource, sub));
        let name = definition_name(resource, &kind);
        let connect = sub.is_some_and(|sub| matches!(sub.name.as_str(), "attach" | "exec" | "portforward" | "proxy"));
        let (verb, method, parameters): (_, _, &[&[Parameter]]) = match action {
            "list" => ("list", "get", &[LIST]),
            "post" => ("create", "post", &[WRITE]),
            "put" => ("replace", "put", &[WRITE]),
            "patch" => ("patch", "patch", &[WRITE, FORCE]),
            "delete" => ("delete", "delete", &[DELETE]),
            "deletecollection" => ("deletecollection", "delete", &[LIST, DELETE]),
            _ => ("read", "get", &[]),
        };
        let body = match action {
            _ if connect => None,
            "post" | "put" => name.clone().map(|name| (name, JSON)),
            "patch" => Some((PATCH.to_owned(), if resource.custom.is_some() { &PATCHES[..3] } else { PATCHES })),
            "delete" | "deletecollection" => Some((DELETE_OPTIONS.to_owned(), JSON)),
            _ => None,
        };
        let response = match action {
            _ if connect || sub.is_some_and(|sub| sub.name == "log") => None,
            "list" => name.map(|name| format!("{name}List")),
            "delete" | "deletecollection" => Some(STATUS.to_owned()),
            _ => name,
        };
        let scope = if resource.scope == Scope::Namespaced { "Namespaced" } else { "" };
        let what = sub.map_or_else(String::new, |sub| capitalised(&sub.name));
        let verb = if connect { format!("connect{}", capitalised(method)) } else { verb.to_owned() };
        self.done.push(Operation {
            path: self.path(action, sub),
            method,
            action: if connect { "connect" } else { action },
            id: format!("{verb}{}{scope}{}{what}", self.words, resource.kind),
            tag: self.tag.clone(),
            kind,
            parameters: if connect { Vec::new() } else { parameters.concat() },
            body,
            response,
        });
    }

    /// The list over all namespaces.
    fn add_list_of_all(&mut self) {
        let kind = kind(self.resource);
        self.done.push(Operation {
            path: format!("{}/{}", self.root, self.resource.plural),
            method: "get",
            action: "list",
            id: format!("list{}{}ForAllNamespaces", self.words, self.resource.kind),
            tag: self.tag.clone(),
            kind,
            parameters: LIST.to_vec(),
            body: None,
            response: definition_name(self.resource, &kind).map(|name| format!("{name}List")),
        });
    }

    fn path(&self, action: &str, sub: Option<&Subresource>) -> String {
        let namespace = if self.resource.scope == Scope::Namespaced { "/namespaces/{namespace}" } else { "" };
        let collection = format!("{}{namespace}/{}", self.root, self.resource.plural);
        match (sub, action) {
            (Some(sub), _) => format!("{collection}/{{name}}/{}", sub.name),
            (None, "list" | "post" | "deletecollection") => collection,
            (None, _) => format!("{collection}/{{name}}"),
        }
    }
}

fn capitalised(word: &str) -> String {
    let mut letters = word.chars();
    letters.next().map_or_else(String::new, |first| first.to_ascii_uppercase().to_string() + letters.as_str())
}

fn uncapitalised(word: &str) -> String {
    let mut letters = word.chars();
    letters.next().map_or_else(String::new, |first| first.to_ascii_lowercase().to_string() + letters.as_str())
}
