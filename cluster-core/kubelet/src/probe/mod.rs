//! Probes: one task per running container asks at its times; only changes of the verdict reach the pod's actor.

pub(crate) mod figures;
mod grpc;
pub(crate) mod http;
mod judge;

use crate::pod::actor::Message;
use crate::pod::state::{ProbeKind, container_spec};
use crate::prelude::*;
use futures::future::OptionFuture;
use judge::Judge;
use k8s_openapi::api::core::v1::Probe;
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;

/// What is probed.
#[derive(Clone)]
pub(crate) struct Subject {
    pub(crate) pod: Arc<Pod>,
    pub(crate) id: String,
    pub(crate) ip: String,
    /// When its container started.
    pub(crate) since: Timestamp,
    /// It is being ended: what it may still answer is whether it is ready.
    pub(crate) ending: bool,
}

/// What a container says when it is asked: a warning at most, or why it is not well.
pub(crate) type Answer = Result<Option<String>, String>;

/// A port by number or by its name in the container.
pub(crate) fn port(pod: &Pod, container: &str, port: &IntOrString) -> Result<u16, String> {
    let number = match port {
        IntOrString::Int(number) => Some(*number),
        IntOrString::String(name) => {
            let definition = pod.spec.as_ref().and_then(|spec| container_spec(spec, container));
            let mut ports = definition.iter().flat_map(|c| c.ports.iter().flatten());
            let named = ports.find(|p| p.name.as_ref() == Some(name)).map(|p| p.container_port);
            named.or_else(|| name.parse().ok())
        }
    };
    number.and_then(|n| u16::try_from(n).ok()).ok_or_else(|| format!("couldn't find port: {port:?}"))
}

/// Starts the probes of a container; they end with `stop`.
pub(crate) fn spawn(
    context: &Arc<Context>,
    subject: Subject,
    spec: &Container,
    started: bool,
    outbox: &mpsc::UnboundedSender<Message>,
    stop: &CancellationToken,
) {
    let worker = |kind, probe: &Probe| Worker {
        context: context.clone(),
        subject: subject.clone(),
        container: spec.name.clone(),
        kind,
        probe: probe.clone(),
        outbox: outbox.clone(),
    };
    let ending = subject.ending;
    let startup = spec.startup_probe.as_ref().filter(|_| !started).map(|p| worker(ProbeKind::Startup, p));
    let readiness = spec.readiness_probe.as_ref().map(|p| worker(ProbeKind::Readiness, p));
    let liveness = spec.liveness_probe.as_ref().filter(|_| !ending).map(|p| worker(ProbeKind::Liveness, p));
    if (ending && startup.is_some()) || (startup.is_none() && readiness.is_none() && liveness.is_none()) {
        return;
    }
    let all = async move {
        if let Some(startup) = startup
            && !startup.run().await
        {
            return;
        }
        tokio::join!(OptionFuture::from(readiness.map(Worker::run)), OptionFuture::from(liveness.map(Worker::run)));
    };
    tokio::spawn(stop.clone().run_until_cancelled_owned(all));
}

struct Worker {
    context: Arc<Context>,
    subject: Subject,
    container: String,
    kind: ProbeKind,
    probe: Probe,
    outbox: mpsc::UnboundedSender<Message>,
}

fn seconds(value: Option<i32>, default: i32, least: i32) -> Duration {
    Duration::from_secs(u64::from(value.unwrap_or(default).max(least).unsigned_abs()))
}

impl Worker {
    /// Asks again and again, until a startup probe succeeds (the answer is whether it did), or the container must go.
    async fn run(self) -> bool {
        // An interval counts from the start of the container, also for those who waited for its startup probe.
        let age = Duration::try_from(Timestamp::now().duration_since(self.subject.since)).unwrap_or_default();
        tokio::time::sleep(seconds(self.probe.initial_delay_seconds, 0, 0).saturating_sub(age)).await;
        let period = seconds(self.probe.period_seconds, 10, 1);
        let mut judge = Judge::new(&self.probe, self.kind);
        loop {
            let begun = tokio::time::Instant::now();
            let result = match self.once().await {
                Ok(result) => result,
                Err(why) => {
                    self.warn("Unhealthy", &format!("probe errored and resulted in unknown state: {why}"));
                    tokio::time::sleep(period).await;
                    continue;
                }
            };
            let (pod, kind) = (&self.subject.pod, self.kind.word());
            figures::count(pod, &self.container, kind, result.is_ok(), begun.elapsed());
            match &result {
                Err(why) => self.warn("Unhealthy", &format!("probe failed: {why}")),
                Ok(Some(warning)) => self.warn("ProbeWarning", &format!("probe warning: {warning}")),
                Ok(None) => {}
            }
            if let Some(ok) = judge.observe(result.is_ok()) {
                let event = Event::Probe { name: self.container.clone(), kind: self.kind, ok };
                let last = if ok { self.kind == ProbeKind::Startup } else { self.kind != ProbeKind::Readiness };
                if self.outbox.send(Message::Event(event)).is_err() || last {
                    return ok;
                }
            }
            tokio::time::sleep(period).await;
        }
    }

    fn warn(&self, reason: &str, message: &str) {
        let path = Some(field_path(&self.subject.pod, &self.container));
        let message = format!("{} {message}", self.kind.word());
        self.context.record(&self.subject.pod, path, true, reason, &message);
    }

    /// What the container answers, or why it could not be asked.
    async fn once(&self) -> Result<Answer, String> {
        let timeout = seconds(self.probe.timeout_seconds, 1, 1);
        if let Some(exec) = &self.probe.exec {
            let command = exec.command.clone().unwrap_or_default();
            let text = command.join(" ");
            let run = crate::pod::output_of(&*self.context.runtime, &self.subject.id, command, timeout);
            return Ok(match run.await.map_err(|e| e.to_string())? {
                Some((0, _)) => Ok(None),
                Some((_, output)) => Err(output),
                None => Err(format!("command timed out: {text:?} timed out after {}s", timeout.as_secs())),
            });
        }
        let late = || Ok(Err("context deadline exceeded (Client.Timeout exceeded while awaiting headers)".to_owned()));
        tokio::time::timeout(timeout, self.ask()).await.unwrap_or_else(|_| late())
    }

    async fn ask(&self) -> Result<Answer, String> {
        let (ip, pod) = (&self.subject.ip, &self.subject.pod);
        if let Some(http) = &self.probe.http_get {
            return Ok(http::get(http, ip, port(pod, &self.container, &http.port)?).await);
        }
        if let Some(tcp) = &self.probe.tcp_socket {
            let port = port(pod, &self.container, &tcp.port)?;
            let host = tcp.host.as_deref().filter(|h| !h.is_empty()).unwrap_or(ip);
            let connected = tokio::net::TcpStream::connect((host, port)).await;
            return Ok(connected.map(|_| None).map_err(|e| format!("dial tcp {host}:{port}: {e}")));
        }
        Ok(match &self.probe.grpc {
            Some(grpc) => grpc::check(ip, grpc).await.map(|()| None),
            None => Ok(None),
        })
    }
}
