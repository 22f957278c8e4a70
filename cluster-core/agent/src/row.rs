//! A row of a list as pages get it: the cells of the server's table, what is wrong, and what it is found and sorted by.

use crate::health::{Finding, assess};
use crate::prelude::*;
use cluster_client::Error;
use cluster_object::jsonpath;
use jiff::civil::{Date, date};
use jiff::{Span, Unit};

/// Columns of ages that the server wrote when it sent the row.
const AGES: [&str; 2] = ["last seen", "last schedule"];
/// From which ages are counted: how long a year is depends on that.
const SOME_DAY: Date = date(2026, 1, 1);

/// One column of a list.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Column {
    pub(crate) name: String,
    #[serde(rename = "type")]
    pub(crate) kind: String,
    pub(crate) format: String,
    pub(crate) priority: i64,
    pub(crate) description: String,
}

/// A column that a page asks for beside the server's.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ExtraColumn {
    pub(crate) name: String,
    #[serde(default)]
    pub(crate) json_path: String,
    #[serde(default)]
    pub(crate) label: String,
}

impl ExtraColumn {
    fn cell(&self, object: &Value) -> Value {
        if !self.label.is_empty() {
            return meta::label(object, &self.label).into();
        }
        match jsonpath::simple(object, &self.json_path).as_slice() {
            [] => Value::Null,
            [one] if !one.is_array() && !one.is_object() => (*one).clone(),
            several => {
                let text = |value: &&Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
                several.iter().map(text).collect::<Vec<_>>().join(",").into()
            }
        }
    }
}

/// One object of a list.
#[derive(Debug, Serialize)]
pub(crate) struct Row {
    pub(crate) uid: Arc<str>,
    pub(crate) name: String,
    pub(crate) namespace: String,
    pub(crate) created: String,
    pub(crate) rv: String,
    pub(crate) cells: Vec<Value>,
    /// When the cells were written: the ages in them are of then. Seconds since 1970.
    pub(crate) at: i64,
    /// How it is, of which rows tell the health and the line.
    #[serde(flatten)]
    pub(crate) finding: Finding,
    pub(crate) deleting: bool,
    /// What the filter looks at, in lower case.
    #[serde(skip)]
    pub(crate) found_by: String,
    /// As `key=value,…`: neither has these signs in it.
    #[serde(skip)]
    labels: String,
    /// The UID of the controller that owns it; of an event that of the object it is about, or the name of the node.
    #[serde(skip)]
    pub(crate) about: Arc<str>,
}

/// The server's table.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Table {
    /// Null in all tables of a watch but the first.
    column_definitions: Option<Vec<Column>>,
    rows: Option<Vec<TableRow>>,
}

#[derive(Debug, Deserialize)]
struct TableRow {
    cells: Vec<Value>,
    object: Value,
}

/// Reads a table of objects of a kind, named by its resource and group. Columns only come with the first table.
pub(crate) fn read(
    bytes: &[u8],
    (group, resource): (&str, &str),
    extra: &[ExtraColumn],
) -> Result<(Vec<Column>, Vec<Row>), Error> {
    let table: Table = decode("Table", bytes)?;
    let mut columns = table.column_definitions.unwrap_or_default();
    if !columns.is_empty() {
        columns.extend(extra.iter().map(|column| Column {
            name: column.name.clone(),
            kind: "string".to_owned(),
            ..Column::default()
        }));
    }
    Ok((columns, table.rows.into_iter().flatten().map(|row| to_row(row, (group, resource), extra)).collect()))
}

fn to_row(row: TableRow, (group, resource): (&str, &str), extra: &[ExtraColumn]) -> Row {
    let TableRow { mut cells, object } = row;
    cells.extend(extra.iter().map(|column| column.cell(&object)));
    let (name, namespace) = (meta::name(&object).to_owned(), meta::namespace(&object).to_owned());
    let mut found_by = format!("{name} {namespace}");
    for cell in &cells {
        match cell {
            Value::String(text) => found_by.extend([" ", text]),
            Value::Null => {}
            other => found_by.extend([" ", &other.to_string()]),
        }
    }
    let labels = meta::labels(&object).map(|(key, value)| format!("{key}={value}")).collect::<Vec<_>>().join(",");
    found_by.extend([" ", &labels.replace(',', " ")]);
    Row {
        uid: meta::uid(&object).into(),
        created: meta::text(&object, "metadata.creationTimestamp").to_owned(),
        rv: meta::resource_version(&object).to_owned(),
        about: about(&object).into(),
        at: Timestamp::now().as_second(),
        deleting: meta::deletion_timestamp(&object).is_some(),
        finding: assess(group, resource, &object),
        found_by: found_by.to_lowercase(),
        labels,
        name,
        namespace,
        cells,
    }
}

/// Events of nodes bear the node's name where others bear a UID, of this kubelet as of others.
fn about(object: &Value) -> &str {
    let event = &object["involvedObject"];
    match (event["kind"].as_str(), meta::controller(object)) {
        (Some("Node"), _) => meta::text(event, "name"),
        (None, Some(owner)) => meta::text(owner, "uid"),
        _ => meta::text(event, "uid"),
    }
}

impl Row {
    /// What stands in a column.
    pub(crate) fn cell(&self, columns: &[Column], name: &str) -> Option<&Value> {
        columns.iter().position(|column| column.name.eq_ignore_ascii_case(name)).and_then(|index| self.cells.get(index))
    }

    /// The value of a label.
    pub(crate) fn label(&self, name: &str) -> Option<&str> {
        self.labels.split(',').filter_map(|label| label.split_once('=')).find(|(key, _)| *key == name).map(|(_, v)| v)
    }

    /// What the row is sorted by in a column.
    pub(crate) fn key(&self, columns: &[Column], name: &str) -> Key {
        match self.cell(columns, name) {
            // Its text is as old as the row; younger sorts first, as shorter ages do.
            _ if name.eq_ignore_ascii_case("age") => {
                let created: Option<i64> = self.created.parse().ok().map(|at: Timestamp| at.as_second());
                Key::Number(-created.unwrap_or_default())
            }
            Some(cell) => match Key::of(cell) {
                Key::Number(age) if AGES.contains(&name.to_lowercase().as_str()) => Key::Number(age - self.at * 1000),
                key => key,
            },
            None if name.eq_ignore_ascii_case("namespace") => Key::Text(self.namespace.clone()),
            None if name.eq_ignore_ascii_case("rv") => Key::Number(self.rv.parse().unwrap_or_default()),
            None if name.eq_ignore_ascii_case("health") => Key::Number(self.finding.health as i64),
            None => Key::Text(String::new()),
        }
    }
}

/// A cell as it sorts: numbers, in thousandths, before texts.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Key {
    Number(i64),
    Text(String),
}

impl Key {
    /// Numbers, quantities, ages (`3d4h`), shares (`1/3`) and `7 (5m ago)` sort by their amount.
    fn of(cell: &Value) -> Self {
        let text = match cell {
            Value::Number(number) => return Self::Number((number.as_f64().unwrap_or_default() * 1000.0) as i64),
            Value::String(text) => text.as_str(),
            Value::Bool(yes) => return Self::Number((*yes).into()),
            _ => "",
        };
        let first = text.split([' ', '/', '%']).next().unwrap_or_default();
        amount(first).map_or_else(|| Self::Text(text.to_lowercase()), Self::Number)
    }
}

/// The thousandths a word stands for: of the seconds of an age, or of a quantity. A bare `5m` is an age, as tables write
/// it, though it could be five thousandths.
fn amount(word: &str) -> Option<i64> {
    if !word.starts_with(|c: char| c.is_ascii_digit()) {
        return None;
    }
    if let Ok(age) = word.parse::<Span>() {
        return Some((age.total((Unit::Second, SOME_DAY)).ok()? * 1000.0) as i64);
    }
    Some(Quantity::parse(word).ok()?.milli_value())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn sorted(cells: &[Value]) -> Vec<Value> {
        let mut cells = cells.to_vec();
        cells.sort_by_key(Key::of);
        cells
    }

    #[test]
    fn cells_sort_by_their_amount_and_texts_by_their_letters() {
        let table = [
            vec![json!(2), json!(10)],
            vec![json!("59s"), json!("2m"), json!("1h2m"), json!("3d")],
            vec![json!("0/1"), json!("1/1"), json!("10/10")],
            vec![json!("2 (5m ago)"), json!("10 (1s ago)")],
            vec![json!("500Mi"), json!("1Gi")],
            vec![json!("alpha"), json!("Beta"), json!("gamma")],
        ];
        for expected in table {
            let reversed: Vec<Value> = expected.iter().rev().cloned().collect();
            assert_eq!(sorted(&reversed), expected);
        }
    }

    #[test]
    fn an_age_that_was_written_earlier_is_older_than_it_says() {
        let columns = [Column { name: "Last Seen".to_owned(), ..Column::default() }];
        let seen = |age: &str, at: i64| {
            let table = json!({"rows": [{"cells": [age], "object": {}}]}).to_string();
            let (_, rows) = read(table.as_bytes(), ("", "events"), &[]).expect("a table");
            Row { at, ..rows.into_iter().next().expect("a row") }.key(&columns, "Last Seen")
        };
        assert!(seen("5m", 3600) < seen("0s", 1800));
        assert!(seen("5m", 3600) > seen("1m", 3600));
    }

    #[test]
    fn a_row_is_about_its_controller_and_an_event_about_its_object_which_of_a_node_is_named() {
        let cases = [
            (json!({"metadata": {"ownerReferences": [{"uid": "a"}, {"uid": "b", "controller": true}]}}), "b"),
            (json!({"involvedObject": {"kind": "Pod", "uid": "u", "name": "web"}}), "u"),
            (json!({"involvedObject": {"kind": "Node", "uid": "dev-worker", "name": "dev-worker"}}), "dev-worker"),
            (json!({"involvedObject": {"kind": "Node", "uid": "u", "name": "dev-worker"}}), "dev-worker"),
            (json!({"metadata": {"name": "web"}}), ""),
        ];
        for (object, expected) in cases {
            assert_eq!(about(&object), expected, "{object}");
        }
    }

    #[test]
    fn a_row_has_the_servers_cells_and_those_that_were_asked_for() {
        let table = json!({
            "columnDefinitions": [{"name": "Name", "type": "string", "format": "name", "priority": 0}],
            "rows": [{"cells": ["web"], "object": {"metadata": {"name": "web", "namespace": "shop", "uid": "u", "labels":
                {"app": "Front"}, "creationTimestamp": "2026-01-02T03:04:05Z", "resourceVersion": "7"}, "data": {"a": "b"}}}],
        });
        let extra = [
            ExtraColumn { name: "App".to_owned(), json_path: String::new(), label: "app".to_owned() },
            ExtraColumn { name: "A".to_owned(), json_path: ".data.a".to_owned(), label: String::new() },
        ];
        let (columns, rows) = read(table.to_string().as_bytes(), ("", "configmaps"), &extra).expect("a table");
        assert_eq!(columns.iter().map(|c| c.name.as_str()).collect::<Vec<_>>(), ["Name", "App", "A"]);
        let mut row = serde_json::to_value(&rows[0]).expect("JSON");
        assert!(row["at"].take().as_i64() > Some(0));
        let expected = json!({"at": null, "uid": "u", "name": "web", "namespace": "shop", "created": "2026-01-02T03:04:05Z", "rv": "7",
            "cells": ["web", "Front", "b"], "health": "ok", "why": null, "deleting": false});
        assert_eq!(row, expected);
        let later = json!({"columnDefinitions": null, "rows": table["rows"]}).to_string();
        let (columns, rows_of_watch) = read(later.as_bytes(), ("", "configmaps"), &extra).expect("a table");
        assert!(columns.is_empty() && rows_of_watch.len() == 1, "a watch names its columns once");
        assert_eq!(
            (rows[0].found_by.as_str(), rows[0].label("app")),
            ("web shop web front b app=front", Some("Front"))
        );
    }
}
