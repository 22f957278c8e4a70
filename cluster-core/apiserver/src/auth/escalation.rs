//! Nobody grants more than they have: checks on roles and bindings.
//!
//! Source: <https://kubernetes.io/docs/reference/access-authn-authz/rbac/#privilege-escalation-prevention-and-bootstrapping>.

use super::Rule;
use super::rbac::{matches_any, path_matches, resource_matches};
use crate::prelude::*;

/// The fields of a role that grant something.
const RULES: [&str; 2] = ["rules", "aggregationRule"];

/// Checks a role or binding that somebody wants to write; other resources pass.
pub(crate) async fn check(call: &Call<'_>, object: &Value, old: Option<&Value>) -> Result<(), Status> {
    let (authorizer, user, resource) = (&call.server.authorizer, &call.user, call.resource.plural.as_str());
    if user.in_group(group::MASTERS) {
        return Ok(());
    }
    let metadata = &object["metadata"];
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let (namespace, name) = (text(&metadata["namespace"]), text(&metadata["name"]));
    let (verb, granted, of_resource, of_name) = match resource {
        "roles" | "clusterroles" if old.is_none_or(|old| RULES.iter().any(|field| old[field] != object[field])) => {
            ("escalate", rules(&object["rules"])?, resource, name.clone())
        }
        "rolebindings" | "clusterrolebindings" => {
            let role = text(&object["roleRef"]["name"]);
            let clusterwide = object["roleRef"]["kind"] == "ClusterRole";
            let of = if clusterwide { "clusterroles" } else { "roles" };
            let role_namespace = if clusterwide { "" } else { &namespace };
            ("bind", authorizer.rules_of_role(role_namespace, &role)?, of, role)
        }
        _ => return Ok(()),
    };
    let request = RequestInfo::of(verb, ["rbac.authorization.k8s.io", "v1", of_resource, ""], &namespace, &of_name);
    if authorizer.decide(user, &request).await.is_allowed() {
        return Ok(());
    }
    let held = authorizer.rules_for(user, &namespace);
    let refused =
        |why: &str| Err(Status::forbidden(GroupResource { group: "rbac.authorization.k8s.io", resource }, &name, why));
    let aggregates = [Some(object), old].into_iter().flatten().any(|role| !role["aggregationRule"].is_null());
    if verb == "escalate" && aggregates && !everything().iter().all(|rule| covered(&held, rule)) {
        return refused("must have cluster-admin privileges to use an aggregationRule");
    }
    let missing = granted.iter().flat_map(singles).filter(|single| !held.iter().any(|held| covers(held, single)));
    let missing = told(missing);
    if missing.is_empty() {
        return Ok(());
    }
    let (name, groups) = (&user.name, listed(&user.groups));
    refused(&format!(
        "user {name:?} (groups={groups}) is attempting to grant RBAC permissions not currently held:\n{}",
        missing.join("\n")
    ))
}

/// What an aggregated role may come to hold.
fn everything() -> [Rule; 2] {
    let all = || vec!["*".to_owned()];
    [
        Rule { verbs: all(), api_groups: all(), resources: all(), ..Rule::default() },
        Rule { verbs: all(), non_resource_urls: all(), ..Rule::default() },
    ]
}

fn rules(value: &Value) -> Result<Vec<Rule>, Status> {
    match value {
        Value::Null => Ok(Vec::new()),
        rules => serde_json::from_value(rules.clone()).map_err(|e| Status::bad_request(e.to_string())),
    }
}

/// Whether `held` allows all that `rule` allows: each single combination must stand in some held rule.
pub(super) fn covered(held: &[Rule], rule: &Rule) -> bool {
    singles(rule).iter().all(|single| held.iter().any(|held| covers(held, single)))
}

/// The single things that a rule allows.
fn singles(rule: &Rule) -> Vec<Rule> {
    let one = |word: &String| vec![word.clone()];
    let of_group = |group| rule.resources.iter().map(move |resource| (group, resource));
    let resources = rule.api_groups.iter().flat_map(of_group);
    let resources =
        resources.map(|(group, resource)| Rule { api_groups: one(group), resources: one(resource), ..Rule::default() });
    let named = resources.flat_map(|resource| match rule.resource_names.as_slice() {
        [] => vec![resource],
        names => names.iter().map(|name| Rule { resource_names: one(name), ..resource.clone() }).collect(),
    });
    let paths = rule.non_resource_urls.iter().map(|path| Rule { non_resource_urls: one(path), ..Rule::default() });
    let things: Vec<Rule> = named.chain(paths).collect();
    let with_verb = |verb| things.iter().map(move |thing| Rule { verbs: one(verb), ..thing.clone() });
    rule.verbs.iter().flat_map(with_verb).collect()
}

fn covers(held: &Rule, single: &Rule) -> bool {
    let resource = |wanted: &String| {
        let (of, sub) = wanted.split_once('/').unwrap_or((wanted, ""));
        held.resources.iter().any(|known| known == wanted || resource_matches(known, of, sub))
    };
    let path = |wanted: &String| held.non_resource_urls.iter().any(|known| path_matches(known, wanted));
    let named = |wanted: &String| held.resource_names.contains(wanted);
    single.verbs.iter().all(|verb| matches_any(&held.verbs, verb))
        && single.api_groups.iter().all(|group| matches_any(&held.api_groups, group))
        && single.resources.iter().all(resource)
        && single.non_resource_urls.iter().all(path)
        && (held.resource_names.is_empty()
            || !single.resource_names.is_empty() && single.resource_names.iter().all(named))
}

/// How single things are told: all verbs of a resource together.
fn told(singles: impl Iterator<Item = Rule>) -> Vec<String> {
    let mut rules: Vec<Rule> = Vec::new();
    for single in singles {
        let same = |known: &&mut Rule| {
            single.non_resource_urls.is_empty()
                && (&known.api_groups, &known.resources, &known.resource_names)
                    == (&single.api_groups, &single.resources, &single.resource_names)
        };
        match rules.iter_mut().find(same) {
            Some(known) => known.verbs.extend(single.verbs),
            None => rules.push(single),
        }
    }
    let sorted: BTreeSet<String> = rules.iter().map(describe).collect();
    sorted.into_iter().collect()
}

fn describe(rule: &Rule) -> String {
    let lists = [
        ("APIGroups", &rule.api_groups),
        ("Resources", &rule.resources),
        ("NonResourceURLs", &rule.non_resource_urls),
        ("ResourceNames", &rule.resource_names),
        ("Verbs", &rule.verbs),
    ];
    let parts = lists.into_iter().filter(|(_, list)| !list.is_empty());
    let parts: Vec<String> = parts.map(|(name, list)| format!("{name}:{}", listed(list))).collect();
    format!("{{{}}}", parts.join(", "))
}

/// A list as Go prints it.
fn listed(words: &[String]) -> String {
    let words: Vec<String> = words.iter().map(|word| format!("{word:?}")).collect();
    format!("[{}]", words.join(" "))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(verbs: &[&str], groups: &[&str], resources: &[&str]) -> Rule {
        let list = |items: &[&str]| items.iter().map(|i| (*i).to_owned()).collect();
        Rule { verbs: list(verbs), api_groups: list(groups), resources: list(resources), ..Rule::default() }
    }

    #[test]
    fn a_rule_is_covered_only_when_every_combination_is_held() {
        let held = [rule(&["get", "list"], &[""], &["pods"]), rule(&["*"], &["apps"], &["*"])];
        let cases = [
            (rule(&["get"], &[""], &["pods"]), true),
            (rule(&["get", "delete"], &[""], &["pods"]), false),
            (rule(&["get"], &[""], &["secrets"]), false),
            (rule(&["delete"], &["apps"], &["deployments", "deployments/scale"]), true),
            (rule(&["get"], &["", "apps"], &["pods"]), true),
            (rule(&["*"], &[""], &["pods"]), false),
        ];
        for (wanted, expected) in cases {
            assert_eq!(covered(&held, &wanted), expected, "{wanted:?}");
        }
    }
}
