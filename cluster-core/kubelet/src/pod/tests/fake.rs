//! An engine in memory: records calls and lets tests end containers.

use crate::runtime::{
    ContainerInfo, ExecSpec, ImageInfo, Limits, LogQuery, OutputStream, Result, Runtime, RuntimeError, RuntimeEvent,
    Session, Usage, label,
};
use async_trait::async_trait;
use bollard::auth::DockerCredentials;
use bollard::models::ContainerCreateBody;
use futures::stream::BoxStream;
use futures::{FutureExt, StreamExt};
use jiff::Timestamp;
use parking_lot::Mutex;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{Notify, broadcast};

/// The engine; images named `missing*` do not exist anywhere.
pub(super) struct Fake {
    pub(super) containers: Mutex<Vec<(ContainerCreateBody, ContainerInfo)>>,
    pub(super) images: Mutex<Vec<ImageInfo>>,
    pub(super) calls: Arc<Mutex<Vec<String>>>,
    /// Calls that will fail, once each.
    pub(super) failing: Mutex<Vec<&'static str>>,
    /// Told of every call.
    pub(super) called: Notify,
    events: broadcast::Sender<RuntimeEvent>,
}

impl Fake {
    pub(super) fn new() -> Self {
        Self {
            containers: Mutex::default(),
            images: Mutex::default(),
            calls: Arc::default(),
            failing: Mutex::default(),
            called: Notify::new(),
            events: broadcast::channel(64).0,
        }
    }

    fn may_fail(&self, call: &str) -> Result<()> {
        let mut failing = self.failing.lock();
        let Some(at) = failing.iter().position(|failing| *failing == call) else { return Ok(()) };
        failing.remove(at);
        Err(RuntimeError::Unreachable(call.to_owned()))
    }

    fn change(&self, id: &str, change: impl FnOnce(&mut ContainerInfo)) -> Result<ContainerInfo> {
        let mut containers = self.containers.lock();
        let found = containers.iter_mut().find(|(_, info)| info.id == id);
        let (_, info) = found.ok_or_else(|| RuntimeError::NotFound(format!("no such container: {id}")))?;
        change(info);
        Ok(info.clone())
    }

    /// Ends the newest running container of this name.
    pub(super) fn exit(&self, name: &str, code: i32) {
        let mut containers = self.containers.lock();
        let found = containers.iter_mut().rev().find(|(_, i)| i.running && i.label(label::CONTAINER) == name);
        let (_, info) = found.expect("a running container");
        (info.running, info.exit_code, info.finished_at) = (false, code, Some(Timestamp::now()));
        let event = RuntimeEvent::Died { id: info.id.clone(), pod_uid: info.label(label::POD_UID).to_owned() };
        self.events.send(event).ok();
    }

    pub(super) fn running(&self, name: &str) -> bool {
        self.containers.lock().iter().any(|(_, i)| i.running && i.label(label::CONTAINER) == name)
    }

    fn log(&self, call: String) {
        self.calls.lock().push(call);
        self.called.notify_one();
    }
}

fn none<T>() -> Result<T> {
    Err(RuntimeError::Refused("the fake engine cannot do that".to_owned()))
}

#[async_trait]
impl Runtime for Fake {
    async fn version(&self) -> Result<String> {
        Ok("26.1.5".to_owned())
    }

    async fn ping(&self) -> Result<()> {
        Ok(())
    }

    async fn create(&self, name: &str, body: &ContainerCreateBody) -> Result<String> {
        self.log(format!("create {name}"));
        let mut containers = self.containers.lock();
        let id = format!("id{}", containers.len());
        let info = ContainerInfo {
            id: id.clone(),
            labels: body.labels.clone().unwrap_or_default(),
            created: true,
            image_id: format!("sha256:{}", body.image.as_deref().unwrap_or_default()),
            ip: "10.244.1.2".to_owned(),
            ..ContainerInfo::default()
        };
        containers.push((body.clone(), info));
        Ok(id)
    }

    async fn start(&self, id: &str) -> Result<()> {
        let now = Timestamp::now();
        self.change(id, |c| (c.running, c.created, c.started_at) = (true, false, Some(now))).map(drop)
    }

    async fn update(&self, id: &str, limits: &Limits) -> Result<()> {
        self.log(format!("update {id} {}", limits.memory));
        Ok(())
    }

    async fn stop(&self, id: &str, grace: Duration) -> Result<()> {
        self.may_fail("stop")?;
        let info = self.inspect(id).await?;
        self.log(format!("stop {} {}", info.label(label::CONTAINER), grace.as_secs()));
        if info.running {
            self.exit(info.label(label::CONTAINER), 143);
        }
        Ok(())
    }

    async fn remove(&self, id: &str) -> Result<()> {
        self.may_fail("remove")?;
        self.log(format!("remove {id}"));
        self.containers.lock().retain(|(_, info)| info.id != id);
        Ok(())
    }

    async fn list(&self) -> Result<Vec<ContainerInfo>> {
        self.may_fail("list")?;
        Ok(self.containers.lock().iter().map(|(_, i)| i.clone()).collect())
    }

    async fn inspect(&self, id: &str) -> Result<ContainerInfo> {
        self.may_fail("inspect")?;
        self.change(id, |_| ())
    }

    async fn logs(&self, _: &str, _: &LogQuery) -> Result<OutputStream> {
        Ok(futures::stream::empty().boxed())
    }

    /// Every command hangs.
    async fn exec(&self, id: &str, _: &ExecSpec) -> Result<Session> {
        self.log("exec".to_owned());
        self.may_fail("exec")?;
        let (calls, call) = (self.calls.clone(), format!("kill a command in {id}"));
        Ok(Session {
            output: futures::stream::pending().boxed(),
            input: Box::pin(tokio::io::sink()),
            resize: tokio::sync::mpsc::unbounded_channel().0,
            exit_code: std::future::pending().boxed(),
            kill: async move {
                calls.lock().push(call);
                Ok(())
            }
            .boxed(),
        })
    }

    async fn attach(&self, _: &str, _: bool, _: bool) -> Result<Session> {
        none()
    }

    async fn images(&self) -> Result<Vec<ImageInfo>> {
        Ok(self.images.lock().clone())
    }

    async fn image(&self, name: &str) -> Result<Option<ImageInfo>> {
        let info = ImageInfo { id: format!("sha256:{name}"), ..ImageInfo::default() };
        Ok((!name.starts_with("missing")).then_some(info))
    }

    async fn remove_image(&self, id: &str) -> Result<()> {
        self.log(format!("remove image {id}"));
        self.images.lock().retain(|image| image.id != id);
        Ok(())
    }

    async fn pull(&self, name: &str, _: Option<&DockerCredentials>) -> Result<()> {
        self.log(format!("pull {name}"));
        if name.starts_with("missing") { Err(RuntimeError::Refused("manifest unknown".to_owned())) } else { Ok(()) }
    }

    fn events(&self) -> BoxStream<'static, RuntimeEvent> {
        let stream = tokio_stream::wrappers::BroadcastStream::new(self.events.subscribe());
        stream.filter_map(|event| async { event.ok() }).boxed()
    }

    async fn usage(&self, _: &str) -> Result<Usage> {
        Ok(Usage::default())
    }
}
