//! The folders a pod mounts: made before its containers start, kept up to date while they run, removed after.

mod atomic;
mod host_path;
mod payload;
pub(crate) mod subpath;
#[cfg(test)]
mod tests;

use crate::prelude::*;
use crate::spec::field_ref::Place;
use crate::spec::qos::{memory_limit, parse};
use cluster_client::volumes::claim_name;
use cluster_object::quantity::Quantity;
use k8s_openapi::api::core::v1 as core;
use nix::mount::{MntFlags, MsFlags, mount, umount2};
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown, lchown};
use std::sync::LazyLock;

/// Tokens by audience and lifetime, with the time to renew them.
pub(crate) type Tokens = Mutex<HashMap<(String, i64), (String, Timestamp)>>;

/// Woken when the files of any volume have been swapped. Of the process: who looks in vain loses nothing.
pub(crate) static SWAPS: LazyLock<watch::Sender<()>> = LazyLock::new(|| watch::channel(()).0);

/// What made a volume by itself. Source: `pkg/volume/util`.
const PROVISIONED_BY: &str = "pv.kubernetes.io/provisioned-by";

/// What the volumes of one pod are made from.
#[derive(Clone)]
pub(crate) struct VolumeContext {
    /// The pod's folder.
    pub(crate) dir: PathBuf,
    pub(crate) namespace: String,
    pub(crate) objects: Arc<Objects>,
    pub(crate) place: Place,
    pub(crate) fs_group: Option<u32>,
    /// A volume whose top is the group's is taken to be the group's throughout.
    pub(crate) trust_top: bool,
    /// The user that all containers run as, if it is one.
    pub(crate) only_user: Option<u32>,
    pub(crate) tokens: Arc<Tokens>,
    /// Held while files are read and written, so that the newer ones come last.
    pub(crate) writing: Arc<tokio::sync::Mutex<()>>,
}

/// Volumes that are ready.
#[derive(Debug, Clone, Default)]
pub(crate) struct Prepared {
    /// The folder or file on the node, by volume name.
    pub(crate) paths: BTreeMap<String, PathBuf>,
    /// When to refresh because a token ages.
    pub(crate) refresh_at: Option<Timestamp>,
}

fn volumes(pod: &core::Pod) -> impl Iterator<Item = &core::Volume> {
    pod.spec.iter().flat_map(|s| s.volumes.iter().flatten())
}

fn failed(volume: &core::Volume, why: &str) -> String {
    format!("MountVolume.SetUp failed for volume {:?} : {why}", volume.name)
}

/// Makes all volumes of a pod.
pub(crate) async fn prepare(context: &VolumeContext, pod: &core::Pod) -> Result<Prepared, String> {
    let mut prepared = Prepared::default();
    for volume in volumes(pod) {
        prepare_one(context, pod, volume, &mut prepared).await.map_err(|e| failed(volume, &e))?;
    }
    Ok(prepared)
}

/// Brings the files of ConfigMaps, Secrets, tokens and the like up to date, and leaves all other volumes alone; answers
/// when to do it again. A volume that fails does not keep the others from theirs.
pub(crate) async fn refresh(context: &VolumeContext, pod: &core::Pod) -> Result<Option<Timestamp>, String> {
    let (mut prepared, mut first) = (Prepared::default(), Ok(()));
    for volume in volumes(pod) {
        let written = write(context, pod, volume, &mut prepared).await;
        first = first.and(written.map(drop).map_err(|e| failed(volume, &e)));
    }
    first.map(|()| prepared.refresh_at)
}

/// Writes the files of a volume that has some of its own, and answers where.
async fn write(
    context: &VolumeContext,
    pod: &core::Pod,
    volume: &core::Volume,
    prepared: &mut Prepared,
) -> Result<Option<PathBuf>, String> {
    let _alone = context.writing.lock().await;
    let Some(content) = payload::content(context, pod, volume).await? else { return Ok(None) };
    let dir = folder(&context.dir, "projected").join(&volume.name);
    if atomic::write(&dir, &content.files, content.owner).map_err(|e| e.to_string())? {
        SWAPS.send_replace(());
    }
    prepared.refresh_at = prepared.refresh_at.into_iter().chain(content.refresh_at).min();
    Ok(Some(dir))
}

async fn prepare_one(
    context: &VolumeContext,
    pod: &core::Pod,
    volume: &core::Volume,
    prepared: &mut Prepared,
) -> Result<(), String> {
    let path = if volume.image.is_some() {
        return Ok(());
    } else if let Some(source) = &volume.host_path {
        host_path::check(source)?;
        PathBuf::from(&source.path)
    } else if let Some(claim) = claim_name(pod, volume) {
        claimed(context, &claim).await?
    } else if let Some(source) = &volume.empty_dir {
        let dir = folder(&context.dir, "empty-dir").join(&volume.name);
        empty_dir(&dir, source, context, pod)?;
        dir
    } else if let Some(disk) = cloud_disk(volume)? {
        disk
    } else {
        write(context, pod, volume, prepared).await?.ok_or("no volume plugin matched")?
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

fn empty_dir(
    dir: &Path,
    source: &core::EmptyDirVolumeSource,
    context: &VolumeContext,
    pod: &core::Pod,
) -> Result<(), String> {
    let in_memory = source.medium.as_deref() == Some("Memory");
    if is_there(dir, in_memory, &mounts()) {
        return Ok(());
    }
    let text = |e: std::io::Error| format!("{}: {e}", dir.display());
    std::fs::create_dir_all(dir).map_err(text)?;
    if in_memory {
        let node = context.place.allocatable.get("memory").and_then(parse).map_or(0, Quantity::value);
        let size = format!("size={}", memory_size(source, pod.spec.as_ref(), node));
        mount(Some("tmpfs"), dir, Some("tmpfs"), MsFlags::empty(), Some(size.as_str()))
            .map_err(|e| format!("mounting tmpfs failed: {e}"))?;
    }
    let of_group = if context.fs_group.is_some() { 0o2000 } else { 0 };
    // As upstream's: the kernel makes a file system in memory so that people delete their own files alone.
    let mode = 0o777 | of_group | if in_memory { 0o1000 } else { 0 };
    chown(dir, None, context.fs_group).map_err(text)?;
    std::fs::set_permissions(dir, PermissionsExt::from_mode(mode)).map_err(text)
}

/// Whether a volume has been made. The folder of one in memory outlives a restart of the node, what is in it does not.
fn is_there(dir: &Path, in_memory: bool, mounts: &[PathBuf]) -> bool {
    if in_memory { mounts.iter().any(|mount| mount == dir) } else { dir.exists() }
}

/// Bytes of a volume in memory: its limit, but no more than its pod may take, and no more than the node gives to pods.
fn memory_size(source: &core::EmptyDirVolumeSource, pod: Option<&core::PodSpec>, node: i64) -> i64 {
    let own = source.size_limit.as_ref().and_then(parse).map(Quantity::value);
    [own, pod.and_then(memory_limit)].into_iter().flatten().filter(|bytes| *bytes > 0).fold(node, i64::min)
}

/// The files of an image as a volume of the pod in this folder. Docker takes no mount that forbids to run them.
pub(crate) fn image(pod_dir: &Path, name: &str, layers: &[String]) -> Result<PathBuf, String> {
    let dir = folder(pod_dir, "image").join(name);
    if mounts().contains(&dir) {
        return Ok(dir);
    }
    if layers.is_empty() {
        return Err("the container engine does not keep images as folders that can be mounted".to_owned());
    }
    // The kernel wants two layers at least.
    let nothing = folder(pod_dir, "image").join(format!("{name}.none"));
    for dir in [&dir, &nothing] {
        std::fs::create_dir_all(dir).map_err(|e| format!("{}: {e}", dir.display()))?;
    }
    let options = format!("lowerdir={}:{}", layers.join(":"), nothing.display());
    mount(Some("overlay"), &dir, Some("overlay"), MsFlags::MS_RDONLY, Some(options.as_str()))
        .map_err(|e| format!("mounting the image failed: {e}"))?;
    Ok(dir)
}

/// Whether containers may only read a volume, whatever their mounts say.
pub(crate) fn read_only(volume: &core::Volume) -> bool {
    let claim = volume.persistent_volume_claim.as_ref().and_then(|claim| claim.read_only);
    claim == Some(true)
        || volume.config_map.is_some()
        || volume.secret.is_some()
        || volume.downward_api.is_some()
        || volume.projected.is_some()
        || volume.image.is_some()
}

/// Whether a mount that may only be read holds that for what is mounted below it too. Every kernel that runs here can.
pub(crate) fn is_recursive(mount: &core::VolumeMount) -> bool {
    matches!(mount.recursive_read_only.as_deref(), Some("Enabled" | "IfPossible"))
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
    open_folder(&path)?;
    Ok(path)
}

/// A folder that every user may write to.
fn open_folder(path: &Path) -> Result<(), String> {
    let made = std::fs::create_dir_all(path);
    let made = made.and_then(|()| std::fs::set_permissions(path, PermissionsExt::from_mode(0o777)));
    made.map_err(|e| format!("{}: {e}", path.display()))
}

/// Whether a folder is the group's to write and gives what comes into it to the group.
fn is_groups(path: &Path, group: u32) -> bool {
    path.metadata().is_ok_and(|meta| meta.is_dir() && meta.gid() == group && meta.mode() & 0o2770 == 0o2770)
}

/// Lets a group read and write all of a volume, and own what comes. Source: upstream's volume ownership.
fn give_to_group(path: &Path, group: u32) -> std::io::Result<()> {
    let meta = path.symlink_metadata()?;
    lchown(path, None, Some(group))?;
    if meta.is_symlink() {
        return Ok(());
    }
    let more = if meta.is_dir() { 0o2770 } else { 0o660 };
    std::fs::set_permissions(path, PermissionsExt::from_mode(meta.mode() | more))?;
    if meta.is_dir() {
        for entry in std::fs::read_dir(path)? {
            give_to_group(&entry?.path(), group)?;
        }
    }
    Ok(())
}

/// The folder behind a claim that is bound to a hostPath or local volume.
async fn claimed(context: &VolumeContext, claim: &str) -> Result<PathBuf, String> {
    let client = context.objects.client();
    let found: core::PersistentVolumeClaim = client.get(&context.namespace, claim).await.map_err(|e| e.to_string())?;
    let bound = found.status.and_then(|s| s.phase).is_some_and(|phase| phase == "Bound");
    let name = found.spec.and_then(|s| s.volume_name).filter(|_| bound);
    let name = name.ok_or_else(|| format!("PVC {claim} is not bound"))?;
    let volume: core::PersistentVolume = client.get("", &name).await.map_err(|e| e.to_string())?;
    let spec = volume.spec.unwrap_or_default();
    if spec.volume_mode.as_deref() == Some("Block") {
        return Err(format!("volume {name:?} is a block device, which this node cannot give to containers"));
    }
    if let Some(source) = &spec.host_path {
        let path = Path::new(&source.path);
        let provisioned = volume.metadata.annotations.is_some_and(|a| a.contains_key(PROVISIONED_BY));
        if provisioned && !path.exists() {
            open_folder(path)?;
        }
        host_path::check(source)?;
        return Ok(PathBuf::from(&source.path));
    }
    if let Some(disk) = cloud_disk(&spec)? {
        return Ok(disk);
    }
    let local = spec.local.ok_or_else(|| format!("volume {name:?} is of a kind this node cannot mount"))?;
    // What a link leads to is what a group is to be given.
    let path = std::fs::canonicalize(&local.path).map_err(|_| format!("path {:?} does not exist", local.path))?;
    if let Some(group) = context.fs_group.filter(|group| !(context.trust_top && is_groups(&path, *group))) {
        let given = path.clone();
        // There may be many files.
        let giving = tokio::task::spawn_blocking(move || give_to_group(&given, group)).await;
        let given = giving.map_err(|e| e.to_string())?;
        given.map_err(|e| format!("giving {:?} to its group failed: {e}", local.path))?;
    }
    Ok(path)
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
