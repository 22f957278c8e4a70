//! Which images go when the disk fills. Pure.

use crate::pod::status::container_statuses;
use crate::prelude::*;
use cluster_object::pod::with_tag;
use std::collections::HashSet;
use tokio::time::Instant;

/// An image that came less long ago may be about to be used. Source: upstream's `imageMinimumGCAge`.
const MIN_AGE: Duration = Duration::from_mins(2);
/// Images go when less than 15 % of the disk are free, until 20 % are. Source: upstream's thresholds.
const PERCENT: [u64; 2] = [15, 20];
/// On a developer's large disk a part as big as that is still plenty.
const PLENTY: [u64; 2] = [5 << 30, 7 << 30];

/// Bytes that should be freed by removing images; all and free are the disk's.
pub(crate) fn wanted((all, free): (u64, u64)) -> u64 {
    let [low, enough] = [0, 1].map(|at| (all / 100 * PERCENT[at]).min(PLENTY[at]));
    if free < low { enough - free } else { 0 }
}

/// What is known of one image.
#[derive(Debug, Clone, Copy)]
struct Seen {
    first: Instant,
    used: Option<Instant>,
}

/// The images of the node, and when each was used.
#[derive(Debug, Default)]
pub(crate) struct Collector(HashMap<String, Seen>);

impl Collector {
    /// Takes in which images there are, and which of their IDs and names pods use.
    pub(crate) fn see(&mut self, images: &[ImageInfo], used: &HashSet<String>, now: Instant) {
        self.0.retain(|id, _| images.iter().any(|image| image.id == *id));
        for image in images {
            let seen = self.0.entry(image.id.clone()).or_insert(Seen { first: now, used: None });
            if image.names.iter().map(|name| short(name)).any(|name| used.contains(name)) || used.contains(&image.id) {
                seen.used = Some(now);
            }
        }
    }

    /// What to remove of images that were seen at `now` to free so many bytes: the one first that was used longest ago.
    /// What nobody pulled stays: it was brought to the node by hand, and no registry has it.
    pub(crate) fn unused<'a>(&self, images: &'a [ImageInfo], bytes: u64, now: Instant) -> Vec<&'a ImageInfo> {
        let pulled = |image: &&ImageInfo| image.names.iter().any(|name| name.contains('@'));
        let old = |seen: &Seen| seen.used != Some(now) && now.duration_since(seen.first) >= MIN_AGE;
        let known = |image: &'a ImageInfo| Some((self.0.get(&image.id).filter(|seen| old(seen))?, image));
        let mut unused: Vec<_> = images.iter().filter(pulled).filter_map(known).collect();
        unused.sort_by_key(|(seen, _)| (seen.used, seen.first));
        let mut freed = 0;
        let enough = |image: &&ImageInfo| {
            let more = freed < bytes;
            freed += image.size.unsigned_abs();
            more
        };
        unused.into_iter().map(|(_, image)| image).take_while(enough).collect()
    }
}

/// Docker Hub's images go by shorter names.
fn short(name: &str) -> &str {
    let name = name.strip_prefix("docker.io/").unwrap_or(name);
    name.strip_prefix("library/").unwrap_or(name)
}

/// The IDs and the names of images that pods use.
pub(crate) fn used(views: &[View]) -> HashSet<String> {
    let mut used = HashSet::new();
    for View { pod, status } in views {
        let ids = container_statuses(status).filter_map(|status| status.image_id.strip_prefix("docker://"));
        used.extend(ids.map(str::to_owned));
        let Some(spec) = &pod.spec else { continue };
        let containers = spec.init_containers.iter().flatten().chain(&spec.containers).filter_map(|c| c.image.as_ref());
        let volumes = spec.volumes.iter().flatten().filter_map(|volume| volume.image.as_ref()?.reference.as_ref());
        used.extend(containers.chain(volumes).map(|name| short(&with_tag(name)).to_owned()));
    }
    used
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn images_make_room_on_a_disk_that_fills() {
        const GIB: u64 = 1 << 30;
        for (all, free, expected) in [
            (20 * GIB, 4 * GIB, 0),
            (20 * GIB, 2 * GIB, 2 * GIB),
            (1000 * GIB, 6 * GIB, 0),
            (1000 * GIB, 4 * GIB, 3 * GIB),
            (0, 0, 0),
        ] {
            assert_eq!(wanted((all, free)).div_ceil(GIB), expected.div_ceil(GIB), "{all} {free}");
        }
    }

    #[test]
    fn the_image_used_longest_ago_goes_first_and_none_that_is_used_new_or_brought_by_hand() {
        let image = |id: &str, name: &str, size| {
            let names = vec![format!("{name}:1"), format!("{name}@sha256:{id}")];
            ImageInfo { id: id.to_owned(), names, size, ..ImageInfo::default() }
        };
        let mut images = vec![image("a", "one", 10), image("b", "two", 10), image("c", "three", 10)];
        let loaded = ImageInfo { names: vec!["mine:1".to_owned()], ..image("d", "mine", 10) };
        images.push(loaded);
        let (mut collector, start) = (Collector::default(), Instant::now());
        let at = |minutes| start + Duration::from_mins(minutes);
        let uses = |what: &[&str]| what.iter().map(|one| (*one).to_owned()).collect::<HashSet<_>>();
        collector.see(&images, &uses(&["a", "three:1"]), at(0));
        collector.see(&images, &uses(&["a"]), at(1));
        let ids = |collector: &Collector, bytes, minutes| -> String {
            let unused = collector.unused(&images, bytes, at(minutes));
            unused.into_iter().map(|image| image.id.as_str()).collect()
        };
        assert_eq!(ids(&collector, u64::MAX, 1), "", "all are new");
        collector.see(&images, &uses(&[]), at(3));
        assert_eq!(ids(&collector, u64::MAX, 3), "bca");
        assert_eq!(ids(&collector, 11, 3), "bc");
        collector.see(&images, &uses(&["two:1"]), at(4));
        assert_eq!(ids(&collector, u64::MAX, 4), "ca");
    }

    #[test]
    fn a_pod_uses_what_its_containers_run_and_what_it_names() {
        let pod = json!({"spec": {
            "containers": [{"name": "c", "image": "docker.io/library/busybox"}],
            "volumes": [{"name": "v", "image": {"reference": "r.io/data:2"}}],
        }});
        let status = json!({"containerStatuses": [{"name": "c", "image": "", "imageID": "docker://sha256:a",
            "ready": true, "restartCount": 0}]});
        let pod = Arc::new(serde_json::from_value(pod).expect("a pod"));
        let view = View { pod, status: serde_json::from_value(status).expect("a status") };
        let expected = ["busybox:latest", "r.io/data:2", "sha256:a"].map(str::to_owned);
        assert_eq!(used(&[view]), expected.into());
    }
}
