//! A row of a list as pages get it: the cells of the server's table, what is wrong, and what it is found and sorted by.

use crate::health::{self, Health};
use crate::saying::Saying;
use crate::watch::decode;
use cluster_client::Error;
use cluster_object::{jsonpath, meta};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::cmp::Ordering;
use std::sync::Arc;

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
    pub(crate) health: Health,
    pub(crate) why: Option<Saying>,
    pub(crate) deleting: bool,
    /// What the filter looks at, in lower case.
    #[serde(skip)]
    found_by: String,
    /// What `problems` tells beside `why`.
    #[serde(skip)]
    pub(crate) evidence: Vec<String>,
    /// The UID of the object that an event is about.
    #[serde(skip)]
    pub(crate) about: Arc<str>,
    /// The container that it is about.
    #[serde(skip)]
    pub(crate) container: Option<String>,
    /// What would mend it.
    #[serde(skip)]
    pub(crate) remedy: Option<health::Remedy>,
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
    let finding = health::assess(group, resource, &object);
    let (name, namespace) = (meta::name(&object).to_owned(), meta::namespace(&object).to_owned());
    let mut found_by = format!("{name} {namespace}");
    for cell in &cells {
        match cell {
            Value::String(text) => found_by.extend([" ", text]),
            Value::Null => {}
            other => found_by.extend([" ", &other.to_string()]),
        }
    }
    for (key, value) in meta::labels(&object) {
        found_by.extend([" ", key, "=", value]);
    }
    Row {
        uid: meta::uid(&object).into(),
        created: meta::text(&object, "metadata.creationTimestamp").to_owned(),
        rv: meta::resource_version(&object).to_owned(),
        about: meta::text(&object, "involvedObject.uid").into(),
        deleting: meta::deletion_timestamp(&object).is_some(),
        health: finding.health,
        why: finding.why,
        evidence: finding.evidence,
        container: finding.container,
        remedy: finding.remedy,
        found_by: found_by.to_lowercase(),
        name,
        namespace,
        cells,
    }
}

impl Row {
    /// Whether all words, in lower case, occur.
    pub(crate) fn has_all(&self, words: &[String]) -> bool {
        words.iter().all(|word| self.found_by.contains(word.as_str()))
    }

    /// What the row is sorted by in a column.
    pub(crate) fn key(&self, columns: &[Column], name: &str) -> Key {
        let at = |column: &Column| column.name.eq_ignore_ascii_case(name);
        match columns.iter().position(at).and_then(|index| self.cells.get(index)) {
            // Its text is as old as the row; younger sorts first, as shorter ages do.
            _ if name.eq_ignore_ascii_case("age") => {
                let created: Option<i64> = self.created.parse().ok().map(|at: Timestamp| at.as_second());
                Key::Number(Float(-(created.unwrap_or_default() as f64)))
            }
            Some(cell) => Key::of(cell),
            None if name.eq_ignore_ascii_case("namespace") => Key::Text(self.namespace.clone()),
            None if name.eq_ignore_ascii_case("health") => Key::Number(Float(f64::from(self.health as u8))),
            None => Key::Text(String::new()),
        }
    }
}

/// A cell as it sorts: numbers before texts.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Key {
    Number(Float),
    Text(String),
}

/// A number in a total order.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Float(pub(crate) f64);

impl Eq for Float {}

impl PartialOrd for Float {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Float {
    fn cmp(&self, other: &Self) -> Ordering {
        self.0.total_cmp(&other.0)
    }
}

impl Key {
    /// Numbers, quantities, ages (`3d4h`), shares (`1/3`) and `7 (5m ago)` sort by their amount.
    fn of(cell: &Value) -> Self {
        let text = match cell {
            Value::Number(number) => return Self::Number(Float(number.as_f64().unwrap_or_default())),
            Value::String(text) => text.as_str(),
            Value::Bool(yes) => return Self::Number(Float(f64::from(u8::from(*yes)))),
            _ => "",
        };
        let first = text.split([' ', '/', '%']).next().unwrap_or_default();
        amount(first).map_or_else(|| Self::Text(text.to_lowercase()), |amount| Self::Number(Float(amount)))
    }
}

/// The amount a word stands for: an age in seconds, or a quantity.
fn amount(word: &str) -> Option<f64> {
    if !word.starts_with(|c: char| c.is_ascii_digit()) {
        return None;
    }
    age(word).or_else(|| Some(cluster_object::quantity::Quantity::parse(word).ok()?.milli_value() as f64 / 1000.0))
}

/// `2d3h` in seconds.
fn age(mut word: &str) -> Option<f64> {
    let mut seconds = 0.0;
    // A bare `5m` is an age, as tables write it, though it could be five thousandths.
    while !word.is_empty() {
        let digits = word.find(|c: char| !c.is_ascii_digit()).filter(|digits| *digits > 0)?;
        let unit = match word.as_bytes()[digits] {
            b's' => 1.0,
            b'm' => 60.0,
            b'h' => 3600.0,
            b'd' => 86400.0,
            b'y' => 31_536_000.0,
            _ => return None,
        };
        seconds += word[..digits].parse::<f64>().ok()? * unit;
        word = &word[digits + 1..];
    }
    Some(seconds)
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
        let row = serde_json::to_value(&rows[0]).expect("JSON");
        let expected = json!({"uid": "u", "name": "web", "namespace": "shop", "created": "2026-01-02T03:04:05Z", "rv": "7",
            "cells": ["web", "Front", "b"], "health": "ok", "why": null, "deleting": false});
        assert_eq!(row, expected);
        let later = json!({"columnDefinitions": null, "rows": table["rows"]}).to_string();
        let (columns, rows_of_watch) = read(later.as_bytes(), ("", "configmaps"), &extra).expect("a table");
        assert!(columns.is_empty() && rows_of_watch.len() == 1, "a watch names its columns once");
        let words = |text: &str| text.split(' ').map(str::to_owned).collect::<Vec<_>>();
        assert!(rows[0].has_all(&words("shop app=front")) && !rows[0].has_all(&words("web other")));
    }
}
