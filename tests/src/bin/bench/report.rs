//! Measured values beside their goals, as a table and as JSON.

use crate::goals::{self, Bound, Goal};
use crate::stats::Summary;
use anyhow::Result;
use serde_json::{Map, Value, json};
use std::fmt::Write;
use std::time::Duration;

/// Everything measured so far.
#[derive(Default)]
pub(crate) struct Report {
    rows: Vec<Row>,
}

struct Row {
    goal: &'static Goal,
    /// What part of the work it is; empty for the whole.
    part: String,
    values: Vec<Measured>,
}

/// One value of a row.
pub(crate) struct Measured {
    /// What tells it from the row's other values; empty for an only one.
    pub(crate) name: &'static str,
    /// The number.
    pub(crate) value: f64,
    /// What it counts.
    pub(crate) unit: Unit,
}

/// What a value counts.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unit {
    /// Things per second.
    PerSecond,
    /// Milliseconds.
    Millis,
    /// Millions of bytes.
    Megabytes,
    /// Of one processor core.
    Percent,
    /// Things.
    Count,
}

impl Unit {
    fn suffix(self) -> &'static str {
        match self {
            Self::PerSecond => "/s",
            Self::Millis => " ms",
            Self::Megabytes => " MB",
            Self::Percent => " %",
            Self::Count => "",
        }
    }
}

impl Measured {
    /// A value.
    pub(crate) fn new(name: &'static str, value: f64, unit: Unit) -> Self {
        Self { name, value, unit }
    }

    /// A time.
    pub(crate) fn time(name: &'static str, time: Duration) -> Self {
        Self::new(name, time.as_secs_f64() * 1000.0, Unit::Millis)
    }

    fn text(&self) -> String {
        let number = match self.value {
            value if value.abs() >= 100.0 || value.fract() == 0.0 => thousands(value),
            value => format!("{value:.1}"),
        };
        let name = if self.unit == Unit::PerSecond { "" } else { self.name };
        let gap = if name.is_empty() { "" } else { " " };
        format!("{name}{gap}{number}{}", self.unit.suffix())
    }
}

impl Row {
    fn work(&self) -> String {
        if self.part.is_empty() { self.goal.work.to_owned() } else { format!("- {}", self.part) }
    }

    fn measured(&self) -> String {
        self.values.iter().map(Measured::text).collect::<Vec<_>>().join(", ")
    }

    /// Whether the goal is reached; `None` without one.
    fn met(&self) -> Option<bool> {
        let reached = |(name, bound): &(&str, Bound)| {
            self.values.iter().find(|value| value.name == *name).is_some_and(|measured| match bound {
                Bound::AtMost(most) => measured.value <= *most,
                Bound::AtLeast(least) => measured.value >= *least,
            })
        };
        (!self.goal.bounds.is_empty()).then(|| self.goal.bounds.iter().all(reached))
    }

    fn to_json(&self) -> Value {
        let values: Map<String, Value> = self.values.iter().map(|v| (key(v), json!(v.value))).collect();
        let Goal { peer, target, .. } = self.goal;
        json!({"work": self.work(), "peer": peer, "target": target, "measured": values, "met": self.met()})
    }
}

fn key(measured: &Measured) -> String {
    let unit = match measured.unit {
        Unit::PerSecond => "perSecond",
        Unit::Millis => "milliseconds",
        Unit::Megabytes => "megabytes",
        Unit::Percent => "percent",
        Unit::Count => "count",
    };
    match (measured.name, measured.unit) {
        ("", _) | (_, Unit::PerSecond) => unit.to_owned(),
        (name, _) => format!("{name} {unit}"),
    }
}

impl Report {
    /// Adds a row, and tells it at once.
    pub(crate) fn add(&mut self, goal: &'static Goal, values: Vec<Measured>) {
        self.push(Row { goal, part: String::new(), values });
    }

    /// Adds a part of the row before.
    pub(crate) fn add_part(&mut self, part: &str, value: Measured) {
        self.push(Row { goal: &goals::PART, part: part.to_owned(), values: vec![value] });
    }

    fn push(&mut self, row: Row) {
        crate::note(&format!("{}: {}", row.work(), row.measured()));
        self.rows.push(row);
    }

    /// Adds a row of rate, p50 and p99.
    pub(crate) fn add_load(&mut self, goal: &'static Goal, summary: &Summary) {
        let mut values = vec![Measured::new("rate", summary.rate, Unit::PerSecond)];
        values.extend(percentiles(summary));
        self.add(goal, values);
    }

    /// All rows, aligned.
    pub(crate) fn to_table(&self) -> String {
        let met = |row: &Row| row.met().map_or("", |met| if met { "yes" } else { "no" }).to_owned();
        let header = ["WORK", "PEERS", "TARGET", "MEASURED", "MET"].map(str::to_owned);
        let rows = self
            .rows
            .iter()
            .map(|row| [row.work(), row.goal.peer.to_owned(), row.goal.target.to_owned(), row.measured(), met(row)]);
        let rows: Vec<[String; 5]> = std::iter::once(header).chain(rows).collect();
        let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
        let widths: [usize; 5] = std::array::from_fn(width);
        let mut text = String::new();
        for row in &rows {
            let cells = row.iter().zip(widths).map(|(cell, width)| format!("{cell:width$}"));
            let line = cells.collect::<Vec<_>>().join("   ");
            writeln!(text, "{}", line.trim_end()).expect("a string takes every write");
        }
        text
    }

    /// All rows as JSON.
    pub(crate) fn to_json(&self) -> Result<String> {
        let rows: Vec<Value> = self.rows.iter().map(Row::to_json).collect();
        Ok(serde_json::to_string_pretty(&rows)? + "\n")
    }
}

/// p50 and p99 of a summary.
pub(crate) fn percentiles(summary: &Summary) -> [Measured; 2] {
    [Measured::time("p50", summary.p50), Measured::time("p99", summary.p99)]
}

/// An integer with commas.
fn thousands(value: f64) -> String {
    let digits = format!("{value:.0}");
    let mut text = String::new();
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i) % 3 == 0 && !text.ends_with('-') {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_goal_is_met_only_when_each_of_its_bounds_is() {
        let row = |rate, p99| Row {
            goal: &goals::CREATE_POD,
            part: String::new(),
            values: vec![Measured::new("rate", rate, Unit::PerSecond), Measured::new("p99", p99, Unit::Millis)],
        };
        assert_eq!(row(7000.0, 9.0).met(), Some(true));
        assert_eq!(row(7000.0, 11.0).met(), Some(false));
        assert_eq!(row(6000.0, 9.0).met(), Some(false));
        assert_eq!(Row { goal: &goals::RESTART, part: String::new(), values: vec![] }.met(), None);
    }

    #[test]
    fn numbers_are_written_for_people() {
        let text = |value, unit| Measured::new("p99", value, unit).text();
        assert_eq!(text(13_500.4, Unit::PerSecond), "13,500/s");
        assert_eq!(text(4.26, Unit::Millis), "p99 4.3 ms");
        assert_eq!(Measured::new("", 0.0, Unit::Count).text(), "0");
    }
}
