//! Operations beside the resources: discovery, the version, what identifies service accounts.

use super::operations::{Answer, Names, OBJECTS, Operation, meta};
use super::path;
use crate::prelude::*;

/// An operation: its name, tag, description, media types, definition of the answer (`-` for any object).
type Row<'a> = (&'a str, &'a str, &'a str, &'static [&'static str], &'a str);

/// The documents of their own: the path, then as in [`Row`].
type Standing = (String, String, String, String, Vec<&'static str>, String);

static TABLE: LazyLock<Vec<Standing>> =
    LazyLock::new(|| serde_json::from_str(include_str!("standing.json")).expect("a table, which tests read"));

/// The operations with the paths of the documents they belong to.
pub(super) fn operations<'a>(resources: &[&Resource]) -> Vec<(String, Operation<'a>)> {
    let standing = TABLE.iter().map(|(path, id, tag, description, media, answer)| {
        operation(path.clone(), &(id.as_str(), tag.as_str(), description.as_str(), media.as_slice(), answer.as_str()))
    });
    let mut all: Vec<_> = standing.collect();
    let built_in = resources.iter().filter(|resource| resource.custom.is_none());
    let versions: BTreeSet<(&str, &str)> = built_in.map(|one| (one.group.as_str(), one.version.as_str())).collect();
    for (group, version) in &versions {
        let Names { words, tag, .. } = Names::of(group, version);
        let id = format!("get{words}APIResources");
        let row = (&*id, &*tag, "get available resources", OBJECTS, "APIResourceList");
        all.push(operation(path(group, version), &row));
    }
    let groups: BTreeSet<&str> = versions.iter().map(|(group, _)| *group).filter(|group| !group.is_empty()).collect();
    for group in groups {
        let Names { group: words, tag, .. } = Names::of(group, "");
        let id = format!("get{words}APIGroup");
        let row = (&*id, tag.trim_end_matches('_'), "get information of a group", OBJECTS, "APIGroup");
        all.push(operation(format!("apis/{group}"), &row));
    }
    all
}

fn operation<'a>(document: String, &(id, tag, description, media, answer): &Row<'_>) -> (String, Operation<'a>) {
    let operation = Operation {
        path: format!("/{document}{}", if answer.is_empty() { "" } else { "/" }),
        method: "get",
        action: "",
        id: id.to_owned(),
        description: description.to_owned(),
        tag: tag.to_owned(),
        kind: None,
        parameters: Vec::new(),
        consumes: media,
        body: None,
        produces: media,
        answer: match answer {
            "" => Answer::Text,
            "-" => Answer::Object,
            name => Answer::Definition(meta(name)),
        },
        codes: &[200],
    };
    (document, operation)
}
