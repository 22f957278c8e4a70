//! Folders that the agent keeps in clusters, also after whoever asked for it has gone.

use crate::prelude::*;
use crate::sync::{Fault, Spec, Syncing, Told};

const FIRST_PAUSE: Duration = Duration::from_millis(500);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// A sync that somebody asked for.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct WantedSync {
    cluster: String,
    /// All its paths are absolute.
    #[serde(flatten)]
    spec: Spec,
}

impl WantedSync {
    fn id(&self) -> String {
        format!("{}-{}", self.cluster, self.spec.set())
    }

    fn check(&self) -> Result<(), Status> {
        let paths = self.spec.watched();
        let good = !paths.is_empty() && paths.iter().all(|path| path.is_absolute() && path.exists());
        good.then_some(()).ok_or_else(|| Status::bad_request("the paths must be absolute and exist"))
    }
}

/// A sync as pages see it.
#[derive(Debug, Clone, Default, Serialize)]
pub(crate) struct Running {
    id: String,
    #[serde(flatten)]
    wanted: WantedSync,
    /// `waiting` for the cluster, `synced` or `failing`.
    state: &'static str,
    /// How many objects the files hold.
    applied: usize,
    errors: Vec<Fault>,
    /// When the files were looked at last, RFC 3339.
    last: String,
    #[serde(skip)]
    found: Vec<Fault>,
}

impl Running {
    fn enter(&mut self, state: &'static str, errors: Vec<Fault>) -> bool {
        (self.state, self.errors) = (state, errors);
        true
    }

    /// Takes what the sync tells; true when pages should know.
    fn take(&mut self, told: Told) -> bool {
        match told {
            Told::Fault(fault) => self.found.push(fault),
            Told::Round { objects, .. } => {
                let errors = std::mem::take(&mut self.found);
                (self.applied, self.last) = (objects, meta::now());
                return self.enter(if errors.is_empty() { "synced" } else { "failing" }, errors);
            }
            Told::Left(fault) => {
                let errors = [std::mem::take(&mut self.errors), vec![fault]].concat();
                return self.enter("failing", errors);
            }
            Told::Done { .. } | Told::Diff(_) => {}
        }
        false
    }
}

/// All syncs.
#[derive(Debug)]
pub(crate) struct Syncs {
    clusters: Arc<Clusters>,
    memory: Arc<Memory>,
    activity: Activity,
    pub(crate) board: Board<Running>,
}

impl Syncs {
    /// Takes up what was asked for before.
    pub(crate) fn start(clusters: Arc<Clusters>, memory: Arc<Memory>, activity: Activity, events: Events) -> Arc<Self> {
        let syncs = Arc::new(Self { clusters, memory, activity, board: Board::new("syncs", events) });
        syncs.memory.get(|memory| memory.syncs.clone()).iter().for_each(|wanted| drop(syncs.begin(wanted)));
        syncs
    }

    /// Begins a sync and remembers it.
    pub(crate) fn add(self: &Arc<Self>, wanted: WantedSync) -> Result<Running, Error> {
        self.clusters.state(&wanted.cluster)?;
        wanted.check()?;
        self.memory.change(|memory| {
            memory.syncs.retain(|other| other.id() != wanted.id());
            memory.syncs.push(wanted.clone());
        })?;
        Ok(self.begin(&wanted))
    }

    /// What an apply would change in the cluster (`diff`), or a pull in the files (`preview`), or has changed in them
    /// (`pull`), and what is wrong.
    pub(crate) async fn look(&self, look: &str, mut wanted: WantedSync) -> Result<Value, Error> {
        wanted.check()?;
        let client = self.clusters.live(&wanted.cluster)?.client.clone();
        // Nothing is pruned, so nobody needs to know what there is.
        wanted.spec.prune = false;
        let (mut changes, mut faults) = (Vec::new(), Vec::new());
        let tell = |told| match told {
            Told::Diff(text) | Told::Done { object: text, .. } => changes.push(text),
            Told::Fault(fault) => faults.push(fault),
            Told::Left(_) | Told::Round { .. } => {}
        };
        let mut syncing = Syncing::new(client, wanted.spec, tell).await?;
        match look {
            "diff" => drop(syncing.diff().await?),
            "preview" | "pull" => drop(syncing.pull(look == "pull").await?),
            _ => return Err(Status::new(404, "NotFound", format!("nothing is called {look}")).into()),
        }
        drop(syncing);
        Ok(json!({"changes": changes, "faults": faults}))
    }

    /// Ends a sync; what it applied stays. False when there is no such one.
    pub(crate) fn remove(&self, id: &str) -> Result<bool, Error> {
        self.memory.change(|memory| memory.syncs.retain(|wanted| wanted.id() != id))?;
        Ok(self.board.take_away(id))
    }

    /// Ends those of clusters that are gone.
    pub(crate) fn retain(&self, exists: impl Fn(&str) -> bool) -> Result<(), Error> {
        let gone = |running: Running| (!exists(&running.wanted.cluster)).then_some(running.id);
        self.board.list().into_iter().filter_map(gone).try_for_each(|id| self.remove(&id).map(drop))
    }

    fn begin(self: &Arc<Self>, wanted: &WantedSync) -> Running {
        let running = Running { id: wanted.id(), wanted: wanted.clone(), state: "waiting", ..Running::default() };
        let task = AbortOnDropHandle::new(tokio::spawn(run(self.clone(), wanted.clone())));
        self.board.put(&running.id, running.clone(), (task, self.activity.hold()));
        running
    }
}

/// Syncs whenever the cluster runs.
async fn run(syncs: Arc<Syncs>, wanted: WantedSync) {
    let (id, mut backoff) = (wanted.id(), Backoff::new(FIRST_PAUSE, LONGEST_PAUSE));
    loop {
        let live = syncs.clusters.running(&wanted.cluster).await;
        let (client, ended) = (live.client.clone(), live.ended.clone());
        drop(live);
        let follow = async {
            let tell = |told| syncs.board.change(&id, |running| running.take(told));
            Syncing::new(client, wanted.spec.clone(), tell).await?.follow().await
        };
        tokio::select! {
            followed = follow => if let Err(error) = followed {
                let fault = Fault { file: PathBuf::default(), line: 0, message: error.to_string() };
                syncs.board.change(&id, |running| running.enter("failing", vec![fault]));
                tokio::time::sleep(backoff.pause()).await;
            },
            () = ended.cancelled() => {
                backoff.reset();
                syncs.board.change(&id, |running| running.enter("waiting", Vec::new()));
            }
        }
    }
}
