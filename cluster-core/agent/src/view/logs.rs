//! The logs of several containers as one, across their restarts.

use super::filter::Filter;
use super::{Gone, Outbox, PAUSE};
use crate::prelude::*;
use futures::TryStreamExt;
use http_body_util::BodyDataStream;
use tokio::io::AsyncBufReadExt;
use tokio::sync::Notify;
use tokio_util::io::StreamReader;

/// Lines that wait for a slow page; the oldest go first.
const MOST_LINES: usize = 10_000;
const PER_MESSAGE: usize = 2_000;
const FIRST_PAUSE: Duration = Duration::from_millis(200);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// Which containers.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct LogsSpec {
    namespace: String,
    #[serde(default)]
    pods: Vec<String>,
    #[serde(default)]
    selector: String,
    /// All when empty.
    #[serde(default)]
    containers: Vec<String>,
    /// Only what they said before their last restart.
    #[serde(default)]
    previous: bool,
    /// How many of the lines that are there already, of each.
    #[serde(default)]
    tail: usize,
    /// Only of so many seconds before; 0 for all.
    #[serde(default)]
    since: u32,
    /// See `filter.rs`.
    #[serde(default)]
    filter: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
struct Line {
    pod: Arc<str>,
    container: Arc<str>,
    time: String,
    text: String,
    /// Whether it was said before the last restart.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    before: bool,
}

/// What a page is told, and what waits to be told.
#[derive(Debug, Default, Serialize)]
struct Lines {
    lines: VecDeque<Line>,
    /// How many were lost before.
    dropped: usize,
    /// Why containers cannot be read, all of them, when that has changed.
    #[serde(skip_serializing_if = "Option::is_none")]
    faults: Option<Faults>,
}

/// By `pod/container`.
type Faults = BTreeMap<String, String>;

/// Lines between the streams, which never wait, and the page, which may be slow.
#[derive(Debug, Default)]
struct Ring {
    waiting: Mutex<Lines>,
    faults: Mutex<Faults>,
    filled: Notify,
}

impl Ring {
    fn push(&self, line: Line) {
        let waiting = &mut *self.waiting.lock();
        waiting.lines.push_back(line);
        if waiting.lines.len() > MOST_LINES {
            waiting.lines.pop_front();
            waiting.dropped += 1;
        }
        self.filled.notify_one();
    }

    /// Why a container cannot be read; nothing once it can be.
    fn fault(&self, life: &Life, why: Option<String>) {
        let mut faults = self.faults.lock();
        let of = format!("{}/{}", life.pod, life.container);
        let before = match why.clone() {
            Some(why) => faults.insert(of, why),
            None => faults.remove(&of),
        };
        if before != why {
            self.waiting.lock().faults = Some(faults.clone());
            self.filled.notify_one();
        }
    }

    /// Some lines, by time, and what else is news.
    fn take(&self) -> Lines {
        let mut waiting = self.waiting.lock();
        let some = waiting.lines.len().min(PER_MESSAGE);
        let lines = waiting.lines.split_off(some);
        if !lines.is_empty() {
            self.filled.notify_one();
        }
        let mut taken = std::mem::replace(&mut *waiting, Lines { lines, ..Lines::default() });
        taken.lines.make_contiguous().sort_by(|a, b| a.time.cmp(&b.time));
        taken
    }
}

/// Sends lines as they come.
pub(super) async fn show(live: &Live, spec: &LogsSpec, out: &Outbox) -> Result<(), Gone> {
    let scope = WatchScope {
        path: Resource::new("", "v1", "pods").path(&spec.namespace),
        label_selector: spec.selector.clone(),
        ..WatchScope::default()
    };
    let (sender, mut events) = mpsc::unbounded_channel();
    let (filter, backend) = (Filter::parse(&spec.filter), live.backend.clone());
    let source = Arc::new(Source { spec: spec.clone(), filter, backend, ring: Ring::default() });
    let streams = Streams { source: source.clone(), open: HashMap::new() };
    tokio::select! {
        () = follow(&live.backend, &scope, Form::Objects, |event| drop(sender.send(event))) => Ok(()),
        ended = read(&mut events, streams, out) => ended,
        ended = write(&source.ring, out) => ended,
    }
}

/// Follows the pods.
async fn read(events: &mut mpsc::UnboundedReceiver<Event>, mut streams: Streams, out: &Outbox) -> Result<(), Gone> {
    while let Some(event) = events.recv().await {
        match &event {
            Event::Lost(status) => out.state(Some(status)).await?,
            Event::Page { first: true, .. } | Event::Back => out.state(None).await?,
            _ => {}
        }
        streams.take(event);
    }
    Ok(())
}

async fn write(ring: &Ring, out: &Outbox) -> Result<(), Gone> {
    loop {
        ring.filled.notified().await;
        let news = ring.take();
        if !news.lines.is_empty() || news.dropped > 0 || news.faults.is_some() {
            out.send("lines", &news).await?;
        }
        tokio::time::sleep(PAUSE).await;
    }
}

/// One life of a container.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Life {
    pod: Arc<str>,
    uid: String,
    container: Arc<str>,
    restarts: i64,
}

/// What all streams of a view share.
struct Source {
    spec: LogsSpec,
    filter: Filter,
    backend: Arc<HttpBackend>,
    ring: Ring,
}

/// The streams, each with the time of its last line.
struct Streams {
    source: Arc<Source>,
    open: HashMap<Life, (AbortOnDropHandle<()>, Arc<Mutex<String>>)>,
}

impl Streams {
    fn take(&mut self, event: Event) {
        let read = |bytes: &Bytes| decode::<Value>("pods", bytes).unwrap_or_default();
        match event {
            Event::Page { bytes, .. } => meta::items(&read(&bytes)["items"]).iter().for_each(|pod| self.put(pod)),
            Event::Put(bytes) => self.put(&read(&bytes)),
            Event::Gone(bytes) => {
                let pod = read(&bytes);
                let gone = self.open.extract_if(|life, _| life.uid == meta::uid(&pod));
                gone.for_each(|(life, _)| self.source.ring.fault(&life, None));
            }
            Event::Lost(_) | Event::Back => {}
        }
    }

    fn put(&mut self, pod: &Value) {
        let spec = &self.source.spec;
        let wanted = |list: &[String], name: &str| list.is_empty() || list.iter().any(|one| one == name);
        if !wanted(&spec.pods, meta::name(pod)) {
            return;
        }
        for (life, running, mut before) in lives(pod) {
            // A stream that ended while its container runs was cut off, and goes on after its last line.
            let last = match self.open.get(&life) {
                Some((task, last)) if running && task.is_finished() => last.clone(),
                Some(_) => continue,
                None => Arc::default(),
            };
            // What it said before its restart has come already where that was followed.
            before &= !self.open.keys().any(|other| other.uid == life.uid && other.container == life.container);
            if wanted(&spec.containers, &life.container) && (!spec.previous || life.restarts > 0) {
                let stream = Stream { life: life.clone(), source: self.source.clone(), last: last.clone(), before };
                let task = AbortOnDropHandle::new(tokio::spawn(stream.run()));
                self.open.insert(life, (task, last));
            }
        }
    }
}

/// The containers of a pod that have begun, whether they run, and whether there is the log of another run before. Of one
/// that waits to be started again its last run is the present one.
fn lives(pod: &Value) -> Vec<(Life, bool, bool)> {
    let fields = ["initContainerStatuses", "containerStatuses", "ephemeralContainerStatuses"];
    let statuses = fields.iter().flat_map(|field| meta::items(&pod["status"][*field]));
    let begun = statuses.filter(|status| !meta::text(status, "containerID").is_empty());
    let life = |status: &Value| Life {
        pod: meta::name(pod).into(),
        uid: meta::uid(pod).to_owned(),
        container: meta::text(status, "name").into(),
        restarts: status["restartCount"].as_i64().unwrap_or_default(),
    };
    let before = |status: &Value| {
        let last = meta::text(status, "lastState.terminated.containerID");
        !last.is_empty() && last != meta::text(status, "containerID")
    };
    begun.map(|status| (life(status), status["state"]["running"].is_object(), before(status))).collect()
}

struct Stream {
    life: Life,
    source: Arc<Source>,
    /// The time of the last line.
    last: Arc<Mutex<String>>,
    /// Whether to begin with the run before.
    before: bool,
}

impl Stream {
    /// Reads until the container ends; begins again after its last line when the connection breaks.
    async fn run(self) {
        let mut backoff = Backoff::new(FIRST_PAUSE, LONGEST_PAUSE);
        let LogsSpec { previous, .. } = self.source.spec;
        if self.before
            && !previous
            && let Err(error) = self.read(&mut backoff, true).await
        {
            tracing::debug!(pod = %self.life.pod, container = %self.life.container, %error, "no log of the run before");
        }
        while let Err(error) = self.read(&mut backoff, previous).await {
            tracing::debug!(pod = %self.life.pod, container = %self.life.container, %error, "a log broke off");
            let code = error.status().map_or(0, |status| status.code);
            if code == 404 {
                return;
            }
            self.source.ring.fault(&self.life, Some(error.to_string()));
            // What was asked for is not there, and will not be.
            if code == 400 {
                return;
            }
            tokio::time::sleep(backoff.pause()).await;
        }
    }

    async fn read(&self, backoff: &mut Backoff, previous: bool) -> Result<(), cluster_client::Error> {
        let failed = |error: &dyn std::fmt::Display| cluster_client::Error::Transport(error.to_string());
        let Source { spec, filter, backend, ring } = &*self.source;
        let since = self.last.lock().clone();
        let request =
            Request::get(uri(spec, &self.life, &since, previous)).body(Bytes::new()).map_err(|error| failed(&error))?;
        let data = BodyDataStream::new(backend.stream(request).await?).map_err(std::io::Error::other);
        ring.fault(&self.life, None);
        let mut lines = StreamReader::new(data).split(b'\n');
        while let Some(line) = lines.next_segment().await.map_err(|error| failed(&error))? {
            backoff.reset();
            let line = String::from_utf8_lossy(&line);
            let (time, text) = line.split_once(' ').unwrap_or(("", &line));
            // `sinceTime` has whole seconds.
            if !since.is_empty() && time <= since.as_str() {
                continue;
            }
            let before = previous && !spec.previous;
            if !before {
                time.clone_into(&mut self.last.lock());
            }
            if filter.fits_line(text) {
                let (pod, container) = (self.life.pod.clone(), self.life.container.clone());
                let (time, text) = (time.to_owned(), text.trim_end_matches('\r').to_owned());
                ring.push(Line { pod, container, time, text, before });
            }
        }
        Ok(())
    }
}

/// Where the lines of a container are that come after a time.
fn uri(spec: &LogsSpec, life: &Life, since: &str, previous: bool) -> String {
    let LogsSpec { namespace, tail, since: seconds, .. } = spec;
    let (pod, container) = (escape(&life.pod), escape(&life.container));
    let pods = Resource::new("", "v1", "pods").path(namespace);
    let which = if previous { "previous=true" } else { "follow=true" };
    let uri = format!("{pods}/{pod}/log?container={container}&timestamps=true&{which}");
    if !since.is_empty() {
        return format!("{uri}&sinceTime={}", escape(since));
    }
    let age = if *seconds > 0 { format!("&sinceSeconds={seconds}") } else { String::new() };
    format!("{uri}&tailLines={tail}{age}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn line(time: &str, text: &str) -> Line {
        Line { pod: "p".into(), container: "c".into(), time: time.to_owned(), text: text.to_owned(), before: false }
    }

    #[test]
    fn lines_of_several_containers_come_in_the_order_of_their_times() {
        let ring = Ring::default();
        for (time, text) in [("2", "b"), ("1", "a"), ("3", "c")] {
            ring.push(line(time, text));
        }
        let Lines { lines, dropped, .. } = ring.take();
        assert_eq!((lines.iter().map(|line| line.text.as_str()).collect::<String>(), dropped), ("abc".to_owned(), 0));
    }

    #[test]
    fn a_slow_page_loses_the_oldest_lines_and_is_told_how_many() {
        let ring = Ring::default();
        (0..MOST_LINES + 3).for_each(|number| ring.push(line(&format!("{number:06}"), "x")));
        let Lines { lines, dropped, .. } = ring.take();
        assert_eq!((lines[0].time.as_str(), lines.len(), dropped), ("000003", PER_MESSAGE, 3));
        assert_eq!(ring.take().dropped, 0);
    }

    #[test]
    fn a_log_begins_where_it_was_asked_to_and_goes_on_where_it_was_cut_off() {
        let life = Life { pod: "p".into(), uid: "u".to_owned(), container: "c".into(), restarts: 0 };
        let begin = "/api/v1/namespaces/shop/pods/p/log?container=c&timestamps=true&follow=true";
        let uri = |since: u32, last: &str| {
            let spec = json!({"namespace": "shop", "tail": 10, "since": since});
            uri(&serde_json::from_value(spec).expect("a spec"), &life, last, false)
        };
        assert_eq!(uri(0, ""), format!("{begin}&tailLines=10"));
        assert_eq!(uri(300, ""), format!("{begin}&tailLines=10&sinceSeconds=300"));
        assert_eq!(uri(300, "2026"), format!("{begin}&sinceTime=2026"));
    }

    #[test]
    fn why_a_container_cannot_be_read_is_told_until_it_can_be() {
        let life = Life { pod: "p".into(), uid: "u".to_owned(), container: "c".into(), restarts: 0 };
        let ring = Ring::default();
        let told = |why: Option<&str>| {
            ring.fault(&life, why.map(str::to_owned));
            ring.take().faults.map(|faults| faults.into_iter().collect::<Vec<_>>())
        };
        assert_eq!(told(Some("no route")), Some(vec![("p/c".to_owned(), "no route".to_owned())]));
        assert_eq!((told(Some("no route")), told(None), told(None)), (None, Some(Vec::new()), None));
    }

    #[test]
    fn each_restart_is_a_life_of_its_own_and_one_that_has_not_begun_is_none() {
        let pod = json!({"metadata": {"name": "p", "uid": "u"}, "status": {
            "initContainerStatuses": [{"name": "i", "containerID": "docker://1", "state": {"terminated": {}}}],
            "containerStatuses": [{"name": "a", "containerID": "docker://2", "restartCount": 2, "state": {"running": {}},
                "lastState": {"terminated": {"containerID": "docker://0"}}},
                {"name": "c", "containerID": "docker://3", "restartCount": 1, "state": {"waiting": {}},
                "lastState": {"terminated": {"containerID": "docker://3"}}},
                {"name": "b", "state": {"waiting": {}}}]}});
        let found: Vec<_> = lives(&pod)
            .into_iter()
            .map(|(life, running, before)| (life.container.to_string(), life.restarts, running, before))
            .collect();
        let expected = [("i", 0, false, false), ("a", 2, true, true), ("c", 1, false, false)];
        assert_eq!(
            found,
            expected.map(|(name, restarts, running, before)| (name.to_owned(), restarts, running, before))
        );
    }
}
