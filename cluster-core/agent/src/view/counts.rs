//! Many kinds at once: how many there are of each.

use super::list::{Tally, within};
use super::{Gone, Outbox, PAUSE, every, more};
use crate::feed::{Change, Counts, FeedSpec, Hold};
use crate::prelude::*;

/// Which kinds.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct CountsSpec {
    resources: Vec<Resource>,
    #[serde(default)]
    namespaces: Vec<String>,
}

/// Several feeds as one, each change with the number of its feed.
#[derive(Debug)]
pub(super) struct Merged {
    pub(super) changes: mpsc::UnboundedReceiver<(usize, Change)>,
    _feeds: Vec<(Hold, AbortOnDropHandle<()>)>,
}

impl Merged {
    pub(super) fn open(live: &Live, resources: impl Iterator<Item = Resource>) -> Self {
        let (sender, changes) = mpsc::unbounded_channel();
        let open = |(number, resource)| {
            let feed = live.feeds.open(&FeedSpec { resource, ..FeedSpec::default() });
            let (mut changes, sender) = (feed.subscribe(), sender.clone());
            let pass = async move {
                while let Some(change) = changes.recv().await {
                    if sender.send((number, change)).is_err() {
                        return;
                    }
                }
            };
            (feed, AbortOnDropHandle::new(tokio::spawn(pass)))
        };
        Self { _feeds: resources.enumerate().map(open).collect(), changes }
    }
}

#[derive(Debug, PartialEq, Serialize)]
struct Counted<'a> {
    #[serde(flatten)]
    resource: &'a Resource,
    total: usize,
    #[serde(flatten)]
    counts: Counts,
}

/// Sends the counts of all kinds that could be listed, whenever one is another: most changes of objects leave them be.
pub(super) async fn show(live: &Live, spec: &CountsSpec, out: &Outbox) -> Result<(), Gone> {
    let mut merged = Merged::open(live, spec.resources.iter().cloned());
    let mut tallies: Vec<Option<Tally>> = spec.resources.iter().map(|_| None).collect();
    let (mut pace, mut sent) = (every(PAUSE), None);
    while let Some(first) = merged.changes.recv().await {
        for (number, change) in more(vec![first], &mut merged.changes, &mut pace).await {
            count(&mut tallies[number], change, &spec.namespaces);
        }
        let counted = spec.resources.iter().zip(&tallies).filter_map(|(resource, tally)| {
            let tally = tally.as_ref()?;
            Some(Counted { resource, total: tally.total(), counts: tally.counts })
        });
        let counts: Vec<_> = counted.collect();
        if sent.as_ref() != Some(&counts) {
            out.send("counts", &json!({"counts": &counts})).await?;
            sent = Some(counts);
        }
    }
    Ok(())
}

fn count(tally: &mut Option<Tally>, change: Change, namespaces: &[String]) {
    match change {
        Change::All(_, rows) => {
            let mut anew = Tally::default();
            rows.iter().filter(|row| within(namespaces, &row.namespace)).for_each(|row| anew.put(row));
            *tally = Some(anew);
        }
        Change::Put(row) if within(namespaces, &row.namespace) => tally.get_or_insert_default().put(&row),
        Change::Gone(uid) => tally.get_or_insert_default().remove(&uid),
        // What has come of a first list is no count.
        Change::Put(_) | Change::Some(..) | Change::Live(_) => {}
    }
}
