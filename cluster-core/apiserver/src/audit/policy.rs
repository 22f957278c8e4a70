//! `audit.k8s.io/v1 Policy`: how much of a request is logged, and at which stages.
//!
//! Facts: <https://kubernetes.io/docs/tasks/debug/debug-cluster/audit/>.

use crate::auth::path_matches;
use crate::kinds::prelude::*;

/// How much of a request is logged.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Deserialize, Serialize)]
pub(super) enum Level {
    /// Nothing.
    #[default]
    None,
    /// Who, what, when, and the outcome.
    Metadata,
    /// The request's object too.
    Request,
    /// The answer's object too.
    RequestResponse,
}

/// A moment in a request's life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
pub(super) enum Stage {
    RequestReceived,
    /// The headers are sent, the body goes on: watches and streams.
    ResponseStarted,
    ResponseComplete,
}

/// What the policy says of one request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Verdict {
    pub(super) level: Level,
    pub(super) omitted: Vec<Stage>,
    pub(super) omit_managed_fields: bool,
}

/// The first rule that fits decides; without one nothing is logged.
pub(super) fn decide(policy: &Value, user: &UserInfo, info: &RequestInfo) -> Verdict {
    let found = items(&policy["rules"]).iter().find(|rule| fits(rule, user, info));
    let rule = found.unwrap_or(&Value::Null);
    let level = Level::deserialize(&rule["level"]).unwrap_or_default();
    let stages = items(&policy["omitStages"]).iter().chain(items(&rule["omitStages"]));
    let omitted = stages.filter_map(|stage| Stage::deserialize(stage).ok()).collect();
    let of_rule = rule["omitManagedFields"].as_bool();
    let omit_managed_fields = of_rule.unwrap_or(policy["omitManagedFields"] == true);
    Verdict { level, omitted, omit_managed_fields }
}

impl Verdict {
    /// Whether this stage is logged.
    pub(super) fn logs(&self, stage: Stage) -> bool {
        self.level > Level::None && !self.omitted.contains(&stage)
    }
}

fn fits(rule: &Value, user: &UserInfo, info: &RequestInfo) -> bool {
    let any = |field: &str, matches: &dyn Fn(&str) -> bool| {
        items(&rule[field]).is_empty() || texts(&rule[field]).any(matches)
    };
    if !(any("users", &|name| name == user.name)
        && any("userGroups", &|group| user.in_group(group))
        && any("verbs", &|verb| verb == "*" || verb == info.verb))
    {
        return false;
    }
    let (resources, urls) = (items(&rule["resources"]), items(&rule["nonResourceURLs"]));
    if resources.is_empty() && urls.is_empty() && items(&rule["namespaces"]).is_empty() {
        return true;
    }
    if !info.is_resource {
        return texts(&rule["nonResourceURLs"]).any(|url| path_matches(url, &info.path));
    }
    urls.is_empty()
        && any("namespaces", &|namespace| namespace == info.namespace)
        && (resources.is_empty() || resources.iter().any(|group| of_resource(group, info)))
}

fn of_resource(group: &Value, info: &RequestInfo) -> bool {
    let combined = info.combined();
    let named = items(&group["resourceNames"]).is_empty() || texts(&group["resourceNames"]).any(|n| n == info.name);
    let resource = |wanted: &str| {
        wanted == "*"
            || wanted == combined
            || wanted.strip_prefix("*/").is_some_and(|sub| sub == info.subresource && !sub.is_empty())
            || wanted.strip_suffix("/*").is_some_and(|resource| resource == info.resource)
    };
    text(&group["group"]) == info.group
        && named
        && (items(&group["resources"]).is_empty() || texts(&group["resources"]).any(resource))
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::Method;
    use serde_json::json;

    #[test]
    fn the_first_rule_that_fits_decides() {
        let policy = json!({"omitStages": ["RequestReceived"], "rules": [
            {"level": "None", "users": ["system:kube-proxy"], "verbs": ["watch"]},
            {"level": "Metadata", "resources": [{"group": "", "resources": ["secrets", "configmaps"]}]},
            {"level": "Request", "namespaces": ["kube-system"], "omitStages": ["ResponseStarted"]},
            {"level": "None", "nonResourceURLs": ["/healthz*", "/version"]},
            {"level": "RequestResponse", "resources": [{"group": "", "resources": ["pods/*"]}, {"group": "apps"}]},
            {"level": "Metadata", "userGroups": ["auditors"]},
        ]});
        let user = UserInfo::authenticated("u", &[]);
        let level = |user: &UserInfo, method: Method, path: &str| {
            decide(&policy, user, &RequestInfo::parse(&method, path, "")).level
        };
        for (method, path, expected) in [
            (Method::GET, "/api/v1/namespaces/kube-system/secrets/a", Level::Metadata),
            (Method::GET, "/api/v1/namespaces/kube-system/pods/a", Level::Request),
            (Method::GET, "/healthz/ping", Level::None),
            (Method::POST, "/api/v1/namespaces/a/pods/p/exec", Level::RequestResponse),
            (Method::GET, "/api/v1/namespaces/a/services/s", Level::None),
            (Method::POST, "/apis/apps/v1/namespaces/a/deployments", Level::RequestResponse),
        ] {
            assert_eq!(level(&user, method, path), expected, "{path}");
        }
        let auditor = UserInfo::authenticated("a", &["auditors"]);
        assert_eq!(level(&auditor, Method::GET, "/anything"), Level::Metadata);
        let system =
            decide(&policy, &user, &RequestInfo::parse(&Method::GET, "/api/v1/namespaces/kube-system/pods", ""));
        assert!(system.logs(Stage::ResponseComplete));
        assert!(!system.logs(Stage::RequestReceived) && !system.logs(Stage::ResponseStarted));
    }
}
