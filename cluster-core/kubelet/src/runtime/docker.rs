//! [`Runtime`] on top of Docker's socket.

use super::docker_spec::{image, info, update_body};
use super::{
    ExecSpec, ImageInfo, Limits, LogQuery, Output, OutputStream, Result, RuntimeEvent, Session, TerminalSize, Usage,
};
use crate::prelude::*;
use async_trait::async_trait;
use bollard::auth::DockerCredentials;
use bollard::container::LogOutput;
use bollard::errors::Error as DockerError;
use bollard::exec::{ResizeExecOptions, StartExecOptions, StartExecResults};
use bollard::models::ContainerCreateBody;
use bollard::query_parameters as query;
use cluster_object::pod::with_tag;
use futures::TryStreamExt;
use futures::future::BoxFuture;
use nix::errno::Errno;
use nix::sys::signal::{self, Signal};
use nix::unistd::Pid;

/// A call may wait as long as a container's grace period; calls that must be quick have their own limit.
const CALL_TIMEOUT_SECONDS: u64 = 24 * 3600;
/// An engine that is well answers a question about itself within this time.
const ANSWER: Duration = Duration::from_secs(10);

/// A connection to a Docker engine.
#[derive(Clone)]
pub(crate) struct Docker(bollard::Docker);

impl Docker {
    /// The engine behind the usual socket or `DOCKER_HOST`.
    pub(crate) fn connect() -> Result<Self> {
        let docker = bollard::Docker::connect_with_local_defaults().map_err(error)?;
        Ok(Self(docker.with_timeout(Duration::from_secs(CALL_TIMEOUT_SECONDS))))
    }
}

fn error(error: DockerError) -> RuntimeError {
    match error {
        DockerError::DockerResponseServerError { status_code: 404, message } => RuntimeError::NotFound(message),
        DockerError::DockerResponseServerError { message, .. } => RuntimeError::Refused(message),
        other => RuntimeError::Unreachable(other.to_string()),
    }
}

fn unanswered() -> RuntimeError {
    RuntimeError::Unreachable(format!("no answer in {} s", ANSWER.as_secs()))
}

fn is_code(error: &DockerError, code: u16) -> bool {
    matches!(error, DockerError::DockerResponseServerError { status_code, .. } if *status_code == code)
}

fn output(piece: std::result::Result<LogOutput, DockerError>) -> Option<Result<Output>> {
    match piece {
        Ok(LogOutput::StdOut { message } | LogOutput::Console { message }) => Some(Ok(Output::Stdout(message))),
        Ok(LogOutput::StdErr { message }) => Some(Ok(Output::Stderr(message))),
        Ok(LogOutput::StdIn { .. }) => None,
        Err(e) => Some(Err(error(e))),
    }
}

fn labelled() -> HashMap<String, Vec<String>> {
    HashMap::from([("label".to_owned(), vec![label::POD_UID.to_owned()])])
}

/// Tells the engine of the terminal sizes that come, one after the other.
fn resizes(
    docker: &bollard::Docker,
    id: &str,
    resize: for<'a> fn(
        &'a bollard::Docker,
        &'a str,
        TerminalSize,
    ) -> BoxFuture<'a, std::result::Result<(), DockerError>>,
) -> mpsc::UnboundedSender<TerminalSize> {
    let (sender, mut sizes) = mpsc::unbounded_channel();
    let (docker, id) = (docker.clone(), id.to_owned());
    tokio::spawn(async move {
        while let Some(size) = sizes.recv().await {
            if let Err(e) = resize(&docker, &id, size).await {
                tracing::debug!("cannot resize a terminal: {e}");
            }
        }
    });
    sender
}

/// Tells of what happens until the engine goes away; the answer is whether anybody still listens.
async fn events_once(engine: &Docker, into: &mpsc::UnboundedSender<RuntimeEvent>) -> bool {
    if engine.ping().await.is_err() {
        return !into.is_closed();
    }
    // From before everything is looked at anew: the engine tells again what happened since.
    let since = Timestamp::now().as_second().to_string();
    let mut filters = labelled();
    filters.insert("type".to_owned(), vec!["container".to_owned()]);
    filters.insert("event".to_owned(), vec!["die".to_owned()]);
    let options = query::EventsOptionsBuilder::new().since(&since).filters(&filters).build();
    let mut stream = Box::pin(engine.0.events(Some(options)));
    if into.send(RuntimeEvent::Reconnected).is_err() {
        return false;
    }
    while let Some(Ok(event)) = stream.next().await {
        let Some(actor) = event.actor else { continue };
        let pod_uid = actor.attributes.and_then(|mut a| a.remove(label::POD_UID)).unwrap_or_default();
        if into.send(RuntimeEvent::Died { id: actor.id.unwrap_or_default(), pod_uid }).is_err() {
            return false;
        }
    }
    true
}

#[async_trait]
impl Runtime for Docker {
    async fn version(&self) -> Result<String> {
        let asked = tokio::time::timeout(ANSWER, self.0.version()).await.map_err(|_| unanswered())?;
        Ok(asked.map_err(error)?.version.unwrap_or_default())
    }

    async fn ping(&self) -> Result<()> {
        let asked = tokio::time::timeout(ANSWER, self.0.ping());
        asked.await.map_err(|_| unanswered())?.map(drop).map_err(error)
    }

    async fn create(&self, name: &str, body: &ContainerCreateBody) -> Result<String> {
        let options = query::CreateContainerOptionsBuilder::new().name(name).build();
        let create = || self.0.create_container(Some(options.clone()), body.clone());
        let mut created = create().await;
        if created.as_ref().is_err_and(|e| is_code(e, 409)) {
            self.remove(name).await?;
            created = create().await;
        }
        created.map(|created| created.id).map_err(error)
    }

    async fn start(&self, id: &str) -> Result<()> {
        self.0.start_container(id, None::<query::StartContainerOptions>).await.map_err(error)
    }

    async fn update(&self, id: &str, limits: &Limits) -> Result<()> {
        self.0.update_container(id, update_body(limits)).await.map_err(error)
    }

    async fn stop(&self, id: &str, grace: Duration) -> Result<()> {
        let seconds = i32::try_from(grace.as_secs()).unwrap_or(i32::MAX);
        match self.0.stop_container(id, Some(query::StopContainerOptionsBuilder::new().t(seconds).build())).await {
            Err(e) if is_code(&e, 304) || is_code(&e, 404) => Ok(()),
            other => other.map_err(error),
        }
    }

    async fn remove(&self, id: &str) -> Result<()> {
        let options = query::RemoveContainerOptionsBuilder::new().force(true).v(true).build();
        match self.0.remove_container(id, Some(options)).await {
            // 409: another removal of it is in progress.
            Err(e) if is_code(&e, 404) || is_code(&e, 409) => Ok(()),
            other => other.map_err(error),
        }
    }

    async fn list(&self) -> Result<Vec<ContainerInfo>> {
        let options = query::ListContainersOptionsBuilder::new().all(true).filters(&labelled()).build();
        let listed = self.0.list_containers(Some(options)).await.map_err(error)?;
        let brief = |c: bollard::models::ContainerSummary| ContainerInfo {
            id: c.id.unwrap_or_default(),
            running: c.state.as_ref().is_some_and(|s| s.to_string() == "running"),
            created: c.state.is_some_and(|s| s.to_string() == "created"),
            labels: c.labels.unwrap_or_default(),
            image_id: c.image_id.unwrap_or_default(),
            ..ContainerInfo::default()
        };
        Ok(listed.into_iter().map(brief).collect())
    }

    async fn inspect(&self, id: &str) -> Result<ContainerInfo> {
        self.0.inspect_container(id, None::<query::InspectContainerOptions>).await.map(info).map_err(error)
    }

    async fn logs(&self, id: &str, wanted: &LogQuery) -> Result<OutputStream> {
        let tail = wanted.tail.map_or_else(|| "all".to_owned(), |n| n.to_string());
        let since = wanted.since.map_or(0, |t| i32::try_from(t.as_second()).unwrap_or(i32::MAX));
        let options = query::LogsOptionsBuilder::new()
            .follow(wanted.follow)
            .stdout(true)
            .stderr(true)
            .timestamps(wanted.timestamps)
            .since(since)
            .tail(&tail)
            .build();
        Ok(self.0.logs(id, Some(options)).filter_map(|piece| async { output(piece) }).boxed())
    }

    async fn exec(&self, id: &str, spec: &ExecSpec) -> Result<Session> {
        let config = bollard::models::ExecConfig {
            attach_stdin: Some(spec.stdin),
            attach_stdout: Some(true),
            attach_stderr: Some(true),
            tty: Some(spec.tty),
            cmd: Some(spec.command.clone()),
            ..bollard::models::ExecConfig::default()
        };
        let exec = self.0.create_exec(id, config).await.map_err(error)?.id;
        let options = StartExecOptions { tty: spec.tty, ..StartExecOptions::default() };
        let StartExecResults::Attached { output: out, input } =
            self.0.start_exec(&exec, Some(options)).await.map_err(error)?
        else {
            return Err(RuntimeError::Refused("the engine detached from the command".to_owned()));
        };
        let resize = resizes(&self.0, &exec, |docker, id, TerminalSize { width, height }| {
            docker.resize_exec(id, ResizeExecOptions { height, width }).boxed()
        });
        let (docker, name) = (self.0.clone(), exec.clone());
        let kill = async move {
            let found = docker.inspect_exec(&name).await.map_err(error)?;
            let Some(pid) = found.pid.filter(|pid| found.running == Some(true) && *pid > 0) else { return Ok(()) };
            // The engine gives a command a group of its own, in which its children are too.
            match signal::killpg(Pid::from_raw(pid as i32), Signal::SIGKILL) {
                Ok(()) | Err(Errno::ESRCH) => Ok(()),
                Err(e) => Err(RuntimeError::Refused(e.to_string())),
            }
        };
        let docker = self.0.clone();
        let exit_code = async move {
            let answer = docker.inspect_exec(&exec).await.map_err(error)?;
            Ok(answer.exit_code.unwrap_or_default() as i32)
        };
        let output = out.filter_map(|piece| async { output(piece) }).boxed();
        Ok(Session { output, input, resize, exit_code: exit_code.boxed(), kill: kill.boxed() })
    }

    async fn attach(&self, id: &str, stdin: bool, output: bool) -> Result<Session> {
        let options = query::AttachContainerOptionsBuilder::new().stream(true);
        let options = options.stdin(stdin).stdout(output).stderr(output);
        let attached = self.0.attach_container(id, Some(options.build())).await.map_err(error)?;
        let resize = resizes(&self.0, id, |docker, id, TerminalSize { width, height }| {
            let options = query::ResizeContainerTTYOptionsBuilder::new().w(width.into()).h(height.into()).build();
            docker.resize_container_tty(id, options).boxed()
        });
        let output = attached.output.filter_map(|piece| async { self::output(piece) }).boxed();
        let (exit_code, kill) = (std::future::ready(Ok(0)).boxed(), std::future::ready(Ok(())).boxed());
        Ok(Session { output, input: attached.input, resize, exit_code, kill })
    }

    async fn images(&self) -> Result<Vec<ImageInfo>> {
        let listed = self.0.list_images(None::<query::ListImagesOptions>).await.map_err(error)?;
        let image = |i: bollard::models::ImageSummary| {
            let names = i.repo_digests.into_iter().chain(i.repo_tags).filter(|n| !n.starts_with("<none>")).collect();
            ImageInfo { id: i.id, names, size: i.size, ..ImageInfo::default() }
        };
        Ok(listed.into_iter().map(image).collect())
    }

    async fn image(&self, name: &str) -> Result<Option<ImageInfo>> {
        match self.0.inspect_image(name).await {
            Ok(answer) => Ok(Some(image(answer))),
            Err(e) if is_code(&e, 404) => Ok(None),
            Err(e) => Err(error(e)),
        }
    }

    async fn remove_image(&self, id: &str) -> Result<()> {
        let options = query::RemoveImageOptionsBuilder::new().force(true).build();
        match self.0.remove_image(id, Some(options), None).await {
            Err(e) if is_code(&e, 404) => Ok(()),
            other => other.map(drop).map_err(error),
        }
    }

    async fn pull(&self, name: &str, auth: Option<&DockerCredentials>) -> Result<()> {
        let options = query::CreateImageOptionsBuilder::new().from_image(&with_tag(name)).build();
        let progress = self.0.create_image(Some(options), None, auth.cloned());
        progress.try_for_each(|_| std::future::ready(Ok(()))).await.map_err(error)
    }

    fn events(&self) -> BoxStream<'static, RuntimeEvent> {
        let (send, receive) = mpsc::unbounded_channel();
        let engine = self.clone();
        tokio::spawn(async move {
            while events_once(&engine, &send).await {
                // The engine went away; it answers again when it is back.
                tokio::time::sleep(Duration::from_millis(500)).await;
            }
        });
        tokio_stream::wrappers::UnboundedReceiverStream::new(receive).boxed()
    }

    async fn usage(&self, id: &str) -> Result<Usage> {
        let options = query::StatsOptionsBuilder::new().stream(false).one_shot(true).build();
        let mut stream = Box::pin(self.0.stats(id, Some(options)));
        let stats = stream.next().await.transpose().map_err(error)?.unwrap_or_default();
        let cpu = stats.cpu_stats.and_then(|c| c.cpu_usage).and_then(|u| u.total_usage).unwrap_or_default();
        let memory = stats.memory_stats.unwrap_or_default();
        let details = memory.stats.unwrap_or_default();
        let inactive = details.get("inactive_file").or(details.get("total_inactive_file")).copied().unwrap_or_default();
        let memory_bytes = memory.usage.unwrap_or_default().saturating_sub(inactive);
        let processes = stats.pids_stats.and_then(|pids| pids.current).unwrap_or_default();
        let processes = i64::try_from(processes).unwrap_or(i64::MAX);
        Ok(Usage { cpu_nanoseconds: cpu, memory_bytes, processes })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An engine that goes away after each event that it tells.
    #[tokio::test]
    async fn an_engine_that_went_away_is_asked_for_what_happened_since_all_was_looked_at() {
        let folder = tempfile::tempdir().expect("a folder");
        let socket = folder.path().join("docker.sock");
        let listener = tokio::net::UnixListener::bind(&socket).expect("a socket");
        let (asked, mut questions) = mpsc::unbounded_channel();
        let answer = async move |uri: http::Uri| {
            if !uri.path().ends_with("/events") {
                return "OK".to_owned();
            }
            asked.send(uri.query().unwrap_or_default().to_owned()).expect("a listener");
            let actor = json!({"ID": "c1", "Attributes": {label::POD_UID: "u"}});
            json!({"Type": "container", "Action": "die", "Actor": actor}).to_string()
        };
        tokio::spawn(async { axum::serve(listener, Router::new().fallback(answer)).await });
        let path = socket.to_str().expect("a path");
        let docker = bollard::Docker::connect_with_unix(path, 10, bollard::API_DEFAULT_VERSION).expect("an engine");
        let begun = Timestamp::now().as_second();
        let mut events = Docker(docker).events();
        for round in 0..2 {
            assert_eq!(events.next().await, Some(RuntimeEvent::Reconnected), "{round}");
            let looked = Timestamp::now().as_second();
            let died = RuntimeEvent::Died { id: "c1".to_owned(), pod_uid: "u".to_owned() };
            assert_eq!(events.next().await, Some(died), "{round}");
            let query = questions.recv().await.expect("a question");
            let mut query = url::form_urlencoded::parse(query.as_bytes());
            let since = query.find(|(name, _)| name == "since").and_then(|(_, since)| since.parse::<i64>().ok());
            assert!(since.is_some_and(|since| (begun..=looked).contains(&since)), "{since:?}");
        }
    }
}
