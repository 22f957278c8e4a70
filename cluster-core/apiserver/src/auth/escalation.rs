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
    let missing: Vec<String> = granted.iter().filter(|rule| !covered(&held, rule)).map(describe).collect();
    if missing.is_empty() {
        return Ok(());
    }
    let why = format!(
        "user {:?} (groups={:?}) is attempting to grant RBAC permissions not currently held:\n{}",
        user.name,
        user.groups,
        missing.join("\n")
    );
    refused(&why)
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
    let names: Vec<Option<&String>> = match rule.resource_names.as_slice() {
        [] => vec![None],
        names => names.iter().map(Some).collect(),
    };
    let covers_resource = |verb: &str, group: &str, resource: &str, name: Option<&String>| {
        let (of, sub) = resource.split_once('/').unwrap_or((resource, ""));
        held.iter().any(|h| {
            matches_any(&h.verbs, verb)
                && matches_any(&h.api_groups, group)
                && h.resources.iter().any(|r| r == resource || resource_matches(r, of, sub))
                && (h.resource_names.is_empty() || name.is_some_and(|name| h.resource_names.contains(name)))
        })
    };
    let covers_path = |verb: &str, path: &str| {
        held.iter().any(|h| matches_any(&h.verbs, verb) && h.non_resource_urls.iter().any(|u| path_matches(u, path)))
    };
    rule.verbs.iter().all(|verb| {
        rule.non_resource_urls.iter().all(|path| covers_path(verb, path))
            && rule.api_groups.iter().all(|group| {
                rule.resources.iter().all(|r| names.iter().all(|name| covers_resource(verb, group, r, *name)))
            })
    })
}

fn describe(rule: &Rule) -> String {
    let mut parts = Vec::new();
    for (name, list) in [
        ("APIGroups", &rule.api_groups),
        ("Resources", &rule.resources),
        ("ResourceNames", &rule.resource_names),
        ("NonResourceURLs", &rule.non_resource_urls),
        ("Verbs", &rule.verbs),
    ] {
        if !list.is_empty() {
            parts.push(format!("{name}:{list:?}"));
        }
    }
    format!("{{{}}}", parts.join(", "))
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
