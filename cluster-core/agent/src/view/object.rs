//! One whole object.

use super::{Gone, Outbox, PAUSE, every, more};
use crate::prelude::*;
use serde_json::value::RawValue;

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
        () = follow(&live.backend, &scope, |event| drop(sender.send(event))) => Ok(()),
        shown = send(&mut events, out) => shown,
    }
}

async fn send(events: &mut mpsc::UnboundedReceiver<Event>, out: &Outbox) -> Result<(), Gone> {
    let mut pace = every(PAUSE);
    while let Some(first) = events.recv().await {
        let mut newest = None;
        for event in more(vec![first], events, &mut pace).await {
            match event {
                Event::Page { bytes, .. } => {
                    newest = Some(only(&bytes));
                    out.state(None).await?;
                }
                Event::Put(bytes) => newest = Some(bytes),
                Event::Gone(_) => newest = Some(Bytes::new()),
                Event::Lost(status) => out.state(Some(&status)).await?,
                Event::Back => out.state(None).await?,
            }
        }
        if let Some(bytes) = newest {
            out.send("object", &State { object: decode("object", &bytes).ok() }).await?;
        }
    }
    Ok(())
}

/// The object of a list of at most one; no bytes when there is none.
fn only(list: &[u8]) -> Bytes {
    let object = decode::<List<'_>>("List", list).ok().and_then(|list| list.items.first().copied());
    object.map(|object| Bytes::copy_from_slice(object.get().as_bytes())).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_object_of_a_list_is_as_it_was_written() {
        let single = r#"{"kind":"Pod","metadata":{"name":"a"}}"#;
        let list =
            |items: &str| format!(r#"{{"kind":"PodList","metadata":{{"resourceVersion":"1"}},"items":[{items}]}}"#);
        assert_eq!(only(list(single).as_bytes()), single);
        assert_eq!(only(list("").as_bytes()), "");
    }
}
