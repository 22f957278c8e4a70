//! All that is wrong in a cluster: objects that will not get better by themselves, and those that events complain of.

use super::counts::Merged;
use super::list::within;
use super::{Gone, Outbox, PAUSE, every};
use crate::health::{Health, KINDS, Known, Remedy};
use crate::prelude::*;
use cluster_client::{Backend, Status, successful};
use std::collections::HashSet;
use tokio::sync::Semaphore;

/// So many problems are told; a page shows no more.
const MOST: usize = 500;
/// So many logs are asked for at once.
const AT_ONCE: usize = 8;
/// Events per problem, and lines of a log.
const FACTS: usize = 3;

/// Where to look.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct ProblemsSpec {
    namespaces: Vec<String>,
    /// Of one object alone, when it is not empty.
    uid: String,
}

#[derive(Debug, Serialize)]
struct Problem {
    #[serde(flatten)]
    of: &'static Known,
    namespace: String,
    name: String,
    uid: Arc<str>,
    why: Option<Saying>,
    evidence: Vec<String>,
    remedy: Option<Remedy>,
}

/// Sends the list, whenever it is another.
pub(super) async fn show(live: &Live, spec: &ProblemsSpec, out: &Outbox) -> Result<(), Gone> {
    let resources = KINDS.iter().map(|known| Resource::new(known.group, known.version, known.resource));
    let mut merged = Merged::open(live, resources);
    let (sender, mut words) = mpsc::unbounded_channel();
    let asking = Arc::new(Semaphore::new(AT_ONCE));
    let (mut known, mut pace, mut sent, mut is_lost) = (Unwell::default(), every(PAUSE), Value::Null, false);
    loop {
        tokio::select! {
            change = merged.changes.recv() => {
                let Some((number, change)) = change else { return Ok(()) };
                known.take(number, change, spec);
            }
            Some((life, lines)) = words.recv() => drop(known.last_words.insert(life, lines)),
        }
        pace.tick().await;
        while let Ok((number, change)) = merged.changes.try_recv() {
            known.take(number, change, spec);
        }
        for (life, path) in known.silent() {
            let (backend, sender, asking) = (live.backend.clone(), sender.clone(), asking.clone());
            tokio::spawn(async move {
                let _turn = asking.acquire().await;
                if sender.send((life, lines(&backend, &path).await)).is_err() {
                    tracing::debug!("the page left");
                }
            });
        }
        if is_lost == known.lost.is_empty() {
            is_lost = !is_lost;
            out.state(known.lost.values().next()).await?;
        }
        let (total, problems) = known.problems();
        let problems = json!({"problems": problems, "total": total});
        if sent != problems {
            out.send("problems", &problems).await?;
            sent = problems;
        }
    }
}

/// The lines of a text that the API server has; none when it does not answer.
async fn lines(backend: &HttpBackend, path: &str) -> Vec<String> {
    let Ok(request) = Request::get(path).body(Bytes::new()) else { return Vec::new() };
    let text = backend.call(request).await.and_then(successful).unwrap_or_default();
    let text = String::from_utf8_lossy(&text);
    text.lines().filter(|line| !line.trim().is_empty()).map(str::to_owned).collect()
}

/// An object in one state.
type Life = (Arc<str>, Option<Saying>);

/// Everything that is not well, and the events that complain of something, by kind.
#[derive(Debug, Default)]
struct Unwell {
    rows: BTreeMap<(usize, Arc<str>), Arc<Row>>,
    /// What crashed containers said last; empty while it is asked for.
    last_words: HashMap<Life, Vec<String>>,
    /// Why kinds do not follow the cluster.
    lost: BTreeMap<usize, Status>,
}

impl Unwell {
    fn take(&mut self, number: usize, change: Change, spec: &ProblemsSpec) {
        // Events of nodes lie in a namespace, though nodes do not.
        let looked_at = |row: &Row| {
            is_event(number)
                || (within(&spec.namespaces, &row.namespace) && (spec.uid.is_empty() || *row.uid == *spec.uid))
        };
        let counts = |row: &Row| matches!(row.finding.health, Health::Bad | Health::Warn) && looked_at(row);
        match change {
            Change::All(_, rows) => {
                self.rows.retain(|(kind, _), _| *kind != number);
                let counted = rows.into_iter().filter(|row| counts(row));
                self.rows.extend(counted.map(|row| ((number, row.uid.clone()), row)));
            }
            Change::Put(row) if counts(&row) => drop(self.rows.insert((number, row.uid.clone()), row)),
            Change::Put(row) => self.remove(number, &row.uid),
            Change::Gone(uid) => self.remove(number, &uid),
            Change::Some(..) => {}
            Change::Live(Some(status)) => drop(self.lost.insert(number, status)),
            Change::Live(None) => drop(self.lost.remove(&number)),
        }
    }

    fn remove(&mut self, number: usize, uid: &Arc<str>) {
        self.rows.remove(&(number, uid.clone()));
        self.last_words.retain(|(of, _), _| of != uid);
    }

    /// Crashed pods whose last words nobody has asked for, and where they are.
    fn silent(&mut self) -> Vec<(Life, String)> {
        let crashed =
            self.rows.values().filter(|row| row.finding.remedy.as_ref().is_some_and(|r| r.action == "previous-logs"));
        let mut asked = Vec::new();
        for row in crashed {
            let life = (row.uid.clone(), row.finding.why.clone());
            if let Some(container) = row.finding.container.as_deref().filter(|_| !self.last_words.contains_key(&life)) {
                let pod = Resource::new("", "v1", "pods").path(&row.namespace);
                let path = format!(
                    "{pod}/{}/log?previous=true&tailLines={FACTS}&container={}",
                    escape(&row.name),
                    escape(container)
                );
                asked.push((life, path));
            }
        }
        self.last_words.extend(asked.iter().map(|(life, _)| (life.clone(), Vec::new())));
        asked
    }

    /// How many there are, and the first of them.
    fn problems(&self) -> (usize, Vec<Problem>) {
        let mut about: HashMap<&Arc<str>, Vec<&Arc<Row>>> = HashMap::new();
        let (events, unwell): (Vec<_>, Vec<_>) = self.rows.iter().partition(|((number, _), _)| is_event(*number));
        for (_, event) in events {
            about.entry(&event.about).or_default().push(event);
        }
        let problem = |((number, uid), row): (&(usize, Arc<str>), &Arc<Row>)| {
            let name = Arc::from(row.name.as_str());
            let key = if KINDS[*number].resource == "nodes" { &name } else { uid };
            let mut events = about.get(key).cloned().unwrap_or_default();
            events.sort_by_key(|event| std::cmp::Reverse(event.rv.parse::<u64>().unwrap_or_default()));
            let mut why = row.finding.why.clone();
            if row.finding.health == Health::Warn {
                let newest = events.first()?;
                why = why.map(|why| why.because(said(newest)));
            }
            let mut evidence = row.finding.evidence.clone();
            evidence
                .extend(self.last_words.get(&(uid.clone(), row.finding.why.clone())).into_iter().flatten().cloned());
            let most = evidence.len() + FACTS;
            evidence.extend(events.iter().map(|event| said(event).to_owned()));
            let mut told = HashSet::new();
            evidence.retain(|fact| told.insert(fact.clone()));
            evidence.truncate(most);
            Some(Problem {
                of: &KINDS[*number],
                namespace: row.namespace.clone(),
                name: row.name.clone(),
                uid: uid.clone(),
                why,
                evidence,
                remedy: row.finding.remedy.clone(),
            })
        };
        let mut all = unwell.into_iter().filter_map(problem);
        let told: Vec<_> = all.by_ref().take(MOST).collect();
        (told.len() + all.count(), told)
    }
}

fn is_event(number: usize) -> bool {
    KINDS[number].resource == "events"
}

/// An event's message.
fn said(event: &Row) -> &str {
    event.finding.evidence.first().map_or("", String::as_str)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::row;

    fn number(resource: &str) -> usize {
        KINDS.iter().position(|known| known.resource == resource).expect("a kind")
    }

    fn spec() -> ProblemsSpec {
        ProblemsSpec { namespaces: vec!["shop".to_owned()], uid: String::new() }
    }

    fn put(unwell: &mut Unwell, resource: &str, object: &Value) {
        let table = json!({"rows": [{"cells": [], "object": object}]});
        let (_, rows) = row::read(table.to_string().as_bytes(), ("", resource), &[]).expect("a table");
        for row in rows {
            unwell.take(number(resource), Change::Put(Arc::new(row)), &spec());
        }
    }

    fn pod(state: Value) -> Value {
        json!({"metadata": {"name": "web", "namespace": "shop", "uid": "u"}, "status": {"phase": "Running",
            "containerStatuses": [{"name": "c", "ready": false, "restartCount": 1, "state": state,
                "lastState": {"terminated": {"exitCode": 1}}}]}})
    }

    #[test]
    fn what_is_on_its_way_is_a_problem_once_an_event_complains_of_it() {
        let mut unwell = Unwell::default();
        put(&mut unwell, "pods", &pod(json!({"running": {}})));
        assert_eq!(unwell.problems().0, 0);
        let event = |rv: &str, kind: &str, message: &str| {
            json!({"metadata": {"name": rv, "namespace": "shop", "uid": rv, "resourceVersion": rv}, "type": kind,
                "message": message, "involvedObject": {"uid": "u"}})
        };
        put(&mut unwell, "events", &event("7", "Normal", "Started"));
        assert_eq!(unwell.problems().0, 0);
        put(&mut unwell, "events", &event("9", "Warning", "Readiness probe failed: HTTP 503"));
        put(&mut unwell, "events", &event("8", "Warning", "older"));
        put(&mut unwell, "events", &event("6", "Warning", "Readiness probe failed: HTTP 503"));
        let (_, problems) = unwell.problems();
        assert_eq!(
            problems[0].why.as_ref().map(|why| why.text.as_str()),
            Some("runs, but container c is not ready yet: Readiness probe failed: HTTP 503")
        );
        assert_eq!(problems[0].evidence, ["Readiness probe failed: HTTP 503", "older"]);
    }

    #[test]
    fn the_last_words_of_a_crashed_container_are_asked_for_once() {
        let mut unwell = Unwell::default();
        put(&mut unwell, "pods", &pod(json!({"waiting": {"reason": "CrashLoopBackOff"}})));
        let asked = unwell.silent();
        assert_eq!(asked[0].1, "/api/v1/namespaces/shop/pods/web/log?previous=true&tailLines=3&container=c");
        assert_eq!(unwell.silent(), []);
        unwell.last_words.insert(asked[0].0.clone(), vec!["no database".to_owned()]);
        assert_eq!(unwell.problems().1[0].evidence, ["no database"]);
    }

    #[test]
    fn what_happens_to_a_node_is_evidence_though_its_events_lie_in_a_namespace_and_name_it() {
        let mut unwell = Unwell::default();
        put(
            &mut unwell,
            "nodes",
            &json!({"metadata": {"name": "dev-worker", "uid": "u"},
            "status": {"conditions": [{"type": "Ready", "status": "False", "message": "gone"}]}}),
        );
        put(
            &mut unwell,
            "events",
            &json!({"metadata": {"name": "e", "namespace": "default", "uid": "e"}, "type": "Warning",
            "message": "No disk left", "involvedObject": {"kind": "Node", "name": "dev-worker", "uid": "dev-worker"}}),
        );
        assert!(unwell.problems().1[0].evidence.contains(&"No disk left".to_owned()));
    }

    #[test]
    fn of_a_cluster_where_all_is_broken_the_first_problems_are_told_and_how_many_there_are() {
        let mut unwell = Unwell::default();
        for uid in 0..MOST + 2 {
            let mut pod = pod(json!({"waiting": {"reason": "CrashLoopBackOff"}}));
            pod["metadata"]["uid"] = uid.to_string().into();
            put(&mut unwell, "pods", &pod);
        }
        let (total, told) = unwell.problems();
        assert_eq!((total, told.len()), (MOST + 2, MOST));
    }
}
