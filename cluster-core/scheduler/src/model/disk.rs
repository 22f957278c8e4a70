//! Disks that pods name themselves, instead of by a claim: most can be in one place only.

use k8s_openapi::api::core::v1::Volume;

/// A disk that a pod mounts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Disk {
    id: String,
    read_only: bool,
}

impl Disk {
    /// The disk of a volume; one for each of its monitors, when it is found through several.
    pub(super) fn read(volume: &Volume) -> Vec<Self> {
        let disk = |id: String, read_only: Option<bool>| Self { id, read_only: read_only.unwrap_or_default() };
        let gce = volume.gce_persistent_disk.as_ref().map(|v| disk(format!("gce/{}", v.pd_name), v.read_only));
        // Not even readers share one.
        let aws = volume.aws_elastic_block_store.as_ref().map(|v| disk(format!("aws/{}", v.volume_id), None));
        let iscsi = volume.iscsi.as_ref().map(|v| disk(format!("iscsi/{}", v.iqn), v.read_only));
        let rbd = volume.rbd.iter().flat_map(|v| {
            let pool = v.pool.as_deref().unwrap_or("rbd");
            v.monitors.iter().map(move |monitor| disk(format!("rbd/{monitor}/{pool}/{}", v.image), v.read_only))
        });
        gce.into_iter().chain(aws).chain(iscsi).chain(rbd).collect()
    }

    /// Whether pods with these two can not run on the same node.
    pub(crate) fn conflicts(&self, other: &Self) -> bool {
        self.id == other.id && !(self.read_only && other.read_only)
    }
}
