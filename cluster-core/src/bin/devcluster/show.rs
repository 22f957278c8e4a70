//! What the user reads: lines, tables, errors with hints.

use std::fmt::Write as _;
use std::io::Write as _;

/// A line of the answer.
pub(crate) fn line(text: &str) {
    self::text(&format!("{text}\n"));
}

/// A text that ends with its own line break.
pub(crate) fn text(text: &str) {
    if std::io::stdout().write_all(text.as_bytes()).is_err() {
        // Whoever read it, `head` for example, has seen enough.
        std::process::exit(0);
    }
}

/// A line about what happens, which is no part of the answer.
pub(crate) fn note(text: &str) {
    eprintln!("{text}");
}

pub(crate) fn error(text: &str) {
    eprintln!("error: {text}");
}

pub(crate) fn warning(text: &str) {
    eprintln!("warning: {text}");
}

/// How to mend an error.
pub(crate) fn hint(text: &str) {
    eprintln!("\nhint: {text}");
}

/// Milliseconds as people read them.
pub(crate) fn seconds(millis: u64) -> String {
    if millis < 1000 { format!("{millis} ms") } else { format!("{:.1} s", millis as f64 / 1000.0) }
}

/// Columns as kubectl draws them: three spaces apart, as wide as their widest cell.
pub(crate) struct Table(Vec<Vec<String>>);

impl Table {
    pub(crate) fn new<const N: usize>(heads: [&str; N]) -> Self {
        Self(vec![heads.map(str::to_owned).to_vec()])
    }

    pub(crate) fn row<const N: usize>(&mut self, cells: [&str; N]) {
        self.0.push(cells.map(str::to_owned).to_vec());
    }

    pub(crate) fn print(&self) {
        text(&self.render());
    }

    fn render(&self) -> String {
        let columns = self.0.first().map_or(0, Vec::len);
        let widest = |column: usize| self.0.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
        let widths: Vec<usize> = (0..columns).map(widest).collect();
        let mut rendered = String::new();
        for row in &self.0 {
            let mut line = String::new();
            for (cell, width) in row.iter().zip(&widths) {
                write!(line, "{cell:<width$}   ").expect("a string takes every write");
            }
            rendered.push_str(line.trim_end());
            rendered.push('\n');
        }
        rendered
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_as_wide_as_their_widest_cell() {
        let mut table = Table::new(["NAME", "ROLE"]);
        table.row(["dev-master-1", "master"]);
        assert_eq!(table.render(), "NAME           ROLE\ndev-master-1   master\n");
    }

    #[test]
    fn short_times_are_milliseconds() {
        assert_eq!((seconds(80).as_str(), seconds(5720).as_str()), ("80 ms", "5.7 s"));
    }
}
