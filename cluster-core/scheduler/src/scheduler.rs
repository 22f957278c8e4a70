//! The loop's state: takes in changes, decides pod by pod, hands the decisions to the writer.

use crate::choose::Chooser;
use crate::plugins::{Cycle, Happening, PLUGINS, unbound_claims};
use crate::preempt::{self, Preemption};
use crate::prelude::*;
use crate::queue::Queue;
use crate::writer::{Outcome, Writer, why};

/// Bindings that may be under way before the next pod has to wait.
const BINDINGS: usize = 512;
/// How long a pod waits for its volumes before it is tried again.
const VOLUMES: Duration = Duration::from_mins(10);

/// All that is known and all that is to do; owned by one task.
pub(crate) struct Scheduler {
    pub(crate) cluster: Cluster,
    pub(crate) queue: Queue,
    pub(crate) writer: Writer,
    pub(crate) settings: Arc<Settings>,
    chooser: Chooser,
    bindings: usize,
    /// Pods whose claims were told a node, with that and until when they wait: they are bound once the claims have volumes.
    pub(crate) reserved: HashMap<Arc<str>, (Arc<PodInfo>, String, Instant)>,
}

impl Scheduler {
    pub(crate) fn new(writer: Writer, settings: Arc<Settings>, seed: u64) -> Self {
        let queue = Queue::new(settings.first_backoff, settings.longest_backoff);
        let (cluster, chooser, reserved) = (Cluster::new(), Chooser::new(seed), HashMap::new());
        Self { cluster, queue, writer, settings, chooser, bindings: 0, reserved }
    }

    /// Decides on the next pod; `false` when there is none, or when too much is under way.
    pub(crate) fn step(&mut self, now: Instant) -> bool {
        let late = self.reserved.values().filter(|(.., until)| *until <= now);
        for (pod, ..) in late.cloned().collect::<Vec<_>>() {
            self.without_volumes(&pod, "context deadline exceeded", now);
        }
        if self.bindings >= BINDINGS {
            return false;
        }
        let Some(pod) = self.queue.pop(now) else { return false };
        if pod.class.terminating {
            self.queue.remove(&pod.uid);
            let text = format!("skip schedule deleting pod: {}", pod.key);
            self.writer.warn(&pod, &text);
            return true;
        }
        self.cluster.settle();
        let settings = self.settings.clone();
        let Some(profile) = settings.profile(pod.scheduler_name()) else {
            self.queue.remove(&pod.uid);
            return true;
        };
        match self.chooser.choose(&self.cluster, profile, &pod) {
            Ok(node) => self.assign(pod, node, now),
            Err(diagnosis) => self.refuse(&pod, profile, &diagnosis, now),
        }
        true
    }

    /// When there is something to do without any change.
    pub(crate) fn next_deadline(&self) -> Option<Instant> {
        let queued = self.queue.next_deadline().filter(|_| self.bindings < BINDINGS);
        self.reserved.values().map(|(.., until)| *until).chain(queued).min()
    }

    /// Counts the pod as running on the node, and tells the API server.
    fn assign(&mut self, pod: Arc<PodInfo>, node: NodeId, now: Instant) {
        let name = self.cluster.node(node).name().to_owned();
        let claims = unbound_claims(&self.cluster, &pod);
        for claim in &claims {
            self.cluster.objects.selected.insert(claim.clone(), name.clone());
        }
        self.cluster.withdraw(&pod.uid);
        self.cluster.place(pod.clone(), &name, true);
        self.bindings += 1;
        if claims.is_empty() {
            return self.writer.bind(pod, name);
        }
        self.reserved.insert(pod.uid.clone(), (pod.clone(), name.clone(), now + VOLUMES));
        self.writer.select(pod, name, claims);
    }

    /// Binds the pods that waited for the volume of a claim, or, when it will get none on their node, tries them again.
    pub(crate) fn claim_changed(&mut self, claim: &ObjectKey, failed: bool, now: Instant) {
        let waiting = self.reserved.values().filter(|(pod, ..)| pod.claims.iter().any(|own| own.key == *claim));
        for (pod, node, _) in waiting.cloned().collect::<Vec<_>>() {
            if failed {
                self.without_volumes(&pod, &format!("provisioning failed for PVC {:?}", claim.name), now);
            } else if unbound_claims(&self.cluster, &pod).is_empty() {
                self.reserved.remove(&pod.uid);
                self.bindings += 1;
                self.writer.bind(pod, node);
            }
        }
    }

    fn without_volumes(&mut self, pod: &PodInfo, why: &str, now: Instant) {
        self.reject(pod, &format!("running PreBind plugin \"VolumeBinding\": binding volumes: {why}"), now);
    }

    /// Tells why, makes room by preemption if that helps, and lets the pod wait.
    fn refuse(&mut self, pod: &Arc<PodInfo>, profile: &Profile, diagnosis: &Diagnosis, now: Instant) {
        let outcome = if profile.preempts && !self.cluster.is_empty() {
            preempt::preempt(&mut self.cluster, profile, pod, diagnosis)
        } else {
            Preemption::Impossible(String::new())
        };
        let (nominated, text) = match outcome {
            Preemption::Impossible(why) => (None, why),
            Preemption::Ineligible(why) => (pod.nominated_node().map(str::to_owned), why.to_owned()),
            Preemption::Possible { node, victims } => {
                let name = self.cluster.node(node).name().to_owned();
                for victim in victims.into_iter().filter(|victim| !victim.class.terminating) {
                    self.writer.preempt(&victim, pod, &name);
                }
                self.nominate(pod, node);
                (Some(name), String::new())
            }
        };
        if nominated.is_none() {
            self.cluster.withdraw(&pod.uid);
        }
        self.queue.park(&pod.uid, diagnosis.plugins, now);
        let message = diagnosis.with_preemption(&text);
        self.writer.refuse(pod, why::UNSCHEDULABLE, &message, nominated.as_deref());
    }

    /// Keeps the room on a node for the pod; pods of lower priority that wait for the same node have to look elsewhere.
    fn nominate(&mut self, pod: &Arc<PodInfo>, node: NodeId) {
        let lower = self.cluster.waiting_for(node).iter().filter(|other| other.priority < pod.priority);
        for other in lower.cloned().collect::<Vec<_>>() {
            self.cluster.withdraw(&other.uid);
            self.writer.withdraw(&other);
        }
        self.cluster.nominate(pod, node);
    }

    /// Takes in how a binding ended.
    pub(crate) fn bound(&mut self, outcome: Outcome, now: Instant) {
        self.bindings -= 1;
        if let Outcome { pod, result: Err(error) } = outcome {
            let message = format!("binding rejected: running Bind plugin \"DefaultBinder\": {error}");
            self.reject(&pod, &message, now);
        }
    }

    /// Takes back the choice of a node.
    fn reject(&mut self, pod: &PodInfo, message: &str, now: Instant) {
        for claim in pod.claims.iter().map(|claim| &claim.key) {
            // Nobody may have told it; whoever was kept from another node by it is free again.
            if self.cluster.objects.selected.remove(claim).is_some() {
                self.wake(&Happening::Claim(claim), now);
            }
        }
        if !self.cluster.is_assumed(&pod.uid) {
            return;
        }
        self.take_off(&pod.uid, now);
        if self.queue.get(&pod.uid).is_some() {
            self.queue.fail(&pod.uid);
            self.writer.refuse(pod, why::ERROR, message, None);
        }
    }

    /// Takes a pod from its node; pods that wait for such room are tried again.
    pub(crate) fn take_off(&mut self, uid: &str, now: Instant) {
        self.reserved.remove(uid);
        if let Some((pod, node)) = self.cluster.remove_pod(uid) {
            let node = self.cluster.node(node).clone();
            self.wake(&Happening::PodGone(&pod, &node), now);
        }
    }

    /// Tries again the parked pods which this may help.
    pub(crate) fn wake(&mut self, happening: &Happening<'_>, now: Instant) {
        let (cluster, settings) = (&self.cluster, &self.settings);
        self.queue.wake(now, happening.interests(), |plugins, pod| {
            let Some(profile) = settings.profile(pod.scheduler_name()) else { return false };
            let cycle = Cycle { pod, cluster, profile };
            let mut refusing = PLUGINS.iter().enumerate().filter(|(place, _)| plugins & (1 << place) != 0);
            refusing.any(|(_, plugin)| (plugin.helps)(&cycle, happening))
        });
    }
}
