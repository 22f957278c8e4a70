//! How many pods each replica set of a deployment should have next. Pure arithmetic over numbers the caller reads.

use crate::prelude::*;
use std::cmp::Reverse;

pub(super) const DESIRED: &str = "deployment.kubernetes.io/desired-replicas";
pub(super) const MAX: &str = "deployment.kubernetes.io/max-replicas";

/// A replica set and the number of pods it should have.
pub(super) type Scale = (Arc<ReplicaSet>, i32);

pub(super) fn size(set: &ReplicaSet) -> i32 {
    set.spec.replicas.unwrap_or(1)
}

pub(super) fn available(set: &ReplicaSet) -> i32 {
    set.status.as_ref().and_then(|status| status.available_replicas).unwrap_or_default()
}

pub(super) fn total<'a>(sets: impl IntoIterator<Item = &'a Arc<ReplicaSet>>) -> i32 {
    sets.into_iter().map(|set| size(set)).sum()
}

pub(super) fn wanted(deployment: &Deployment) -> i32 {
    deployment.spec.replicas.unwrap_or(1)
}

pub(super) fn is_recreate(deployment: &Deployment) -> bool {
    deployment.spec.strategy.as_ref().and_then(|strategy| strategy.type_.as_deref()) == Some("Recreate")
}

/// How far a rollout may leave the wanted number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Bounds {
    pub(super) surge: i32,
    pub(super) unavailable: i32,
}

fn scaled(value: Option<&IntOrString>, total: i32, round_up: bool) -> i32 {
    let quarter = IntOrString::String("25%".to_owned());
    meta::scaled(value.unwrap_or(&quarter), total, round_up)
}

/// The surge rounds up and the unavailability down; when both are nothing one pod may be missing, or nothing would move.
pub(super) fn bounds(deployment: &Deployment) -> Bounds {
    if is_recreate(deployment) {
        return Bounds { surge: 0, unavailable: 0 };
    }
    let wanted = wanted(deployment);
    let rolling = deployment.spec.strategy.as_ref().and_then(|strategy| strategy.rolling_update.as_ref());
    let surge = scaled(rolling.and_then(|rolling| rolling.max_surge.as_ref()), wanted, true);
    let unavailable = scaled(rolling.and_then(|rolling| rolling.max_unavailable.as_ref()), wanted, false);
    match (surge, unavailable) {
        (0, 0) => Bounds { surge: 0, unavailable: 1 },
        _ => Bounds { surge, unavailable: unavailable.min(wanted) },
    }
}

/// The size a new replica set starts with or grows to; `all` are the sizes of all sets, this one's included.
pub(super) fn grown(deployment: &Deployment, new: i32, all: i32) -> i32 {
    let wanted = wanted(deployment);
    if is_recreate(deployment) {
        return wanted;
    }
    let room = wanted + bounds(deployment).surge - all;
    if room <= 0 { new } else { new + room.min(wanted - new) }
}

/// The next size of the new replica set; `None` when it stays.
pub(super) fn next_new(deployment: &Deployment, new: &ReplicaSet, all: i32) -> Option<i32> {
    let (size, wanted) = (size(new), wanted(deployment));
    let next = if size > wanted { wanted } else { grown(deployment, size, all) };
    (next != size).then_some(next)
}

/// The next sizes of old replica sets: first those pods go that are not available anyway, then as many as the new set's
/// available pods make up for.
pub(super) fn next_old(deployment: &Deployment, new: &ReplicaSet, old: &[Arc<ReplicaSet>]) -> Vec<Scale> {
    let minimum = wanted(deployment) - bounds(deployment).unavailable;
    let everything = total(old) + size(new);
    let new_unavailable = size(new) - available(new);
    let mut budget = everything - minimum - new_unavailable;
    if total(old) == 0 || budget <= 0 {
        return Vec::new();
    }
    let mut sizes: Vec<Scale> = old.iter().map(|set| (set.clone(), size(set))).collect();
    sizes.sort_by_key(|(set, _)| set.created());
    for (set, size) in &mut sizes {
        let unhealthy = (*size - available(set)).clamp(0, budget);
        *size -= unhealthy;
        budget -= unhealthy;
    }
    let all_available: i32 = old.iter().map(|set| available(set)).sum::<i32>() + available(new);
    let mut spare = (all_available - minimum).max(0);
    for (_, size) in &mut sizes {
        let healthy = (*size).min(spare);
        *size -= healthy;
        spare -= healthy;
    }
    sizes.retain(|(set, next)| size(set) != *next);
    sizes
}

/// The next sizes when the deployment was resized: in proportion to what each set has, so that a stuck rollout keeps
/// its balance.
pub(super) fn proportional(
    deployment: &Deployment,
    new: Option<&Arc<ReplicaSet>>,
    old: &[Arc<ReplicaSet>],
) -> Vec<Scale> {
    let wanted = wanted(deployment);
    let mut active: Vec<Arc<ReplicaSet>> = old.iter().chain(new).filter(|set| size(set) > 0).cloned().collect();
    if active.len() <= 1 {
        let newest = old.iter().max_by_key(|set| set.created());
        let only = active.first().or(new).or(newest);
        return only.map(|set| (set.clone(), wanted)).into_iter().collect();
    }
    if new.is_some_and(|set| is_saturated(deployment, set)) {
        return old.iter().filter(|set| size(set) > 0).map(|set| (set.clone(), 0)).collect();
    }
    if is_recreate(deployment) {
        return Vec::new();
    }
    let allowed = if wanted > 0 { wanted + bounds(deployment).surge } else { 0 };
    let missing = allowed - total(&active);
    if missing >= 0 {
        active.sort_by_key(|set| Reverse((size(set), set.created())));
    } else {
        active.sort_by_key(|set| (Reverse(size(set)), set.created()));
    }
    let mut added = 0;
    let mut sizes: Vec<Scale> = Vec::with_capacity(active.len());
    for set in active {
        let left = missing - added;
        let share = share(deployment, &set);
        let share = if missing > 0 { share.min(left) } else { share.max(left) };
        added += share;
        let next = size(&set) + share;
        sizes.push((set, next));
    }
    if let Some((_, first)) = sizes.first_mut() {
        *first = (*first + missing - added).max(0);
    }
    sizes
}

/// Whether a set is all the deployment wants already.
fn is_saturated(deployment: &Deployment, set: &ReplicaSet) -> bool {
    let wanted = wanted(deployment);
    size(set) == wanted && annotated(set, DESIRED) == Some(wanted) && available(set) == wanted
}

/// A set's part of a resize.
fn share(deployment: &Deployment, set: &ReplicaSet) -> i32 {
    let wanted = wanted(deployment);
    if wanted == 0 {
        return -size(set);
    }
    let target = f64::from(wanted + bounds(deployment).surge);
    let reported = deployment.status.as_ref().and_then(|status| status.replicas).unwrap_or_default();
    let before = annotated(set, MAX).filter(|max| *max > 0).unwrap_or(reported);
    if before == 0 {
        return 0;
    }
    (f64::from(size(set)) * target / f64::from(before)).round() as i32 - size(set)
}

pub(super) fn annotated(set: &ReplicaSet, name: &str) -> Option<i32> {
    set.annotation(name)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use cluster_client::Object;
    use serde_json::{Value, json};

    fn deployment(replicas: i32, surge: Value, unavailable: Value) -> Deployment {
        serde_json::from_value(json!({"metadata": {}, "spec": {"replicas": replicas, "selector": {}, "template": {},
            "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": surge, "maxUnavailable": unavailable}},
        }}))
        .expect("a deployment")
    }

    fn set(name: &str, age: i64, size: i32, available: i32, max: Option<i32>) -> Arc<ReplicaSet> {
        let created = jiff::Timestamp::from_second(1_000_000 - age).expect("a time").to_string();
        let annotations = max.map(|max| json!({MAX: max.to_string()}));
        let value = json!({"metadata": {"name": name, "creationTimestamp": created, "annotations": annotations},
            "spec": {"replicas": size, "selector": {}}, "status": {"replicas": size, "availableReplicas": available}});
        Arc::new(serde_json::from_value(value).expect("a replica set"))
    }

    fn names(scales: &[Scale]) -> Vec<(&str, i32)> {
        scales.iter().map(|(set, size)| (set.name(), *size)).collect()
    }

    #[test]
    fn surge_rounds_up_and_unavailable_down() {
        let cases = [
            (10, json!("25%"), json!("25%"), (3, 2)),
            (1, json!("25%"), json!("25%"), (1, 0)),
            (1, json!(0), json!("25%"), (0, 1)),
            (0, json!("25%"), json!("25%"), (0, 1)),
            (3, json!(1), json!(5), (1, 3)),
        ];
        for (replicas, surge, unavailable, (expected_surge, expected_unavailable)) in cases {
            let expected = Bounds { surge: expected_surge, unavailable: expected_unavailable };
            assert_eq!(bounds(&deployment(replicas, surge, unavailable)), expected);
        }
    }

    #[test]
    fn the_new_set_grows_within_the_surge() {
        let deployment = deployment(10, json!(2), json!(0));
        for (new, all, expected) in
            [(0, 10, Some(2)), (2, 12, None), (2, 9, Some(5)), (9, 9, Some(10)), (11, 11, Some(10))]
        {
            assert_eq!(next_new(&deployment, &set("new", 0, new, 0, None), all), expected, "{new} of {all}");
        }
    }

    #[test]
    fn old_sets_shrink_as_the_new_one_becomes_available() {
        let deployment = deployment(10, json!(2), json!(2));
        // (size and available of the new set, of the old sets) and what the old ones become.
        type Case = ((i32, i32), [(i32, i32); 2], Vec<(&'static str, i32)>);
        let cases: [Case; 5] = [
            ((2, 0), [(10, 10), (0, 0)], vec![("a", 8)]),
            ((4, 0), [(8, 8), (0, 0)], vec![]),
            ((4, 4), [(8, 8), (0, 0)], vec![("a", 4)]),
            ((2, 0), [(6, 0), (4, 4)], vec![("a", 4)]),
            ((10, 10), [(0, 0), (2, 2)], vec![("b", 0)]),
        ];
        for (new, [a, b], expected) in cases {
            let old = [set("a", 20, a.0, a.1, None), set("b", 10, b.0, b.1, None)];
            let next = next_old(&deployment, &set("new", 0, new.0, new.1, None), &old);
            assert_eq!(names(&next), expected, "{new:?} {a:?} {b:?}");
        }
    }

    #[test]
    fn a_resize_amid_a_rollout_is_shared_in_proportion() {
        let deployment = deployment(20, json!(4), json!(0));
        let (new, old) = (set("new", 0, 4, 0, Some(12)), [set("old", 10, 8, 8, Some(12))]);
        assert_eq!(names(&proportional(&deployment, Some(&new), &old)), [("old", 16), ("new", 8)]);
        let smaller = super::tests::deployment(5, json!(1), json!(0));
        assert_eq!(names(&proportional(&smaller, Some(&new), &old)), [("old", 4), ("new", 2)]);
    }

    #[test]
    fn a_resize_without_a_rollout_goes_to_the_only_set() {
        let deployment = deployment(5, json!(1), json!(0));
        assert_eq!(names(&proportional(&deployment, Some(&set("new", 0, 3, 3, None)), &[])), [("new", 5)]);
        let old = [set("old", 9, 0, 0, None)];
        assert_eq!(names(&proportional(&deployment, Some(&set("new", 0, 0, 0, None)), &old)), [("new", 5)]);
    }
}
