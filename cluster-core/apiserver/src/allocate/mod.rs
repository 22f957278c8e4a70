//! Cluster IPs and node ports of services: nobody gets one twice.
//!
//! What is taken is a set in memory, rebuilt from the stored services at the start. A write reserves first and keeps
//! what it reserved only when it is committed.

mod pool;
mod service;

use crate::verbs::Call;
use cluster_object::status::Status;
use cluster_store::Store;
use ipnet::Ipv4Net;
use parking_lot::Mutex;
pub(crate) use pool::Pool;
use serde_json::Value;
use std::ops::RangeInclusive;
use std::sync::Arc;

/// The two pools.
#[derive(Debug)]
pub(crate) struct Allocators {
    addresses: Mutex<Pool>,
    ports: Mutex<Pool>,
}

/// A number out of one of the pools.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Taken {
    Address(u32),
    Port(u32),
}

impl Allocators {
    /// Pools with everything taken that stored services have.
    pub(crate) fn new(subnet: Ipv4Net, ports: &RangeInclusive<u16>, store: &dyn Store) -> Arc<Self> {
        let (first, last) = (u32::from(subnet.network()) + 1, u32::from(subnet.broadcast()) - 1);
        let allocators = Self {
            addresses: Mutex::new(Pool::new(first..=last)),
            ports: Mutex::new(Pool::new(u32::from(*ports.start())..=u32::from(*ports.end()))),
        };
        for entry in store.snapshot("services").range(None, None) {
            let stored: Value = serde_json::from_slice(&entry.bytes).unwrap_or_default();
            for taken in service::held(&stored) {
                allocators.pool(taken).lock().take(taken.number());
            }
        }
        Arc::new(allocators)
    }

    fn pool(&self, taken: Taken) -> &Mutex<Pool> {
        match taken {
            Taken::Address(_) => &self.addresses,
            Taken::Port(_) => &self.ports,
        }
    }

    /// Gives back what a deleted service had.
    pub(crate) fn release_service(&self, stored: &Value) {
        for taken in service::held(stored) {
            self.release(taken);
        }
    }

    fn release(&self, taken: Taken) {
        self.pool(taken).lock().release(taken.number());
    }
}

impl Taken {
    fn number(self) -> u32 {
        match self {
            Self::Address(number) | Self::Port(number) => number,
        }
    }
}

/// What a write took and what it gives up. Undone when it is dropped before [`Reservation::commit`].
#[derive(Debug, Default)]
pub(crate) struct Reservation {
    allocators: Option<Arc<Allocators>>,
    taken: Vec<Taken>,
    given_up: Vec<Taken>,
}

impl Reservation {
    /// The write happened.
    pub(crate) fn commit(mut self) {
        if let Some(allocators) = self.allocators.take() {
            for taken in self.given_up.drain(..) {
                allocators.release(taken);
            }
        }
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        if let Some(allocators) = self.allocators.take() {
            for taken in self.taken.drain(..) {
                allocators.release(taken);
            }
        }
    }
}

/// Fills in the addresses and ports of a service that is written; does nothing for other kinds.
pub(crate) fn reserve(call: &Call<'_>, old: Option<&Value>, object: &mut Value) -> Result<Reservation, Status> {
    if call.resource.storage != "services" {
        return Ok(Reservation::default());
    }
    let allocators = &call.server.allocators;
    let mut reservation = Reservation::default();
    reservation.allocators = Some(Arc::clone(allocators));
    let mut errors = Vec::new();
    service::assign(allocators, old, object, &mut reservation, &mut errors);
    call.invalid_if(cluster_object::meta::name(object), &errors)?;
    Ok(reservation)
}
