//! Derived tables.

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    database::{DatabaseError, Statement, Transaction, Value, values},
    projection::told::{MAX_KEY, Unusable},
};

/// A table of a projection.
pub(crate) struct Table {
    /// The name, for people.
    pub(crate) name: &'static str,
    pub(crate) kind: TableKind,
    /// Writes rows.
    pub(crate) store: &'static Statement,
    /// Empties the table.
    pub(crate) clear: &'static Statement,
}

/// The effect on a table.
pub(crate) enum TableKind {
    /// Adds a row.
    Rows {
        /// Creates the partition of a month, such as `2026-11`.
        month: Option<&'static Statement>,
    },
    /// Adds numbers to the row with the same key.
    Sums {
        /// Reads rows by their keys: the key's columns, and then the numbers.
        load: &'static Statement,
        /// The names of the numbers.
        columns: &'static [&'static str],
        /// The largest sum, either way.
        most: i64,
    },
    /// The lowest number of a key is kept.
    Lowest {
        /// Reads rows by their keys: the key's columns, and then the number.
        load: &'static Statement,
    },
}

/// What an event does to a table.
pub(crate) enum Effect {
    /// Adds a row; it belongs to a month, if its table has any.
    Row { table: &'static Table, row: Vec<Value>, month: Option<String> },
    /// Adds to numbers, or lowers one, by their row's key.
    Change { table: &'static Table, key: Vec<Value>, by: Vec<i64> },
}

impl Effect {
    /// Adds a row.
    pub(crate) fn row(table: &'static Table, row: Vec<Value>) -> Self {
        Self::Row { table, row, month: None }
    }

    fn texts(&self) -> impl Iterator<Item = (&str, bool)> {
        let (values, is_key) = match self {
            Self::Row { row, .. } => (row, false),
            Self::Change { key, .. } => (key, true),
        };
        values.iter().filter_map(move |value| match value {
            Value::Text(text) => Some((text.as_str(), is_key)),
            _ => None,
        })
    }

    /// What the engines do not take, or take differently.
    fn check(&self) -> Result<(), Unusable> {
        for (text, is_key) in self.texts() {
            if text.contains('\0') {
                return Err(Unusable::Nul);
            }
            if is_key && text.len() > MAX_KEY {
                return Err(Unusable::TooLong { what: "a key", bytes: text.len(), most: MAX_KEY });
            }
        }
        Ok(())
    }
}

/// By the table's name, the key.
type Place = (&'static str, Vec<Value>);

/// The rows of tables that a transaction changes, in memory until [`Self::write`].
#[derive(Default)]
pub(crate) struct Work {
    numbers: BTreeMap<Place, Vec<i64>>,
    changed: BTreeSet<Place>,
    rows: BTreeMap<&'static str, Vec<Vec<Value>>>,
    months: BTreeMap<&'static str, BTreeSet<String>>,
    tables: BTreeMap<&'static str, &'static Table>,
}

impl Work {
    /// Reads the numbers that effects change.
    pub(crate) async fn load<'e>(
        &mut self,
        transaction: &mut Transaction,
        effects: impl Iterator<Item = &'e Effect>,
    ) -> Result<(), DatabaseError> {
        let mut wanted: BTreeMap<&'static str, (&'static Table, BTreeSet<Vec<Value>>)> = BTreeMap::new();
        for effect in effects {
            if let Effect::Change { table, key, .. } = effect
                && effect.check().is_ok()
                && !self.numbers.contains_key(&(table.name, key.clone()))
            {
                wanted.entry(table.name).or_insert_with(|| (table, BTreeSet::new())).1.insert(key.clone());
            }
        }
        for (table, keys) in wanted.into_values() {
            let (TableKind::Sums { load, .. } | TableKind::Lowest { load }) = &table.kind else { continue };
            let width = keys.first().map_or(0, Vec::len);
            for mut row in transaction.query_many(load, keys.into_iter().collect()).await? {
                let numbers = row.0.split_off(width.min(row.0.len())).into_iter().enumerate().map(number);
                self.numbers.insert((table.name, row.0), numbers.collect::<Result<_, _>>()?);
            }
        }
        Ok(())
    }

    /// Applies all effects of an event, or none.
    pub(crate) fn apply(&mut self, effects: Vec<Effect>) -> Result<(), Unusable> {
        let mut changes: BTreeMap<Place, Vec<i64>> = BTreeMap::new();
        for effect in &effects {
            effect.check()?;
            let Effect::Change { table, key, by } = effect else { continue };
            let place = (table.name, key.clone());
            let before = changes.get(&place).or_else(|| self.numbers.get(&place));
            let after =
                table.kind.changed(before, by).map_err(|column| Unusable::Sum { column, of: told(table, key) })?;
            changes.insert(place, after);
        }
        for effect in effects {
            let (Effect::Row { table, .. } | Effect::Change { table, .. }) = &effect;
            self.tables.insert(table.name, table);
            if let Effect::Row { table, row, month } = effect {
                self.rows.entry(table.name).or_default().push(row);
                self.months.entry(table.name).or_default().extend(month);
            }
        }
        self.changed.extend(changes.keys().cloned());
        self.numbers.extend(changes);
        Ok(())
    }

    /// Writes what changed. What was read is kept for the next events.
    pub(crate) async fn write(&mut self, transaction: &mut Transaction) -> Result<(), DatabaseError> {
        let mut rows = std::mem::take(&mut self.rows);
        for place in std::mem::take(&mut self.changed) {
            if let Some(numbers) = self.numbers.get(&place) {
                let row = place.1.into_iter().chain(numbers.iter().copied().map(Value::from)).collect();
                rows.entry(place.0).or_default().push(row);
            }
        }
        let months = std::mem::take(&mut self.months);
        for (name, rows) in rows {
            let Some(table) = self.tables.get(name) else { continue };
            if let TableKind::Rows { month: Some(make) } = &table.kind {
                for month in months.get(name).into_iter().flatten() {
                    transaction.query(make, values![month]).await?;
                }
            }
            transaction.execute_many(table.store, rows).await?;
        }
        Ok(())
    }

    /// How many rows are kept in memory.
    pub(crate) fn len(&self) -> usize {
        self.numbers.len()
    }
}

impl TableKind {
    /// The numbers of a row after a change; the name of the one that cannot be represented.
    fn changed(&self, before: Option<&Vec<i64>>, by: &[i64]) -> Result<Vec<i64>, &'static str> {
        match self {
            Self::Rows { .. } => Ok(by.to_vec()),
            Self::Lowest { .. } => {
                let lowest = |(place, number): (usize, &i64)| {
                    before.and_then(|before| before.get(place)).map_or(*number, |before| *number.min(before))
                };
                Ok(by.iter().enumerate().map(lowest).collect())
            }
            Self::Sums { columns, most, .. } => {
                let sum = |((place, number), column): ((usize, &i64), &&'static str)| {
                    let before = before.and_then(|before| before.get(place)).copied().unwrap_or_default();
                    let sum = before.checked_add(*number).filter(|sum| (-most..=*most).contains(sum));
                    sum.ok_or(*column)
                };
                by.iter().enumerate().zip(*columns).map(sum).collect()
            }
        }
    }
}

/// A row, for people.
fn told(table: &Table, key: &[Value]) -> String {
    let mut text = table.name.to_owned();
    for value in key {
        match value {
            Value::Text(part) => text.extend([" ", &part.escape_debug().to_string()]),
            Value::Number(number) => text.extend([" ", &number.to_string()]),
            Value::Null | Value::Bytes(_) => {}
        }
    }
    text
}

fn number((column, value): (usize, Value)) -> Result<i64, DatabaseError> {
    match value {
        Value::Number(number) => Ok(number),
        _ => Err(DatabaseError::Column { column, expected: "a number", found: "something else".into() }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    static NONE: Statement = Statement { name: "none", sqlite: "", postgres: "" };
    static SUMS: Table = Table {
        name: "sums",
        kind: TableKind::Sums { load: &NONE, columns: &["a", "b"], most: 10 },
        store: &NONE,
        clear: &NONE,
    };
    static LOWEST: Table =
        Table { name: "lowest", kind: TableKind::Lowest { load: &NONE }, store: &NONE, clear: &NONE };

    fn change(table: &'static Table, key: &str, by: &[i64]) -> Effect {
        Effect::Change { table, key: values![key], by: by.to_vec() }
    }

    fn numbers(work: &Work, table: &'static Table, key: &str) -> Option<Vec<i64>> {
        work.numbers.get(&(table.name, values![key])).cloned()
    }

    #[test]
    fn an_event_has_all_of_its_effects_or_none() {
        let mut work = Work::default();
        work.apply(vec![change(&SUMS, "x", &[1, -2]), change(&SUMS, "x", &[1, -2]), change(&LOWEST, "x", &[7])])
            .unwrap();
        assert_eq!(numbers(&work, &SUMS, "x"), Some(vec![2, -4]));
        for (effects, column) in [
            (vec![change(&SUMS, "y", &[1, 1]), change(&SUMS, "x", &[9, 0])], "a"),
            (vec![change(&LOWEST, "x", &[1]), change(&SUMS, "x", &[1, -7])], "b"),
            (vec![change(&SUMS, "z", &[0, i64::MAX])], "b"),
        ] {
            let Err(Unusable::Sum { column: found, .. }) = work.apply(effects) else { panic!("{column}") };
            assert_eq!(found, column);
        }
        assert_eq!(numbers(&work, &SUMS, "y"), None);
        assert_eq!(numbers(&work, &LOWEST, "x"), Some(vec![7]));
        work.apply(vec![change(&LOWEST, "x", &[9]), change(&LOWEST, "x", &[3])]).unwrap();
        assert_eq!(numbers(&work, &LOWEST, "x"), Some(vec![3]));
    }

    #[test]
    fn texts_that_an_engine_does_not_take_are_refused() {
        let mut work = Work::default();
        assert_eq!(work.apply(vec![change(&SUMS, "a\0b", &[1, 1])]), Err(Unusable::Nul));
        assert_eq!(work.apply(vec![Effect::row(&SUMS, values!["\0"])]), Err(Unusable::Nul));
        let long = "x".repeat(MAX_KEY + 1);
        assert!(matches!(work.apply(vec![change(&SUMS, &long, &[1, 1])]), Err(Unusable::TooLong { .. })));
        assert!(work.apply(vec![Effect::row(&SUMS, values![long])]).is_ok());
        assert_eq!(work.len(), 0);
    }
}
