//! What printer columns are made of: the common columns, ages, joined lists and selectors.

use super::cel::{Expression, Shown};
use crate::kinds::prelude::*;
use crate::registry::Column;
use cluster_object::jsonpath;

/// How a cell is read out of an object; most by a dotted path.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Cell {
    /// A text.
    Text(String),
    /// A text, and what stands in its place when it is empty.
    TextOr(String, String),
    /// Whatever is there.
    Value(String),
    /// A time, as it is.
    Date(String),
    /// A number, 0 when there is none.
    Count(String),
    /// How many entries a list or map has.
    Length(String),
    /// Whether this is true.
    Flag(String),
    /// A map of labels.
    Labels(String),
    /// A label selector.
    Selector(String),
    /// A field of each item of a list.
    Each(String, String),
    /// What an expression makes of the object.
    Cel(Expression),
    /// The same, and what stands in its place when it is empty.
    CelOr(Expression, String),
    /// The first three of the list an expression makes of the object, and how many there are more.
    FirstThree(Expression),
    /// How long ago the first of these times was that is there, and what stands in its place when none is.
    Since(Vec<String>, String),
    /// What is at a simple JSON path, as such a column of a custom resource shows it.
    #[serde(skip)]
    Found(String, String),
    /// What a function makes of the object.
    #[serde(skip)]
    Own(fn(&Value) -> Value),
}

impl Cell {
    /// The cell of an object.
    pub(crate) fn of(&self, shown: &Shown<'_>) -> Value {
        let object = shown.object;
        match self {
            Self::Text(path) | Self::Date(path) => meta::text(object, path).into(),
            Self::TextOr(path, otherwise) => or(meta::text(object, path), otherwise),
            Self::Value(path) => meta::get(object, path).clone(),
            Self::Count(path) => int(meta::get(object, path)).into(),
            Self::Length(path) => len(object, path).into(),
            Self::Flag(path) => (*meta::get(object, path) == true).into(),
            Self::Labels(path) => label_map(meta::get(object, path)),
            Self::Selector(path) => label_selector(meta::get(object, path)),
            Self::Each(path, field) => {
                join(items(meta::get(object, path)).iter().map(|item| text(&item[field]))).into()
            }
            Self::Cel(cell) => shown.ask(cell),
            Self::CelOr(cell, otherwise) => or(text(&shown.ask(cell)), otherwise),
            Self::FirstThree(cell) => first_three(&shown.ask(cell)),
            Self::Since(paths, otherwise) => {
                let time = paths.iter().map(|path| meta::get(object, path)).find(|time| !time.is_null());
                time.map_or(otherwise.clone(), age).into()
            }
            Self::Found(path, kind) => found(&jsonpath::simple(object, path), kind),
            Self::Own(cell) => cell(object),
        }
    }

    /// The type that such a cell usually has.
    fn kind(&self) -> &'static str {
        match self {
            Self::Count(_) | Self::Length(_) => "integer",
            Self::Flag(_) => "boolean",
            Self::Date(_) => "date",
            _ => "string",
        }
    }
}

/// A heading, and what is shown under it.
pub(super) type OwnCell = (&'static str, fn(&Value) -> Value);

/// What every kind may show without saying how.
const COMMON: [OwnCell; 2] =
    [("Name", |o| meta::name(o).into()), ("Age", |o| age(&o["metadata"]["creationTimestamp"]).into())];

/// A column in short form.
#[derive(Clone, Deserialize)]
#[serde(untagged)]
pub(super) enum ColumnRow {
    /// One of the kind's own cells, or one that every kind may show.
    Heading(String),
    Full {
        name: String,
        /// Without it the cell is one of the kind's own.
        #[serde(flatten)]
        cell: Option<Cell>,
        #[serde(rename = "type")]
        kind: Option<String>,
        /// Only shown by `-o wide`.
        #[serde(default)]
        wide: bool,
    },
}

impl ColumnRow {
    /// The columns of kinds that have none of their own.
    pub(super) fn plain() -> Vec<Self> {
        let created = Self::Full {
            name: "Created At".to_owned(),
            cell: Some(Cell::Date("metadata.creationTimestamp".to_owned())),
            kind: None,
            wide: false,
        };
        vec![Self::Heading("Name".to_owned()), created]
    }

    /// The whole column of a kind with these cells of its own.
    pub(super) fn column(&self, own: &[OwnCell]) -> Column {
        let (name, cell, kind, wide) = match self.clone() {
            Self::Heading(name) => (name, None, None, false),
            Self::Full { name, cell, kind, wide } => (name, cell, kind, wide),
        };
        let known = own.iter().chain(&COMMON).find(|(heading, _)| *heading == name);
        let cell = cell.or(known.map(|(_, cell)| Cell::Own(*cell))).expect("a table of columns, which tests read");
        Column {
            kind: kind.unwrap_or_else(|| cell.kind().to_owned()),
            format: if name == "Name" { "name".to_owned() } else { String::new() },
            priority: wide.into(),
            description: String::new(),
            name,
            cell,
        }
    }
}

/// A column that every kind may have.
pub(crate) fn heading(name: &str, kind: &str) -> Column {
    ColumnRow::Full { name: name.to_owned(), cell: None, kind: Some(kind.to_owned()), wide: false }.column(&[])
}

/// What a path leads to, in a column of this type.
fn found(values: &[&Value], kind: &str) -> Value {
    let text = |value: &&Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    match (kind, values) {
        (_, []) => Value::Null,
        ("date", [value, ..]) => age(value).into(),
        ("integer" | "number" | "boolean", [value, ..]) => (*value).clone(),
        (_, values) => join(values.iter().map(text)).into(),
    }
}

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

/// At most three of a list of texts, and how many there are more.
fn first_three(all: &Value) -> Value {
    match items(all).len() {
        0 => "<none>".into(),
        1..=3 => join(texts(all)).into(),
        more => format!("{} + {} more...", join(texts(all).take(3)), more - 3).into(),
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

/// How many entries the list or map at `path` has.
pub(super) fn len(object: &Value, path: &str) -> usize {
    let value = meta::get(object, path);
    items(value).len() + entries(value).count()
}

/// The items joined by commas.
pub(super) fn join(parts: impl IntoIterator<Item = impl Into<String>>) -> String {
    parts.into_iter().map(Into::into).collect::<Vec<String>>().join(",")
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
