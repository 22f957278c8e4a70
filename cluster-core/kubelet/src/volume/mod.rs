//! The folders a pod mounts: made before its containers start, kept up to date while they run, removed after.

mod atomic;
mod host_path;
mod payload;
pub(crate) mod subpath;

use crate::objects::Objects;
use crate::prelude::*;
use crate::spec::field_ref::Place;
use crate::spec::qos::whole;
use cluster_client::volumes::claim_name;
use k8s_openapi::api::core::v1 as core;
use nix::mount::{MntFlags, MsFlags, mount, umount2};
use std::os::unix::fs::{PermissionsExt, chown};
use std::sync::LazyLock;

/// Tokens by audience and lifetime, with the time to renew them.
pub(crate) type Tokens = Mutex<HashMap<(String, i64), (String, Timestamp)>>;

/// Woken when the files of any volume have been swapped. Of the process: who looks in vain loses nothing.
pub(crate) static SWAPS: LazyLock<watch::Sender<()>> = LazyLock::new(|| watch::channel(()).0);

/// What the volumes of one pod are made from.
#[derive(Clone)]
pub(crate) struct VolumeContext {
    /// The pod's folder.
    pub(crate) dir: PathBuf,
    pub(crate) namespace: String,
    pub(crate) objects: Option<Arc<Objects>>,
    pub(crate) place: Place,
    pub(crate) fs_group: Option<u32>,
    /// The user that all containers run as, if it is one.
    pub(crate) only_user: Option<u32>,
    pub(crate) tokens: Arc<Tokens>,
}

/// Volumes that are ready.
#[derive(Debug, Clone, Default)]
pub(crate) struct Prepared {
    /// The folder or file on the node, by volume name.
    pub(crate) paths: BTreeMap<String, PathBuf>,
    /// When to refresh because a token ages.
    pub(crate) refresh_at: Option<Timestamp>,
}

/// Makes or refreshes all volumes of a pod.
pub(crate) async fn prepare(context: &VolumeContext, pod: &core::Pod) -> Result<Prepared, String> {
    let mut prepared = Prepared::default();
    for volume in pod.spec.iter().flat_map(|s| s.volumes.iter().flatten()) {
        let made = prepare_one(context, pod, volume, &mut prepared).await;
        made.map_err(|e| format!("MountVolume.SetUp failed for volume {:?} : {e}", volume.name))?;
    }
    Ok(prepared)
}

async fn prepare_one(
    context: &VolumeContext,
    pod: &core::Pod,
    volume: &core::Volume,
    prepared: &mut Prepared,
) -> Result<(), String> {
    let path = if let Some(source) = &volume.host_path {
        host_path::check(source)?;
        PathBuf::from(&source.path)
    } else if let Some(claim) = claim_name(pod, volume) {
        claimed(context, &claim).await?
    } else if let Some(source) = &volume.empty_dir {
        let dir = folder(&context.dir, "empty-dir").join(&volume.name);
        empty_dir(&dir, source, context.fs_group)?;
        dir
    } else if let Some(disk) = cloud_disk(volume)? {
        disk
    } else if let Some(content) = payload::content(context, pod, volume).await? {
        let dir = folder(&context.dir, "projected").join(&volume.name);
        if atomic::write(&dir, &content.files, content.owner).map_err(|e| e.to_string())? {
            SWAPS.send_replace(());
        }
        prepared.refresh_at = prepared.refresh_at.into_iter().chain(content.refresh_at).min();
        dir
    } else {
        return Err("no volume plugin matched".to_owned());
    };
    prepared.paths.insert(volume.name.clone(), path);
    Ok(())
}

fn folder(pod_dir: &Path, plugin: &str) -> PathBuf {
    pod_dir.join("volumes").join(format!("kubernetes.io~{plugin}"))
}

/// By volume, the folder that holds the present files of a pod's ConfigMaps, Secrets and the like; it is named after the
/// moment they came.
pub(crate) fn present_files(pod_dir: &Path) -> BTreeMap<String, String> {
    let volumes = std::fs::read_dir(folder(pod_dir, "projected")).into_iter().flatten().flatten();
    let named = volumes.filter_map(|volume| {
        let present = std::fs::read_link(volume.path().join(atomic::DATA)).ok()?;
        Some((volume.file_name().into_string().ok()?, present.into_os_string().into_string().ok()?))
    });
    named.collect()
}

fn empty_dir(dir: &Path, source: &core::EmptyDirVolumeSource, fs_group: Option<u32>) -> Result<(), String> {
    if dir.exists() {
        return Ok(());
    }
    let text = |e: std::io::Error| format!("{}: {e}", dir.display());
    std::fs::create_dir_all(dir).map_err(text)?;
    if source.medium.as_deref() == Some("Memory") {
        let limit = source.size_limit.clone().map(|limit| BTreeMap::from([("size".to_owned(), limit)]));
        let size = whole(limit.as_ref(), "size").map(|bytes| format!("size={bytes}"));
        mount(Some("tmpfs"), dir, Some("tmpfs"), MsFlags::empty(), size.as_deref())
            .map_err(|e| format!("mounting tmpfs failed: {e}"))?;
    }
    let mode = if fs_group.is_some() { 0o2777 } else { 0o777 };
    chown(dir, None, fs_group).map_err(text)?;
    std::fs::set_permissions(dir, PermissionsExt::from_mode(mode)).map_err(text)
}

/// Volumes on a cloud's disks, and the field that names the disk.
const CLOUD_DISKS: &[(&str, &str)] = &[
    ("gcePersistentDisk", "pdName"),
    ("awsElasticBlockStore", "volumeID"),
    ("azureDisk", "diskName"),
    ("azureFile", "shareName"),
    ("cinder", "volumeID"),
    ("vsphereVolume", "volumePath"),
];

/// The folder that stands for the cloud's disk that a volume asks for, so that manifests written for a cloud run as
/// they are. All nodes of the cluster share these folders, as they would the cloud's disks.
fn cloud_disk(volume: &impl serde::Serialize) -> Result<Option<PathBuf>, String> {
    let volume = serde_json::to_value(volume).map_err(|e| e.to_string())?;
    let named = CLOUD_DISKS.iter().find_map(|(kind, field)| Some((kind, volume[kind][field].as_str()?)));
    named.map(|(kind, name)| disk(&format!("{kind}-{}", name.replace('/', "_")))).transpose()
}

fn disk(name: &str) -> Result<PathBuf, String> {
    let path = Path::new(cluster_config::path::DISKS).join(name);
    std::fs::create_dir_all(&path).map_err(|e| format!("{}: {e}", path.display()))?;
    std::fs::set_permissions(&path, PermissionsExt::from_mode(0o777)).map_err(|e| e.to_string())?;
    Ok(path)
}

/// The folder behind a claim that is bound to a hostPath or local volume.
async fn claimed(context: &VolumeContext, claim: &str) -> Result<PathBuf, String> {
    let client = context.objects.as_ref().ok_or("no API server defined")?.client();
    let found: core::PersistentVolumeClaim = client.get(&context.namespace, claim).await.map_err(|e| e.to_string())?;
    let bound = found.status.and_then(|s| s.phase).is_some_and(|phase| phase == "Bound");
    let name = found.spec.and_then(|s| s.volume_name).filter(|_| bound);
    let name = name.ok_or_else(|| format!("PVC {claim} is not bound"))?;
    let volume: core::PersistentVolume = client.get("", &name).await.map_err(|e| e.to_string())?;
    let spec = volume.spec.unwrap_or_default();
    if let Some(source) = &spec.host_path {
        host_path::check(source)?;
        return Ok(PathBuf::from(&source.path));
    }
    if let Some(disk) = cloud_disk(&spec)? {
        return Ok(disk);
    }
    let local = spec.local.ok_or_else(|| format!("volume {name:?} is of a kind this node cannot mount"))?;
    if Path::new(&local.path).exists() {
        return Ok(PathBuf::from(local.path));
    }
    Err(format!("path {:?} does not exist", local.path))
}

/// The places where something is mounted.
fn mounts() -> Vec<PathBuf> {
    let table = std::fs::read_to_string("/proc/self/mountinfo").unwrap_or_default();
    table.lines().filter_map(|line| line.split(' ').nth(4)).map(PathBuf::from).collect()
}

/// Unmounts and removes all that [`prepare`] and [`subpath`] made below the pod's folder. Foreign mounts stay whole:
/// what cannot be unmounted is not removed.
pub(crate) fn clean(dir: &Path) -> Result<(), String> {
    let mut inside = mounts();
    inside.retain(|path| path.starts_with(dir));
    for path in inside.iter().rev() {
        umount2(path, MntFlags::MNT_DETACH).map_err(|e| format!("unmounting {} failed: {e}", path.display()))?;
    }
    match std::fs::remove_dir_all(dir) {
        Err(e) if e.kind() != std::io::ErrorKind::NotFound => Err(format!("removing {} failed: {e}", dir.display())),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_folder_of_a_volumes_present_files_is_told_with_each_swap() {
        let pod = tempfile::tempdir().expect("a folder");
        assert_eq!(present_files(pod.path()), BTreeMap::new());
        let write = |text: &str| {
            let file = atomic::File { bytes: text.as_bytes().to_vec(), mode: 0o644 };
            let dir = folder(pod.path(), "projected").join("settings");
            atomic::write(&dir, &[("a".to_owned(), file)].into(), atomic::Owner::default()).expect("written");
            present_files(pod.path())
        };
        let (first, same, second) = (write("1"), write("1"), write("2"));
        assert!(first["settings"].starts_with("..20"), "{first:?}");
        assert!(first == same && first != second, "{first:?} {second:?}");
    }
}
