//! Records what happened to an object as core/v1 Events, in the background, repeated ones as a count.

use crate::prelude::*;
use crate::{Client, Error, Object, Patch};
use k8s_openapi::api::core::v1::{Event, EventSource, ObjectReference};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ObjectMeta, Time};
use std::hash::{DefaultHasher, Hash, Hasher};
use tokio::sync::mpsc;

/// How many events may wait; more are dropped, because no caller ever waits for an event.
const QUEUE: usize = 1000;
/// How many series are remembered.
const REMEMBERED: usize = 4096;
/// Similar events that are kept apart before they count as one, and for how long they are compared.
const SIMILAR: usize = 10;
const SIMILAR_FOR: Duration = Duration::from_mins(10);
/// Events one object may send at once, and how long until it may send one more.
const BURST: f64 = 25.0;
const REFILL: Duration = Duration::from_mins(5);

/// A reference to an object, as events and bindings want it.
pub fn reference<K: Object>(object: &K) -> ObjectReference {
    let meta = object.metadata();
    ObjectReference {
        api_version: Some(K::API_VERSION.to_owned()),
        kind: Some(K::KIND.to_owned()),
        namespace: meta.namespace.clone(),
        name: meta.name.clone(),
        uid: meta.uid.clone(),
        resource_version: meta.resource_version.clone(),
        field_path: None,
    }
}

/// Sends events under one component's name. Clones share the queue and what was sent.
#[derive(Debug, Clone)]
pub struct Recorder {
    queue: mpsc::Sender<Occurrence>,
}

#[derive(Debug, Clone)]
struct Occurrence {
    about: ObjectReference,
    kind: String,
    reason: String,
    message: String,
    at: Timestamp,
}

impl Recorder {
    /// A recorder for `component` on `host` (empty for none). Needs a tokio runtime; ends with the last clone.
    pub fn new(client: Client, component: &str, host: &str) -> Self {
        let (queue, mut occurrences) = mpsc::channel(QUEUE);
        let source =
            EventSource { component: Some(component.to_owned()), host: (!host.is_empty()).then(|| host.to_owned()) };
        tokio::spawn(async move {
            let mut correlator = Correlator::default();
            while let Some(occurrence) = occurrences.recv().await {
                if let Err(error) = send(&client, &source, &mut correlator, occurrence).await {
                    tracing::debug!(%error, "failed to record an event");
                }
            }
        });
        Self { queue }
    }

    /// Records an event of type `Normal` or `Warning` about an object.
    pub fn event(&self, about: &ObjectReference, kind: &str, reason: &str, message: impl Into<String>) {
        let occurrence = Occurrence {
            about: about.clone(),
            kind: kind.to_owned(),
            reason: reason.to_owned(),
            message: message.into(),
            at: Timestamp::now(),
        };
        if self.queue.try_send(occurrence).is_err() {
            tracing::debug!(reason, "dropped an event");
        }
    }

    /// [`Recorder::event`] of type `Normal`.
    pub fn normal(&self, about: &ObjectReference, reason: &str, message: impl Into<String>) {
        self.event(about, "Normal", reason, message);
    }

    /// [`Recorder::event`] of type `Warning`.
    pub fn warning(&self, about: &ObjectReference, reason: &str, message: impl Into<String>) {
        self.event(about, "Warning", reason, message);
    }

    /// Records how an attempt ended: `Successful` with what `done` says of it, or `Failed` with the error behind `failed`.
    pub fn attempt<T>(
        &self,
        about: &ObjectReference,
        verb: &str,
        result: &Result<T, Error>,
        done: impl FnOnce(&T) -> String,
        failed: &str,
    ) {
        match result {
            Ok(made) => self.normal(about, &format!("Successful{verb}"), done(made)),
            Err(error) => self.warning(about, &format!("Failed{verb}"), format!("{failed}: {error}")),
        }
    }
}

async fn send(
    client: &Client,
    source: &EventSource,
    correlator: &mut Correlator,
    occurrence: Occurrence,
) -> Result<(), Error> {
    let Some((event, known)) = correlator.correlate(&occurrence, source, Instant::now()) else { return Ok(()) };
    if known {
        let patch = Patch::Strategic(json!({
            "count": event.count, "lastTimestamp": event.last_timestamp, "message": event.message,
        }));
        let patched = client.patch::<Event>(event.namespace(), event.name(), "", &patch).await;
        if Error::ignore_gone(patched)?.is_some() {
            return Ok(());
        }
    }
    match client.create(&event).await {
        // It was created by the attempt whose answer got lost.
        Err(error) if error.is_already_exists() => Ok(()),
        other => other.map(drop),
    }
}

/// What was sent lately. Texts are remembered by their hashes: those of thousands of series are megabytes in each component.
#[derive(Debug, Default)]
struct Correlator {
    sent: HashMap<u64, Sent>,
    similar: HashMap<u64, (Vec<u64>, Instant)>,
    budgets: HashMap<u64, (f64, Instant)>,
}

/// A series of equal events, or of similar ones that are combined.
#[derive(Debug)]
struct Sent {
    name: String,
    first: Timestamp,
    count: i32,
}

fn digest(value: impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    value.hash(&mut hasher);
    hasher.finish()
}

impl Correlator {
    /// The event to write, and whether it is a known one to count up; `None` when the object sends too many.
    fn correlate(&mut self, what: &Occurrence, source: &EventSource, now: Instant) -> Option<(Event, bool)> {
        let about = &what.about;
        let id = digest((&about.kind, &about.namespace, &about.name, &about.uid));
        let combined = self.is_one_of_many(id, what, now);
        let message =
            if combined { format!("(combined from similar events): {}", what.message) } else { what.message.clone() };
        // What is combined is one series, whatever it says.
        let told_apart_by = if combined { "" } else { &message };
        let series = digest((id, &what.kind, &what.reason, told_apart_by));
        if !self.spend(id, now) {
            return None;
        }
        let known = self.sent.contains_key(&series);
        trim(&mut self.sent);
        let name = || format!("{}.{:x}", about.name.as_deref().unwrap_or_default(), what.at.as_nanosecond());
        let sent = self.sent.entry(series).or_insert_with(|| Sent { name: name(), first: what.at, count: 0 });
        sent.count += 1;
        Some((event(what, source, sent, message), known))
    }

    /// Whether the object sends many that differ only in their message.
    fn is_one_of_many(&mut self, id: u64, what: &Occurrence, now: Instant) -> bool {
        trim(&mut self.similar);
        let group = digest((id, &what.kind, &what.reason));
        let (messages, last) = self.similar.entry(group).or_insert_with(|| (Vec::new(), now));
        if now.duration_since(*last) > SIMILAR_FOR {
            messages.clear();
        }
        *last = now;
        let message = digest(&what.message);
        if !messages.contains(&message) {
            messages.push(message);
        }
        let many = messages.len() >= SIMILAR;
        messages.truncate(SIMILAR - 1);
        many
    }

    fn spend(&mut self, id: u64, now: Instant) -> bool {
        trim(&mut self.budgets);
        let (left, at) = self.budgets.entry(id).or_insert((BURST, now));
        let refilled = now.duration_since(*at).as_secs_f64() / REFILL.as_secs_f64();
        *left = (*left + refilled).min(BURST);
        *at = now;
        let allowed = *left >= 1.0;
        if allowed {
            *left -= 1.0;
        }
        allowed
    }
}

/// Forgets an entry when there are too many; which one does not matter.
fn trim<V>(map: &mut HashMap<u64, V>) {
    if map.len() >= REMEMBERED
        && let Some(key) = map.keys().next().copied()
    {
        map.remove(&key);
    }
}

fn event(what: &Occurrence, source: &EventSource, sent: &Sent, message: String) -> Event {
    let namespace = what.about.namespace.clone().filter(|n| !n.is_empty()).unwrap_or_else(|| "default".to_owned());
    Event {
        metadata: ObjectMeta { namespace: Some(namespace), name: Some(sent.name.clone()), ..ObjectMeta::default() },
        involved_object: what.about.clone(),
        reason: Some(what.reason.clone()),
        message: Some(message),
        type_: Some(what.kind.clone()),
        count: Some(sent.count),
        first_timestamp: Some(Time(sent.first)),
        last_timestamp: Some(Time(what.at)),
        reporting_component: source.component.clone(),
        reporting_instance: Some(source.host.clone().unwrap_or_default()),
        source: Some(source.clone()),
        ..Event::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn occurrence(message: &str) -> Occurrence {
        let about = ObjectReference {
            kind: Some("Pod".into()),
            namespace: Some("ns".into()),
            name: Some("p".into()),
            ..ObjectReference::default()
        };
        let (kind, reason) = ("Warning".to_owned(), "BackOff".to_owned());
        Occurrence { about, kind, reason, message: message.to_owned(), at: Timestamp::now() }
    }

    #[test]
    fn the_same_event_again_counts_up_under_one_name() {
        let (mut correlator, source, now) = (Correlator::default(), EventSource::default(), Instant::now());
        let (first, known) = correlator.correlate(&occurrence("x"), &source, now).expect("sent");
        assert_eq!((first.count, known), (Some(1), false));
        let (second, known) = correlator.correlate(&occurrence("x"), &source, now).expect("sent");
        assert_eq!((second.count, known), (Some(2), true));
        assert_eq!(second.metadata.name, first.metadata.name);
        let (other, known) = correlator.correlate(&occurrence("y"), &source, now).expect("sent");
        assert_eq!((other.count, known), (Some(1), false));
    }

    #[test]
    fn many_similar_events_become_one() {
        let (mut correlator, source, now) = (Correlator::default(), EventSource::default(), Instant::now());
        let messages: Vec<_> = (0..12)
            .filter_map(|n| correlator.correlate(&occurrence(&format!("m{n}")), &source, now))
            .map(|(event, known)| (event.message.unwrap_or_default(), known))
            .collect();
        assert_eq!(messages[8], ("m8".to_owned(), false));
        assert_eq!(messages[9], ("(combined from similar events): m9".to_owned(), false));
        assert_eq!(messages[10], ("(combined from similar events): m10".to_owned(), true));
        let counted = correlator.correlate(&occurrence("m3"), &source, now).map(|(event, _)| event.count);
        assert_eq!(counted, Some(Some(2)), "what was told before goes on for itself");
    }

    #[test]
    fn an_object_that_sends_too_many_is_silenced() {
        let (mut correlator, source, now) = (Correlator::default(), EventSource::default(), Instant::now());
        let sent = |correlator: &mut Correlator, now| correlator.correlate(&occurrence("x"), &source, now).is_some();
        assert_eq!((0..40).filter(|_| sent(&mut correlator, now)).count(), 25);
        assert!(sent(&mut correlator, now + REFILL));
    }
}
