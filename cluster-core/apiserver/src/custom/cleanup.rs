//! The end of a definition: first its objects go, each with its finalizers, then the definition, then its names are
//! free.

use super::{STORAGE, status};
use crate::prelude::*;

const FINALIZER: &str = "customresourcecleanup.apiextensions.k8s.io";

/// How long a clean-up that failed waits for its next turn, the first time and at most.
const FIRST_PAUSE: Duration = Duration::from_millis(200);
const LONGEST_PAUSE: Duration = Duration::from_mins(1);

/// Keeps a definition that is about to be deleted until its objects are gone.
pub(crate) fn keep_until_clean(definition: &mut Value) {
    let mut finalizers = meta::finalizers(definition);
    if meta::deletion_timestamp(definition).is_none() && !finalizers.contains(&FINALIZER) {
        finalizers.push(FINALIZER);
        let finalizers: Vec<String> = finalizers.into_iter().map(str::to_owned).collect();
        meta::set(definition, "metadata.finalizers", finalizers);
    }
}

/// Starts the clean-up when the definition waits for it.
pub(super) fn resume(server: &ApiServer, entry: &Entry) {
    let definition: Value = serde_json::from_slice(&entry.bytes).unwrap_or_default();
    if meta::deletion_timestamp(&definition).is_some() && meta::finalizers(&definition).contains(&FINALIZER) {
        spawn(server, move |server| async move {
            let (name, mut pause) = (meta::name(&definition).to_owned(), FIRST_PAUSE);
            while let Err(error) = clean(&server, &definition).await {
                if error.is_not_found() {
                    return;
                }
                tracing::error!(name, %error, "failed to clean up after a CustomResourceDefinition");
                tokio::time::sleep(pause).await;
                pause = (pause * 2).min(LONGEST_PAUSE);
            }
        });
    }
}

/// Looks again at the definitions of a group that could not have the names they want.
pub(super) fn names_are_free(server: &ApiServer, group: &str) {
    let snapshot = server.store.snapshot(STORAGE);
    let all = snapshot.range(None, None).filter_map(|entry| serde_json::from_slice::<Value>(&entry.bytes).ok());
    for waiting in all.filter(|d| d["spec"]["group"] == group && !meta::is_true(d, "NamesAccepted")) {
        spawn(server, move |server| async move {
            let name = meta::name(&waiting);
            if let Err(error) = amend(&server, name, |_| {}).await {
                tracing::warn!(name, %error, "failed to look at the names of a CustomResourceDefinition again");
            }
        });
    }
}

fn spawn<F: Future<Output = ()> + Send + 'static>(
    server: &ApiServer,
    work: impl FnOnce(Arc<ApiServer>) -> F + Send + 'static,
) {
    let (this, closing) = (server.this.clone(), server.closing.clone());
    tokio::spawn(async move {
        if let Some(server) = this.upgrade() {
            closing.run_until_cancelled(work(server)).await;
        }
    });
}

async fn clean(server: &ApiServer, definition: &Value) -> Result<(), Status> {
    let name = meta::name(definition);
    let why = "CustomResource deletion is in progress";
    let mark = |d: &mut Value| condition::set(d, "Terminating", true, "InstanceDeletionInProgress", why);
    amend(server, name, mark).await?;
    let storage = format!("{}/{}", meta::text(definition, "spec.group"), meta::text(definition, "spec.names.plural"));
    if let Some(resource) = server.registry.stored(&storage) {
        let mut snapshot = server.store.snapshot(&storage);
        for entry in snapshot.range(None, None) {
            // Who was asked about these objects may be gone with what defined them.
            let own = Call::own(server, Arc::clone(&resource), &entry.key.namespace);
            let call = Call { admitted: true, ..own };
            match delete_object(&call, &entry.key.name).await {
                Err(status) if !status.is_not_found() => return Err(status),
                _ => {}
            }
        }
        while !snapshot.is_empty() {
            let mut watcher = server.store.watch(&storage, snapshot.revision).map_err(Status::internal)?;
            snapshot = server.store.snapshot(&storage);
            if !snapshot.is_empty() {
                watcher.next().await.map_err(Status::internal)?;
                snapshot = server.store.snapshot(&storage);
            }
        }
    }
    let done = |d: &mut Value| {
        condition::set(d, "Terminating", false, "InstanceDeletionCompleted", "removed all instances");
        let left: Vec<String> =
            meta::finalizers(d).into_iter().filter(|f| *f != FINALIZER).map(str::to_owned).collect();
        meta::set(d, "metadata.finalizers", left);
    };
    amend(server, name, done).await
}

/// Changes a definition in the server's own name.
async fn amend(server: &ApiServer, name: &str, make: impl Fn(&mut Value) + Send + Sync) -> Result<(), Status> {
    let resource = server.registry.stored(STORAGE).ok_or_else(|| Status::internal("definitions are not served"))?;
    let propose = |old: &Value| {
        let mut object = old.clone();
        make(&mut object);
        status::complete(server, &mut object);
        Ok(Proposed { managed: Managed::Done, ..Proposed::new(object) })
    };
    change(&Call::own(server, resource, ""), name, Part::Sub("status"), propose).await.map(drop)
}
