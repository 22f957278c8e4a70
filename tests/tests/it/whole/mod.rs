//! Tests that need the cluster or the machine for themselves.

mod crash;
mod healing;
mod latency;
mod launcher;
mod masters;
