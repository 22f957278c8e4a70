//! Fills cluster roles with the rules of the roles their aggregation rule selects.

use crate::prelude::*;
use k8s_openapi::api::rbac::v1::{ClusterRole, PolicyRule};

pub(crate) fn runner(context: &Context) -> Runner<Aggregation> {
    let controller = Arc::new(Aggregation { client: context.client.clone(), roles: context.informers.informer() });
    // Any role may be part of any aggregated one, and there are few of those.
    let aggregated = |c: &Aggregation, _: &Change<ClusterRole>| {
        let mut roles = c.roles.list();
        roles.retain(|role| role.aggregation_rule.is_some());
        meta::keys(&roles)
    };
    Runner::new(&controller, |c, key| c.reconcile(key).boxed()).alone().on(&controller.roles, aggregated)
}

pub(crate) struct Aggregation {
    client: Client,
    roles: Informer<ClusterRole>,
}

impl Aggregation {
    async fn reconcile(&self, key: &ObjectKey) -> Outcome {
        let Some(role) = self.roles.get(key) else { return Ok(None) };
        let Some(rules) = aggregate(&role, &self.roles.list()) else { return Ok(None) };
        let filled = ClusterRole { rules: (!rules.is_empty()).then_some(rules), ..(*role).clone() };
        ignore_gone(self.client.update(&filled).await)?;
        Ok(None)
    }
}

/// The rules the role should have, each once; `None` when it has them or aggregates nothing.
fn aggregate(role: &ClusterRole, all: &[Arc<ClusterRole>]) -> Option<Vec<PolicyRule>> {
    let selectors = role.aggregation_rule.as_ref()?.cluster_role_selectors.as_deref().unwrap_or_default();
    let mut rules: Vec<PolicyRule> = Vec::new();
    for selector in selectors.iter().map(meta::selector) {
        let others = all.iter().filter(|other| other.name() != role.name());
        for other in others.filter(|other| meta::matches(&selector, &other.metadata)) {
            for rule in other.rules.iter().flatten() {
                if !rules.contains(rule) {
                    rules.push(rule.clone());
                }
            }
        }
    }
    (rules != role.rules.as_deref().unwrap_or_default()).then_some(rules)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_role_has_the_rules_of_all_it_selects_once() {
        let part = |name: &str, to: &str, verb: &str| -> Arc<ClusterRole> {
            let value =
                json!({"metadata": {"name": name, "labels": {"aggregate-to": to}}, "rules": [{"verbs": [verb]}]});
            Arc::new(serde_json::from_value(value).expect("a role"))
        };
        let all = [
            part("a", "view", "get"),
            part("b", "edit", "update"),
            part("c", "view", "list"),
            part("d", "view", "get"),
        ];
        let view = json!({"metadata": {"name": "view"},
            "aggregationRule": {"clusterRoleSelectors": [{"matchLabels": {"aggregate-to": "view"}}]}});
        let mut view: ClusterRole = serde_json::from_value(view).expect("a role");
        let rules = aggregate(&view, &all).expect("they are missing");
        assert_eq!(rules.iter().map(|rule| rule.verbs[0].as_str()).collect::<Vec<_>>(), ["get", "list"]);
        view.rules = Some(rules);
        assert_eq!(aggregate(&view, &all), None);
        assert_eq!(aggregate(&all[0], &all), None);
    }
}
