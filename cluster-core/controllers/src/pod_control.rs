//! How controllers create and delete pods: in growing batches, with events, and remembering what the cache has yet to show.

use crate::prelude::*;

/// After this an expectation is given up: its event must have been missed.
const EXPECT_FOR: Duration = Duration::from_mins(5);
/// How many pods one reconciliation creates or deletes at most.
pub(crate) const BURST: usize = 500;

/// Creates and deletes pods for one controller.
pub(crate) struct PodControl {
    pub(crate) client: Client,
    pub(crate) recorder: Recorder,
    pub(crate) pods: Informer<Pod>,
    /// What the pods of this controller's owners bear.
    pub(crate) finalizer: Option<&'static str>,
    expectations: Expectations,
}

impl PodControl {
    pub(crate) fn new(context: &Context, component: &str) -> Self {
        let pods = context.informers.informer::<Pod>();
        index::by_owner(&pods);
        Self {
            client: context.client.clone(),
            recorder: context.recorder(component),
            pods,
            finalizer: None,
            expectations: Expectations::default(),
        }
    }

    /// What a change of a pod means for controllers of kind `O`: the keys to reconcile. An orphan concerns each of
    /// `adopters`.
    pub(crate) fn concerned<O: Object>(
        &self,
        change: &Change<Pod>,
        adopters: impl FnOnce(&Pod) -> Vec<ObjectKey>,
    ) -> Vec<ObjectKey> {
        let pod = change.object();
        if let Some(owner) = pod.controller() {
            if matches!(change, Change::Added(_)) {
                self.expectations.created(&owner.uid, 1);
            }
            if change.gone().is_some() || pod.is_deleting() {
                self.expectations.deleted(&owner.uid, pod.uid());
            }
        }
        index::concerned::<O, Pod>(change, adopters)
    }

    /// The pods `owner` controls, after adopting and releasing.
    pub(crate) async fn claim<O: Object>(&self, owner: &O, selector: &Selector) -> Result<Vec<Arc<Pod>>, Error> {
        claim(&self.client, owner, selector, &self.pods, self.finalizer).await
    }

    /// Whether the cache shows everything this controller did for `owner`.
    pub(crate) fn settled<O: Object>(&self, owner: &O) -> bool {
        self.expectations.met(owner.uid())
    }

    /// The owner to reconcile; one that is gone is forgotten.
    pub(crate) fn owner<O: Object>(&self, change: &Change<O>) -> [ObjectKey; 1] {
        if let Some(gone) = change.gone() {
            self.expectations.0.lock().remove(gone.uid());
        }
        [change.object().key()]
    }

    /// Creates pods in batches of 1, 2, 4, ... so that a mistake shows before it is made many times.
    pub(crate) async fn create<O: Object>(&self, owner: &O, pods: Vec<Pod>) -> Result<(), Error> {
        self.expectations.expect(owner.uid(), pods.len(), &[]);
        let mut rest = pods.into_iter();
        let mut batch = 1;
        loop {
            let now: Vec<Pod> = rest.by_ref().take(batch).collect();
            if now.is_empty() {
                return Ok(());
            }
            let results = join_all(now.iter().map(|pod| self.create_one(owner, pod))).await;
            let failed = results.iter().filter(|result| result.is_err()).count();
            if failed > 0 {
                // These will not come.
                self.expectations.created(owner.uid(), failed + rest.len());
                return results.into_iter().collect();
            }
            batch *= 2;
        }
    }

    async fn create_one<O: Object>(&self, owner: &O, pod: &Pod) -> Result<(), Error> {
        let created = self.client.create(pod).await;
        if created.as_ref().is_err_and(namespace_terminating) {
            // No other attempt would do better.
            self.expectations.created(owner.uid(), 1);
            return Ok(());
        }
        let done = |pod: &Pod| format!("Created pod: {}", pod.name());
        self.recorder.attempt(&reference(owner), "Create", &created, done, "Error creating");
        Ok(created.map(drop)?)
    }

    /// Deletes pods, all at once.
    pub(crate) async fn delete<O: Object>(&self, owner: &O, pods: &[Arc<Pod>]) -> Result<(), Error> {
        let uids: Vec<&str> = pods.iter().map(|pod| pod.uid()).collect();
        self.expectations.expect(owner.uid(), 0, &uids);
        join_all(pods.iter().map(|pod| self.delete_one(owner, pod))).await.into_iter().collect()
    }

    async fn delete_one<O: Object>(&self, owner: &O, pod: &Pod) -> Result<(), Error> {
        let deleted = self.client.delete_this(pod, DeleteOptions::default()).await;
        if deleted.is_err() {
            self.expectations.deleted(owner.uid(), pod.uid());
        }
        if deleted.as_ref().is_err_and(cluster_client::Error::is_not_found) {
            return Ok(());
        }
        let done = |(): &()| format!("Deleted pod: {}", pod.name());
        self.recorder.attempt(&reference(owner), "Delete", &deleted, done, "Error deleting");
        Ok(deleted?)
    }
}

pub(crate) fn namespace_terminating(error: &cluster_client::Error) -> bool {
    let details = error.status().and_then(|status| status.details.as_ref());
    details.is_some_and(|details| details.causes.iter().any(|cause| cause.reason == "NamespaceTerminating"))
}

/// The pod `owner` makes from a template; the server completes its name.
pub(crate) fn from_template<O: Object>(owner: &O, template: &PodTemplateSpec) -> Pod {
    let meta = template.metadata.clone().unwrap_or_default();
    Pod {
        metadata: ObjectMeta {
            generate_name: Some(format!("{}-", owner.name())),
            labels: meta.labels,
            annotations: meta.annotations,
            finalizers: meta.finalizers,
            ..meta::made_by(owner)
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

impl Expectations {
    fn expect(&self, owner: &str, creations: usize, deletions: &[&str]) {
        if creations == 0 && deletions.is_empty() {
            return;
        }
        let deletions = deletions.iter().map(|uid| (*uid).to_owned()).collect();
        let expected = Expected { creations, deletions, since: Instant::now() };
        self.0.lock().insert(owner.to_owned(), expected);
    }

    /// So many are there, or will not come.
    fn created(&self, owner: &str, count: usize) {
        if let Some(expected) = self.0.lock().get_mut(owner) {
            expected.creations = expected.creations.saturating_sub(count);
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

#[cfg(test)]
mod tests {
    use super::*;
    use async_trait::async_trait;
    use bytes::Bytes;
    use cluster_client::{Backend, ListPage, WatchStream};

    /// A server on which every namespace ends.
    struct Ending;

    #[async_trait]
    impl Backend for Ending {
        async fn call(&self, _: http::Request<Bytes>) -> Result<http::Response<Bytes>, cluster_client::Error> {
            let status = json!({"kind": "Status", "code": 403, "reason": "Forbidden", "message": "it ends",
                "details": {"causes": [{"reason": "NamespaceTerminating"}]}});
            let answer = http::Response::builder().status(403).body(status.to_string().into());
            Ok(answer.expect("a response"))
        }

        async fn list(&self, _: &WatchScope) -> Result<ListPage, cluster_client::Error> {
            Ok(ListPage::default())
        }

        async fn watch(&self, _: &WatchScope, _: &str) -> Result<WatchStream, cluster_client::Error> {
            Ok(Box::pin(futures::stream::pending()))
        }
    }

    #[tokio::test(start_paused = true)]
    async fn pods_of_a_namespace_that_ends_are_no_failure_and_owners_that_are_gone_are_forgotten() {
        let client = Client::new(Arc::new(Ending), "test");
        let context = Context::of(&client);
        let control = PodControl::new(&context, "test");
        let set: ReplicaSet =
            serde_json::from_value(json!({"metadata": {"name": "s", "namespace": "ns", "uid": "u"}})).expect("a set");
        control.create(&set, vec![from_template(&set, &PodTemplateSpec::default()); 3]).await.expect("no failure");
        assert!(control.settled(&set), "nothing is waited for");
        assert_eq!(control.expectations.0.lock().len(), 1);
        assert_eq!(control.owner(&Change::Deleted(Arc::new(set))), [ObjectKey::new("ns", "s")]);
        assert!(control.expectations.0.lock().is_empty());
    }

    #[tokio::test(start_paused = true)]
    async fn expectations_are_met_by_what_is_seen_or_by_time() {
        let all = Expectations::default();
        assert!(all.met("a"));
        all.expect("a", 3, &["p"]);
        all.created("a", 1);
        all.created("a", 2);
        assert!(!all.met("a"));
        all.deleted("a", "p");
        assert!(all.met("a"));
        all.expect("a", 1, &[]);
        assert!(!all.met("a"));
        tokio::time::advance(EXPECT_FOR + Duration::from_secs(1)).await;
        assert!(all.met("a"));
    }
}
