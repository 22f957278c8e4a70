//! What upstream's controllers say of a definition, said as it is written: accepted names, stored versions, conditions.

use super::STORAGE;
use super::definition::approval;
use crate::kinds::prelude::*;

/// Fills in the status of a definition that is about to be written.
pub(crate) fn complete(server: &ApiServer, definition: &mut Value) {
    let snapshot = server.store.snapshot(STORAGE);
    // A definition is named after its group: only those of the same one can be in its way.
    let (own, group) = (meta::name(definition), format!(".{}", meta::text(definition, "spec.group")));
    let others = snapshot.range(None, None).filter(|e| *e.key.name != *own && e.key.name.ends_with(&group));
    let others: Vec<Value> = others.filter_map(|entry| serde_json::from_slice(&entry.bytes).ok()).collect();
    accept(definition, &others);
}

fn accept(definition: &mut Value, others: &[Value]) {
    let group = &definition["spec"]["group"];
    let taken: Vec<&Value> = others
        .iter()
        .filter(|other| other["spec"]["group"] == *group)
        .map(|other| &other["status"]["acceptedNames"])
        .collect();
    let (names, conflict) = names(&definition["spec"]["names"], &definition["status"]["acceptedNames"], &taken);
    let storage = items(&definition["spec"]["versions"]).iter().find(|v| v["storage"] == true);
    let storage = storage.map(|v| v["name"].clone()).unwrap_or_default();
    let status = &mut definition["status"];
    status["acceptedNames"] = names;
    let stored = items(&status["storedVersions"]).to_vec();
    if !storage.is_null() && !stored.contains(&storage) {
        status["storedVersions"] = stored.into_iter().chain([storage]).collect();
    }
    if let Some((reason, message)) = approval(definition) {
        let is_approved = reason == "ApprovedAnnotation";
        condition::set(definition, "KubernetesAPIApprovalPolicyConformant", is_approved, reason, &message);
    }
    match conflict {
        None => {
            condition::set(definition, "NamesAccepted", true, "NoConflicts", "no conflicts found");
            let why = "the initial names have been accepted";
            condition::set(definition, "Established", true, "InitialNamesAccepted", why);
        }
        Some((reason, message)) => {
            condition::set(definition, "NamesAccepted", false, reason, &message);
            if !meta::is_true(definition, "Established") {
                condition::set(definition, "Established", false, "NotAccepted", "not all names are accepted");
            }
        }
    }
}

/// The names a definition gets: those it wants, but for those that others of its group have. The second part says what
/// is wrong.
fn names(wanted: &Value, accepted: &Value, taken: &[&Value]) -> (Value, Option<(&'static str, String)>) {
    let resources: Vec<&str> = taken
        .iter()
        .flat_map(|names| {
            [text(&names["plural"]), text(&names["singular"])].into_iter().chain(texts(&names["shortNames"]))
        })
        .collect();
    let kinds: Vec<&str> = taken.iter().flat_map(|names| [text(&names["kind"]), text(&names["listKind"])]).collect();
    let (mut names, mut conflict) = (wanted.clone(), None);
    for (field, used, reason) in [
        ("plural", &resources, "PluralConflict"),
        ("singular", &resources, "SingularConflict"),
        ("shortNames", &resources, "ShortNamesConflict"),
        ("kind", &kinds, "KindConflict"),
        ("listKind", &kinds, "ListKindConflict"),
    ] {
        let value = &wanted[field];
        let own = value.as_str().into_iter().chain(texts(value));
        let lost: Vec<String> = own
            .filter(|name| !name.is_empty() && used.contains(name))
            .map(|name| format!("{name:?} is already in use"))
            .collect();
        match &lost[..] {
            [] => continue,
            [one] => conflict = Some((reason, one.clone())),
            several => conflict = Some((reason, format!("[{}]", several.join(", ")))),
        }
        match accepted.get(field) {
            Some(before) => names[field] = before.clone(),
            None if matches!(field, "plural" | "kind") => names[field] = "".into(),
            None => drop(meta::remove(&mut names, field)),
        }
    }
    (names, conflict)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn definition(plural: &str, kind: &str, short: &str) -> Value {
        json!({"metadata": {"name": format!("{plural}.a.io")}, "spec": {"group": "a.io",
            "names": {"plural": plural, "singular": kind.to_lowercase(), "kind": kind, "listKind": format!("{kind}List"), "shortNames": [short]},
            "versions": [{"name": "v1", "storage": true}]}})
    }

    #[test]
    fn groups_of_the_project_say_how_it_stands_with_their_approval() {
        let table = [
            ("a.io", "", None),
            ("x.k8s.io", "https://github.com/kubernetes/enhancements/pull/1", Some(("True", "ApprovedAnnotation"))),
            ("x.k8s.io", "unapproved, an experiment", Some(("False", "UnapprovedAnnotation"))),
            ("kubernetes.io", "yes", Some(("False", "InvalidAnnotation"))),
            ("kubernetes.io", "", Some(("False", "MissingAnnotation"))),
        ];
        for (group, given, expected) in table {
            let mut definition = definition("cats", "Cat", "c");
            definition["spec"]["group"] = group.into();
            definition["metadata"]["annotations"] = json!({"api-approved.kubernetes.io": given});
            accept(&mut definition, &[]);
            let mut conditions = items(&definition["status"]["conditions"]).iter();
            let found = conditions.find(|one| one["type"] == "KubernetesAPIApprovalPolicyConformant");
            let found = found.map(|one| (text(&one["status"]), text(&one["reason"])));
            assert_eq!(found, expected, "{group} {given}");
        }
    }

    #[test]
    fn names_belong_to_who_came_first() {
        let mut first = definition("cats", "Cat", "c");
        accept(&mut first, &[]);
        assert!(meta::is_true(&first, "NamesAccepted") && meta::is_true(&first, "Established"));
        for (plural, kind, short, reason, message) in [
            ("felines", "Cat", "f", "ListKindConflict", "\"CatList\" is already in use"),
            ("cows", "Cow", "c", "ShortNamesConflict", "\"c\" is already in use"),
        ] {
            let mut second = definition(plural, kind, short);
            accept(&mut second, std::slice::from_ref(&first));
            let conditions = &second["status"]["conditions"];
            assert_eq!((&conditions[0]["reason"], &conditions[0]["message"]), (&json!(reason), &json!(message)));
            assert_eq!((&conditions[1]["status"], &conditions[1]["reason"]), (&json!("False"), &json!("NotAccepted")));
            accept(&mut second, &[]);
            assert!(meta::is_true(&second, "Established"), "the name is free again");
        }
        let mut third = definition("cows", "Cow", "co");
        accept(&mut third, std::slice::from_ref(&first));
        third["spec"]["names"]["shortNames"] = json!(["c"]);
        accept(&mut third, &[first]);
        assert!(meta::is_true(&third, "Established") && !meta::is_true(&third, "NamesAccepted"));
        assert_eq!(third["status"]["acceptedNames"]["shortNames"], json!(["co"]));
    }
}
