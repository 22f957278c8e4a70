//! Small questions about objects that many controllers ask.

use cluster_client::{Object, ObjectKey};
use cluster_object::selector::Selector;
use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{LabelSelector, ObjectMeta, OwnerReference, Time};
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use std::collections::BTreeMap;
use std::time::Duration;

pub(crate) type Labels = BTreeMap<String, String>;

pub(crate) fn name<K: Object>(object: &K) -> &str {
    object.metadata().name.as_deref().unwrap_or_default()
}

pub(crate) fn namespace<K: Object>(object: &K) -> &str {
    object.metadata().namespace.as_deref().unwrap_or_default()
}

pub(crate) fn uid<K: Object>(object: &K) -> &str {
    object.metadata().uid.as_deref().unwrap_or_default()
}

pub(crate) fn is_deleting<K: Object>(object: &K) -> bool {
    object.metadata().deletion_timestamp.is_some()
}

pub(crate) fn generation<K: Object>(object: &K) -> i64 {
    object.metadata().generation.unwrap_or_default()
}

/// When it was created, in nanoseconds; what has no time yet is newest.
pub(crate) fn created<K: Object>(object: &K) -> i128 {
    object.metadata().creation_timestamp.as_ref().map_or(i128::MAX, |time| time.0.as_nanosecond())
}

pub(crate) fn annotation<'a, K: Object>(object: &'a K, name: &str) -> Option<&'a str> {
    object.metadata().annotations.as_ref()?.get(name).map(String::as_str)
}

pub(crate) fn finalizers<K: Object>(object: &K) -> &[String] {
    object.metadata().finalizers.as_deref().unwrap_or_default()
}

pub(crate) fn owners(meta: &ObjectMeta) -> &[OwnerReference] {
    meta.owner_references.as_deref().unwrap_or_default()
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

/// The owner that controls an object.
pub(crate) fn controller(meta: &ObjectMeta) -> Option<&OwnerReference> {
    meta.owner_references.iter().flatten().find(|owner| owner.controller == Some(true))
}

/// The key of the owner of kind `K` that controls an object.
pub(crate) fn controller_key<K: Object>(meta: &ObjectMeta) -> Option<ObjectKey> {
    let owner = controller(meta)?;
    let group = owner.api_version.split_once('/').map_or("", |(group, _)| group);
    (owner.kind == K::KIND && group == K::GROUP)
        .then(|| ObjectKey::new(meta.namespace.as_deref().unwrap_or_default(), &owner.name))
}

/// The reference with which `owner` controls what it makes.
pub(crate) fn controller_reference<K: Object>(owner: &K) -> OwnerReference {
    OwnerReference {
        api_version: K::API_VERSION.to_owned(),
        kind: K::KIND.to_owned(),
        name: name(owner).to_owned(),
        uid: uid(owner).to_owned(),
        controller: Some(true),
        block_owner_deletion: Some(true),
    }
}

/// The selector's matcher; nothing for one that is malformed.
pub(crate) fn selector(selector: &LabelSelector) -> Selector {
    let value = serde_json::to_value(selector).unwrap_or_default();
    Selector::from_label_selector(&value).unwrap_or_else(|_| Selector::nothing())
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
