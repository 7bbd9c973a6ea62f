//! Cash by store and business day: what the stores' counts, Z reports and payment terminals say, against the book of
//! their sales.

use std::collections::HashMap;

use serde::Serialize;

use crate::{
    Ledger,
    database::{DatabaseError, Row, Transaction, statement::statements, values},
    report::pages::Pages,
};

statements! {
    /// The tenders of shifts after one: by their sales and by their results.
    PAGE = "cash/page";
    /// The book of a day.
    BOOK = "cash/book_of_day";
    /// The Z reports of a day.
    RESULTS = "cash/results_of_day";
    /// The reconciliations of a day.
    TERMINALS = "cash/terminals";
    /// The bookings that can be the cause of their differences.
    SUSPECTS = "cash/suspects";
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
    /// The number of Z reports of the day.
    pub z_reports: u64,
    /// Their takings.
    pub z: DaySums,
    /// The takings by the sales that HQ has.
    pub book: DaySums,
    /// Whether the Z reports and the book agree; `null` while the day is not closed.
    pub z_agrees: Option<bool>,
    /// The number of sales that void others; they are among the sales.
    pub voids: i64,
    /// Their amount owed for the goods, negative; it is in the net amount.
    pub voided_minor: i64,
    /// The payment terminals that were asked to close their day.
    pub terminals: Vec<TerminalCash>,
}

/// The takings of a day.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct DaySums {
    /// The number of sales, with those that void others.
    pub sales: i64,
    /// The discounts.
    pub discount_minor: i64,
    /// The amount owed for the goods.
    pub net_minor: i64,
    /// The amount owed with deposits, fees, added taxes and the rounding of cash.
    pub owed_minor: i64,
}

/// A payment terminal that was asked to close its day. One that was asked again has several.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct TerminalCash {
    /// The number of the reconciliation in the store.
    pub number: u64,
    /// The terminal.
    pub terminal: String,
    /// `agrees`, `differs` or `not_reconciled`.
    pub state: String,
    /// By the terminal; `null` if it reported nothing.
    pub terminal_minor: Option<i64>,
    /// By the store's bookings.
    pub store_minor: Option<i64>,
    /// What the terminal has more than the store.
    pub difference_minor: Option<i64>,
    /// Why it reported nothing.
    pub why: Option<String>,
    /// The bookings that can be the cause of a difference, those first that explain one alone. At most 200.
    pub suspects: Vec<SuspectCash>,
    /// How many more there are.
    pub more_suspects: u64,
}

/// A booking that can be the cause of a difference.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SuspectCash {
    /// The payment.
    pub payment: String,
    /// Its register.
    pub register: String,
    /// What the store booked; negative for a refund or reversal, zero if a person decided that nothing was charged.
    pub amount_minor: i64,
    /// What the payment was for.
    pub requested_minor: i64,
    /// Whether it alone explains the difference of its scheme.
    pub explains: bool,
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

impl DayCash {
    /// Adds the Z reports, the book and the terminals of the day.
    async fn complete(&mut self, snapshot: &mut Transaction) -> Result<(), DatabaseError> {
        let key = values![&self.hub, &self.business_day, &self.currency];
        for row in snapshot.query(&BOOK, key.clone()).await? {
            let (sales, discount_minor, net_minor, owed_minor, voids, voided) = row.read()?;
            self.book = DaySums { sales, discount_minor, net_minor, owed_minor };
            (self.voids, self.voided_minor) = (voids, voided);
        }
        for row in snapshot.query(&RESULTS, values![&self.hub, &self.business_day]).await? {
            let (reports, sales, discount_minor, net_minor, owed_minor) = row.read()?;
            self.z_reports = reports;
            self.z = DaySums { sales, discount_minor, net_minor, owed_minor };
        }
        self.z_agrees = (self.z_reports > 0 && self.open == 0).then_some(self.z == self.book);
        let mut places = HashMap::new();
        for row in snapshot.query(&TERMINALS, key.clone()).await? {
            let (epoch, number, terminal, state, terminal_minor, store_minor, difference_minor, suspects, why) =
                row.read::<(u64, _, _, _, _, _, _, u64, _)>()?;
            places.insert((epoch, number), self.terminals.len());
            self.terminals.push(TerminalCash {
                number,
                terminal,
                state,
                terminal_minor,
                store_minor,
                difference_minor,
                why,
                suspects: Vec::new(),
                more_suspects: suspects,
            });
        }
        for row in snapshot.query(&SUSPECTS, key).await? {
            let (epoch, number, payment, register, amount_minor, requested_minor, explains) =
                row.read::<(u64, u64, _, _, _, _, i64)>()?;
            let place = places.get(&(epoch, number)).copied().unwrap_or(usize::MAX);
            let Some(terminal) = self.terminals.get_mut(place) else { continue };
            let explains = explains != 0;
            terminal.suspects.push(SuspectCash { payment, register, amount_minor, requested_minor, explains });
            terminal.more_suspects = terminal.more_suspects.saturating_sub(1);
        }
        Ok(())
    }
}

impl Ledger {
    /// Passes on the cash of all stores and days, in order.
    ///
    /// # Errors
    /// The database or `take` failed.
    pub async fn cash<E: From<DatabaseError>>(&self, mut take: impl FnMut(DayCash) -> Result<(), E>) -> Result<(), E> {
        let mut snapshot = self.database().snapshot().await?;
        let mut pages = Pages::after(values!["", "", "", "", ""], &PAGE, AT_ONCE);
        let (mut day, mut shift) = (None::<DayCash>, String::new());
        loop {
            let rows = pages.next(&mut snapshot).await?;
            if rows.is_empty() {
                break;
            }
            for row in rows {
                let entry = entry(row)?;
                if let Some(mut done) = day.take_if(|day| !day.is_of(&entry.day)) {
                    done.complete(&mut snapshot).await?;
                    take(done)?;
                }
                let is_new_shift = day.is_none() || shift != entry.shift;
                shift.clone_from(&entry.shift);
                day.get_or_insert_with(|| DayCash::of(entry.day.clone())).add(entry, is_new_shift);
            }
        }
        if let Some(mut done) = day {
            done.complete(&mut snapshot).await?;
            take(done)?;
        }
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
