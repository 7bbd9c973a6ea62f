//! Rows as aligned columns for people, or as lines of JSON for programs.

use std::io::{self, BufWriter, Stdout, Write};

use commerce::{Currency, Minor};
use serde::Serialize;
use unicode_width::UnicodeWidthStr;

/// The number of rows aligned together; they are kept in memory.
const ALIGNED: usize = 1_000;

/// The rows of a report on standard output.
pub(crate) struct Output {
    out: BufWriter<Stdout>,
    json: bool,
    header: &'static [&'static str],
    rows: Vec<Vec<String>>,
    is_begun: bool,
}

impl Output {
    /// A report with these columns; those with `>` are right-aligned.
    pub(crate) fn new(json: bool, header: &'static [&'static str]) -> Self {
        Self { out: BufWriter::new(io::stdout()), json, header, rows: Vec::new(), is_begun: false }
    }

    /// Writes a row, serialized for programs or in columns for people.
    pub(crate) fn row<T: Serialize>(&mut self, row: &T, columns: impl FnOnce(&T) -> Vec<String>) -> io::Result<()> {
        if self.json {
            serde_json::to_writer(&mut self.out, row)?;
            return self.out.write_all(b"\n");
        }
        self.rows.push(columns(row));
        if self.rows.len() >= ALIGNED { self.print() } else { Ok(()) }
    }

    /// Writes the remaining rows, and `none` for people if there were none.
    pub(crate) fn end(mut self, none: &str) -> io::Result<()> {
        if !self.json && !self.is_begun && self.rows.is_empty() {
            writeln!(self.out, "{none}")?;
        }
        self.print()?;
        self.out.flush()
    }

    fn print(&mut self) -> io::Result<()> {
        let rows = std::mem::take(&mut self.rows);
        if rows.is_empty() {
            return Ok(());
        }
        let names: Vec<String> = self.header.iter().map(|name| name.trim_start_matches('>').to_owned()).collect();
        let header = (!self.is_begun).then_some(names);
        self.is_begun = true;
        let rows: Vec<_> = header.into_iter().chain(rows).collect();
        for line in aligned(self.header, &rows) {
            writeln!(self.out, "{line}")?;
        }
        Ok(())
    }
}

fn aligned(header: &[&str], rows: &[Vec<String>]) -> Vec<String> {
    let width = |column: usize| rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.width()).max();
    let widths: Vec<_> = (0..header.len()).map(|column| width(column).unwrap_or(0)).collect();
    let line = |row: &Vec<String>| {
        let cells = row.iter().zip(&widths).zip(header).map(|((cell, width), name)| {
            let space = " ".repeat(width.saturating_sub(cell.width()));
            if name.starts_with('>') { format!("{space}{cell}") } else { format!("{cell}{space}") }
        });
        cells.collect::<Vec<_>>().join("  ").trim_end().to_owned()
    };
    rows.iter().map(line).collect()
}

/// An amount for people, such as `12.05 USD`; in minor units if the currency is unknown or the amount is out of range.
pub(crate) fn money(minor: i64, currency: &str) -> String {
    match (Minor::new(minor), Currency::from_code(currency)) {
        (Some(amount), Some(known)) => format!("{} {currency}", amount.display(known)),
        _ => format!("{minor} minor units of {currency}"),
    }
}

/// Thousandths for people: `1.5`, `-2`.
pub(crate) fn thousandths(milli: i64) -> String {
    let (sign, whole, rest) =
        (if milli < 0 { "-" } else { "" }, milli.unsigned_abs() / 1000, milli.unsigned_abs() % 1000);
    let text = format!("{sign}{whole}.{rest:03}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// A moment for people, in UTC: `2026-11-28 06:17:21`.
pub(crate) fn moment(at_ms: i64) -> String {
    let text = time::OffsetDateTime::from_unix_timestamp(at_ms.div_euclid(1000)).map(|at| {
        let (date, time) = (at.date(), at.time());
        let (hour, minute, second) = time.as_hms();
        format!("{:04}-{:02}-{:02} {hour:02}:{minute:02}:{second:02}", date.year(), u8::from(date.month()), date.day())
    });
    text.unwrap_or_else(|_| format!("{at_ms} ms"))
}

/// A duration for people: `5 s`, `3 min`, `7 h`, `2 d`.
pub(crate) fn age(ms: i64) -> String {
    match ms.max(0) / 1000 {
        seconds @ ..120 => format!("{seconds} s"),
        seconds @ ..7_200 => format!("{} min", seconds / 60),
        seconds @ ..172_800 => format!("{} h", seconds / 3_600),
        seconds => format!("{} d", seconds / 86_400),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_aligned_by_their_width_on_a_terminal() {
        let row = |cells: [&str; 3]| cells.map(str::to_owned).to_vec();
        let rows = [row(["store", "net", "currency"]), row(["é-1", "5", "USD"]), row(["店", "12345", ""])];
        let lines = aligned(&["store", ">net", "currency"], &rows);
        assert_eq!(lines, ["store    net  currency", "é-1        5  USD", "店     12345"]);
    }

    #[test]
    fn numbers_are_formatted_for_people() {
        assert_eq!(money(1205, "USD"), "12.05 USD");
        assert_eq!(money(-1205, "JPY"), "-1205 JPY");
        assert_eq!(money(i64::MAX, "USD"), "9223372036854775807 minor units of USD");
        assert_eq!([1500, -2000, 0, -1, 120_000].map(thousandths), ["1.5", "-2", "0", "-0.001", "120"]);
        assert_eq!([moment(1_795_846_641_000), moment(-1)], ["2026-11-28 06:17:21", "1969-12-31 23:59:59"]);
        assert_eq!([0, 119_999, 120_000, 7_200_000, 172_800_000].map(age), ["0 s", "119 s", "2 min", "2 h", "2 d"]);
    }
}
