//! Small questions about objects that many controllers ask.

use crate::prelude::*;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;

pub(crate) type Labels = BTreeMap<String, String>;

pub(crate) fn keys<K: Object>(objects: &[Arc<K>]) -> Vec<ObjectKey> {
    objects.iter().map(|object| object.key()).collect()
}

/// A number, or a share of `total`.
pub(crate) fn scaled(value: &IntOrString, total: i32, round_up: bool) -> i32 {
    match value {
        IntOrString::Int(number) => *number,
        IntOrString::String(text) => {
            let percent: i64 = text.trim_end_matches('%').parse().unwrap_or_default();
            let share = percent * i64::from(total);
            i32::try_from(if round_up { (share + 99) / 100 } else { share / 100 }).unwrap_or_default()
        }
    }
}

/// The group of an owner's kind.
pub(crate) fn group(owner: &OwnerReference) -> &str {
    owner.api_version.split_once('/').map_or("", |(group, _)| group)
}

/// The key of the owner of kind `O` that controls an object.
pub(crate) fn controller_key<O: Object>(object: &impl Object) -> Option<ObjectKey> {
    let owner = object.controller()?;
    (owner.kind == O::KIND && group(owner) == O::GROUP).then(|| ObjectKey::new(object.namespace(), &owner.name))
}

/// The reference with which `owner` controls what it makes.
pub(crate) fn controller_reference<K: Object>(owner: &K) -> OwnerReference {
    OwnerReference {
        api_version: K::API_VERSION.to_owned(),
        kind: K::KIND.to_owned(),
        name: owner.name().to_owned(),
        uid: owner.uid().to_owned(),
        controller: Some(true),
        block_owner_deletion: Some(true),
    }
}

/// The metadata of what `owner` makes and controls in its namespace.
pub(crate) fn made_by<K: Object>(owner: &K) -> ObjectMeta {
    ObjectMeta {
        namespace: owner.metadata().namespace.clone(),
        owner_references: Some(vec![controller_reference(owner)]),
        ..ObjectMeta::default()
    }
}

/// The selector's matcher.
pub(crate) fn selector(selector: &LabelSelector) -> Selector {
    cluster_client::labels::selector(Some(selector))
}

pub(crate) fn matches(selector: &Selector, meta: &ObjectMeta) -> bool {
    selector.matches(|key| meta.labels.as_ref()?.get(key).map(String::as_str))
}

/// Whether `labels` hold all pairs of `wanted`.
pub(crate) fn has_labels(labels: Option<&Labels>, wanted: &Labels) -> bool {
    wanted.iter().all(|(key, value)| labels.and_then(|labels| labels.get(key)) == Some(value))
}

pub(crate) fn now() -> Time {
    Time(Timestamp::now())
}

/// How long ago `time` was; zero when it lies ahead.
pub(crate) fn since(time: &Time, now: &Time) -> Duration {
    now.0.duration_since(time.0).try_into().unwrap_or_default()
}

/// How long until `time` plus `after`; `None` when that is past.
pub(crate) fn left(time: &Time, after: Duration, now: &Time) -> Option<Duration> {
    after.checked_sub(since(time, now)).filter(|left| !left.is_zero())
}

pub(crate) fn seconds(count: impl TryInto<u64>) -> Duration {
    Duration::from_secs(count.try_into().unwrap_or_default())
}
