//! One whole object.

use super::{Gone, Outbox, PAUSE, every, more};
use crate::prelude::*;

/// Which object.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct ObjectSpec {
    #[serde(flatten)]
    resource: Resource,
    #[serde(default)]
    namespace: String,
    name: String,
}

/// Sends the object, each newer state of it, and null when it is gone.
pub(super) async fn show(live: &Live, spec: &ObjectSpec, out: &Outbox) -> Result<(), Gone> {
    let scope = WatchScope {
        path: spec.resource.path(&spec.namespace),
        field_selector: format!("metadata.name={}", spec.name),
        ..WatchScope::default()
    };
    let (sender, mut events) = mpsc::unbounded_channel();
    tokio::select! {
        () = follow(&live.backend, &scope, Form::Objects, |event| drop(sender.send(event))) => Ok(()),
        shown = send(&mut events, out) => shown,
    }
}

async fn send(events: &mut mpsc::UnboundedReceiver<Event>, out: &Outbox) -> Result<(), Gone> {
    let mut pace = every(PAUSE);
    while let Some(first) = events.recv().await {
        let mut newest = None;
        for event in more(vec![first], events, &mut pace).await {
            newest = event.single().or(newest);
            match event {
                Event::Lost(status) => out.state(Some(&status)).await?,
                Event::Page { .. } | Event::Back => out.state(None).await?,
                Event::Put(_) | Event::Gone(_) => {}
            }
        }
        if let Some(object) = newest {
            out.send("object", &json!({"object": object})).await?;
        }
    }
    Ok(())
}
