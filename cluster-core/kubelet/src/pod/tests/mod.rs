//! Pods as a whole: what their actors decide, and what that does to an engine.

mod actor;
mod fake;
mod statics;
mod step;
