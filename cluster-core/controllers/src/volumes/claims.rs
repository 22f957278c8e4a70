//! Finds every claim its volume: an existing one that fits, else a new one.

use super::matching::{choose, is_for};
use super::{COMPLETED, find, provision};
use crate::prelude::*;
use cluster_client::volumes::{claim_key, claim_name, class_name, mismatch, storage, volume_name};
use k8s_openapi::api::storage::v1::StorageClass;
use k8s_openapi::apimachinery::pkg::api::resource::Quantity as Amount;
use std::cmp::Reverse;

const SELECTED_NODE: &str = "volume.kubernetes.io/selected-node";
const PROVISIONER: &str = "volume.kubernetes.io/storage-provisioner";
const NO_PROVISIONER: &str = "kubernetes.io/no-provisioner";
const PROTECTION: &str = "kubernetes.io/pvc-protection";
/// The index of pods by the claims they mount.
const CLAIMED: &str = "claims";
/// The index of volumes by the claim they are for.
const BY_CLAIM: &str = "claim";

pub(crate) fn runner(context: &Context) -> Runner<Binder> {
    let (client, recorder) = (context.client.clone(), context.recorder("persistentvolume-controller"));
    let (claims, volumes, classes, nodes, pods) = context.caches();
    let controller = Arc::new(Binder { client, recorder, claims, volumes, classes, nodes, pods });
    controller.pods.add_index(CLAIMED, |pod| claims_of(pod).map(|key| key.to_string()).collect());
    controller.volumes.add_index(BY_CLAIM, |volume| claim_key(volume).iter().map(ToString::to_string).collect());
    // Two claims must not choose the same volume at once.
    Runner::new(&controller, |c, key| c.reconcile(key).boxed())
        .alone()
        .on(&controller.claims, |c, change| {
            let claim = change.object().key();
            let mut keys = meta::keys(&c.volumes.by_index(BY_CLAIM, &claim.to_string()));
            keys.push(claim);
            keys
        })
        .on(&controller.volumes, |c, change| {
            let mut keys = claim_key(change.object()).map_or_else(|| c.waiting(), |key| vec![key]);
            keys.push(change.object().key());
            keys
        })
        .on(&controller.classes, |c, _| c.waiting())
        .on(&controller.pods, |_, change| change.gone().into_iter().flat_map(|pod| claims_of(pod)).collect::<Vec<_>>())
        .needs(&controller.nodes)
}

/// What a claim asks for when that is more than its volume has.
fn grown(claim: &PersistentVolumeClaim, volume: &PersistentVolume) -> Option<Amount> {
    let requests = claim.spec.as_ref()?.resources.as_ref()?.requests.as_ref()?;
    let wanted = requests.get("storage")?;
    let present = volume.spec.as_ref()?.capacity.as_ref();
    (storage(Some(requests)) > storage(present)).then(|| wanted.clone())
}

/// The class of claims that name none: of several defaults the newest.
fn default_class(classes: &[Arc<StorageClass>]) -> Option<&Arc<StorageClass>> {
    const DEFAULT: [&str; 2] =
        ["storageclass.kubernetes.io/is-default-class", "storageclass.beta.kubernetes.io/is-default-class"];
    let is_default = |class: &&Arc<StorageClass>| DEFAULT.iter().any(|mark| class.annotation(mark) == Some("true"));
    classes.iter().filter(is_default).max_by_key(|class| (class.created(), Reverse(class.name().to_owned())))
}

/// What keeps a claim whose class waits for a node: reason and message of an event. `pods` use it.
fn waits_for(pods: &[Arc<Pod>]) -> (&'static str, String) {
    let waiting = pods.iter().filter(|pod| !is_finished(pod) && pods::node(pod).is_empty());
    let names: Vec<&str> = waiting.map(|pod| pod.name()).collect();
    let text = match names.as_slice() {
        [] => {
            let text = "waiting for first consumer to be created before binding";
            return ("WaitForFirstConsumer", text.to_owned());
        }
        [pod] => format!("waiting for pod {pod} to be scheduled"),
        pods => format!("waiting for pods {} to be scheduled", pods.join(",")),
    };
    ("WaitForPodScheduled", text)
}

fn is_unclaimed(volume: &PersistentVolume) -> bool {
    volume.spec.as_ref().is_some_and(|spec| spec.claim_ref.is_none())
}

fn claims_of(pod: &Pod) -> impl Iterator<Item = ObjectKey> {
    let volumes = pod.spec.iter().flat_map(|spec| spec.volumes.iter().flatten());
    volumes.filter_map(|volume| Some(ObjectKey::new(pod.namespace(), &claim_name(pod, volume)?)))
}

/// Its keys are those of claims and, without a namespace, of volumes.
pub(crate) struct Binder {
    pub(super) client: Client,
    pub(super) recorder: Recorder,
    pub(super) claims: Informer<PersistentVolumeClaim>,
    pub(super) volumes: Informer<PersistentVolume>,
    classes: Informer<StorageClass>,
    nodes: Informer<Node>,
    pods: Informer<Pod>,
}

impl Binder {
    async fn reconcile(&self, key: &ObjectKey) -> Outcome {
        if key.namespace.is_empty() {
            return self.tend(&key.name).await.map(|()| None);
        }
        let Some(claim) = self.claims.get(key) else { return Ok(None) };
        if claim.is_deleting() {
            if !self.is_used(key).await? {
                remove_finalizer(&self.client, claim.as_ref(), PROTECTION).await?;
            }
            return Ok(None);
        }
        if claim.annotation(COMPLETED).is_some() {
            return Box::pin(self.keep(&claim)).await.map(|()| None);
        }
        match volume_name(&claim) {
            Some(wanted) => Box::pin(self.bind_named(&claim, wanted)).await,
            None => Box::pin(self.bind_any(&claim)).await,
        }
        .map(|()| None)
    }

    /// Whether a pod that has a node mounts a claim.
    async fn is_used(&self, key: &ObjectKey) -> Result<bool, Error> {
        let placed = |pod: &Pod| !pods::node(pod).is_empty();
        if self.pods.by_index(CLAIMED, &key.to_string()).iter().any(|pod| placed(pod)) {
            return Ok(true);
        }
        // The cache may lag behind, and data is at stake.
        let live = self.client.list::<Pod>(&key.namespace, "").await?;
        Ok(live.iter().any(|pod| placed(pod) && claims_of(pod).any(|claim| claim == *key)))
    }

    fn waiting(&self) -> Vec<ObjectKey> {
        let mut claims = self.claims.list();
        claims.retain(|claim| volume_name(claim).is_none());
        meta::keys(&claims)
    }

    /// A claim that was bound stays so, or has lost its volume.
    async fn keep(&self, claim: &PersistentVolumeClaim) -> Result<(), Error> {
        let volume = match volume_name(claim) {
            Some(bound) => self.volume(bound).await?,
            None => None,
        };
        let (reason, text) = match volume {
            Some(volume) if is_unclaimed(&volume) || is_for(&volume, claim) => {
                let volume = self.expand(claim, volume).await?;
                return self.bind(claim, &volume).await;
            }
            Some(_) => ("ClaimMisbound", "Two claims are bound to the same volume, this one is bound incorrectly"),
            None => ("ClaimLost", "Bound claim has lost its PersistentVolume. Data on the volume is lost!"),
        };
        if claim.status.as_ref().and_then(|status| status.phase.as_deref()) != Some("Lost") {
            self.recorder.warning(&reference(claim), reason, text);
        }
        self.set_claim_phase(claim, "Lost", None).await
    }

    /// The cache may not have it yet, and a claim must not be lost for that.
    async fn volume(&self, name: &str) -> Result<Option<Arc<PersistentVolume>>, Error> {
        if let Some(volume) = find(&self.volumes, name) {
            return Ok(Some(volume));
        }
        Ok(ignore_gone(self.client.get::<PersistentVolume>("", name).await)?.map(Arc::new))
    }

    /// Makes a bound volume as big as its claim asks for by now, where its class allows that.
    async fn expand(
        &self,
        claim: &PersistentVolumeClaim,
        volume: Arc<PersistentVolume>,
    ) -> Result<Arc<PersistentVolume>, Error> {
        let class = self.classes.get(&ObjectKey::new("", class_name(claim)));
        let Some(class) = class.filter(|class| class.allow_volume_expansion == Some(true)) else { return Ok(volume) };
        let Some(size) = grown(claim, &volume) else { return Ok(volume) };
        if class.provisioner != provision::PROVISIONER {
            let text = "waiting for an external controller to expand this PVC";
            self.recorder.normal(&reference(claim), "ExternalExpanding", text);
            return Ok(volume);
        }
        // The folder behind the volume has no size of its own.
        let mut bigger = (*volume).clone();
        let capacity = bigger.spec.get_or_insert_default().capacity.get_or_insert_default();
        capacity.insert("storage".to_owned(), size);
        let bigger = self.client.update(&bigger).await?;
        self.recorder.normal(&reference(claim), "VolumeResizeSuccessful", "Resize volume succeeded");
        Ok(Arc::new(bigger))
    }

    /// Binds a claim that asks for one volume.
    async fn bind_named(&self, claim: &PersistentVolumeClaim, wanted: &str) -> Result<(), Error> {
        match find(&self.volumes, wanted) {
            Some(volume) if is_unclaimed(&volume) || is_for(&volume, claim) => match mismatch(&volume, claim) {
                None => return self.bind(claim, &volume).await,
                Some(why) => {
                    let text = format!("Cannot bind to requested volume {wanted:?}: {why}");
                    self.recorder.warning(&reference(claim), "VolumeMismatch", text);
                }
            },
            Some(_) => {
                let text = format!("volume {wanted:?} already bound to a different claim.");
                self.recorder.warning(&reference(claim), "FailedBinding", text);
            }
            None => {}
        }
        self.set_claim_phase(claim, "Pending", None).await
    }

    async fn bind_any(&self, claim: &PersistentVolumeClaim) -> Result<(), Error> {
        let class = self.classes.get(&ObjectKey::new("", class_name(claim)));
        let waits =
            class.as_ref().is_some_and(|class| class.volume_binding_mode.as_deref() == Some("WaitForFirstConsumer"));
        let selected = claim.annotation(SELECTED_NODE);
        let node = selected.and_then(|node| self.nodes.get(&ObjectKey::new("", node)));
        let may_choose = !waits || selected.is_some();
        if let Some(volume) = choose(claim, &self.volumes.list(), node.as_deref(), may_choose) {
            return self.bind(claim, &volume).await;
        }
        if claim.spec.as_ref().is_some_and(|spec| spec.storage_class_name.is_none())
            && let Some(default) = default_class(&self.classes.list())
        {
            let mut given = claim.clone();
            given.spec.get_or_insert_default().storage_class_name.clone_from(&default.metadata.name);
            return self.client.update(&given).await.map(drop).map_err(Error::from);
        }
        let about = reference(claim);
        match class {
            _ if !may_choose => {
                let pods = self.pods.by_index(CLAIMED, &claim.key().to_string());
                let (reason, text) = waits_for(&pods);
                self.recorder.normal(&about, reason, text);
            }
            Some(class) if class.provisioner == provision::PROVISIONER => {
                return Box::pin(self.provision(claim, &class, node.as_deref())).await;
            }
            Some(class) if class.provisioner != NO_PROVISIONER => self.ask_for_volume(claim, &class).await?,
            None if !class_name(claim).is_empty() => {
                let text = format!("storageclass.storage.k8s.io {:?} not found", class_name(claim));
                self.recorder.warning(&about, "ProvisioningFailed", text);
            }
            _ => {
                let text = "no persistent volumes available for this claim and no storage class is set";
                self.recorder.normal(&about, "FailedBinding", text);
            }
        }
        self.set_claim_phase(claim, "Pending", None).await
    }

    /// Leaves a claim to the provisioner its class names, which watches for this annotation.
    async fn ask_for_volume(&self, claim: &PersistentVolumeClaim, class: &StorageClass) -> Result<(), Error> {
        if claim.annotation(PROVISIONER) != Some(&class.provisioner) {
            let patch = Patch::Merge(json!({"metadata": {"annotations": {PROVISIONER: class.provisioner}}}));
            let (namespace, name) = (claim.namespace(), claim.name());
            self.client.patch::<PersistentVolumeClaim>(namespace, name, "", &patch).await?;
        }
        let text = format!(
            "Waiting for a volume to be created either by the external provisioner '{}' or manually by the system \
             administrator. If volume creation is delayed, please verify that the provisioner is running and correctly \
             registered.",
            class.provisioner
        );
        self.recorder.normal(&reference(claim), "ExternalProvisioning", text);
        Ok(())
    }

    async fn provision(
        &self,
        claim: &PersistentVolumeClaim,
        class: &StorageClass,
        node: Option<&Node>,
    ) -> Result<(), Error> {
        if claim.spec.as_ref().and_then(|spec| spec.volume_mode.as_deref()) == Some("Block") {
            let text = format!(
                "failed to provision volume with StorageClass {:?}: volumeMode Block is not supported",
                class.name()
            );
            self.recorder.warning(&reference(claim), "ProvisioningFailed", text);
            return self.set_claim_phase(claim, "Pending", None).await;
        }
        let host = node.map(|node| node.label("kubernetes.io/hostname").unwrap_or(node.name()));
        let wanted = provision::volume(claim, class, host)
            .map_err(|e| Error::Object(format!("no volume can be made for claim {}: {e}", claim.name())))?;
        let volume = match self.client.create(&wanted).await {
            Err(error) if error.is_already_exists() => self.client.get("", &format!("pvc-{}", claim.uid())).await?,
            other => {
                let volume = other?;
                let text = format!("Successfully provisioned volume {}", volume.name());
                self.recorder.normal(&reference(claim), "ProvisioningSucceeded", text);
                volume
            }
        };
        self.bind(claim, &volume).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use cluster_fake_server::FakeServer;

    #[test]
    fn a_claim_tells_whether_it_waits_for_a_pod_or_for_its_node() {
        let pod = |name: &str, node: &str, phase: &str| {
            crate::pods::tests::pod(json!({"metadata": {"name": name}, "spec": {"nodeName": node, "containers": []},
                "status": {"phase": phase}}))
        };
        let first = ("WaitForFirstConsumer", "waiting for first consumer to be created before binding");
        let cases = [
            (vec![], first),
            (vec![pod("a", "n", "Running"), pod("b", "", "Failed")], first),
            (vec![pod("a", "", "Pending")], ("WaitForPodScheduled", "waiting for pod a to be scheduled")),
            (
                vec![pod("a", "", "Pending"), pod("b", "", "Pending")],
                ("WaitForPodScheduled", "waiting for pods a,b to be scheduled"),
            ),
        ];
        for (pods, (reason, text)) in cases {
            assert_eq!(waits_for(&pods), (reason, text.to_owned()));
        }
    }

    #[test]
    fn of_several_default_classes_the_newest_counts() {
        let class = |name: &str, mark: &str, minute: u32| -> Arc<StorageClass> {
            let made = json!({"metadata": {"name": name, "annotations": {"storageclass.kubernetes.io/is-default-class": mark},
                "creationTimestamp": format!("2026-01-01T00:0{minute}:00Z")}, "provisioner": "x"});
            Arc::new(serde_json::from_value(made).expect("a class"))
        };
        let cases = [
            (vec![], None),
            (vec![class("a", "false", 1)], None),
            (vec![class("a", "true", 1), class("b", "true", 2), class("c", "false", 3)], Some("b")),
            (vec![class("b", "true", 1), class("a", "true", 1)], Some("a")),
        ];
        for (classes, expected) in cases {
            assert_eq!(default_class(&classes).map(|class| class.name()), expected);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_claim_stays_while_a_pod_has_it_that_only_the_server_knows() {
        let (server, blind) = (FakeServer::new(), FakeServer::new());
        let (client, recorder) = (server.client(), Recorder::new(server.client(), "test", ""));
        let (seen, unseen) = (Informers::new(client.clone()), Informers::new(blind.client()));
        let (claims, volumes, classes) = (seen.informer(), seen.informer(), seen.informer());
        let (nodes, pods) = (seen.informer(), unseen.informer());
        let controller = Binder { client: client.clone(), recorder, claims, volumes, classes, nodes, pods };
        let claim: PersistentVolumeClaim = serde_json::from_value(json!({"metadata": {"name": "c", "namespace": "ns",
            "finalizers": [PROTECTION], "deletionTimestamp": "2026-01-01T00:00:00Z"}}))
        .expect("a claim");
        client.create(&claim).await.expect("created");
        let pod: Pod = serde_json::from_value(json!({"metadata": {"name": "p", "namespace": "ns"}, "spec": {
            "nodeName": "n", "containers": [],
            "volumes": [{"name": "v", "persistentVolumeClaim": {"claimName": "c"}}]}}))
        .expect("a pod");
        let pod = client.create(&pod).await.expect("created");
        controller.claims.synced().await;
        controller.reconcile(&claim.key()).await.expect("done");
        assert!(client.get::<PersistentVolumeClaim>("ns", "c").await.is_ok(), "it is in use");
        client.delete_this(&pod, DeleteOptions::default()).await.expect("deleted");
        controller.reconcile(&claim.key()).await.expect("done");
        assert!(client.get::<PersistentVolumeClaim>("ns", "c").await.is_err());
    }
}
