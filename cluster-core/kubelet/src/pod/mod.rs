//! One actor per pod: pure decisions ([`step`], [`status`]) and the thin loop that carries them out ([`actor`]).

pub(crate) mod actor;
mod admit;
mod backoff;
pub(crate) mod context;
mod evict;
pub(crate) mod evictor;
mod hooks;
mod images;
mod leftovers;
mod log_links;
pub(crate) mod manager;
pub(crate) mod mirror;
mod plan;
mod report;
mod resize;
mod start;
pub(crate) mod state;
pub(crate) mod status;
mod step;
#[cfg(test)]
mod tests;

pub(crate) use hooks::output_of;
pub(crate) use start::StartOrder;
