//! Writes a pod's status to the API server, the newest one at a time, and deletes the pod when it is through here.

use super::mirror;
use super::resize::CONDITIONS;
use crate::prelude::*;
use cluster_client::{DeleteOptions, Error, Patch};

const RETRY: Duration = Duration::from_secs(1);

/// What is to be written.
#[derive(Debug, Clone, Default)]
pub(super) struct Report {
    pub(super) pod: Arc<Pod>,
    pub(super) status: PodStatus,
    /// The pod is gone from the node: its object goes too.
    pub(super) last: bool,
}

/// Writes reports until the sender is dropped or the last one is through.
pub(super) async fn run(context: Arc<Context>, mut reports: watch::Receiver<Report>) {
    let client = &context.client;
    let mut before = None;
    while reports.changed().await.is_ok() {
        loop {
            let report = reports.borrow_and_update().clone();
            match write(client, &report, before.as_ref()).await {
                Ok(()) if report.last => return,
                Ok(()) => before = Some(report.status),
                Err(e) if report.last && is_over(&e) => return,
                // A mirror that is missing or in the way is one to make.
                Err(e) if is_over(&e) && !mirror::is_static(&report.pod) => {}
                Err(e) => {
                    tracing::debug!("cannot write the status of a pod: {e}");
                    tokio::time::sleep(RETRY).await;
                    continue;
                }
            }
            break;
        }
    }
}

/// Whether the object that was meant is no longer there.
fn is_over(error: &Error) -> bool {
    error.is_not_found() || error.is_conflict()
}

async fn write(client: &Client, report: &Report, mut before: Option<&PodStatus>) -> Result<(), Error> {
    let pod = &*report.pod;
    let is_static = mirror::is_static(pod);
    if is_static {
        if report.last {
            return mirror::remove(client, pod).await;
        }
        if mirror::ensure(client, pod).await? {
            before = None;
        }
    }
    if before != Some(&report.status) {
        let uid = pod.metadata.uid.as_deref().filter(|_| !is_static);
        let patch = Patch::Strategic(patch(report, before, uid));
        client.patch::<Pod>(pod.namespace(), pod.name(), "status", &patch).await?;
    }
    if report.last {
        let options = DeleteOptions { grace_period_seconds: Some(0), ..DeleteOptions::default() };
        client.delete_this(pod, options).await?;
    }
    Ok(())
}

/// A strategic merge patch merges lists and maps; what must vanish is named.
fn patch(report: &Report, before: Option<&PodStatus>, uid: Option<&str>) -> Value {
    let mut status = json!(report.status);
    for condition in status["conditions"].as_array_mut().into_iter().flatten() {
        for field in ["reason", "message"] {
            if condition.get(field).is_none() {
                condition[field] = Value::Null;
            }
        }
    }
    let old = before.or(report.pod.status.as_ref());
    for passed in CONDITIONS {
        let listed = |status: &PodStatus| status.conditions.iter().flatten().any(|c| c.type_ == passed);
        if old.is_some_and(listed)
            && !listed(&report.status)
            && let Some(conditions) = status["conditions"].as_array_mut()
        {
            conditions.push(json!({"$patch": "delete", "type": passed}));
        }
    }
    for (list, own) in [("podIPs", report.status.pod_ips.is_some()), ("hostIPs", report.status.host_ips.is_some())] {
        if own
            && old.is_some_and(|old| json!(old)[list] != status[list])
            && let Some(items) = status[list].as_array_mut()
        {
            items.insert(0, json!({"$patch": "replace"}));
        }
    }
    let mut patch = json!({"status": status});
    if let Some(uid) = uid {
        patch["metadata"] = json!({"uid": uid});
    }
    patch
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_condition_that_passed_is_deleted_by_name() {
        let with = |types: &[&str]| -> PodStatus {
            let conditions: Vec<Value> = types.iter().map(|t| json!({"type": t, "status": "True"})).collect();
            serde_json::from_value(json!({"conditions": conditions})).expect("a status")
        };
        let report = Report { status: with(&["Ready"]), ..Report::default() };
        let deleted = json!({"$patch": "delete", "type": "PodResizePending"});
        for (before, named) in [(with(&["Ready", "PodResizePending"]), true), (with(&["Ready"]), false)] {
            let patch = patch(&report, Some(&before), None);
            let conditions = patch["status"]["conditions"].as_array().expect("a list");
            assert_eq!(conditions.contains(&deleted), named);
        }
    }
}
