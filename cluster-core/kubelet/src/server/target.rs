//! What the server's routes work on: pods and containers by name, and the way into them.

use crate::prelude::*;
use crate::runtime::{ExecSpec, LogQuery, Session};

/// The pods of this node and what they share.
pub(crate) struct Target {
    pub(crate) pods: Pods,
    pub(crate) context: Arc<Context>,
}

fn missing_container(name: &str) -> Refusal {
    Refusal(StatusCode::NOT_FOUND, format!("container not found ({name:?})"))
}

fn internal(error: &RuntimeError) -> Refusal {
    Refusal(StatusCode::INTERNAL_SERVER_ERROR, error.to_string())
}

impl Target {
    /// The pod of this name.
    pub(crate) fn pod(&self, namespace: &str, name: &str) -> Result<View, Refusal> {
        let missing = || Refusal(StatusCode::NOT_FOUND, format!("pod \"{name}_{namespace}\" not found"));
        self.pods.find(namespace, name).ok_or_else(missing)
    }

    async fn running(&self, namespace: &str, pod: &str, container: &str) -> Result<ContainerInfo, Refusal> {
        let view = self.pod(namespace, pod)?;
        let all = self.context.containers(view.pod.uid()).await.map_err(|e| internal(&e))?;
        let found = all.into_iter().find(|c| c.running && c.label(label::CONTAINER) == container);
        let found = found.ok_or_else(|| missing_container(container))?;
        self.context.runtime.inspect(&found.id).await.map_err(|e| internal(&e))
    }

    /// Runs a command in a running container.
    pub(crate) async fn exec(
        &self,
        (namespace, pod, container): (&str, &str, &str),
        spec: &ExecSpec,
    ) -> Result<Session, Refusal> {
        let id = self.running(namespace, pod, container).await?.id;
        self.context.runtime.exec(&id, spec).await.map_err(|e| internal(&e))
    }

    /// Connects to the main process of a running container; the answer says whether it has a terminal.
    pub(crate) async fn attach(
        &self,
        (namespace, pod, container): (&str, &str, &str),
        stdin: bool,
    ) -> Result<(Session, bool), Refusal> {
        let info = self.running(namespace, pod, container).await?;
        // Who feeds a container once (`kubectl run -i`) comes after its start and would miss what it said by then, or
        // all of it when it has ended meanwhile. Its log has everything. A terminal's prompts never make whole lines,
        // so they can not wait in a log; nor can they be missed: somebody types at them.
        let from_log = stdin && info.stdin_once && !info.tty;
        let mut session = self.context.runtime.attach(&info.id, stdin, !from_log).await.map_err(|e| internal(&e))?;
        if from_log {
            let whole = LogQuery { follow: true, ..LogQuery::default() };
            session.output = self.context.runtime.logs(&info.id, &whole).await.map_err(|e| internal(&e))?;
        } else if !self.context.runtime.inspect(&info.id).await.map_err(|e| internal(&e))?.running {
            // The engine attaches to what has just ended as well, and then waits for a next start.
            return Err(missing_container(container));
        }
        Ok((session, info.tty))
    }

    /// A connection to a port on the pod's own loopback.
    pub(crate) async fn connect(
        &self,
        namespace: &str,
        pod: &str,
        port: u16,
    ) -> Result<tokio::net::TcpStream, Refusal> {
        let pid = self.running(namespace, pod, label::SANDBOX).await?.pid;
        let failed = |e: &dyn std::fmt::Display| {
            Refusal(
                StatusCode::INTERNAL_SERVER_ERROR,
                format!("failed to connect to localhost:{port} inside the pod: {e}"),
            )
        };
        let (send, receive) = tokio::sync::oneshot::channel();
        // A thread of its own, because it never leaves the pod's network again.
        std::thread::spawn(move || send.send(connect_in(pid, port)).is_ok());
        let stream = receive.await.map_err(|e| failed(&e))?.map_err(|e| failed(&e))?;
        tokio::net::TcpStream::from_std(stream).map_err(|e| failed(&e))
    }
}

fn connect_in(pid: i64, port: u16) -> std::io::Result<std::net::TcpStream> {
    let namespace = std::fs::File::open(format!("/proc/{pid}/ns/net"))?;
    nix::sched::setns(namespace, nix::sched::CloneFlags::CLONE_NEWNET)?;
    let stream = std::net::TcpStream::connect(("localhost", port))?;
    stream.set_nonblocking(true)?;
    Ok(stream)
}
