//! The loop of one pod: events in, [`step`] decides, actions out; then the status is reported.

mod volumes;

use super::admit::Refusal;
use super::leftovers::{clean, look, remove_old};
use super::report::{self, Report};
use super::start::{self, StartOrder};
use super::state::{Action, ContainerState, Phase, PodState, Sandbox};
use super::status::pod_status;
use super::step::step;
use crate::objects::{Following, references};
use crate::prelude::*;
use crate::probe;
use crate::volume::{self, Prepared, VolumeContext};

/// What others may see of a pod here.
#[derive(Debug, Clone, Default)]
pub(crate) struct View {
    pub(crate) pod: Arc<Pod>,
    pub(crate) status: PodStatus,
}

/// A running actor; it ends by itself when the pod is gone from the node.
pub(crate) struct Handle {
    pub(crate) events: mpsc::UnboundedSender<Message>,
    pub(crate) view: watch::Receiver<View>,
    pub(crate) done: tokio::task::JoinHandle<()>,
}

/// What an actor is told.
#[derive(Debug)]
pub(crate) enum Message {
    /// Something happened.
    Event(Event),
    /// The engine says that a container ended.
    Died(String),
    /// The engine's events were interrupted: look at everything.
    Resync,
    /// Somebody deleted what shows this static pod in the API.
    MirrorGone,
}

struct Actor {
    context: Arc<Context>,
    state: PodState,
    prepared: Arc<Mutex<Prepared>>,
    volumes: VolumeContext,
    following: Option<Following>,
    outbox: mpsc::UnboundedSender<Message>,
    abort: CancellationToken,
    /// Probing stops when the guard is dropped.
    probes: HashMap<String, ((String, bool), tokio_util::sync::DropGuard)>,
    wake: Option<Timestamp>,
    reports: watch::Sender<Report>,
    view: watch::Sender<View>,
}

/// Begins to look after a pod; `present` are its containers in the engine. One that is refused ends as it begins.
pub(crate) fn spawn(
    context: Arc<Context>,
    pod: Arc<Pod>,
    present: Vec<ContainerInfo>,
    refusal: Option<Refusal>,
) -> Handle {
    let (events, inbox) = mpsc::unbounded_channel();
    let mut state = PodState::new(pod.clone(), Timestamp::now());
    let mut status = pod.status.clone().unwrap_or_default();
    if let Some((reason, message)) = &refusal {
        context.record(&pod, None, true, reason, message);
        status.phase = Some("Failed".to_owned());
        state.failed.clone_from(&refusal);
    }
    let (view, seen) = watch::channel(View { pod: pod.clone(), status });
    let (reports, reported) = watch::channel(Report::default());
    let volumes = volumes::context(&context, &pod);
    let named = pod.spec.as_ref().map(references).unwrap_or_default();
    let following = Some(context.objects.follow(pod.namespace(), named));
    let actor = Actor {
        state,
        prepared: Arc::default(),
        volumes,
        following,
        outbox: events.clone(),
        abort: CancellationToken::new(),
        probes: HashMap::new(),
        wake: None,
        reports,
        view,
        context: context.clone(),
    };
    let writer = tokio::spawn(report::run(context, reported));
    let done = tokio::spawn(async move {
        actor.run(inbox, present).await;
        if let Err(e) = writer.await {
            tracing::warn!("the writer of a pod's status failed: {e}");
        }
    });
    Handle { events, view: seen, done }
}

/// Waits for `at`, or for ever.
async fn sleep_until(at: Option<Timestamp>) {
    match at {
        Some(at) => {
            let left = at.duration_since(Timestamp::now());
            tokio::time::sleep(Duration::try_from(left).unwrap_or_default()).await;
        }
        None => std::future::pending().await,
    }
}

async fn next_change(following: Option<&mut Following>) {
    if let Some(following) = following
        && following.changes.next().await.is_some()
    {
        return;
    }
    std::future::pending::<()>().await;
}

impl Actor {
    async fn run(mut self, mut inbox: mpsc::UnboundedReceiver<Message>, present: Vec<ContainerInfo>) {
        let observed = start::observe(&self.context, &self.state.pod, present).await;
        self.handle(observed);
        while !self.state.finished {
            let renew = self.prepared.lock().refresh_at;
            tokio::select! {
                message = inbox.recv() => match message {
                    Some(Message::Event(event)) => self.handle(event),
                    Some(Message::Died(id)) => self.look_at(id),
                    Some(Message::Resync) => self.resync(),
                    Some(Message::MirrorGone) => self.reports.send_modify(|_| ()),
                    None => return,
                },
                () = next_change(self.following.as_mut()) => self.objects_changed(),
                () = sleep_until(renew) => {
                    self.prepared.lock().refresh_at = None;
                    self.refresh_volumes();
                }
                () = sleep_until(self.wake) => {
                    self.wake = None;
                    self.handle(Event::Tick);
                }
            }
        }
    }

    fn handle(&mut self, event: Event) {
        let downward = matches!(&event, Event::PodChanged(new) if metadata_changed(&self.state.pod, new));
        let actions = step(&mut self.state, event, Timestamp::now());
        let last = actions.contains(&Action::Finish);
        for action in actions {
            self.perform(action);
        }
        if downward {
            self.refresh_volumes();
        }
        self.probe();
        self.report(last);
    }

    fn send_when_done(&self, work: impl Future<Output = Vec<Event>> + Send + 'static) {
        let outbox = self.outbox.clone();
        tokio::spawn(async move {
            for event in work.await {
                if outbox.send(Message::Event(event)).is_err() {
                    return;
                }
            }
        });
    }

    fn perform(&mut self, action: Action) {
        let (context, pod) = (self.context.clone(), self.state.pod.clone());
        match action {
            Action::PrepareVolumes => self.prepare_volumes(),
            Action::CreateSandbox { attempt } => {
                self.send_when_done(async move {
                    vec![match start::sandbox(&context, &pod, attempt).await {
                        Ok((id, ip)) => Event::SandboxReady { id, ip },
                        Err(message) => Event::SandboxFailed(message),
                    }]
                });
            }
            Action::RemoveSandbox { id } => self.send_when_done(async move {
                insist(&format!("remove sandbox {id}"), || context.runtime.remove(&id)).await;
                vec![Event::SandboxRemoved]
            }),
            Action::Start { name, attempt } => self.start(name, attempt),
            Action::PreStop { name, id, grace } => {
                let ip = self.state.ip.clone();
                self.send_when_done(async move {
                    start::pre_stop(&context, &pod, &name, &id, &ip, grace).await;
                    vec![Event::PreStopped { name }]
                });
            }
            Action::Kill { name, id, grace, hook, message } => {
                context.record(&pod, Some(field_path(&pod, &name)), false, "Killing", &message);
                let ip = self.state.ip.clone();
                self.send_when_done(async move {
                    start::kill(&context, &pod, &name, &id, &ip, grace, hook).await;
                    look(&context, &pod, &id).await
                });
            }
            Action::Resize { name, id } => self.send_when_done(async move {
                let outcome = start::resize(&context, &pod, &name, &id).await;
                vec![Event::Resized { name, outcome }]
            }),
            Action::AbortStarts => self.abort.cancel(),
            Action::Clean => {
                probe::figures::forget(pod.uid());
                self.send_when_done(async move {
                    clean(&context, pod.uid()).await;
                    vec![Event::Cleaned]
                });
            }
            Action::RemoveVolumes => {
                self.following = None;
                let dir = context.pod_dir(&pod);
                tokio::task::spawn_blocking(move || {
                    if let Err(e) = volume::clean(&dir.join("volume-subpaths")).and(volume::clean(&dir.join("volumes")))
                    {
                        tracing::warn!("cannot remove the volumes of a pod: {e}");
                    }
                });
            }
            Action::Finish => {}
            Action::Record { warning, reason, message, container } => {
                let path = container.map(|name| field_path(&pod, &name));
                context.record(&pod, path, warning, reason, &message);
            }
            Action::WakeAt(at) => self.wake = self.wake.into_iter().chain([at]).min(),
        }
    }

    fn start(&self, name: String, attempt: u32) {
        let Sandbox::Ready { id } = &self.state.sandbox else { return };
        let order = StartOrder {
            target: self.target(&name),
            name,
            attempt,
            sandbox: id.clone(),
            ip: self.state.ip.clone(),
            volumes: self.prepared.lock().paths.clone(),
            abort: self.abort.clone(),
        };
        let (context, pod) = (self.context.clone(), self.state.pod.clone());
        self.send_when_done(async move {
            let events = start::start(&context, &pod, &order).await;
            remove_old(&context, &pod, &order.name, attempt).await;
            events
        });
    }

    /// The running container that an ephemeral one is aimed at.
    fn target(&self, name: &str) -> Option<String> {
        let spec = self.state.pod.spec.as_ref()?;
        let ephemeral = spec.ephemeral_containers.iter().flatten().find(|c| c.name == name)?;
        let target = ephemeral.target_container_name.as_deref()?;
        self.state.containers.iter().find(|c| c.name == target)?.running().map(str::to_owned)
    }

    fn objects_changed(&mut self) {
        self.refresh_volumes();
        self.handle(Event::ObjectsChanged);
    }

    fn look_at(&self, id: String) {
        let sandbox = matches!(&self.state.sandbox, Sandbox::Ready { id: own } if *own == id);
        let (context, pod) = (self.context.clone(), self.state.pod.clone());
        self.send_when_done(async move {
            if sandbox { vec![Event::SandboxDied { id }] } else { look(&context, &pod, &id).await }
        });
    }

    fn resync(&self) {
        for id in self.state.containers.iter().filter_map(ContainerState::running) {
            self.look_at(id.to_owned());
        }
        if let Sandbox::Ready { id } = &self.state.sandbox {
            let (context, id) = (self.context.clone(), id.clone());
            self.send_when_done(async move {
                let alive = context.find(&id).await.is_some_and(|info| info.running);
                if alive { Vec::new() } else { vec![Event::SandboxDied { id }] }
            });
        }
    }

    /// Probes what runs, and nothing else.
    fn probe(&mut self) {
        let ending = self.state.stop_since.is_some();
        let of = |c: &ContainerState| match &c.phase {
            Phase::Running { id, started_at, .. } => {
                Some((c.name.clone(), ((id.clone(), ending), *started_at, c.started)))
            }
            _ => None,
        };
        let running: HashMap<String, _> = self.state.containers.iter().filter_map(of).collect();
        self.probes.retain(|name, (of, _)| running.get(name).is_some_and(|(now, ..)| now == of));
        for (name, (of, since, started)) in running {
            if self.probes.contains_key(&name) {
                continue;
            }
            let Some(spec) = self.state.spec_of(&name) else { continue };
            let stop = CancellationToken::new();
            let host_network = self.state.pod.spec.as_ref().is_some_and(|s| s.host_network == Some(true));
            let ip = if host_network { self.context.options.node.address.to_string() } else { self.state.ip.clone() };
            let subject = probe::Subject { pod: self.state.pod.clone(), id: of.0.clone(), ip, since, ending };
            probe::spawn(&self.context, subject, spec, started, &self.outbox, &stop);
            self.probes.insert(name, (of, stop.drop_guard()));
        }
    }

    fn report(&mut self, last: bool) {
        let pod = &self.state.pod;
        let (before, own) = (pod.status.clone().unwrap_or_default(), self.view.borrow().status.clone());
        let address = self.context.options.node.address.to_string();
        let status = if self.state.over && !last {
            before
        } else {
            pod_status(&self.state, &before, &own, &address, Timestamp::now())
        };
        let changed = status != own;
        if changed || last {
            self.reports.send_replace(Report { pod: pod.clone(), status: status.clone(), last });
        }
        if changed || !Arc::ptr_eq(&self.view.borrow().pod, pod) {
            self.view.send_replace(View { pod: pod.clone(), status });
        }
    }
}

fn metadata_changed(old: &Pod, new: &Pod) -> bool {
    old.metadata.labels != new.metadata.labels || old.metadata.annotations != new.metadata.annotations
}
