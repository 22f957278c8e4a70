//! Which replica set is a deployment's newest: templates, the hash in their names, revision numbers and annotations.

use super::rollout::{DESIRED, MAX, bounds, size, wanted};
use crate::history::hash;
use crate::prelude::*;

pub(super) const HASH: &str = "pod-template-hash";
pub(super) const REVISION: &str = "deployment.kubernetes.io/revision";
const HISTORY: &str = "deployment.kubernetes.io/revision-history";
/// What of a deployment's annotations its replica sets do not get.
const OWN: [&str; 6] = [
    "kubectl.kubernetes.io/last-applied-configuration",
    REVISION,
    HISTORY,
    DESIRED,
    MAX,
    "deprecated.deployment.rollback.to",
];

/// Whether two templates make the same pods; the hash label is not part of the question.
fn same_template(a: &PodTemplateSpec, b: &PodTemplateSpec) -> bool {
    let bare = |template: &PodTemplateSpec| {
        let mut template = template.clone();
        let meta = template.metadata.get_or_insert_default();
        if let Some(labels) = &mut meta.labels {
            labels.remove(HASH);
        }
        meta.labels = meta.labels.take().filter(|labels| !labels.is_empty());
        template
    };
    bare(a) == bare(b)
}

/// The oldest replica set that makes the pods the deployment asks for.
pub(super) fn find_new(deployment: &Deployment, sets: &[Arc<ReplicaSet>]) -> Option<Arc<ReplicaSet>> {
    let wanted = &deployment.spec.template;
    let same =
        |set: &&Arc<ReplicaSet>| set.spec.template.as_ref().is_some_and(|template| same_template(template, wanted));
    sets.iter().filter(same).min_by_key(|set| (set.created(), set.name().to_owned())).cloned()
}

pub(super) fn revision(set: &ReplicaSet) -> i64 {
    set.annotation(REVISION).and_then(|text| text.parse().ok()).unwrap_or_default()
}

/// The number a new revision gets.
pub(super) fn next_revision(old: &[Arc<ReplicaSet>]) -> i64 {
    old.iter().map(|set| revision(set)).max().unwrap_or_default() + 1
}

/// The replica set for the deployment's present template, without a size.
pub(super) fn make(deployment: &Deployment, revision: i64) -> ReplicaSet {
    let collisions = deployment.status.as_ref().and_then(|status| status.collision_count).unwrap_or_default();
    let text = serde_json::to_string(&deployment.spec.template).unwrap_or_default();
    let hash = hash(&text, collisions);
    let mut template = deployment.spec.template.clone();
    let labels = template.metadata.get_or_insert_default().labels.get_or_insert_default();
    labels.insert(HASH.to_owned(), hash.clone());
    let labels = labels.clone();
    let mut selector = deployment.spec.selector.clone();
    selector.match_labels.get_or_insert_default().insert(HASH.to_owned(), hash.clone());
    let mut set = ReplicaSet {
        metadata: ObjectMeta {
            name: Some(format!("{}-{hash}", deployment.name())),
            labels: Some(labels),
            ..meta::made_by(deployment)
        },
        spec: ReplicaSetSpec {
            replicas: Some(0),
            min_ready_seconds: deployment.spec.min_ready_seconds,
            selector,
            template: Some(template),
        },
        status: None,
    };
    annotate_revision(deployment, &mut set, revision);
    set
}

/// Brings the annotations of the newest set up to date; whether that changed any.
pub(super) fn annotate_revision(deployment: &Deployment, set: &mut ReplicaSet, revision: i64) -> bool {
    let before = set.metadata.annotations.clone();
    let annotations = set.metadata.annotations.get_or_insert_default();
    let own = deployment.metadata.annotations.iter().flatten().filter(|(name, _)| !OWN.contains(&name.as_str()));
    annotations.extend(own.map(|(name, value)| (name.clone(), value.clone())));
    let old = annotations.get(REVISION).cloned().unwrap_or_default();
    if old.parse::<i64>().unwrap_or_default() < revision {
        annotations.insert(REVISION.to_owned(), revision.to_string());
        if !old.is_empty() {
            let history = annotations.entry(HISTORY.to_owned()).or_default();
            if !history.is_empty() {
                history.push(',');
            }
            history.push_str(&old);
        }
    }
    set.metadata.annotations != before
}

/// Notes in a set what the deployment wants in all; a resize is seen by the difference.
pub(super) fn annotate_size(deployment: &Deployment, set: &mut ReplicaSet) -> bool {
    let annotations: &mut Labels = set.metadata.annotations.get_or_insert_default();
    let max = wanted(deployment) + bounds(deployment).surge;
    let values = [(DESIRED, wanted(deployment).to_string()), (MAX, max.to_string())];
    let stale = values.iter().any(|(name, value)| annotations.get(*name) != Some(value));
    annotations.extend(values.map(|(name, value)| (name.to_owned(), value)));
    stale
}

/// The old sets beyond the history limit, oldest revisions first. Only what is empty in deed and in word may go.
pub(super) fn beyond_history(deployment: &Deployment, old: &[Arc<ReplicaSet>]) -> Vec<Arc<ReplicaSet>> {
    let limit = usize::try_from(deployment.spec.revision_history_limit.unwrap_or(10)).unwrap_or(usize::MAX);
    let mut kept: Vec<_> = old.iter().filter(|set| !set.is_deleting()).cloned().collect();
    let excess = kept.len().saturating_sub(limit);
    kept.sort_by_key(|set| (revision(set), set.created()));
    kept.truncate(excess);
    kept.retain(|set| {
        let status = set.status.clone().unwrap_or_default();
        let seen = status.observed_generation.unwrap_or_default() >= set.generation();
        status.replicas == 0 && size(set) == 0 && seen
    });
    kept
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn deployment(image: &str) -> Deployment {
        serde_json::from_value(json!({
            "metadata": {"name": "web", "uid": "u", "annotations": {"kubernetes.io/change-cause": "why", REVISION: "1"}},
            "spec": {"replicas": 4, "selector": {"matchLabels": {"app": "web"}}, "revisionHistoryLimit": 1,
                "template": {"metadata": {"labels": {"app": "web"}},
                    "spec": {"containers": [{"name": "c", "image": image}]}}},
        }))
        .expect("a deployment")
    }

    #[test]
    fn a_set_is_found_again_by_its_template() {
        let (v1, v2) = (deployment("a:1"), deployment("a:2"));
        let set = Arc::new(make(&v1, 1));
        assert_eq!(find_new(&v1, std::slice::from_ref(&set)), Some(set.clone()));
        assert_eq!(find_new(&v2, std::slice::from_ref(&set)), None);
        let hash = &set.metadata.labels.as_ref().expect("labels")[HASH];
        assert_eq!(set.metadata.name, Some(format!("web-{hash}")));
        assert_eq!(set.spec.selector.match_labels.as_ref().and_then(|labels| labels.get(HASH)), Some(hash));
        assert_ne!(set.metadata.name, make(&v2, 1).metadata.name);
    }

    #[test]
    fn a_set_gets_the_annotations_and_a_history_of_revisions() {
        let deployment = deployment("a:1");
        let mut set = make(&deployment, 1);
        assert_eq!((revision(&set), set.annotation("kubernetes.io/change-cause")), (1, Some("why")));
        assert!(!annotate_revision(&deployment, &mut set, 1));
        assert!(annotate_revision(&deployment, &mut set, 3));
        assert!(annotate_revision(&deployment, &mut set, 5));
        assert_eq!((revision(&set), set.annotation(HISTORY)), (5, Some("1,3")));
        assert!(annotate_size(&deployment, &mut set));
        assert_eq!((set.annotation(DESIRED), set.annotation(MAX)), (Some("4"), Some("5")));
        assert!(!annotate_size(&deployment, &mut set));
    }

    #[test]
    fn only_empty_old_sets_leave_the_history() {
        let deployment = deployment("a:1");
        let old: Vec<_> = [(1, 0), (2, 1), (3, 0), (4, 0)]
            .into_iter()
            .map(|(revision, replicas)| {
                let mut set = make(&deployment, revision);
                set.spec.replicas = Some(replicas);
                set.metadata.name = Some(format!("r{revision}"));
                Arc::new(set)
            })
            .collect();
        let gone: Vec<_> = beyond_history(&deployment, &old).iter().map(|set| revision(set)).collect();
        assert_eq!(gone, [1, 3]);
    }
}
