//! This node in the API: registration, status on change and every five minutes, lease.

mod facts;
pub(crate) mod images;
mod lease;
mod object;
mod pressure;

pub(crate) use facts::{Pressure, Supply, capacity, disk, supplies, usage};
pub(crate) use object::{SHORTAGES, allocatable};

use crate::prelude::*;
use cluster_client::{Error, Patch};
use k8s_openapi::api::core::v1::ObjectReference;
use object::Health;

/// A status without change is written again after this time.
const HEARTBEAT: Duration = Duration::from_mins(5);
/// How often the engine's answer and the node's pressure are looked at.
const LOOK: Duration = Duration::from_secs(10);
const RETRY: Duration = Duration::from_millis(500);

/// Keeps the Node object true.
pub(crate) struct Keeper {
    pub(crate) context: Arc<Context>,
    /// The engine's version.
    pub(crate) engine: String,
    /// Tells who admits pods what runs short.
    pub(crate) pressure: watch::Sender<Pressure>,
    /// The images that the node has.
    pub(crate) images: watch::Receiver<Vec<ImageInfo>>,
}

impl Keeper {
    pub(crate) async fn run(self, cancel: CancellationToken) {
        let leasing = lease::keep(&self.context.client, &self.context.options);
        let kept = async { tokio::join!(self.keep(), leasing) };
        cancel.run_until_cancelled(Box::pin(kept)).await;
    }

    async fn keep(&self) {
        let Context { runtime, nodes, recorder, options, .. } = &*self.context;
        let name = &options.node.name;
        let mut changes = nodes.subscribe();
        let key = ObjectKey::new("", name);
        let mut ready = options.network_ready.clone();
        while let Err(e) = self.register().await {
            tracing::warn!("cannot register the node: {e}");
            tokio::time::sleep(RETRY).await;
        }
        let about = ObjectReference {
            kind: Some("Node".to_owned()),
            name: Some(name.clone()),
            uid: Some(name.clone()),
            ..ObjectReference::default()
        };
        recorder.normal(&about, "Starting", "Starting kubelet.");
        let mut last: Option<(Health, tokio::time::Instant)> = None;
        let (mut held, mut answered) = (pressure::Held::default(), pressure::Answered(tokio::time::Instant::now()));
        let mut present = self.images.clone();
        loop {
            let answer = runtime.ping().await.map_err(|e| e.to_string());
            let look = if answer.is_ok() { LOOK } else { RETRY };
            let health = Health {
                engine: answered.with(answer, tokio::time::Instant::now()),
                network: *ready.borrow_and_update(),
                pressure: held.with(facts::pressure(&supplies(&options.root)), tokio::time::Instant::now()),
                images: present.borrow_and_update().clone(),
            };
            self.pressure.send_replace(health.pressure);
            let fresh = |(told, at): &(Health, tokio::time::Instant)| {
                let offered = nodes.get(&key).is_none_or(|node| object::offers_all(&node));
                *told == health && at.elapsed() < HEARTBEAT && offered
            };
            if !last.as_ref().is_some_and(fresh) {
                match self.report(&health).await {
                    Ok(()) => {
                        let was_ready = last.as_ref().is_some_and(|(told, _)| told.is_ready());
                        if health.is_ready() && !was_ready {
                            let message = format!("Node {name} status is now: NodeReady");
                            recorder.normal(&about, "NodeReady", message);
                        }
                        last = Some((health, tokio::time::Instant::now()));
                    }
                    Err(e) => {
                        tracing::warn!("cannot write the node's status: {e}");
                        tokio::time::sleep(RETRY).await;
                        continue;
                    }
                }
            }
            tokio::select! {
                changed = ready.changed() => {
                    if changed.is_err() {
                        tokio::time::sleep(look).await;
                    }
                }
                Ok(()) = present.changed() => {}
                () = offer(&mut changes) => {}
                () = tokio::time::sleep(look) => {}
            }
        }
    }

    /// Creates the Node, or brings the labels of the one that exists up to date.
    async fn register(&self) -> Result<(), Error> {
        let Context { client, options, .. } = &*self.context;
        let pressure = facts::pressure(&supplies(&options.root));
        let network = *options.network_ready.borrow();
        let health = Health { engine: None, network, pressure, images: Vec::new() };
        let mut node = object::node(options);
        node.status = Some(object::status(options, &self.engine, &health, None));
        match client.create(&node).await {
            Ok(_) => Ok(()),
            Err(e) if e.is_already_exists() => {
                let patch = Patch::Merge(json!({
                    "metadata": {"labels": node.metadata.labels},
                    "spec": {"podCIDR": options.node.pod_cidr, "podCIDRs": [options.node.pod_cidr]},
                }));
                client.patch::<Node>("", &options.node.name, "", &patch).await.map(drop)
            }
            Err(e) => Err(e),
        }
    }

    async fn report(&self, health: &Health) -> Result<(), Error> {
        let Context { client, options, .. } = &*self.context;
        let before: Node = match client.get("", &options.node.name).await {
            Err(e) if e.is_not_found() => {
                self.register().await?;
                client.get("", &options.node.name).await?
            }
            other => other?,
        };
        let status = object::status(options, &self.engine, health, before.status.as_ref());
        let patch = Patch::Strategic(object::status_patch(&status));
        client.patch::<Node>("", &options.node.name, "status", &patch).await.map(drop)
    }
}

/// Waits until somebody gives the node a resource that it does not offer yet.
async fn offer(changes: &mut mpsc::UnboundedReceiver<Change<Node>>) {
    while let Some(change) = changes.recv().await {
        if !object::offers_all(change.object()) {
            return;
        }
    }
    std::future::pending::<()>().await;
}
