//! Cash by store and business day: what the stores' counts say, against the book of their sales.

use serde::Serialize;

use crate::{
    Ledger,
    database::{DatabaseError, Row, statement::statements, values},
    report::pages::Pages,
};

statements! {
    /// The tenders of shifts after one: by their sales and by their results.
    PAGE = "cash/page";
}

/// The number of rows read at once.
const AT_ONCE: i64 = 2_000;

/// The cash of a store and business day, in minor units of the currency.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct DayCash {
    /// The store.
    pub hub: String,
    /// The day, such as `2026-11-24`.
    pub business_day: String,
    /// The currency of all amounts.
    pub currency: String,
    /// The number of closed shifts.
    pub shifts: u64,
    /// How many of them nobody counted.
    pub uncounted: u64,
    /// The number of shifts that have sold and are not closed, as far as HQ knows.
    pub open: u64,
    /// What their sales brought in.
    pub open_minor: i64,
    /// What closed shifts should have had in their tills.
    pub expected_minor: i64,
    /// What was counted in them.
    pub counted_minor: i64,
    /// The sum of their differences: over if positive, short if negative.
    pub difference_minor: i64,
    /// Each kind of tender of closed shifts.
    pub tenders: Vec<TenderCash>,
    /// The shifts whose result is not the sum of their sales. Empty once all events have arrived.
    pub contradictions: Vec<Contradiction>,
}

/// A kind of tender of the closed shifts of a day.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct TenderCash {
    /// The kind, such as `cash`.
    pub kind: String,
    /// By the Z reports of the shifts.
    pub reported_minor: i64,
    /// By their sales.
    pub book_minor: i64,
}

/// A tender of a shift whose result is not the sum of its sales.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Contradiction {
    /// The shift.
    pub shift: String,
    /// The till.
    pub till: String,
    /// The kind of tender.
    pub kind: String,
    /// By its Z report.
    pub reported_minor: i64,
    /// By its sales.
    pub book_minor: i64,
}

/// A tender of a shift, as it is read.
struct Entry {
    day: (String, String, String),
    shift: String,
    /// Empty for the shift itself.
    kind: String,
    book: i64,
    reported: i64,
    outcome: Option<Outcome>,
}

/// How a shift was closed.
struct Outcome {
    till: String,
    expected: i64,
    counted: Option<i64>,
    difference: i64,
}

impl DayCash {
    fn of((hub, business_day, currency): (String, String, String)) -> Self {
        Self { hub, business_day, currency, ..Self::default() }
    }

    fn is_of(&self, (hub, business_day, currency): &(String, String, String)) -> bool {
        (&self.hub, &self.business_day, &self.currency) == (hub, business_day, currency)
    }

    fn add(&mut self, entry: Entry, is_new_shift: bool) {
        let Entry { shift, kind, book, reported, outcome, .. } = entry;
        let add = |sum: &mut i64, more: i64| *sum = sum.saturating_add(more);
        let Some(outcome) = outcome else {
            self.open += u64::from(is_new_shift);
            return add(&mut self.open_minor, book);
        };
        if kind.is_empty() {
            self.shifts += 1;
            self.uncounted += u64::from(outcome.counted.is_none());
            add(&mut self.expected_minor, outcome.expected);
            add(&mut self.counted_minor, outcome.counted.unwrap_or_default());
            return add(&mut self.difference_minor, outcome.difference);
        }
        let known = self.tenders.iter().position(|tender| tender.kind == kind);
        let place = known.unwrap_or_else(|| {
            self.tenders.push(TenderCash { kind: kind.clone(), reported_minor: 0, book_minor: 0 });
            self.tenders.len() - 1
        });
        if let Some(tender) = self.tenders.get_mut(place) {
            add(&mut tender.reported_minor, reported);
            add(&mut tender.book_minor, book);
        }
        if reported != book {
            let (reported_minor, book_minor) = (reported, book);
            self.contradictions.push(Contradiction { shift, till: outcome.till, kind, reported_minor, book_minor });
        }
    }
}

impl Ledger {
    /// Passes on the cash of all stores and days, in order.
    ///
    /// # Errors
    /// The database or `take` failed.
    pub async fn cash<E: From<DatabaseError>>(&self, mut take: impl FnMut(DayCash) -> Result<(), E>) -> Result<(), E> {
        let mut snapshot = self.database().snapshot().await?;
        let pages = Pages::after(values!["", "", "", "", ""], &PAGE, AT_ONCE);
        let (mut day, mut shift) = (None::<DayCash>, String::new());
        pages
            .each(&mut snapshot, |row| {
                let entry = entry(row)?;
                if let Some(done) = day.take_if(|day| !day.is_of(&entry.day)) {
                    take(done)?;
                }
                let is_new_shift = day.is_none() || shift != entry.shift;
                shift.clone_from(&entry.shift);
                day.get_or_insert_with(|| DayCash::of(entry.day.clone())).add(entry, is_new_shift);
                Ok::<_, E>(())
            })
            .await?;
        day.map_or(Ok(()), &mut take)?;
        Ok(snapshot.commit().await?)
    }
}

fn entry(row: Row) -> Result<Entry, DatabaseError> {
    type Key = (String, String, String, String, String);
    type Found = (Option<String>, Option<i64>, Option<i64>, Option<i64>, Option<i64>);
    let mut row = row.0;
    let found = Row(row.split_off(7.min(row.len())));
    let sums = Row(row.split_off(5.min(row.len())));
    let (hub, business_day, currency, shift, kind) = Row(row).read::<Key>()?;
    let (book, reported) = sums.read::<(i64, i64)>()?;
    let (till, _, expected, counted, difference) = found.read::<Found>()?;
    let outcome = till.zip(expected).zip(difference).map(|((till, expected), difference)| Outcome {
        till,
        expected,
        counted,
        difference,
    });
    Ok(Entry { day: (hub, business_day, currency), shift, kind, book, reported, outcome })
}

#[cfg(test)]
mod tests;
