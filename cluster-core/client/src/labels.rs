//! Label selectors of typed objects.

use cluster_object::selector::{Operator, Requirement, Selector};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;

/// The selector's matcher. None matches nothing, and so does one that cannot be read, which validation lets nobody
/// store.
pub fn selector(selector: Option<&LabelSelector>) -> Selector {
    let Some(selector) = selector else { return Selector::nothing() };
    let equal = selector.match_labels.iter().flatten();
    let equal = equal.map(|(key, value)| Requirement::new(key, Operator::Equals, vec![value.clone()]));
    let expressions = selector.match_expressions.iter().flatten();
    let expressions = expressions.map(|one| {
        let operator = Operator::named(&one.operator)?;
        Requirement::new(&one.key, operator, one.values.clone().unwrap_or_default())
    });
    let requirements: Result<_, _> = equal.chain(expressions).collect();
    requirements.map_or_else(|_| Selector::nothing(), Selector::from_requirements)
}
