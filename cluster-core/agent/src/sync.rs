//! Keeps a cluster equal to files on this machine: reads them, applies what changed, removes what is gone from them.

mod differ;
mod kinds;
mod load;
mod locate;
mod plan;
mod pull;
mod remote;

use crate::prelude::*;
use futures::future::join_all;
use kinds::Kinds;
use load::Document;
use notify::{RecursiveMode, Watcher};
use plan::Key;
use remote::Remote;
use std::time::Instant;

/// Editors save in several steps.
const DEBOUNCE: Duration = Duration::from_millis(10);
/// Between two tries to do what the cluster did not take.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);
/// Nothing is removed while files still change: an editor may have emptied one to write it anew.
const BEFORE_PRUNE: Duration = Duration::from_millis(700);

/// What is kept in the cluster.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Spec {
    /// Manifests, folders of them, folders with a kustomization.
    pub paths: Vec<PathBuf>,
    /// Of objects that name none.
    pub namespace: String,
    /// ConfigMaps by name, each of a file or the files of a folder.
    pub config_maps: Vec<(String, PathBuf)>,
    /// Secrets likewise.
    pub secrets: Vec<(String, PathBuf)>,
    /// Whether what goes from the files goes from the cluster.
    pub prune: bool,
    /// Whether workloads start anew when what they only read at their start changes.
    pub rollout: bool,
}

impl Default for Spec {
    fn default() -> Self {
        let (paths, config_maps, secrets) = Default::default();
        Self { paths, namespace: "default".to_owned(), config_maps, secrets, prune: true, rollout: false }
    }
}

impl Spec {
    /// Which sync this is: the same files in the same namespace are the same sync.
    pub(crate) fn set(&self) -> String {
        let paths = self.watched().into_iter().map(|path| path.canonicalize().unwrap_or(path));
        let mut paths: Vec<String> = paths.map(|path| path.display().to_string()).collect();
        paths.sort();
        plan::short_hash(&format!("{}\n{}", self.namespace, paths.join("\n")))
    }

    /// All files and folders.
    pub(crate) fn watched(&self) -> Vec<PathBuf> {
        let named = self.config_maps.iter().chain(&self.secrets).map(|(_, path)| path);
        self.paths.iter().chain(named).cloned().collect()
    }
}

/// Something that is wrong in a file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Fault {
    /// The file.
    pub file: PathBuf,
    /// The line, counted from 1; 0 when it is not known.
    pub line: usize,
    /// What is wrong.
    pub message: String,
}

impl std::fmt::Display for Fault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.line {
            0 => write!(f, "{}: {}", self.file.display(), self.message),
            line => write!(f, "{}:{line}: {}", self.file.display(), self.message),
        }
    }
}

/// What a sync tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Told {
    /// An object is as its file says now; what was done to it.
    Done {
        /// For example `configmap/a`.
        object: String,
        /// `created`, `configured`, `pruned` or `pulled`.
        what: &'static str,
    },
    /// Something is wrong in a file; the rest goes on.
    Fault(Fault),
    /// Something that is in no file any more could not be removed; this is told after the round.
    Left(Fault),
    /// What an apply would change, as `diff -u` shows it.
    Diff(String),
    /// All files were looked at.
    Round {
        /// How many objects they hold.
        objects: usize,
        /// How many faults.
        faults: usize,
        /// How long it took.
        took: Duration,
    },
}

/// A running sync.
pub struct Syncing<'a> {
    spec: Spec,
    remote: Remote,
    /// What is in the cluster by our doing, as it was applied; null where it is only known to be there.
    applied: HashMap<Key, Value>,
    /// Whether what failed in this round may do without a change of the files.
    again: bool,
    tell: Box<dyn FnMut(Told) + Send + 'a>,
}

impl<'a> Syncing<'a> {
    /// Looks at what the cluster serves, and at what an earlier sync of the same files has left there.
    pub async fn new(client: Client, spec: Spec, tell: impl FnMut(Told) + Send + 'a) -> Result<Self, Error> {
        let kinds = Kinds::discover(&client).await?;
        let remote = Remote { client, kinds, set: spec.set(), namespace: spec.namespace.clone() };
        let left = if spec.prune { remote.ours().await? } else { Vec::new() };
        let applied = left.into_iter().map(|key| (key, Value::Null)).collect();
        Ok(Self { spec, remote, applied, again: false, tell: Box::new(tell) })
    }

    /// Makes the cluster as the files are, once; the number of faults.
    pub async fn once(&mut self) -> Result<usize, Error> {
        let (faults, leftovers) = self.apply().await;
        Ok(faults + self.prune(leftovers).await)
    }

    /// Makes the cluster as the files are, and again whenever they change.
    pub async fn follow(&mut self) -> Result<(), Error> {
        let (sender, mut events) = mpsc::unbounded_channel();
        let notified = move |event: notify::Result<notify::Event>| {
            if event.is_ok_and(|event| sender.send(event).is_err()) {
                tracing::trace!("the sync has ended");
            }
        };
        let failed = |error: notify::Error| Status::internal(format!("failed to watch files: {error}"));
        let mut watcher = notify::recommended_watcher(notified).map_err(failed)?;
        let mut backoff = Backoff::new(FIRST_PAUSE, LONGEST_PAUSE);
        loop {
            // Each time, since a folder may have been replaced by another.
            let mut paths = load::watched(&self.spec);
            for path in &mut paths {
                *path = std::path::absolute(&*path).map_err(Error::file("find", path))?;
                let (folder, mode) = to_watch(path);
                watcher.watch(folder, mode).map_err(failed)?;
            }
            let (_, mut leftovers) = self.apply().await;
            loop {
                let quiet = match (leftovers.is_empty(), self.again) {
                    (false, _) => BEFORE_PRUNE,
                    (true, true) => backoff.pause(),
                    (true, false) => {
                        backoff.reset();
                        Duration::MAX
                    }
                };
                match tokio::time::timeout(quiet, changed(&mut events, &paths)).await {
                    Ok(None) => return Ok(()),
                    Err(_) if !leftovers.is_empty() => {
                        self.prune(std::mem::take(&mut leftovers)).await;
                    }
                    Ok(Some(())) | Err(_) => break,
                }
            }
            tokio::time::sleep(DEBOUNCE).await;
            while events.try_recv().is_ok() {}
        }
    }

    /// Shows what an apply would change; the number of objects that differ and of faults.
    pub async fn diff(&mut self) -> Result<(usize, usize), Error> {
        let (documents, faults) = self.load();
        let (mut differ, mut faults) = (0, faults);
        for document in &documents {
            match self.remote.difference(document).await {
                Ok(None) => {}
                Ok(Some(text)) => {
                    differ += 1;
                    (self.tell)(Told::Diff(text));
                }
                Err(error) => faults += self.refused(document, &error),
            }
        }
        Ok((differ, faults))
    }

    /// Writes changes that were made in the cluster back into the files, or shows what that would change in them; the
    /// number of faults.
    pub async fn pull(&mut self, write: bool) -> Result<usize, Error> {
        let (documents, mut faults) = self.load();
        // From the end, so that the documents of a file that follow stay where they are.
        for document in documents.iter().rev().filter(|document| !document.text.is_empty()) {
            match self.remote.live(&document.object).await {
                Ok(Some(live)) => {
                    for told in pull::pull(document, &live, write) {
                        faults += usize::from(matches!(told, Told::Fault(_)));
                        (self.tell)(told);
                    }
                }
                Ok(None) => {}
                Err(error) => faults += self.refused(document, &error),
            }
        }
        Ok(faults)
    }

    /// The objects of all files, each with its namespace and label; what is wrong is told and left out.
    fn load(&mut self) -> (Vec<Document>, usize) {
        let mut loaded = load::load(&self.spec);
        self.place(&mut loaded.documents);
        for document in plan::twice(&loaded.documents) {
            loaded.faults.push(document.fault("metadata.name", "the same object stands in another place too"));
        }
        if self.spec.rollout {
            plan::stamp(&mut loaded.documents);
        }
        let faults = loaded.faults.len();
        let faulty: Vec<_> = loaded.faults.iter().map(|fault| (fault.file.clone(), fault.line)).collect();
        loaded.faults.into_iter().for_each(|fault| (self.tell)(Told::Fault(fault)));
        let spans = |document: &Document, line: usize| {
            line >= document.line && line < document.line + document.text.lines().count().max(1)
        };
        loaded
            .documents
            .retain(|document| !faulty.iter().any(|(file, line)| *file == document.file && spans(document, *line)));
        (loaded.documents, faults)
    }

    /// Gives documents that name no namespace theirs, as far as their kinds are known.
    fn place(&self, documents: &mut [Document]) {
        for document in documents {
            let (version, kind) = (meta::api_version(&document.object), meta::kind(&document.object));
            let namespaced = self.remote.kinds.find(version, kind).is_ok_and(|kind| kind.namespaced);
            if namespaced && meta::namespace(&document.object).is_empty() {
                meta::set(&mut document.object, "metadata.namespace", self.spec.namespace.as_str());
            }
        }
    }

    /// Applies what changed; the number of faults, and what is left over when there are none.
    async fn apply(&mut self) -> (usize, Vec<Key>) {
        let begin = Instant::now();
        self.again = false;
        let (mut documents, mut faults) = self.load();
        let mut changed: Vec<Document> = plan::changed(&documents, &self.applied).into_iter().cloned().collect();
        for group in changed.chunk_by_mut(|a, b| plan::rank(meta::kind(&a.object)) == plan::rank(meta::kind(&b.object)))
        {
            if let Err(error) = self.ready_for(group).await {
                tracing::warn!(%error, "failed to look at the cluster's kinds");
            }
            let applied = join_all(group.iter().map(|document| self.remote.apply(document))).await;
            for (document, outcome) in group.iter().zip(applied) {
                let key = Key::of(&document.object);
                match outcome {
                    Ok(what) => {
                        (self.tell)(Told::Done { object: key.to_string(), what });
                        self.applied.insert(key, document.object.clone());
                    }
                    Err(error) => faults += self.refused(document, &error),
                }
            }
        }
        self.place(&mut documents);
        // With a fault in some file nobody knows what is meant to be there.
        let prune = self.spec.prune && faults == 0;
        let leftovers = if prune { plan::leftovers(self.applied.keys(), &documents) } else { Vec::new() };
        (self.tell)(Told::Round { objects: documents.len(), faults, took: begin.elapsed() });
        (faults, leftovers)
    }

    /// Looks for kinds that were not there yet: a definition that was applied is served at once.
    async fn ready_for(&mut self, group: &mut [Document]) -> Result<(), Error> {
        let known = |document: &Document| {
            self.remote.kinds.find(meta::api_version(&document.object), meta::kind(&document.object)).is_ok()
        };
        if !group.iter().all(known) {
            self.remote.kinds = Kinds::discover(&self.remote.client).await?;
            self.place(group);
        }
        Ok(())
    }

    /// Tells what the cluster did not take, with the line where it says which; how many faults those are.
    fn refused(&mut self, document: &Document, error: &Error) -> usize {
        let status = error.status();
        // Everything but the document itself may be otherwise soon: a webhook's pod, a namespace, the API server.
        self.again |= !matches!(status.code, 400 | 422);
        let causes = status.details.as_ref().map(|details| details.causes.clone()).unwrap_or_default();
        let mut faults: Vec<Fault> = causes
            .iter()
            .filter(|cause| !cause.field.is_empty())
            .map(|cause| document.fault(&cause.field, format!("{}: {}", cause.field, cause.message)))
            .collect();
        if faults.is_empty() {
            faults.push(document.fault("", status.message.clone()));
        }
        let count = faults.len();
        for fault in faults {
            (self.tell)(Told::Fault(fault));
        }
        count
    }

    /// Removes what is left over; how much of it could not be.
    async fn prune(&mut self, leftovers: Vec<Key>) -> usize {
        let mut faults = 0;
        for key in leftovers {
            match self.remote.delete(&key).await {
                Ok(()) => {
                    (self.tell)(Told::Done { object: key.to_string(), what: "pruned" });
                    self.applied.remove(&key);
                }
                Err(error) => {
                    faults += 1;
                    self.again = true;
                    let file = PathBuf::from(key.to_string());
                    (self.tell)(Told::Left(Fault { file, line: 0, message: error.to_string() }));
                }
            }
        }
        faults
    }
}

/// The difference of two texts, each with its name, as `diff -u` shows it.
fn unified((before, name): (&str, &str), (after, other): (&str, &str)) -> String {
    let diff = similar::TextDiff::from_lines(before, after);
    diff.unified_diff().context_radius(3).header(name, other).to_string()
}

/// Waits for an event that concerns a path.
async fn changed(events: &mut mpsc::UnboundedReceiver<notify::Event>, paths: &[PathBuf]) -> Option<()> {
    while !concerns(&events.recv().await?, paths) {}
    Some(())
}

/// Whether an event may have to do with one of these absolute paths: others stand beside them in the folders that are
/// watched.
fn concerns(event: &notify::Event, paths: &[PathBuf]) -> bool {
    let is_one = |changed: &PathBuf| paths.iter().any(|path| changed.starts_with(path) || path.starts_with(changed));
    !event.kind.is_access() && (event.need_rescan() || event.paths.iter().any(is_one))
}

/// What is watched for a path. Editors replace files, so it is their folder; and of what is not there the nearest folder
/// that is, in which it may appear.
fn to_watch(path: &Path) -> (&Path, RecursiveMode) {
    if path.is_dir() {
        return (path, RecursiveMode::Recursive);
    }
    let folder = path.ancestors().skip(1).find(|folder| folder.is_dir());
    (folder.unwrap_or_else(|| ".".as_ref()), RecursiveMode::NonRecursive)
}

#[cfg(test)]
mod tests;
