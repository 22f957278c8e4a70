//! When what changes the endpoints of a service happened, which tells how long its news take to arrive.

use crate::pods::ready_condition;
use crate::prelude::*;

pub(super) const TRIGGERED: &str = "endpoints.kubernetes.io/last-change-trigger-time";

/// For each service, since when its pods, by name, are ready or not; under no name, when it was made.
#[derive(Default)]
pub(super) struct Triggers(Mutex<HashMap<ObjectKey, HashMap<String, Timestamp>>>);

impl Triggers {
    /// The earliest of what happened since the last call; of a service that was not known, when it was made.
    pub(super) fn next(&self, service: &Service, pods: &[Arc<Pod>]) -> Option<Timestamp> {
        let made = service.metadata.creation_timestamp.as_ref().map(|time| time.0);
        let turned =
            |pod: &Arc<Pod>| Some((pod.name().to_owned(), ready_condition(pod)?.last_transition_time.as_ref()?.0));
        let times: HashMap<_, _> =
            made.map(|made| (String::new(), made)).into_iter().chain(pods.iter().filter_map(turned)).collect();
        let Some(before) = self.0.lock().insert(service.key(), times.clone()) else { return made };
        times.into_iter().filter(|(name, at)| before.get(name).is_none_or(|last| at > last)).map(|(_, at)| at).min()
    }

    pub(super) fn forget(&self, service: &ObjectKey) {
        self.0.lock().remove(service);
    }
}

/// Notes on what is written about a service when the news in it happened.
pub(super) fn stamp(metadata: &mut ObjectMeta, trigger: Option<Timestamp>) {
    let annotations = metadata.annotations.get_or_insert_default();
    match trigger {
        Some(at) => drop(annotations.insert(TRIGGERED.to_owned(), at.to_string())),
        None => drop(annotations.remove(TRIGGERED)),
    }
    metadata.annotations = metadata.annotations.take().filter(|annotations| !annotations.is_empty());
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pods::tests::pod;

    #[test]
    fn the_earliest_news_since_the_last_time_are_told() {
        let at = |minute: u8| format!("2026-01-01T00:{minute:02}:00Z");
        let service = |made: u8| -> Service {
            let value = json!({"metadata": {"name": "web", "namespace": "ns", "creationTimestamp": at(made)}});
            serde_json::from_value(value).expect("a service")
        };
        let ready = |(name, since): (&str, u8)| {
            let ready = json!({"type": "Ready", "status": "True", "lastTransitionTime": at(since)});
            pod(json!({"metadata": {"name": name}, "status": {"conditions": [ready]}}))
        };
        let triggers = Triggers::default();
        for (made, pods, expected) in [
            (1, vec![("a", 5)], Some(1)),
            (1, vec![("a", 5)], None),
            (1, vec![("a", 9), ("b", 8)], Some(8)),
            (1, vec![("b", 8)], None),
            (10, vec![("b", 11)], Some(10)),
        ] {
            let pods: Vec<_> = pods.into_iter().map(ready).collect();
            let found = triggers.next(&service(made), &pods).map(|time| time.to_string());
            assert_eq!(found, expected.map(at), "{pods:?}");
        }
        triggers.forget(&service(1).key());
        assert_eq!(triggers.next(&service(3), &[]).map(|time| time.to_string()), Some(at(3)));
    }
}
