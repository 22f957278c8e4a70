//! How controllers create and delete pods: in growing batches, with events, and remembering what the cache has yet to show.

use crate::claims::claim;
use crate::meta::{self, controller, controller_reference, is_deleting, name, namespace, uid};
use crate::pods::{BY_OWNER, ORPHANS};
use crate::{Context, Error};
use cluster_client::events::{Recorder, reference};
use cluster_client::{Change, Client, DeleteOptions, Informer, Object, ObjectKey};
use cluster_object::selector::Selector;
use futures::future::join_all;
use k8s_openapi::api::core::v1::{Pod, PodTemplateSpec};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use parking_lot::Mutex;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

/// After this an expectation is given up: its event must have been missed.
const EXPECT_FOR: Duration = Duration::from_mins(5);
/// How many pods one reconciliation creates or deletes at most.
pub(crate) const BURST: usize = 500;

/// Creates and deletes pods for one controller.
pub(crate) struct PodControl {
    pub(crate) client: Client,
    pub(crate) recorder: Recorder,
    pub(crate) pods: Informer<Pod>,
    expectations: Arc<Expectations>,
}

impl PodControl {
    pub(crate) fn new(context: &Context, component: &str) -> Self {
        let pods = context.informers.informer::<Pod>();
        pods.add_index(BY_OWNER, |pod| controller(&pod.metadata).map(|owner| owner.uid.clone()).into_iter().collect());
        pods.add_index(ORPHANS, |pod| match controller(&pod.metadata) {
            None => vec![namespace(pod).to_owned()],
            Some(_) => Vec::new(),
        });
        Self {
            client: context.client.clone(),
            recorder: context.recorder(component),
            pods,
            expectations: Arc::default(),
        }
    }

    /// What a change of a pod means for controllers of kind `O`: the keys to reconcile. An orphan concerns each of
    /// `candidates` that might adopt it.
    pub(crate) fn watcher<O: Object>(
        &self,
        candidates: impl Fn(&Pod) -> Vec<ObjectKey> + Send + 'static,
    ) -> impl Fn(&Change<Pod>) -> Vec<ObjectKey> + Send + 'static {
        let expectations = self.expectations.clone();
        move |change| {
            let pod = change.object();
            let key = meta::controller_key::<O>(&pod.metadata);
            if let Some(owner) = controller(&pod.metadata) {
                match change {
                    Change::Added(_) => expectations.created(&owner.uid),
                    Change::Deleted(_) => expectations.deleted(&owner.uid, uid(pod.as_ref())),
                    Change::Updated { .. } => {}
                }
                if is_deleting(pod.as_ref()) {
                    expectations.deleted(&owner.uid, uid(pod.as_ref()));
                }
            }
            let before = match change {
                Change::Updated { old, .. } => {
                    meta::controller_key::<O>(&old.metadata).filter(|old| Some(old) != key.as_ref())
                }
                _ => None,
            };
            let gone = matches!(change, Change::Deleted(_)) || is_deleting(pod.as_ref());
            let mut keys: Vec<ObjectKey> = key.into_iter().chain(before).collect();
            if controller(&pod.metadata).is_none() && !gone {
                keys.extend(candidates(pod));
            }
            keys
        }
    }

    /// The pods `owner` controls, after adopting and releasing.
    pub(crate) async fn claim<O: Object>(&self, owner: &O, selector: &Selector) -> Result<Vec<Arc<Pod>>, Error> {
        let mut candidates = self.pods.by_index(BY_OWNER, uid(owner));
        candidates.extend(self.pods.by_index(ORPHANS, namespace(owner)));
        claim(&self.client, owner, selector, candidates).await
    }

    /// Whether the cache shows everything this controller did for `owner`.
    pub(crate) fn settled<O: Object>(&self, owner: &O) -> bool {
        self.expectations.met(uid(owner))
    }

    /// The owner is gone.
    pub(crate) fn forget(&self, owner_uid: &str) {
        self.expectations.0.lock().remove(owner_uid);
    }

    /// Creates pods in batches of 1, 2, 4, ... so that a mistake shows before it is made many times.
    pub(crate) async fn create<O: Object>(&self, owner: &O, pods: Vec<Pod>) -> Result<(), Error> {
        let expected = self.expectations.expect(uid(owner), pods.len(), &[]);
        let mut rest = pods.into_iter();
        let mut batch = 1;
        loop {
            let now: Vec<Pod> = rest.by_ref().take(batch).collect();
            if now.is_empty() {
                return Ok(());
            }
            let results = join_all(now.iter().map(|pod| self.create_one(owner, pod))).await;
            let failed = results.iter().filter(|result| result.is_err()).count();
            expected.missed(failed);
            if failed > 0 {
                expected.missed(rest.len());
                return results.into_iter().collect();
            }
            batch *= 2;
        }
    }

    async fn create_one<O: Object>(&self, owner: &O, pod: &Pod) -> Result<(), Error> {
        match self.client.create(pod).await {
            Ok(created) => {
                self.recorder.normal(&reference(owner), "SuccessfulCreate", format!("Created pod: {}", name(&created)));
                Ok(())
            }
            Err(error) => {
                if !namespace_terminating(&error) {
                    self.recorder.warning(&reference(owner), "FailedCreate", format!("Error creating: {error}"));
                }
                Err(error.into())
            }
        }
    }

    /// Deletes pods, all at once.
    pub(crate) async fn delete<O: Object>(&self, owner: &O, pods: &[Arc<Pod>]) -> Result<(), Error> {
        let uids: Vec<&str> = pods.iter().map(|pod| uid(pod.as_ref())).collect();
        let _expected = self.expectations.expect(uid(owner), 0, &uids);
        join_all(pods.iter().map(|pod| self.delete_one(owner, pod))).await.into_iter().collect()
    }

    async fn delete_one<O: Object>(&self, owner: &O, pod: &Pod) -> Result<(), Error> {
        let options = DeleteOptions { uid: Some(uid(pod).to_owned()), ..DeleteOptions::default() };
        match self.client.delete::<Pod>(namespace(pod), name(pod), &options).await {
            Ok(()) => {
                self.recorder.normal(&reference(owner), "SuccessfulDelete", format!("Deleted pod: {}", name(pod)));
                Ok(())
            }
            Err(error) => {
                self.expectations.deleted(uid(owner), uid(pod));
                if error.is_not_found() {
                    return Ok(());
                }
                self.recorder.warning(&reference(owner), "FailedDelete", format!("Error deleting: {error}"));
                Err(error.into())
            }
        }
    }
}

fn namespace_terminating(error: &cluster_client::Error) -> bool {
    let details = error.status().and_then(|status| status.details.as_ref());
    details.is_some_and(|details| details.causes.iter().any(|cause| cause.reason == "NamespaceTerminating"))
}

/// The pod `owner` makes from a template; the server completes its name.
pub(crate) fn from_template<O: Object>(owner: &O, template: &PodTemplateSpec) -> Pod {
    let meta = template.metadata.clone().unwrap_or_default();
    Pod {
        metadata: ObjectMeta {
            namespace: owner.metadata().namespace.clone(),
            generate_name: Some(format!("{}-", name(owner))),
            labels: meta.labels,
            annotations: meta.annotations,
            finalizers: meta.finalizers,
            owner_references: Some(vec![controller_reference(owner)]),
            ..ObjectMeta::default()
        },
        spec: template.spec.clone(),
        status: None,
    }
}

/// What was done and the cache has yet to show, by the UID of the owner.
#[derive(Debug, Default)]
struct Expectations(Mutex<HashMap<String, Expected>>);

#[derive(Debug)]
struct Expected {
    creations: usize,
    deletions: HashSet<String>,
    since: Instant,
}

/// The right to say that some of the expected creations will not come.
struct Handle<'a> {
    all: &'a Expectations,
    owner: &'a str,
}

impl Expectations {
    fn expect<'a>(&'a self, owner: &'a str, creations: usize, deletions: &[&str]) -> Handle<'a> {
        let deletions = deletions.iter().map(|uid| (*uid).to_owned()).collect();
        let expected = Expected { creations, deletions, since: Instant::now() };
        self.0.lock().insert(owner.to_owned(), expected);
        Handle { all: self, owner }
    }

    fn created(&self, owner: &str) {
        self.lower(owner, 1);
    }

    fn lower(&self, owner: &str, by: usize) {
        if let Some(expected) = self.0.lock().get_mut(owner) {
            expected.creations = expected.creations.saturating_sub(by);
        }
    }

    fn deleted(&self, owner: &str, pod: &str) {
        if let Some(expected) = self.0.lock().get_mut(owner) {
            expected.deletions.remove(pod);
        }
    }

    fn met(&self, owner: &str) -> bool {
        self.0.lock().get(owner).is_none_or(|expected| {
            (expected.creations == 0 && expected.deletions.is_empty()) || expected.since.elapsed() > EXPECT_FOR
        })
    }
}

impl Handle<'_> {
    fn missed(&self, count: usize) {
        self.all.lower(self.owner, count);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn expectations_are_met_by_what_is_seen_or_by_time() {
        let all = Expectations::default();
        assert!(all.met("a"));
        let handle = all.expect("a", 3, &["p"]);
        all.created("a");
        handle.missed(2);
        assert!(!all.met("a"));
        all.deleted("a", "p");
        assert!(all.met("a"));
        all.expect("a", 1, &[]);
        assert!(!all.met("a"));
        tokio::time::advance(EXPECT_FOR + Duration::from_secs(1)).await;
        assert!(all.met("a"));
    }
}
