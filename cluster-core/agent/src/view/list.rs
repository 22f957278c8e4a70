//! A window onto the rows of one kind, filtered and sorted.

use super::filter::Filter;
use super::metrics::{self, Amount, Amounts};
use super::{Gone, Outbox, PAUSE, every, more};
use crate::feed::{Change, Counts, FeedSpec};
use crate::prelude::*;
use crate::row::{Column, Key, Row};

const DEFAULT_LIMIT: usize = 200;
const MOST_ROWS: usize = 5000;

/// Which rows.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct ListSpec {
    #[serde(flatten)]
    pub(crate) feed: FeedSpec,
    pub(crate) namespaces: Vec<String>,
    pub(crate) filter: String,
    /// Only what this controller owns, by its UID.
    pub(crate) owner: String,
    /// Only what has just this in a column.
    pub(crate) cell: Option<(String, Value)>,
    pub(crate) sort: Option<Sort>,
    pub(crate) offset: usize,
    pub(crate) limit: Option<usize>,
}

/// In which order.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Sort {
    pub(crate) column: String,
    pub(crate) descending: bool,
}

impl ListSpec {
    /// What is sorted by and stands in no row.
    fn by_use(&self) -> Option<Amount> {
        let Resource { group, resource, .. } = &self.feed.resource;
        let measured = group.is_empty() && ["nodes", "pods"].contains(&resource.as_str());
        self.sort.as_ref().filter(|_| measured).and_then(|sort| metrics::amount(&sort.column))
    }
}

/// Sends the window, and what is new in it.
pub(super) async fn show(live: &Live, spec: &ListSpec, out: &Outbox) -> Result<(), Gone> {
    let (sender, amounts) = watch::channel(Amounts::default());
    let follow = async {
        match spec.by_use() {
            Some(of) => metrics::follow(live, of, &sender).await,
            None => std::future::pending().await,
        }
    };
    tokio::select! {
        shown = rows(live, spec, amounts, out) => shown,
        shown = follow => shown,
    }
}

async fn rows(live: &Live, spec: &ListSpec, mut amounts: watch::Receiver<Amounts>, out: &Outbox) -> Result<(), Gone> {
    let feed = live.feeds.open(&spec.feed);
    let mut changes = feed.subscribe();
    let (mut view, mut pace) = (View::new(spec.clone()), every(PAUSE));
    loop {
        let first = tokio::select! {
            Some(change) = changes.recv() => vec![change],
            Ok(()) = amounts.changed() => {
                view.sort_by(amounts.borrow_and_update().clone());
                Vec::new()
            }
            else => return Ok(()),
        };
        for change in more(first, &mut changes, &mut pace).await {
            match change {
                Change::Live(lost) => out.state(lost.as_ref()).await?,
                change => view.take(change),
            }
        }
        if let Some(window) = view.news() {
            out.send("rows", &window).await?;
        }
    }
}

/// Whether an object of a namespace is looked at.
pub(super) fn within(namespaces: &[String], namespace: &str) -> bool {
    namespaces.is_empty() || namespace.is_empty() || namespaces.iter().any(|one| one == namespace)
}

/// The health of each row in some namespaces, and their sums.
#[derive(Debug, Default)]
pub(super) struct Tally {
    known: HashMap<Arc<str>, Health>,
    pub(super) counts: Counts,
}

impl Tally {
    pub(super) fn put(&mut self, row: &Row) {
        self.remove(&row.uid);
        self.known.insert(row.uid.clone(), row.finding.health);
        *self.counts.of(row.finding.health) += 1;
    }

    pub(super) fn remove(&mut self, uid: &str) {
        if let Some(health) = self.known.remove(uid) {
            *self.counts.of(health) -= 1;
        }
    }

    pub(super) fn total(&self) -> usize {
        self.known.len()
    }
}

/// The place of a row; the name breaks ties, so that the order is one.
type Place = (Key, String, String, Arc<str>);

#[derive(Debug)]
struct View {
    spec: ListSpec,
    filter: Filter,
    columns: Arc<Vec<Column>>,
    /// What is sorted by instead of a column.
    amounts: Option<Amounts>,
    tally: Tally,
    /// Whether rows of the first list are on their way.
    more: bool,
    /// The rows that match.
    order: BTreeMap<Place, Arc<Row>>,
    places: HashMap<Arc<str>, Place>,
    /// What the page has.
    sent: Option<Sent>,
}

#[derive(Debug, PartialEq)]
struct Sent {
    columns: Arc<Vec<Column>>,
    rows: Vec<Arc<Row>>,
    numbers: Numbers,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
struct Numbers {
    total: usize,
    matched: usize,
    more: bool,
    offset: usize,
    counts: Counts,
}

impl PartialEq for Row {
    /// Rows are made anew by every change and shared, so one is equal to itself alone.
    fn eq(&self, other: &Self) -> bool {
        std::ptr::eq(self, other)
    }
}

#[derive(Debug, Serialize)]
struct Window {
    #[serde(skip_serializing_if = "Option::is_none")]
    columns: Option<Arc<Vec<Column>>>,
    #[serde(flatten)]
    numbers: Numbers,
    order: Vec<Arc<str>>,
    rows: Vec<Arc<Row>>,
}

impl View {
    fn new(spec: ListSpec) -> Self {
        Self {
            filter: Filter::parse(&spec.filter),
            amounts: spec.by_use().map(|_| Amounts::default()),
            spec,
            columns: Arc::default(),
            tally: Tally::default(),
            more: false,
            order: BTreeMap::new(),
            places: HashMap::new(),
            sent: None,
        }
    }

    fn take(&mut self, change: Change) {
        match change {
            Change::All(columns, rows) => {
                self.tally = Tally::default();
                self.order.clear();
                self.places.clear();
                self.take(Change::Some(columns, rows));
                self.more = false;
            }
            Change::Some(columns, rows) => {
                (self.columns, self.more) = (columns, true);
                for row in rows {
                    self.put(row);
                }
            }
            Change::Put(row) => self.put(row),
            Change::Gone(uid) => {
                self.tally.remove(&uid);
                self.take_out(&uid);
            }
            Change::Live(_) => {}
        }
    }

    fn take_out(&mut self, uid: &str) {
        if let Some(place) = self.places.remove(uid) {
            self.order.remove(&place);
        }
    }

    fn put(&mut self, row: Arc<Row>) {
        let ListSpec { namespaces, owner, cell, .. } = &self.spec;
        let has_cell = cell.as_ref().is_none_or(|(column, value)| row.cell(&self.columns, column) == Some(value));
        if !within(namespaces, &row.namespace) || !has_cell || (!owner.is_empty() && *row.about != **owner) {
            self.tally.remove(&row.uid);
            self.take_out(&row.uid);
            return;
        }
        self.tally.put(&row);
        self.take_out(&row.uid);
        if self.filter.fits(&row.found_by, Some((&row, &self.columns))) {
            self.place(row);
        }
    }

    fn place(&mut self, row: Arc<Row>) {
        let column = self.spec.sort.as_ref().map_or("", |sort| sort.column.as_str());
        let key = match &self.amounts {
            // Of what is not measured, or not yet, nothing is known.
            Some(amounts) => {
                Key::Number(amounts.get(&format!("{}/{}", row.namespace, row.name)).copied().unwrap_or(-1))
            }
            None => row.key(&self.columns, column),
        };
        let place = (key, row.namespace.clone(), row.name.clone(), row.uid.clone());
        self.places.insert(row.uid.clone(), place.clone());
        self.order.insert(place, row);
    }

    /// Sorts all rows by what their objects use now.
    fn sort_by(&mut self, amounts: Amounts) {
        self.amounts = Some(amounts);
        for row in std::mem::take(&mut self.order).into_values() {
            self.place(row);
        }
    }

    fn window(&self) -> Vec<Arc<Row>> {
        let limit = self.spec.limit.unwrap_or(DEFAULT_LIMIT).min(MOST_ROWS);
        let (rows, offset) = (self.order.values(), self.spec.offset);
        if self.spec.sort.as_ref().is_some_and(|sort| sort.descending) {
            return rows.rev().skip(offset).take(limit).cloned().collect();
        }
        rows.skip(offset).take(limit).cloned().collect()
    }

    /// What the page does not have yet; nothing when it has all.
    fn news(&mut self) -> Option<Window> {
        let (offset, matched) = (self.spec.offset, self.order.len());
        let numbers =
            Numbers { total: self.tally.total(), matched, more: self.more, offset, counts: self.tally.counts };
        let now = Sent { columns: self.columns.clone(), rows: self.window(), numbers };
        // Who looks further down would be thrown back by a list that ends above, as after a lost connection.
        let ends_above = self.more && offset > 0 && offset + now.rows.len() >= matched;
        if ends_above || self.sent.as_ref() == Some(&now) || (self.sent.is_none() && now.columns.is_empty()) {
            return None;
        }
        let before = self.sent.take();
        let had: HashMap<&str, &Arc<Row>> =
            before.iter().flat_map(|sent| &sent.rows).map(|row| (&*row.uid, row)).collect();
        let is_new = |row: &&Arc<Row>| had.get(&*row.uid).is_none_or(|had| !Arc::ptr_eq(had, row));
        let same_columns = before.as_ref().is_some_and(|sent| sent.columns == now.columns);
        let news = Window {
            columns: (!same_columns).then(|| now.columns.clone()),
            numbers: now.numbers.clone(),
            order: now.rows.iter().map(|row| row.uid.clone()).collect(),
            rows: now.rows.iter().filter(is_new).cloned().collect(),
        };
        self.sent = Some(now);
        Some(news)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::row;
    use serde_json::{Value, json};

    fn rows(list: &[(&str, &str, i64)]) -> (Arc<Vec<Column>>, Vec<Arc<Row>>) {
        let row = |(namespace, name, restarts): &(&str, &str, i64)| json!({"cells": [name, restarts], "object": {"metadata": {"name": name, "namespace": namespace, "uid": name, "ownerReferences": [{"uid": format!("owner-of-{name}"), "controller": true}], "resourceVersion": if *name == "two" { "10" } else { "9" }}}});
        let table = json!({
            "columnDefinitions": [{"name": "Name", "type": "string"}, {"name": "Restarts", "type": "integer"}],
            "rows": list.iter().map(row).collect::<Vec<_>>(),
        });
        let (columns, rows) = row::read(table.to_string().as_bytes(), ("", "configmaps"), &[]).expect("a table");
        (Arc::new(columns), rows.into_iter().map(Arc::new).collect())
    }

    fn view(spec: Value) -> View {
        let mut spec = spec;
        spec["version"] = "v1".into();
        spec["resource"] = "pods".into();
        let mut view = View::new(serde_json::from_value(spec).expect("a spec"));
        let (columns, rows) = rows(&[("a", "one", 10), ("b", "two", 9), ("b", "three", 0)]);
        view.take(Change::All(columns, rows));
        view
    }

    fn order(message: &Window) -> Vec<&str> {
        message.order.iter().map(|uid| &**uid).collect()
    }

    #[test]
    fn the_window_is_filtered_sorted_and_cut() {
        let table = [
            (json!({"sort": null}), vec!["one", "three", "two"], 3, 3),
            (json!({"owner": "owner-of-two"}), vec!["two"], 1, 1),
            (json!({"cell": ["Restarts", 10]}), vec!["one"], 1, 1),
            (json!({"cell": ["Restarts", 1]}), vec![], 0, 0),
            (json!({"namespaces": ["b"]}), vec!["three", "two"], 2, 2),
            (json!({"filter": "T b"}), vec!["three", "two"], 3, 2),
            (json!({"sort": {"column": "Restarts"}}), vec!["three", "two", "one"], 3, 3),
            (json!({"sort": {"column": "Restarts", "descending": true}}), vec!["one", "two", "three"], 3, 3),
            (json!({"sort": {"column": "rv", "descending": true}}), vec!["two", "three", "one"], 3, 3),
            (json!({"sort": {"column": "name"}, "offset": 1, "limit": 1}), vec!["three"], 3, 3),
            (json!({"offset": 9}), vec![], 3, 3),
        ];
        for (spec, expected, total, matched) in table {
            let message = view(spec.clone()).news().expect("a first message");
            assert_eq!(order(&message), expected, "{spec}");
            assert_eq!((message.numbers.total, message.numbers.matched), (total, matched), "{spec}");
            assert!(message.columns.is_some());
        }
    }

    #[test]
    fn rows_are_sorted_by_what_their_objects_use() {
        let mut view = view(json!({"sort": {"column": "CPU", "descending": true}}));
        assert_eq!(order(&view.news().expect("a first message")), ["two", "three", "one"], "nothing is measured yet");
        view.sort_by([("b/three".to_owned(), 7), ("a/one".to_owned(), 3)].into());
        let message = view.news().expect("another order");
        assert_eq!((order(&message), message.rows.len()), (vec!["three", "one", "two"], 0));
        let other = json!({"version": "v1", "resource": "services", "sort": {"column": "Memory"}});
        let spec: ListSpec = serde_json::from_value(other).expect("a spec");
        assert!(spec.by_use().is_none(), "only pods and nodes are measured");
    }

    #[test]
    fn what_has_come_of_a_list_is_shown_as_a_part() {
        let mut view = View::new(serde_json::from_value(json!({"version": "v1", "resource": "pods"})).expect("a spec"));
        let (columns, pages) = rows(&[("b", "two", 9), ("a", "one", 10), ("b", "gone", 1)]);
        view.take(Change::Some(columns.clone(), pages[..1].to_vec()));
        let message = view.news().expect("a part");
        assert_eq!((order(&message), message.numbers.total, message.numbers.more), (vec!["two"], 1, true));
        view.take(Change::Some(columns.clone(), pages[1..].to_vec()));
        assert_eq!(order(&view.news().expect("more")), ["one", "gone", "two"]);
        view.spec.offset = 1;
        assert!(view.news().is_none(), "a window below waits until there is something below it");
        view.spec.offset = 0;
        view.take(Change::All(columns, pages[..2].to_vec()));
        let message = view.news().expect("the whole");
        assert_eq!((order(&message), message.numbers.total, message.numbers.more), (vec!["one", "two"], 2, false));
    }

    #[test]
    fn later_messages_have_only_what_is_new() {
        let mut view = view(json!({"limit": 2}));
        assert_eq!(view.news().expect("a first message").rows.len(), 2);
        assert!(view.news().is_none(), "nothing changed");
        let (_, changed) = rows(&[("b", "three", 1)]);
        view.take(Change::Put(changed[0].clone()));
        let message = view.news().expect("a change");
        assert_eq!((message.rows.len(), message.columns.is_none()), (1, true));
        view.take(Change::Gone("one".into()));
        let message = view.news().expect("a change");
        assert_eq!(order(&message), ["three", "two"]);
        assert_eq!((message.rows.len(), &*message.rows[0].uid, message.numbers.total), (1, "two", 2));
    }
}
