//! What the scheduler knows, parsed once: pods, nodes and the cluster they make up.

mod class;
mod cluster;
mod disk;
mod node;
mod objects;
mod pod;
mod requests;
mod resources;
mod terms;
mod topology;

pub(crate) use class::{Class, Classes, Nodes, PodAffinity, PodTerm};
pub use cluster::Cluster;
pub(crate) use disk::Disk;
pub(crate) use node::NodeFacts;
pub use node::{NodeId, NodeInfo};
pub(crate) use objects::Objects;
pub use pod::PodInfo;
pub(crate) use pod::{Claim, Spread, preferred_nodes};
pub(crate) use requests::{is_infeasible, statuses};
pub(crate) use resources::Resources;
pub(crate) use terms::RequiredNodes;
pub(crate) use topology::Topology;

/// Labels as objects hold them.
pub(crate) type Labels = std::collections::BTreeMap<String, String>;
