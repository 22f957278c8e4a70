//! One whole object.

use super::{Gone, Outbox, Pace, batch};
use crate::clusters::Live;
use crate::feed::Resource;
use crate::watch::{Event, Scope, decode, follow};
use bytes::Bytes;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use tokio::sync::mpsc;

/// Which object.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct ObjectSpec {
    #[serde(flatten)]
    resource: Resource,
    #[serde(default)]
    namespace: String,
    name: String,
}

#[derive(Debug, Serialize)]
struct State<'a> {
    object: Option<&'a RawValue>,
}

#[derive(Debug, Deserialize)]
struct List<'a> {
    #[serde(borrow, default)]
    items: Vec<&'a RawValue>,
}

/// Sends the object, each newer state of it, and null when it is gone.
pub(super) async fn show(live: &Live, spec: &ObjectSpec, out: &Outbox) -> Result<(), Gone> {
    let scope = Scope {
        path: spec.resource.path(&spec.namespace),
        field_selector: format!("metadata.name={}", spec.name),
        ..Scope::default()
    };
    let (sender, mut events) = mpsc::unbounded_channel();
    tokio::select! {
        () = follow(&live.backend, &scope, |event| sender.send(event).is_ok()) => Ok(()),
        shown = send(&mut events, out) => shown,
    }
}

async fn send(events: &mut mpsc::UnboundedReceiver<Event>, out: &Outbox) -> Result<(), Gone> {
    let mut pace = Pace::new();
    while let Some(batch) = batch(events, &mut pace).await {
        let mut newest = None;
        for event in batch {
            match event {
                Event::Page { bytes, .. } => {
                    newest = Some(bytes);
                    out.state(None).await?;
                }
                Event::Put(bytes) => newest = Some(bytes),
                Event::Gone(_) => newest = Some(Bytes::new()),
                Event::Lost(status) => out.state(Some(&status)).await?,
                Event::Back => out.state(None).await?,
            }
        }
        if let Some(bytes) = newest {
            out.send("object", &State { object: object(&bytes) }).await?;
        }
    }
    Ok(())
}

/// The object in a list of at most one, or the bytes themselves.
fn object(bytes: &[u8]) -> Option<&RawValue> {
    let whole: &RawValue = decode("object", bytes).ok()?;
    #[derive(Deserialize)]
    struct Kind {
        kind: String,
        metadata: Option<Meta>,
    }
    #[derive(Deserialize)]
    struct Meta {
        name: Option<String>,
    }
    let head: Kind = decode("object", bytes).ok()?;
    let named = head.metadata.is_some_and(|metadata| metadata.name.is_some());
    if !named && head.kind.ends_with("List") {
        return decode::<List<'_>>("List", bytes).ok()?.items.first().copied();
    }
    Some(whole)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_object_is_shown_as_it_is_whether_listed_or_watched() {
        let single = r#"{"kind":"Pod","metadata":{"name":"a"}}"#;
        let list = format!(r#"{{"kind":"PodList","metadata":{{"resourceVersion":"1"}},"items":[{single}]}}"#);
        let text = |bytes: &str| object(bytes.as_bytes()).map(|raw| raw.get().to_owned());
        assert_eq!(text(single).as_deref(), Some(single));
        assert_eq!(text(&list).as_deref(), Some(single));
        assert_eq!(text(r#"{"kind":"PodList","metadata":{},"items":[]}"#), None);
        assert_eq!(text(""), None);
    }
}
