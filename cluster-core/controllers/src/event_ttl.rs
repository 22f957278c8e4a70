//! Deletes events that are older than their time to live.

use crate::prelude::*;

pub(crate) fn runner(context: &Context) -> Runner<EventTtl> {
    let (client, ttl) = (context.client.clone(), context.options.event_ttl);
    let controller = Arc::new(EventTtl { client, ttl, events: context.informers.informer() });
    Runner::new(&controller, |c, key| c.reconcile(key).boxed()).on_each(&controller.events)
}

pub(crate) struct EventTtl {
    client: Client,
    ttl: Duration,
    events: Informer<Event>,
}

/// When something last happened: a repeated event lives on.
fn last_seen(event: &Event) -> Option<Time> {
    let series = event.series.as_ref().and_then(|series| series.last_observed_time.as_ref());
    let times = [
        series.map(|time| time.0),
        event.last_timestamp.as_ref().map(|time| time.0),
        event.event_time.as_ref().map(|time| time.0),
        event.metadata.creation_timestamp.as_ref().map(|time| time.0),
    ];
    times.into_iter().flatten().max().map(Time)
}

impl EventTtl {
    async fn reconcile(&self, key: &ObjectKey) -> Outcome {
        let Some(event) = self.events.get(key) else { return Ok(None) };
        let left = last_seen(&event).and_then(|seen| meta::left(&seen, self.ttl, &meta::now()));
        if left.is_some() {
            return Ok(left);
        }
        delete(&self.client, event.as_ref()).await.map(|()| None)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn the_newest_time_of_an_event_counts() {
        let cases = [
            (json!({"creationTimestamp": "2026-01-01T00:00:00Z"}), json!(null), "2026-01-01T00:00:00Z"),
            (
                json!({"creationTimestamp": "2026-01-01T00:00:00Z"}),
                json!("2026-01-02T00:00:00Z"),
                "2026-01-02T00:00:00Z",
            ),
        ];
        for (metadata, last, expected) in cases {
            let event = json!({"metadata": metadata, "involvedObject": {}, "lastTimestamp": last});
            let event: Event = serde_json::from_value(event).expect("an event");
            assert_eq!(last_seen(&event).map(|time| time.0.to_string()).as_deref(), Some(expected));
        }
    }
}
