//! ResourceQuota: no new object beyond what a namespace's quotas allow.

use crate::kinds::prelude::*;
use cluster_object::quota::{in_scope, usage};
use cluster_store::{Draft, Expect, Ledger};
use tokio::sync::OwnedMutexGuard;

/// Where the store keeps the ledgers of namespaces.
const LEDGER: &str = "quota-ledger";

/// Who may count and write in a namespace with quotas: one at a time, so that two that fit alone do not both get in.
#[derive(Default)]
pub(crate) struct Turns(Mutex<HashMap<String, Arc<Turn>>>);

type Turn = tokio::sync::Mutex<()>;

impl Turns {
    async fn take(&self, namespace: &str) -> OwnedMutexGuard<()> {
        let turn = Arc::clone(self.0.lock().entry(namespace.to_owned()).or_default());
        turn.lock_owned().await
    }
}

/// Lets go of a namespace that is gone.
pub(crate) async fn forget(server: &ApiServer, namespace: &str) {
    server.turns.0.lock().remove(namespace);
    let key = Key::new(LEDGER, namespace, "");
    if server.store.get(&key).is_some()
        && let Err(error) = server.store.delete(key, Expect::Any, Draft::default()).await
    {
        tracing::warn!(%error, namespace, "failed to remove the ledger of a namespace's quotas");
    }
}

/// The right to write what was counted. The caller writes with the ledger, and gives the turn back then.
pub(crate) struct Charge {
    ledger: Ledger,
    _turn: OwnedMutexGuard<()>,
}

impl Charge {
    /// What other servers' writes are seen by.
    pub(crate) fn ledger(charge: Option<&Self>) -> Option<&Ledger> {
        charge.map(|charge| &charge.ledger)
    }
}

/// Refuses what would exceed a quota.
pub(crate) async fn charge(call: &Call<'_>, request: &AdmissionRequest<'_>) -> Result<Option<Charge>, Status> {
    let namespace = request.namespace;
    if !call.server.config.admission.runs("ResourceQuota") {
        return Ok(None);
    }
    if namespace.is_empty() || call.server.list("resourcequotas", Some(namespace)).is_empty() {
        return Ok(None);
    }
    let turn = call.server.turns.take(namespace).await;
    let key = Key::new(LEDGER, namespace, "");
    // Before the count: who writes later than this is seen by the ledger, who wrote earlier is in the count.
    let ledger = Ledger { seen: call.server.store.get(&key).map_or(0, |entry| entry.revision), key };
    check(request, call.server)?;
    Ok(Some(Charge { ledger, _turn: turn }))
}

pub(super) fn check(request: &AdmissionRequest<'_>, lookup: &dyn Lookup) -> Result<(), Status> {
    let storage = request.resource.storage.as_str();
    for quota in lookup.list("resourcequotas", Some(request.namespace)) {
        if in_scope(&quota, storage, request.object) {
            one(request, &quota, lookup)?;
        }
    }
    Ok(())
}

fn one(request: &AdmissionRequest<'_>, quota: &Value, lookup: &dyn Lookup) -> Result<(), Status> {
    let storage = request.resource.storage.as_str();
    let (mut asked, mut used, mut limited) = (Vec::new(), Vec::new(), Vec::new());
    let new_pod = storage == "pods" && request.operation == Operation::Create;
    let missing = if new_pod { unspecified(&quota["spec"]["hard"], request.object) } else { Vec::new() };
    let old = request.old.filter(|old| in_scope(quota, storage, old));
    let mut present = None;
    for (name, hard) in entries(&quota["spec"]["hard"]) {
        let (Some(wanted), Ok(hard)) = (usage(name, storage, request.object), Quantity::from_value(hard)) else {
            continue;
        };
        let held = old.and_then(|old| usage(name, storage, old)).unwrap_or_default();
        if wanted <= held {
            continue;
        }
        let wanted = wanted - held;
        let all = present.get_or_insert_with(|| lookup.list(storage, Some(request.namespace)));
        let counted = all.iter().filter(|o| in_scope(quota, storage, o));
        let sum: Quantity = counted.filter_map(|o| usage(name, storage, o)).sum();
        if sum + wanted > hard {
            asked.push(format!("{name}={wanted}"));
            used.push(format!("{name}={sum}"));
            limited.push(format!("{name}={hard}"));
        }
    }
    let quota = meta::name(quota);
    if !missing.is_empty() {
        return Err(request.forbidden(&format!("failed quota: {quota}: must specify {}", missing.join("; "))));
    }
    if asked.is_empty() {
        return Ok(());
    }
    Err(request.forbidden(&format!(
        "exceeded quota: {quota}, requested: {}, used: {}, limited: {}",
        asked.join(","),
        used.join(","),
        limited.join(",")
    )))
}

/// What a quota on CPU or memory wants every container to say, and the containers that do not.
fn unspecified(hard: &Value, pod: &Value) -> Vec<String> {
    let mut missing = Vec::new();
    let whole = &pod["spec"]["resources"];
    if !is_empty(&whole["requests"]) || !is_empty(&whole["limits"]) {
        return missing;
    }
    for (name, _) in entries(hard) {
        let (list, resource) = match name.as_str() {
            "cpu" | "memory" => ("requests", name.as_str()),
            "requests.cpu" | "limits.cpu" | "requests.memory" | "limits.memory" => {
                name.split_once('.').unwrap_or_default()
            }
            _ => continue,
        };
        let containers = ["containers", "initContainers"].into_iter().flat_map(|list| items(&pod["spec"][list]));
        let silent = containers.filter(|c| c["resources"][list][resource].is_null()).map(|c| text(&c["name"]));
        let mut silent: Vec<&str> = silent.collect();
        silent.sort_unstable();
        if !silent.is_empty() {
            missing.push(format!("{name} for: {}", silent.join(",")));
        }
    }
    missing.sort();
    missing
}
