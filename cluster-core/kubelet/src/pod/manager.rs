//! Which pods run here: one actor for each pod of the API server and of the manifests' folder; strangers are removed.

use super::actor::{self, Handle, Message, View};
use super::admit::{Allocatable, Refusal, admit, place, resize_verdict};
use super::resize::PENDING as RESIZE_PENDING;
use super::status::container_statuses;
use super::{leftovers, mirror};
use crate::node;
use crate::prelude::*;
use crate::runtime::RuntimeEvent;
use crate::spec::qos;
use cluster_client::pods::{holding, phase};
use parking_lot::RwLock;
use std::cmp::Reverse;

/// How long a container of an unknown pod gets to end.
const STRANGER_GRACE: Duration = Duration::from_secs(30);

/// What is known of a pod here, and the way to its actor.
struct Known {
    view: watch::Receiver<View>,
    events: mpsc::UnboundedSender<Message>,
    /// The API object is gone, so its resources have been given to others.
    gone: bool,
    /// The pod with what it asked for when the node last had room for that.
    granted: Arc<Pod>,
}

/// All pods on this node as their actors see them, by UID.
#[derive(Clone, Default)]
pub(crate) struct Pods(Arc<RwLock<HashMap<String, Known>>>);

impl Pods {
    /// The pod of this name: the newest, because one that is gone may take a while to end beside it.
    pub(crate) fn find(&self, namespace: &str, name: &str) -> Option<View> {
        let named = |view: &View| (view.pod.namespace(), view.pod.name()) == (namespace, name);
        let made = |view: &View| view.pod.metadata.creation_timestamp.as_ref().map(|Time(moment)| *moment);
        let known = self.0.read();
        let views = known.values().map(|known| (!known.gone, known.view.borrow().clone()));
        let newest = views.filter(|(_, view)| named(view)).max_by_key(|(present, view)| (*present, made(view)));
        newest.map(|(_, view)| view)
    }

    /// All pods.
    pub(crate) fn list(&self) -> Vec<View> {
        self.0.read().values().map(|known| known.view.borrow().clone()).collect()
    }

    /// Tells a pod's actor of an event.
    pub(crate) fn tell(&self, uid: &str, event: Event) {
        self.send(uid, Message::Event(event));
    }

    /// One that has ended needs to know nothing more.
    fn send(&self, uid: &str, message: Message) {
        if let Some(known) = self.0.read().get(uid)
            && known.events.send(message).is_err()
        {
            tracing::debug!("the actor of pod {uid} has ended");
        }
    }

    /// The pod of this UID, as its actor sees it.
    pub(crate) fn view(&self, uid: &str) -> Option<View> {
        self.0.read().get(uid).map(|known| known.view.borrow().clone())
    }

    /// The pods that hold resources of this node, with what they hold.
    fn holding(&self) -> Vec<Arc<Pod>> {
        let ended = |view: &View| matches!(view.status.phase.as_deref(), Some("Succeeded" | "Failed"));
        let all = self.0.read();
        let holding = all.values().filter(|known| !known.gone && !ended(&known.view.borrow()));
        holding.map(|known| known.granted.clone()).collect()
    }
}

/// What the manager is fed with.
pub(crate) struct Sources {
    /// Changes of this node's pods in the API server.
    pub(crate) api: mpsc::UnboundedReceiver<Change<Pod>>,
    /// The whole set of static pods, whenever it changes.
    pub(crate) manifests: watch::Receiver<Vec<Arc<Pod>>>,
}

struct Manager {
    context: Arc<Context>,
    pods: Pods,
    /// Containers found at the start, by pod UID.
    present: HashMap<String, Vec<ContainerInfo>>,
    /// The static pods that are wanted.
    statics: Vec<Arc<Pod>>,
    /// Pods that ask for more than the node has left, by UID.
    waiting: HashMap<String, Arc<Pod>>,
    finished: mpsc::UnboundedSender<String>,
}

/// Runs until cancelled; containers go on without the kubelet.
pub(crate) async fn run(
    context: Arc<Context>,
    pods: Pods,
    mut sources: Sources,
    synced: impl Future<Output = ()>,
    cancel: CancellationToken,
) {
    let mut events = context.runtime.events();
    let (finished, mut gone) = mpsc::unbounded_channel();
    let mut present: HashMap<String, Vec<ContainerInfo>> = HashMap::new();
    let found = insist("list the containers", || context.runtime.list());
    for container in cancel.run_until_cancelled(found).await.unwrap_or_default() {
        present.entry(container.label(label::POD_UID).to_owned()).or_default().push(container);
    }
    let mut manager = Manager { context, pods, present, statics: Vec::new(), waiting: HashMap::new(), finished };
    let statics = sources.manifests.borrow_and_update().clone();
    manager.set_statics(statics).await;
    let mut synced = Box::pin(synced.fuse());
    let mut complete = false;
    loop {
        tokio::select! {
            () = cancel.cancelled() => return,
            Some(change) = sources.api.recv() => manager.changed(change).await,
            Ok(()) = sources.manifests.changed() => {
                let statics = sources.manifests.borrow_and_update().clone();
                manager.set_statics(statics).await;
            }
            Some(event) = events.next() => manager.engine(event),
            Some(uid) = gone.recv() => manager.ended(&uid).await,
            () = &mut synced, if !complete => {
                complete = true;
                while let Ok(change) = sources.api.try_recv() {
                    manager.changed(change).await;
                }
                manager.remove_strangers();
                manager.weigh_again();
            }
        }
    }
}

/// The pod with what its status says that it got: an earlier kubelet may have had no room for more.
fn granted(pod: &Pod) -> Pod {
    let mut granted = pod.clone();
    if let (Some(spec), Some(status)) = (&mut granted.spec, &pod.status) {
        for container in spec.init_containers.iter_mut().flatten().chain(&mut spec.containers) {
            let got = container_statuses(status).find(|of| of.name == container.name);
            container.resources = got.and_then(|of| of.resources.clone()).or(container.resources.take());
        }
        spec.resources = status.resources.clone().or(spec.resources.take());
    }
    granted
}

/// The pod as if its deletion had been asked for, because it is gone where it came from.
fn deleted(pod: &Pod) -> Arc<Pod> {
    let mut pod = pod.clone();
    pod.metadata.deletion_timestamp.get_or_insert(Time(Timestamp::now()));
    Arc::new(pod)
}

impl Manager {
    async fn changed(&mut self, change: Change<Pod>) {
        let pod = change.object().clone();
        if mirror::is_mirror(&pod) {
            self.mirrored(&change);
            return;
        }
        match change {
            Change::Added(_) | Change::Updated { .. } => self.set(pod).await,
            Change::Deleted(_) => {
                if let Some(known) = self.pods.0.write().get_mut(pod.uid()) {
                    known.gone = true;
                }
                self.pods.tell(pod.uid(), Event::PodChanged(deleted(&pod)));
            }
        }
    }

    /// Why a pod that has not begun here may not begin.
    async fn refusal(&self, pod: &Pod, present: &[ContainerInfo]) -> Option<Refusal> {
        if !present.is_empty() || !matches!(phase(pod), "" | "Pending") || pod.is_deleting() {
            return None;
        }
        let pressure = *self.context.pressure.borrow();
        match admit(pod, &self.pods.holding(), &self.allocatable(), pressure) {
            Ok(()) => self.misplaced(pod).await,
            Err(refusal) => Some(refusal),
        }
    }

    /// Why this node is not for the pod. The API server has the last word, since the cache may lack a label that has
    /// just come.
    async fn misplaced(&self, pod: &Pod) -> Option<Refusal> {
        let name = &self.context.options.node.name;
        let known = self.context.nodes.get(&ObjectKey::new("", name)).map(|node| place(pod, &node));
        if known == Some(Ok(())) {
            return None;
        }
        match self.context.client.get::<Node>("", name).await {
            Ok(node) => place(pod, &node).err(),
            Err(_) => known.and_then(Result::err),
        }
    }

    fn allocatable(&self) -> Allocatable {
        let Context { nodes, options, .. } = &*self.context;
        let node = nodes.get(&ObjectKey::new("", &options.node.name));
        node::allocatable(options, node.as_ref().and_then(|node| node.status.as_ref()))
    }

    /// Tells a pod whether what it asks for now fits; who must wait is asked again when others change or go.
    fn weigh(&mut self, pod: &Arc<Pod>) {
        let mut others = self.pods.holding();
        others.retain(|other| other.uid() != pod.uid());
        let verdict = resize_verdict(pod, &others, &self.allocatable());
        let waited = self.waiting.remove(pod.uid()).is_some();
        if verdict.is_some() {
            self.waiting.insert(pod.uid().to_owned(), pod.clone());
        } else if let Some(known) = self.pods.0.write().get_mut(pod.uid()) {
            known.granted = pod.clone();
        }
        if verdict.is_some() || waited {
            self.pods.tell(pod.uid(), Event::Room(verdict));
        }
    }

    /// Resources may have been given back: who waits is asked again, in upstream's order.
    fn weigh_again(&mut self) {
        let mut waiting: Vec<Arc<Pod>> = self.waiting.values().cloned().collect();
        waiting.sort_by_key(|pod| {
            let spec = pod.spec.as_ref();
            let priority = spec.and_then(|spec| spec.priority).unwrap_or_default();
            (Reverse(priority), spec.map(qos::qos_class) != Some("Guaranteed"), pod.created())
        });
        for pod in waiting {
            self.weigh(&pod);
        }
    }

    async fn set(&mut self, pod: Arc<Pod>) {
        let id = pod.uid().to_owned();
        if self.pods.0.read().contains_key(&id) {
            self.share_cpus();
            self.weigh(&pod);
            self.pods.tell(&id, Event::PodChanged(pod));
            self.weigh_again();
            return;
        }
        let present = self.present.remove(&id).unwrap_or_default();
        let refusal = self.refusal(&pod, &present).await;
        let granted = Arc::new(granted(&pod));
        if holding(&pod, RESIZE_PENDING).is_some() {
            self.waiting.insert(id.clone(), pod.clone());
        }
        let handle = actor::spawn(self.context.clone(), pod, present, refusal);
        let Handle { events, view, done } = handle;
        self.pods.0.write().insert(id.clone(), Known { view, events, gone: false, granted });
        let finished = self.finished.clone();
        tokio::spawn(async move {
            if let Err(e) = done.await {
                tracing::error!("the actor of pod {id} failed: {e}");
            }
            finished.send(id).ok();
        });
    }

    /// To be asked for at each change: a class has a group only once a container of its runs.
    fn share_cpus(&self) {
        let holding = self.pods.holding();
        qos::share_cpus(Path::new(qos::GROUPS), holding.iter().filter_map(|pod| pod.spec.as_ref()));
    }

    async fn ended(&mut self, uid: &str) {
        self.pods.0.write().remove(uid);
        self.share_cpus();
        self.waiting.remove(uid);
        self.weigh_again();
        self.start_statics().await;
    }

    async fn set_statics(&mut self, pods: Vec<Arc<Pod>>) {
        let before = std::mem::replace(&mut self.statics, pods);
        for gone in before.iter().filter(|old| self.statics.iter().all(|new| new.uid() != old.uid())) {
            if let Some(view) = self.pods.view(gone.uid()) {
                self.pods.tell(gone.uid(), Event::PodChanged(deleted(&view.pod)));
            }
        }
        self.start_statics().await;
    }

    /// Starts the static pods that are not here yet. One waits while another of its name, whose place it takes, ends.
    async fn start_statics(&mut self) {
        for pod in self.statics.clone() {
            if self.pods.find(pod.namespace(), pod.name()).is_none_or(|view| !mirror::is_static(&view.pod)) {
                self.set(pod).await;
            }
        }
    }

    /// A mirror that is deleted comes back while its pod is here; one that mirrors nothing goes.
    fn mirrored(&self, change: &Change<Pod>) {
        let mirror = change.object();
        let hash = mirror.annotation(mirror::MIRROR);
        let own = |view: &View| mirror::is_static(&view.pod) && view.pod.annotation(mirror::HASH) == hash;
        let gone = matches!(change, Change::Deleted(_));
        match self.pods.list().into_iter().find(own) {
            Some(view) if gone || mirror.is_deleting() => self.pods.send(view.pod.uid(), Message::MirrorGone),
            None if !gone => {
                let (client, mirror) = (self.context.client.clone(), mirror.clone());
                tokio::spawn(async move {
                    if let Err(e) = mirror::delete(&client, &mirror).await {
                        tracing::warn!("cannot delete the mirror {} of no pod: {e}", mirror.name());
                    }
                });
            }
            _ => {}
        }
    }

    fn engine(&self, event: RuntimeEvent) {
        match event {
            RuntimeEvent::Died { id, pod_uid } => self.pods.send(&pod_uid, Message::Died(id)),
            RuntimeEvent::Reconnected => {
                for known in self.pods.0.read().values() {
                    known.events.send(Message::Resync).ok();
                }
            }
        }
    }

    /// Ends containers of pods that are no longer assigned to this node, and removes their folders.
    fn remove_strangers(&mut self) {
        let folders = std::fs::read_dir(self.context.options.root.join("pods")).into_iter().flatten().flatten();
        for uid in folders.filter_map(|folder| folder.file_name().into_string().ok()) {
            if self.pods.view(&uid).is_none() {
                self.present.entry(uid).or_default();
            }
        }
        for (uid, containers) in std::mem::take(&mut self.present) {
            tracing::info!("removing what is left of pod {uid}");
            let context = self.context.clone();
            tokio::spawn(async move {
                let own = containers.iter().filter(|c| c.running && c.label(label::CONTAINER) != label::SANDBOX);
                let stops = own.map(|c| insist("stop a container", || context.runtime.stop(&c.id, STRANGER_GRACE)));
                futures::future::join_all(stops).await;
                leftovers::clean(&context, &uid).await;
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_pod_holds_what_it_got_and_not_what_it_asks_for_in_vain() {
        let container = |name: &str, cpu: &str| json!({"name": name, "resources": {"requests": {"cpu": cpu}}});
        let told = |name: &str, cpu: &str| {
            let mut told = container(name, cpu);
            for (field, value) in
                [("image", json!("")), ("imageID", json!("")), ("ready", json!(true)), ("restartCount", json!(0))]
            {
                told[field] = value;
            }
            told
        };
        let pod = json!({
            "metadata": {"uid": "u"}, "spec": {"containers": [container("a", "900"), container("b", "2")]},
            "status": {"containerStatuses": [told("a", "1")]},
        });
        let pod: Pod = serde_json::from_value(pod).expect("a pod");
        let held = Arc::new(granted(&pod));
        let cpus = |pod: &Pod| pod.spec.as_ref().map(|spec| qos::request(spec, "cpu").value());
        assert_eq!((cpus(&pod), cpus(&held)), (Some(902), Some(3)));
        let pods = Pods::default();
        let (_, view) = watch::channel(View { pod: Arc::new(pod), status: PodStatus::default() });
        let (events, _) = mpsc::unbounded_channel();
        pods.0.write().insert("u".to_owned(), Known { view, events, gone: false, granted: held.clone() });
        assert_eq!(pods.holding(), [held]);
    }

    #[test]
    fn of_two_pods_of_one_name_the_present_one_is_meant() {
        let pods = Pods::default();
        for (uid, made, gone) in [("a", "01", true), ("b", "02", false), ("c", "03", true), ("other", "04", false)] {
            let name = if uid == "other" { "q" } else { "p" };
            let made = format!("2026-01-{made}T00:00:00Z");
            let pod = json!({"metadata": {"namespace": "n", "name": name, "uid": uid, "creationTimestamp": made}});
            let pod: Arc<Pod> = Arc::new(serde_json::from_value(pod).expect("a pod"));
            let (_, view) = watch::channel(View { pod, status: Default::default() });
            let (events, _) = mpsc::unbounded_channel();
            pods.0.write().insert(uid.to_owned(), Known { view, events, gone, granted: Arc::default() });
        }
        let uid = |name| pods.find("n", name).and_then(|view| view.pod.metadata.uid.clone());
        assert_eq!((uid("p").as_deref(), uid("q").as_deref(), uid("z")), (Some("b"), Some("other"), None));
    }
}
