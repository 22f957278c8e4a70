//! Volumes as far as they can be made without mounts.

use super::*;

#[tokio::test]
async fn a_refresh_writes_files_and_leaves_all_other_volumes_alone() {
    let dir = tempfile::tempdir().expect("a folder");
    let context = VolumeContext {
        dir: dir.path().to_owned(),
        namespace: "n".to_owned(),
        objects: Objects::new(cluster_fake_server::FakeServer::new().client()),
        place: Place::default(),
        fs_group: None,
        trust_top: false,
        only_user: None,
        tokens: Arc::default(),
        writing: Arc::default(),
    };
    let named = json!({"items": [{"path": "name", "fieldRef": {"fieldPath": "metadata.name"}}]});
    let volumes = json!([
        {"name": "socket", "hostPath": {"path": dir.path().join("away"), "type": "Socket"}},
        {"name": "unknown", "configMap": {"name": "c"}},
        {"name": "own", "downwardAPI": named},
    ]);
    let pod = json!({"metadata": {"name": "p"}, "spec": {"containers": [], "volumes": volumes}});
    let pod: Pod = serde_json::from_value(pod).expect("a pod");
    let why = prepare(&context, &pod).await.expect_err("no socket");
    assert!(why.contains("\"socket\""), "{why}");
    let why = refresh(&context, &pod).await.expect_err("no API server");
    assert!(why.contains("\"unknown\""), "{why}");
    let file = folder(dir.path(), "projected").join("own/name");
    assert_eq!(std::fs::read_to_string(file).expect("written"), "p");
}

#[test]
fn a_volume_and_all_in_it_become_a_groups() {
    let volume = tempfile::tempdir().expect("a folder");
    let (dir, file) = (volume.path().join("d"), volume.path().join("d/f"));
    std::fs::create_dir(&dir).expect("made");
    std::fs::write(&file, "x").expect("written");
    std::os::unix::fs::symlink("/etc/passwd", dir.join("l")).expect("linked");
    let group = nix::unistd::getegid().as_raw();
    std::fs::set_permissions(volume.path(), PermissionsExt::from_mode(0o770)).expect("closed");
    assert!(!is_groups(volume.path(), group));
    give_to_group(volume.path(), group).expect("given");
    assert!(is_groups(volume.path(), group) && !is_groups(volume.path(), group + 1) && !is_groups(&file, group));
    let mode = |path: &Path| path.metadata().map(|meta| meta.mode() & 0o7777).expect("there");
    assert_eq!((mode(volume.path()) & 0o2770, mode(&file) & 0o660), (0o2770, 0o660));
    assert_eq!(mode(Path::new("/etc/passwd")), 0o644);
}

#[test]
fn a_volume_in_memory_is_there_only_while_it_is_mounted() {
    let dir = tempfile::tempdir().expect("a folder");
    let mounted = [dir.path().to_owned()];
    for (in_memory, mounts, expected) in
        [(false, &[][..], true), (true, &[], false), (true, &mounted, true), (true, &[PathBuf::from("/")], false)]
    {
        assert_eq!(is_there(dir.path(), in_memory, mounts), expected, "{in_memory} {mounts:?}");
    }
    assert!(!is_there(&dir.path().join("new"), false, &mounted));
}

#[test]
fn a_volume_in_memory_is_no_larger_than_its_pod_may_be() {
    let limited = |limit: Option<&str>| json!({"name": "c", "resources": {"limits": {"memory": limit}}});
    let (free, small, large) = (json!({"name": "c"}), limited(Some("10Mi")), limited(Some("20Mi")));
    for (containers, init, whole, own, expected) in [
        (vec![&free], None, None, None, 100),
        (vec![&free], None, None, Some("40Mi"), 40),
        (vec![&free], None, None, Some("400Mi"), 100),
        (vec![&small, &large], None, None, None, 30),
        (vec![&small, &large], None, None, Some("40Mi"), 30),
        (vec![&small, &large], None, None, Some("5Mi"), 5),
        (vec![&small, &large], None, None, Some("0"), 30),
        (vec![&small, &free], None, None, None, 100),
        (vec![&small, &free], None, Some("60Mi"), None, 60),
        (vec![&small], Some(&large), None, None, 20),
        (vec![&small], Some(&free), None, None, 100),
    ] {
        let case = format!("{containers:?} {init:?} {whole:?} {own:?}");
        let mut spec = json!({"containers": containers, "initContainers": Vec::from_iter(init)});
        if let Some(whole) = whole {
            spec["resources"] = json!({"limits": {"memory": whole}});
        }
        let spec: PodSpec = serde_json::from_value(spec).expect("a pod spec");
        let source = json!({"medium": "Memory", "sizeLimit": own});
        let source = serde_json::from_value(source).expect("a volume");
        assert_eq!(memory_size(&source, Some(&spec), 100 << 20), expected << 20, "{case}");
    }
}

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
