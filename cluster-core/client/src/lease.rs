//! Leader election over a `coordination.k8s.io` Lease: one holder at a time, taken over when it stops renewing.

use crate::prelude::*;
use crate::{Client, Error};
use k8s_openapi::api::coordination::v1::{Lease, LeaseSpec};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{MicroTime, ObjectMeta};
use std::future::Future;

/// How long others wait after the last renewal before they take over. All times are upstream's.
const LEASE: Duration = Duration::from_secs(15);
/// How long the holder tries to renew before it gives up.
const RENEW_DEADLINE: Duration = Duration::from_secs(10);
/// The pause between tries.
const RETRY: Duration = Duration::from_secs(2);

/// Who wants to lead.
#[derive(Debug, Clone)]
pub struct LeaderElection {
    /// The Lease's namespace, usually `kube-system`.
    pub namespace: String,
    /// The Lease's name, for example `kube-scheduler`.
    pub name: String,
    /// This process, unique among the candidates.
    pub identity: String,
}

impl LeaderElection {
    /// Candidate `identity` for the Lease `namespace/name`: 15 s lease, 10 s to renew, a try every 2 s.
    pub fn new(namespace: &str, name: &str, identity: &str) -> Self {
        Self { namespace: namespace.to_owned(), name: name.to_owned(), identity: identity.to_owned() }
    }

    /// Waits for leadership, runs `lead` and returns its result; `None` when leadership was lost first, in which case
    /// `lead` was dropped where it stood. Dropping the returned future does not give the Lease back.
    pub async fn run<T>(&self, client: &Client, lead: impl Future<Output = T>) -> Option<T> {
        self.acquire(client).await;
        tracing::info!(lease = self.name, identity = self.identity, "became leader");
        tokio::select! {
            result = lead => {
                if let Err(error) = self.release(client).await {
                    tracing::debug!(lease = self.name, %error, "did not give the lease back");
                }
                Some(result)
            }
            () = self.hold(client) => {
                tracing::warn!(lease = self.name, identity = self.identity, "lost leadership");
                None
            }
        }
    }

    async fn acquire(&self, client: &Client) {
        let mut seen = None;
        loop {
            match self.attempt(client, &mut seen).await {
                Ok(true) => return,
                Ok(false) => {}
                Err(error) => tracing::debug!(lease = self.name, %error, "failed to acquire the lease"),
            }
            tokio::time::sleep(RETRY).await;
        }
    }

    /// Renews until that failed for [`RENEW_DEADLINE`], or another holds the Lease.
    async fn hold(&self, client: &Client) {
        let mut renewed = Instant::now();
        let mut seen = None;
        while renewed.elapsed() < RENEW_DEADLINE {
            tokio::time::sleep(RETRY).await;
            let left = RENEW_DEADLINE.saturating_sub(renewed.elapsed());
            match tokio::time::timeout(left, self.attempt(client, &mut seen)).await {
                Ok(Ok(true)) => renewed = Instant::now(),
                Ok(Ok(false)) => return,
                Ok(Err(error)) => tracing::debug!(lease = self.name, %error, "failed to renew the lease"),
                Err(_) => return,
            }
        }
    }

    /// One try; whether this candidate holds the Lease now. `seen` is the last state and when it was first seen:
    /// only the own clock counts, never another machine's.
    async fn attempt(&self, client: &Client, seen: &mut Option<(LeaseSpec, Instant)>) -> Result<bool, Error> {
        let current = Error::ignore_gone(client.get::<Lease>(&self.namespace, &self.name).await)?;
        let spec = current.as_ref().map(|lease| lease.spec.clone().unwrap_or_default());
        if let Some(spec) = &spec
            && seen.as_ref().is_none_or(|(known, _)| known != spec)
        {
            *seen = Some((spec.clone(), Instant::now()));
        }
        let expired = seen.as_ref().is_some_and(|(spec, at)| at.elapsed() > lease_time(spec));
        let Some(claim) = self.claim(spec.as_ref(), expired, Timestamp::now()) else { return Ok(false) };
        let written = match current {
            None => client.create(&self.lease(claim)).await,
            Some(lease) => client.update(&Lease { spec: Some(claim), ..lease }).await,
        };
        match written {
            Ok(lease) => {
                *seen = lease.spec.map(|spec| (spec, Instant::now()));
                Ok(true)
            }
            Err(error) if error.is_conflict() || error.is_already_exists() => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// What to write into the Lease as it stands, or nothing; `expired` says that its holder stopped renewing.
    fn claim(&self, current: Option<&LeaseSpec>, expired: bool, now: Timestamp) -> Option<LeaseSpec> {
        let renewed = LeaseSpec {
            holder_identity: Some(self.identity.clone()),
            lease_duration_seconds: Some(i32::try_from(LEASE.as_secs()).unwrap_or(i32::MAX)),
            acquire_time: Some(MicroTime(now)),
            renew_time: Some(MicroTime(now)),
            lease_transitions: Some(0),
            ..LeaseSpec::default()
        };
        let Some(current) = current else { return Some(renewed) };
        let holder = current.holder_identity.as_deref().unwrap_or_default();
        let transitions = current.lease_transitions.unwrap_or_default();
        if holder == self.identity {
            let acquire_time = current.acquire_time.clone();
            return Some(LeaseSpec { acquire_time, lease_transitions: Some(transitions), ..renewed });
        }
        let free = holder.is_empty() || expired;
        free.then(|| LeaseSpec { lease_transitions: Some(transitions + 1), ..renewed })
    }

    /// Lets the next candidate in at once.
    async fn release(&self, client: &Client) -> Result<(), Error> {
        let mut lease: Lease = client.get(&self.namespace, &self.name).await?;
        let spec = lease.spec.get_or_insert_default();
        if spec.holder_identity.as_deref() != Some(&self.identity) {
            return Ok(());
        }
        spec.holder_identity = Some(String::new());
        spec.lease_duration_seconds = Some(1);
        spec.renew_time = Some(MicroTime(Timestamp::now()));
        client.update(&lease).await.map(drop)
    }

    fn lease(&self, spec: LeaseSpec) -> Lease {
        let (namespace, name) = (Some(self.namespace.clone()), Some(self.name.clone()));
        Lease { metadata: ObjectMeta { namespace, name, ..ObjectMeta::default() }, spec: Some(spec) }
    }
}

fn lease_time(spec: &LeaseSpec) -> Duration {
    Duration::from_secs(u64::try_from(spec.lease_duration_seconds.unwrap_or_default()).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn held_by(holder: &str) -> LeaseSpec {
        LeaseSpec { holder_identity: Some(holder.into()), lease_transitions: Some(3), ..LeaseSpec::default() }
    }

    #[test]
    fn a_lease_is_taken_only_when_free_or_expired() {
        let election = LeaderElection::new("kube-system", "x", "me");
        let transitions = |current: Option<&LeaseSpec>, expired| {
            election.claim(current, expired, Timestamp::now()).and_then(|spec| spec.lease_transitions)
        };
        assert_eq!(transitions(None, false), Some(0));
        assert_eq!(transitions(Some(&held_by("me")), false), Some(3));
        assert_eq!(transitions(Some(&held_by("other")), false), None);
        assert_eq!(transitions(Some(&held_by("other")), true), Some(4));
        assert_eq!(transitions(Some(&held_by("")), false), Some(4));
    }
}
