//! One watch per cluster and collection, shared by all views of it: the rows, their counts, and who listens.

use crate::health::{Health, needs_object};
use crate::prelude::*;
use crate::row::{self, Column, ExtraColumn, Row};
use crate::watch::status_of;
use cluster_client::Status;
use std::sync::Weak;

/// How long a feed outlives its last view: the user may come back from a detail page.
const LINGER: Duration = Duration::from_secs(20);

/// A kind of objects, by its name in URLs.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub(crate) struct Resource {
    #[serde(default)]
    pub(crate) group: String,
    pub(crate) version: String,
    pub(crate) resource: String,
}

impl Resource {
    pub(crate) fn new(group: &str, version: &str, resource: &str) -> Self {
        Self { group: group.to_owned(), version: version.to_owned(), resource: resource.to_owned() }
    }

    /// The path of the collection; of all namespaces when `namespace` is empty.
    pub(crate) fn path(&self, namespace: &str) -> String {
        cluster_client::collection_path(&self.group, &self.version, namespace, &self.resource)
    }
}

/// What a feed holds.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct FeedSpec {
    #[serde(flatten)]
    pub(crate) resource: Resource,
    pub(crate) label_selector: String,
    pub(crate) field_selector: String,
    pub(crate) columns: Vec<ExtraColumn>,
}

/// What a view hears.
#[derive(Debug, Clone)]
pub(crate) enum Change {
    /// Everything is anew.
    All(Arc<Vec<Column>>, Vec<Arc<Row>>),
    /// Some rows of the first list, while the others are on their way.
    Some(Arc<Vec<Column>>, Vec<Arc<Row>>),
    Put(Arc<Row>),
    Gone(Arc<str>),
    /// Whether the feed follows the cluster.
    Live(Option<Status>),
}

/// How many rows are how well.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub(crate) struct Counts {
    pub(crate) ok: usize,
    pub(crate) warn: usize,
    pub(crate) bad: usize,
    pub(crate) done: usize,
}

impl Counts {
    /// The number of a health.
    pub(crate) fn of(&mut self, health: Health) -> &mut usize {
        match health {
            Health::Ok => &mut self.ok,
            Health::Warn => &mut self.warn,
            Health::Bad => &mut self.bad,
            Health::Done => &mut self.done,
        }
    }
}

/// All feeds of a cluster.
#[derive(Debug)]
pub(crate) struct Feeds {
    backend: Arc<HttpBackend>,
    running: Mutex<HashMap<FeedSpec, Weak<Feed>>>,
}

impl Feeds {
    pub(crate) fn new(backend: Arc<HttpBackend>) -> Self {
        Self { backend, running: Mutex::default() }
    }

    /// The feed, begun when it does not run yet.
    pub(crate) fn open(&self, spec: &FeedSpec) -> Hold {
        let mut running = self.running.lock();
        if let Some(feed) = running.get(spec).and_then(Weak::upgrade) {
            return Hold(feed);
        }
        running.retain(|_, feed| feed.strong_count() > 0);
        let feed = Arc::new(Feed::start(self.backend.clone(), spec.clone()));
        running.insert(spec.clone(), Arc::downgrade(&feed));
        Hold(feed)
    }
}

/// Keeps a feed running, and a while longer.
#[derive(Debug)]
pub(crate) struct Hold(Arc<Feed>);

impl Drop for Hold {
    fn drop(&mut self) {
        let feed = self.0.clone();
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn(async move {
                tokio::time::sleep(LINGER).await;
                drop(feed);
            });
        }
    }
}

impl Hold {
    /// All rows, and every change from now on.
    pub(crate) fn subscribe(&self) -> mpsc::UnboundedReceiver<Change> {
        let (sender, receiver) = mpsc::unbounded_channel();
        self.0.store.lock().subscribe(sender);
        receiver
    }
}

#[derive(Debug)]
struct Feed {
    store: Arc<Mutex<Store>>,
    _task: AbortOnDropHandle<()>,
}

impl Feed {
    fn start(backend: Arc<HttpBackend>, spec: FeedSpec) -> Self {
        let store = Arc::new(Mutex::new(Store::default()));
        let filled = store.clone();
        let whole = needs_object(&spec.resource.group, &spec.resource.resource)
            || spec.columns.iter().any(|column| !column.json_path.is_empty());
        let form = if whole { Form::RowsWithObjects } else { Form::Rows };
        let scope = WatchScope {
            path: spec.resource.path(""),
            label_selector: spec.label_selector.clone(),
            field_selector: spec.field_selector.clone(),
        };
        let task = tokio::spawn(async move {
            follow(&backend, &scope, form, |event| filled.lock().take(&spec, event)).await;
        });
        Self { store, _task: AbortOnDropHandle::new(task) }
    }
}

#[derive(Debug, Default)]
struct Store {
    columns: Arc<Vec<Column>>,
    rows: HashMap<Arc<str>, Arc<Row>>,
    /// The rows of a list of which pages are missing; nothing once one cannot be read.
    coming: Option<Vec<Arc<Row>>>,
    /// Whether the first list has come.
    filled: bool,
    lost: Option<Status>,
    listeners: Vec<mpsc::UnboundedSender<Change>>,
}

impl Store {
    fn subscribe(&mut self, listener: mpsc::UnboundedSender<Change>) {
        let all = if self.filled {
            Some(Change::All(self.columns.clone(), self.rows.values().cloned().collect()))
        } else {
            self.coming.clone().map(|rows| Change::Some(self.columns.clone(), rows))
        };
        // A page that asked something else before may have been told that it was lost.
        let live = (self.filled || self.lost.is_some()).then(|| Change::Live(self.lost.clone()));
        if all.into_iter().chain(live).all(|change| listener.send(change).is_ok()) {
            self.listeners.push(listener);
        }
    }

    fn tell(&mut self, change: &Change) {
        self.listeners.retain(|listener| listener.send(change.clone()).is_ok());
    }

    fn take(&mut self, spec: &FeedSpec, event: Event) {
        let kind = (spec.resource.group.as_str(), spec.resource.resource.as_str());
        match event {
            Event::Page { bytes, first, last } => {
                if first {
                    self.coming = Some(Vec::new());
                }
                match row::read(&bytes, kind, &spec.columns) {
                    Ok((columns, rows)) => {
                        if !columns.is_empty() && *self.columns != columns {
                            self.columns = Arc::new(columns);
                        }
                        self.come(rows.into_iter().map(Arc::new).collect(), last);
                    }
                    Err(error) => {
                        self.coming = None;
                        self.live(Some(status_of(&error)));
                    }
                }
            }
            Event::Put(bytes) => {
                for row in read(&bytes, kind, spec) {
                    self.rows.insert(row.uid.clone(), row.clone());
                    self.tell(&Change::Put(row));
                }
            }
            Event::Gone(bytes) => {
                for row in read(&bytes, kind, spec) {
                    self.rows.remove(&row.uid);
                    self.tell(&Change::Gone(row.uid.clone()));
                }
            }
            Event::Lost(status) => self.live(Some(status)),
            Event::Back => self.live(None),
        }
    }

    /// Takes a page of rows. Only the last one tells what is gone, so a list that is shown already waits for it.
    fn come(&mut self, rows: Vec<Arc<Row>>, last: bool) {
        let Some(coming) = &mut self.coming else { return };
        coming.extend_from_slice(&rows);
        if last {
            let all = self.coming.take().unwrap_or_default();
            self.rows = all.iter().map(|row| (row.uid.clone(), row.clone())).collect();
            self.filled = true;
            self.tell(&Change::All(self.columns.clone(), all));
            self.live(None);
        } else if !self.filled {
            self.tell(&Change::Some(self.columns.clone(), rows));
        }
    }

    /// Whether the feed follows the cluster.
    fn live(&mut self, lost: Option<Status>) {
        self.lost.clone_from(&lost);
        self.tell(&Change::Live(lost));
    }
}

/// The rows of an answer; what cannot be read is left out.
fn read(bytes: &[u8], kind: (&str, &str), spec: &FeedSpec) -> Vec<Arc<Row>> {
    match row::read(bytes, kind, &spec.columns) {
        Ok((_, rows)) => rows.into_iter().map(Arc::new).collect(),
        Err(error) => {
            tracing::warn!(%error, "left a row out");
            Vec::new()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(names: &[&str], first: bool, last: bool) -> Event {
        let row =
            |name: &&str| serde_json::json!({"cells": [name], "object": {"metadata": {"uid": name, "name": name}}});
        let rows: Vec<_> = names.iter().map(row).collect();
        let columns = serde_json::json!([{"name": "Name"}]);
        let table = serde_json::json!({"columnDefinitions": first.then_some(columns), "rows": rows});
        Event::Page { bytes: table.to_string().into(), first, last }
    }

    #[test]
    fn a_first_list_is_told_page_by_page_and_a_later_one_when_it_is_whole() {
        let pages = |a: &[&str], b: &[&str]| [page(a, true, false), page(b, false, true)];
        let (mut store, spec) = (Store::default(), FeedSpec::default());
        let (listener, mut changes) = mpsc::unbounded_channel();
        store.subscribe(listener);
        let mut heard = |events: [Event; 2], late: usize| {
            let (listener, mut changes_of_late) = mpsc::unbounded_channel();
            for (number, event) in events.into_iter().enumerate() {
                store.take(&spec, event);
                if number == late {
                    store.subscribe(listener.clone());
                }
            }
            [&mut changes, &mut changes_of_late].map(|changes| {
                let told = std::iter::from_fn(|| changes.try_recv().ok()).filter_map(|change| match change {
                    Change::All(columns, rows) => Some((true, columns.len(), rows.len())),
                    Change::Some(columns, rows) => Some((false, columns.len(), rows.len())),
                    _ => None,
                });
                told.collect::<Vec<_>>()
            })
        };
        let first = heard(pages(&["a", "b"], &["c"]), 0);
        assert_eq!(first, [vec![(false, 1, 2), (true, 1, 3)], vec![(false, 1, 2), (true, 1, 3)]]);
        let later = heard(pages(&["a"], &["c"]), 0);
        assert_eq!(later, [vec![(true, 1, 2)], vec![(true, 1, 3), (true, 1, 2)]], "nothing vanishes meanwhile");
    }

    #[test]
    fn a_list_with_a_page_that_cannot_be_read_is_lost_and_never_taken_for_whole() {
        let broken = Event::Page { bytes: "no table".into(), first: false, last: false };
        let [early, _] = hears(vec![page(&["a"], true, false), broken, page(&["b"], false, true)]);
        assert_eq!(early.len(), 1);
        assert!(early[0].is_some());
    }

    /// What those hear of a store's state who listen before and after something happens to it.
    fn hears(events: Vec<Event>) -> [Vec<Option<String>>; 2] {
        let (mut store, spec) = (Store::default(), FeedSpec::default());
        let (early, mut first) = mpsc::unbounded_channel();
        let (late, mut second) = mpsc::unbounded_channel();
        store.subscribe(early);
        for event in events {
            store.take(&spec, event);
        }
        store.subscribe(late);
        drop(store);
        [&mut first, &mut second].map(|receiver| {
            let changes = std::iter::from_fn(|| receiver.try_recv().ok());
            let states = changes.filter_map(|change| match change {
                Change::Live(lost) => Some(lost.map(|status| status.message)),
                _ => None,
            });
            states.collect()
        })
    }

    #[test]
    fn each_listener_is_told_whether_the_feed_is_live() {
        let all = || page(&[], true, true);
        let lost = || Event::Lost(Status::new(503, "ServiceUnavailable", "lost"));
        let gone = Some("lost".to_owned());
        assert_eq!(hears(vec![]), [vec![], vec![]], "nothing is known yet");
        assert_eq!(hears(vec![all()]), [vec![None], vec![None]]);
        assert_eq!(hears(vec![lost()]), [vec![gone.clone()], vec![gone.clone()]]);
        assert_eq!(hears(vec![all(), lost()]), [vec![None, gone.clone()], vec![gone.clone()]]);
        assert_eq!(hears(vec![all(), lost(), Event::Back]), [vec![None, gone, None], vec![None]]);
    }
}
