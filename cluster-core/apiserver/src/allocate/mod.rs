//! Cluster IPs and node ports of services: nobody gets one twice, however many servers share the store.
//!
//! What is taken is an object in the store that only one can make: an IPAddress for an address, an entry that the API
//! does not serve for a port. A write claims first and gives back what it claimed when it is not committed; what a
//! crash leaves behind is found at the next start.

mod pick;
mod service;

use crate::bootstrap::{amend, call_for};
use crate::kinds::prelude::*;
use crate::verbs::draft;

const ADDRESSES: &str = "networking.k8s.io/ipaddresses";
/// Where ServiceCIDRs are stored.
pub(crate) const CIDRS: &str = "networking.k8s.io/servicecidrs";
/// Keeps a ServiceCIDR while services have addresses of it alone.
pub(crate) const CIDR_FINALIZER: &str = "networking.k8s.io/service-cidr-finalizer";
const STILL_NEEDED: &str = "There are still IPAddresses referencing the ServiceCIDR, please remove them or create a new \
                            ServiceCIDR";
const PORTS: &str = "allocations/nodeports";
/// How old a claim without its service is before it is a leak; until then the service may still be on its way.
const GRACE_SECONDS: i64 = 60;

/// A number that a service has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Taken {
    Address(u32),
    Port(u32),
}

impl Taken {
    fn key(self) -> Key {
        match self {
            Self::Address(number) => key(ADDRESSES, "", &Ipv4Addr::from(number).to_string()),
            Self::Port(number) => key(PORTS, "", &number.to_string()),
        }
    }

    fn of_key(key: &Key) -> Option<Self> {
        if *key.resource == *PORTS {
            return key.name.parse().ok().map(Self::Port);
        }
        key.name.parse::<Ipv4Addr>().ok().map(|address| Self::Address(address.into()))
    }
}

/// Namespace and name of a service.
type Parent = (String, String);

fn parent_of(claim: &Value) -> Parent {
    let parent = &claim["spec"]["parentRef"];
    (text(&parent["namespace"]).to_owned(), text(&parent["name"]).to_owned())
}

fn name_of(service: &Value) -> Parent {
    (meta::namespace(service).to_owned(), meta::name(service).to_owned())
}

/// What one service may choose from.
struct Ranges<'a> {
    server: &'a ApiServer,
    parent: Parent,
    networks: Vec<Ipv4Net>,
}

impl<'a> Ranges<'a> {
    /// The server's own network, and those of all ServiceCIDRs that stay.
    fn new(server: &'a ApiServer, parent: Parent) -> Self {
        let mut networks = vec![server.config.service_subnet];
        let cidrs = server.list(CIDRS, None);
        let staying = cidrs.iter().filter(|object| meta::deletion_timestamp(object).is_none());
        networks.extend(staying.flat_map(|cidr| networks_of(cidr)));
        Self { server, parent, networks }
    }

    /// Whether nobody has this number, or only an earlier attempt for the same service.
    fn is_free(&self, taken: Taken) -> bool {
        self.server.store.get(&taken.key()).is_none() || is_claimed(self.server, taken, &self.parent)
    }
}

/// What a write claimed and what it gives up. Undone when it is dropped before [`Reservation::commit`].
#[derive(Default)]
pub(crate) struct Reservation {
    server: Weak<ApiServer>,
    parent: Parent,
    /// With the revision that made the claim this attempt's, once that is known.
    claimed: Vec<(Taken, Option<Revision>)>,
    given_up: Vec<Taken>,
}

impl Reservation {
    /// The write happened.
    pub(crate) async fn commit(mut self) {
        let claimed = std::mem::take(&mut self.claimed);
        if let Some(server) = self.server.upgrade() {
            join_all(self.given_up.iter().map(|taken| release(&server, *taken, None, &self.parent))).await;
            join_all(claimed.iter().map(|(taken, _)| keep(&server, *taken, &self.parent))).await;
        }
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        let (claimed, parent) = (std::mem::take(&mut self.claimed), std::mem::take(&mut self.parent));
        if let (Some(server), false) = (self.server.upgrade(), claimed.is_empty()) {
            tokio::spawn(async move {
                join_all(claimed.iter().map(|(taken, at)| release(&server, *taken, *at, &parent))).await
            });
        }
    }
}

/// Fills in the addresses and ports of a service that is written; does nothing for other kinds.
pub(crate) async fn reserve(call: &Call<'_>, old: Option<&Value>, object: &mut Value) -> Result<Reservation, Status> {
    if call.resource.storage != "services" {
        return Ok(Reservation::default());
    }
    loop {
        let mut filled = object.clone();
        let ranges = Ranges::new(call.server, (call.info.namespace.clone(), meta::name(object).to_owned()));
        let (mut wanted, mut errors) = (Vec::new(), Vec::new());
        let given_up = service::assign(&ranges, old, &mut filled, &mut wanted, &mut errors);
        call.invalid_if(meta::name(object), &errors)?;
        let given_up = given_up?;
        let mut reservation = Reservation {
            server: Weak::clone(&call.server.this),
            parent: ranges.parent,
            claimed: Vec::new(),
            given_up,
        };
        if !call.query.dry_run && !claim_all(call.server, wanted, &mut reservation).await? {
            // Somebody was faster: what he took shows now.
            continue;
        }
        *object = filled;
        return Ok(reservation);
    }
}

/// Claims all of these; false when somebody else has one of them.
async fn claim_all(server: &ApiServer, wanted: Vec<Taken>, reservation: &mut Reservation) -> Result<bool, Status> {
    for taken in wanted {
        // Before it is claimed: the claim may stand even when nobody waits for it any more.
        reservation.claimed.push((taken, None));
        let revision = claim(server, taken, &reservation.parent).await?;
        reservation.claimed.pop();
        if revision.is_none() {
            return Ok(false);
        }
        reservation.claimed.push((taken, revision));
    }
    Ok(true)
}

/// Whether the object that stands for a number is this service's.
fn is_claimed(server: &ApiServer, taken: Taken, parent: &Parent) -> bool {
    server.stored(&taken.key()).is_some_and(|claim| parent_of(&claim) == *parent)
}

/// Makes the object that stands for a number. What an earlier attempt for the same service made is written again, so that
/// this one does not lose it when that one gives it back. Returns the revision; `None` when somebody else was faster.
fn claim<'a>(
    server: &'a ApiServer,
    taken: Taken,
    parent: &'a Parent,
) -> BoxFuture<'a, Result<Option<Revision>, Status>> {
    let (namespace, name) = parent;
    let spec = json!({"parentRef": {"resource": "services", "namespace": namespace, "name": name}});
    let key = taken.key();
    async move {
        let made = match taken {
            Taken::Address(_) => {
                let labels = json!({"ipaddress.kubernetes.io/ip-family": "IPv4",
                    "ipaddress.kubernetes.io/managed-by": "ipallocator.k8s.io"});
                let object = json!({"apiVersion": "networking.k8s.io/v1", "kind": "IPAddress", "spec": spec,
                    "metadata": {"name": *key.name, "labels": labels}});
                match verbs::create_object(&call_for(server, &object)?, object, Managed::Track).await {
                    Err(status) if status.is_already_exists() => None,
                    made => {
                        let made: Value = serde_json::from_slice(&made?).map_err(Status::internal)?;
                        meta::resource_version(&made).parse().ok()
                    }
                }
            }
            Taken::Port(_) => {
                let object = json!({"apiVersion": "v1", "kind": "NodePortAllocation", "spec": spec,
                    "metadata": {"name": *key.name, "creationTimestamp": meta::now()}});
                match server.store.put(key.clone(), Expect::Absent, draft(&object)).await {
                    Err(WriteError::Exists) => None,
                    made => Some(made.map_err(Status::internal)?.revision),
                }
            }
        };
        let Some(entry) = server.store.get(&key).filter(|_| made.is_none()) else { return Ok(made) };
        let Some(claim) = server.stored(&key).filter(|claim| parent_of(claim) == *parent) else { return Ok(None) };
        match server.store.put(key, Expect::Revision(entry.revision), draft(&claim)).await {
            Err(WriteError::NotFound | WriteError::Conflict { .. }) => Ok(None),
            written => written.map(|entry| Some(entry.revision)).map_err(Status::internal),
        }
    }
    .boxed()
}

/// Gives back what a deleted service had.
pub(crate) async fn release_all(server: &ApiServer, service: &Value) {
    let parent = name_of(service);
    join_all(service::held(service).into_iter().map(|taken| release(server, taken, None, &parent))).await;
    if let Err(error) = settle(server).await {
        tracing::error!(%error, "failed to let a ServiceCIDR go");
    }
}

/// Takes the claim of `parent` on a number away, unless its stored state has it, or when it was not made at this revision.
async fn release(server: &ApiServer, taken: Taken, made: Option<Revision>, parent: &Parent) {
    let key = taken.key();
    let entry = server.store.get(&key).filter(|entry| made.is_none_or(|made| made == entry.revision));
    let Some(entry) = entry else { return };
    let Some(claim) = server.stored(&key).filter(|claim| parent_of(claim) == *parent) else { return };
    if server.find("services", &parent.0, &parent.1).is_some_and(|service| service::held(&service).contains(&taken)) {
        return;
    }
    match server.store.delete(key, Expect::Revision(entry.revision), draft(&claim)).await {
        Ok(_) | Err(WriteError::NotFound | WriteError::Conflict { .. }) => {}
        Err(error) => tracing::error!(%error, ?taken, "failed to give back what a service had"),
    }
}

/// Sees to it that a stored service has the claim on what it has: an attempt for it that failed may have given it back.
async fn keep(server: &ApiServer, taken: Taken, parent: &Parent) {
    if is_claimed(server, taken, parent) {
        return;
    }
    match claim(server, taken, parent).await {
        Ok(Some(_)) => {}
        Ok(None) => tracing::warn!(?taken, service = parent.1, "another service has this too"),
        Err(error) => tracing::error!(%error, ?taken, "failed to claim what a service has"),
    }
}

fn networks_of(cidr: &Value) -> impl Iterator<Item = Ipv4Net> {
    texts(&cidr["spec"]["cidrs"]).filter_map(|cidr| cidr.parse().ok())
}

/// Lets the deleted ServiceCIDRs go whose addresses nobody has, or which others cover; the rest say why they stay.
pub(crate) fn settle(server: &ApiServer) -> BoxFuture<'_, Result<(), Status>> {
    async move {
        let all = server.list(CIDRS, None);
        for cidr in all.iter().filter(|cidr| meta::finalizers(cidr) == [CIDR_FINALIZER]) {
            let others = Ranges::new(server, Parent::default()).networks;
            let own: Vec<Ipv4Net> = networks_of(cidr).collect();
            let needs = |entry: &Arc<Entry>| {
                let holds = |nets: &[Ipv4Net], ip: &Ipv4Addr| nets.iter().any(|net| net.contains(ip));
                entry.key.name.parse().is_ok_and(|ip| holds(&own, &ip) && !holds(&others, &ip))
            };
            let needed = server.store.snapshot(ADDRESSES).range(None, None).any(|entry| needs(&entry));
            if meta::deletion_timestamp(cidr).is_none() {
                continue;
            }
            let settle = |cidr: &mut Value| {
                if needed {
                    condition::set(cidr, "Ready", false, "Terminating", STILL_NEEDED);
                } else {
                    meta::remove(cidr, "metadata.finalizers");
                }
            };
            amend(server, cidr, if needed { Part::Status } else { Part::Main }, settle).await?;
        }
        Ok(())
    }
    .boxed()
}

/// Brings claims and services together: removes those that leaked, makes those that are missing.
pub(crate) async fn repair(server: &ApiServer) -> Result<(), Status> {
    let now = jiff::Timestamp::now();
    for resource in [ADDRESSES, PORTS] {
        for entry in server.store.snapshot(resource).range(None, None) {
            let (Some(taken), Some(claim)) = (Taken::of_key(&entry.key), server.stored(&entry.key)) else { continue };
            let managed = *entry.key.resource == *PORTS
                || meta::label(&claim, "ipaddress.kubernetes.io/managed-by") == Some("ipallocator.k8s.io");
            let made: Option<jiff::Timestamp> = meta::text(&claim, "metadata.creationTimestamp").parse().ok();
            if managed && made.is_none_or(|made| now.as_second() - made.as_second() > GRACE_SECONDS) {
                release(server, taken, None, &parent_of(&claim)).await;
            }
        }
    }
    for service in server.list("services", None) {
        let parent = name_of(&service);
        for taken in service::held(&service) {
            keep(server, taken, &parent).await;
        }
    }
    Ok(())
}
