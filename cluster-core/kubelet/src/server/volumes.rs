//! `GET /devcluster/volumes/NAMESPACE`: when the files of ConfigMaps, Secrets and the like came into the volumes of pods,
//! now and after every change.

use crate::prelude::*;
use crate::volume::{SWAPS, present_files};
use axum::extract::{Path, State};
use axum::response::Response;
use futures::Stream;

/// A WebSocket; each message is all there is: `{POD UID: {VOLUME: FOLDER}}`. It costs nothing while nothing changes.
pub(super) async fn follow(
    State(target): State<Arc<Target>>,
    Path(namespace): Path<String>,
    request: Request<Body>,
) -> Response {
    crate::streams::output(request, changes(move || present(&target, &namespace)).boxed()).await
}

/// What there is, and again whenever it is something else.
fn changes(present: impl Fn() -> Value + Send) -> impl Stream<Item = Bytes> {
    let mut swaps = SWAPS.subscribe();
    swaps.mark_changed();
    futures::stream::unfold((swaps, present, Value::Null), |(mut swaps, present, told)| async move {
        loop {
            swaps.changed().await.ok()?;
            let now = present();
            if now != told {
                return Some((Bytes::from(now.to_string()), (swaps, present, now)));
            }
        }
    })
}

fn present(target: &Target, namespace: &str) -> Value {
    let mut pods = target.pods.list();
    pods.retain(|view| view.pod.namespace() == namespace);
    let of = |pod| json!(present_files(&target.context.pod_dir(pod)));
    pods.iter().map(|view| (view.pod.uid().to_owned(), of(&view.pod))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use parking_lot::Mutex;

    #[tokio::test]
    async fn what_is_in_the_volumes_is_told_at_once_and_after_each_swap_that_changes_it() {
        let files = Arc::new(Mutex::new(json!({"pod": {"settings": "..1"}})));
        let seen = files.clone();
        let mut told = Box::pin(changes(move || seen.lock().clone()));
        assert_eq!(told.next().await.as_deref(), Some(&br#"{"pod":{"settings":"..1"}}"#[..]));
        SWAPS.send_replace(());
        assert!(futures::poll!(told.next()).is_pending(), "another pod's");
        *files.lock() = json!({"pod": {"settings": "..2"}});
        SWAPS.send_replace(());
        assert_eq!(told.next().await.as_deref(), Some(&br#"{"pod":{"settings":"..2"}}"#[..]));
    }
}
