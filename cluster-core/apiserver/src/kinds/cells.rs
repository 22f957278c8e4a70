//! What printer columns are made of: the common columns, ages, joined lists and selectors.

use super::walk::{entries, int, is_empty, items, text};
use crate::registry::Column;
use cluster_object::meta;
use cluster_object::selector::Selector;
use jiff::Timestamp;
use serde_json::{Value, json};

/// A column that is always shown.
pub(super) const fn col(name: &'static str, cell: fn(&Value) -> Value) -> Column {
    Column { name, kind: "string", format: "", priority: 0, cell }
}

/// A column of `-o wide`.
pub(super) const fn wide(name: &'static str, cell: fn(&Value) -> Value) -> Column {
    Column { priority: 1, ..col(name, cell) }
}

/// A column of whole numbers.
pub(super) const fn number(name: &'static str, cell: fn(&Value) -> Value) -> Column {
    Column { kind: "integer", ..col(name, cell) }
}

/// The object's name.
pub(super) const NAME: Column = Column { format: "name", ..col("Name", |o| meta::name(o).into()) };
/// How long ago the object was created.
pub(super) const AGE: Column = col("Age", |o| age(&o["metadata"]["creationTimestamp"]).into());
/// When the object was created.
pub(super) const CREATED_AT: Column =
    Column { kind: "date", ..col("Created At", |o| meta::text(o, "metadata.creationTimestamp").into()) };
/// The columns of kinds that have none of their own.
pub(super) const PLAIN: &[Column] = &[NAME, CREATED_AT];

/// The time since `timestamp`, `<unknown>` without one.
pub(crate) fn age(timestamp: &Value) -> String {
    match text(timestamp).parse::<Timestamp>() {
        Ok(then) => human_duration(Timestamp::now().as_second() - then.as_second()),
        Err(_) => "<unknown>".to_owned(),
    }
}

/// Upstream's `duration.HumanDuration` of whole seconds.
pub fn human_duration(seconds: i64) -> String {
    let (minutes, hours) = (seconds / 60, seconds / 3600);
    let pair = |big: i64, unit: &str, small: i64, small_unit: &str| match small {
        0 => format!("{big}{unit}"),
        _ => format!("{big}{unit}{small}{small_unit}"),
    };
    match seconds {
        ..-1 => "<invalid>".to_owned(),
        -1 => "0s".to_owned(),
        0..120 => format!("{seconds}s"),
        _ if minutes < 10 => pair(minutes, "m", seconds % 60, "s"),
        _ if minutes < 180 => format!("{minutes}m"),
        _ if hours < 8 => pair(hours, "h", minutes % 60, "m"),
        _ if hours < 48 => format!("{hours}h"),
        _ if hours < 192 => pair(hours / 24, "d", hours % 24, "h"),
        _ if hours < 24 * 365 * 2 => format!("{}d", hours / 24),
        _ if hours < 24 * 365 * 8 => pair(hours / 24 / 365, "y", hours / 24 % 365, "d"),
        _ => format!("{}y", hours / 24 / 365),
    }
}

/// The text at `path`, or `<none>`.
pub(super) fn or_none(object: &Value, path: &str) -> Value {
    or(meta::text(object, path), "<none>")
}

/// `found`, or `otherwise` when it is empty.
pub(super) fn or(found: &str, otherwise: &str) -> Value {
    if found.is_empty() { otherwise.into() } else { found.into() }
}

/// The number at `path`, 0 when there is none.
pub(super) fn count(object: &Value, path: &str) -> Value {
    int(meta::get(object, path)).into()
}

/// How many entries the list or map at `path` has.
pub(super) fn len(object: &Value, path: &str) -> usize {
    let value = meta::get(object, path);
    items(value).len() + entries(value).count()
}

/// The items joined by commas.
pub(super) fn join(parts: impl IntoIterator<Item = impl Into<String>>) -> String {
    parts.into_iter().map(Into::into).collect::<Vec<String>>().join(",")
}

/// An int-or-string as it is printed.
pub(super) fn int_or_string(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// A map of labels as `a=b,c=d`, `<none>` when it is empty.
pub(super) fn label_map(labels: &Value) -> Value {
    or(&join(entries(labels).map(|(key, value)| format!("{key}={}", text(value)))), "<none>")
}

/// A label selector as `a=b,c in (d)`, `<none>` when it is absent or empty.
pub(super) fn label_selector(selector: &Value) -> Value {
    if is_empty(selector) {
        return "<none>".into();
    }
    Selector::from_label_selector(selector).map_or(json!("<error>"), |s| or(&s.to_string(), "<none>"))
}

/// A field of each container of a pod spec, joined.
fn containers(spec: &Value, field: &str) -> Value {
    join(items(&spec["containers"]).iter().map(|c| text(&c[field]))).into()
}

/// The names of the containers in `spec.template`.
pub(super) const CONTAINERS: Column = wide("Containers", |o| containers(&o["spec"]["template"]["spec"], "name"));
/// The images of the containers in `spec.template`.
pub(super) const IMAGES: Column = wide("Images", |o| containers(&o["spec"]["template"]["spec"], "image"));
/// The selector in `spec.selector`.
pub(super) const SELECTOR: Column = wide("Selector", |o| label_selector(&o["spec"]["selector"]));

/// The names of the containers in a pod spec.
pub(super) fn container_names(spec: &Value) -> Value {
    containers(spec, "name")
}

/// The images of the containers in a pod spec.
pub(super) fn container_images(spec: &Value) -> Value {
    containers(spec, "image")
}

#[cfg(test)]
mod tests {
    use super::human_duration;

    #[test]
    fn durations_read_as_upstreams() {
        let table = [
            (-5, "<invalid>"),
            (-1, "0s"),
            (119, "119s"),
            (120, "2m"),
            (125, "2m5s"),
            (600, "10m"),
            (3 * 3600, "3h"),
            (3 * 3600 + 60, "3h1m"),
            (8 * 3600 + 60, "8h"),
            (47 * 3600, "47h"),
            (49 * 3600, "2d1h"),
            (8 * 86400 + 3600, "8d"),
            (2 * 365 * 86400 + 86400, "2y1d"),
            (9 * 365 * 86400, "9y"),
        ];
        for (seconds, expected) in table {
            assert_eq!(human_duration(seconds), expected);
        }
    }
}
