//! The stock of the store: a ledger of movements, the positions that are their sums, and the documents around them.
//!
//! # What this capability promises
//!
//! - **A position is the sum of its movements**, always: both are written in one commit, here in [`book`] and nowhere else. Movements are numbered
//!   from 1 without gaps and never change. [`check`] compares the two.
//! - **A sale is one movement**, in the sale's own batch. It reads and writes one position for each item it sells. What is not on file has no stock
//!   and moves none, also if a number was keyed for it; nor do lines of nothing.
//! - **Below zero is a policy by item** ([`commerce::stock::Rule`]), decided inside the commit: two registers can't both sell the last piece of an item that may not go
//!   below zero. At the till such an item can be sold to the last piece; only promises (reservations) keep the safety stock.
//! - **What is paid is sold.** A basket's lines are fixed by its first tender or card payment. In that very commit what may not go below zero is *held*: a
//!   reservation of the hub's own. If it can't be, there is no tender and the terminal hears nothing. From then on nothing about stock can refuse the
//!   sale, a policy that changes meanwhile neither: it counts from the next basket on.
//! - **A damaged position or reservation refuses no sale.** Of an item whose position can't be read a sale books the movement alone, and leaves the
//!   position as it is: the log and the check tell of it. Such an item may go below zero at the till, and nothing of it is held; whatever else moves it
//!   is refused. A reservation that can't be read reserves nothing.
//! - **Promised once.** A reservation belongs to one basket at a time, and is sold or released once.
//! - **Entered once.** A supplier's order, another store's transfer and a delivery note are each entered once, a transfer only where it goes to. Its movements
//!   refer to it by one name at both stores, so that HQ can follow it. What was closed too early: an order may then be entered again, and the notice of a
//!   transfer is reopened.
//!
//! # A hold's life
//!
//! ```text
//!  lines are fixed                     declined, not charged, and nothing else is paid
//!  ---------------> held (reserved) ----------------------------------------------------> released (on_hand)
//!                       |    \---- the payment's end is unknown: held until a person has decided
//!                       `--------- the sale's commit: sold
//! ```
//!
//! | what fails, when | what happens |
//! | --- | --- |
//! | power before a command's flush | nothing moved; the register repeats |
//! | power after it | movement, position, document and answer are there together |
//! | power between a hold and the payment's end | the hold lies beside the payment's intent; the payment's recovery ends both in one commit |
//! | the register dies with a basket partly paid | the hold stays with the basket, as its money does; whoever completes it sells it |
//! | somebody sells while an item is counted | the movements since the counted moment are undone for the comparison; the correction is a delta |
//! | the clock is set back during a count | movements of the doubled time are judged by the time they carry; count the item again |
//! | a position or a reservation is damaged | sales go on without it, also of what is paid by card and recovered at a start; the check names it |
//! | the first notice after an upgrade from a hub that kept no orders | orders that are open are noted in the same commit: none is entered again |
//! | an older hub is put back, and a newer one after it | it rewrites notices without the fields it does not know: their delivery notes are lost, so one may be booked again, and what of them was not tracked. Orders that it enters are in no index: they may be entered again. The check names both but the delivery notes |
//! | the ledger and a position disagree | the check at the next start tells (positions that were touched lately), `store-hub store check` all |
//!
//! # Bounds
//!
//! A document has at most 400 lines; [`MAX_OPEN`] of a kind are open at once, and those that are closed are forgotten in their time ([`keeping`]); texts are at
//! most 120 bytes; lists come in pages. Walks over movements are
//! read in pages outside the committer; a commit reads by key alone.
//!
//! HQ hears of everything: of what a sale took with the sale, of the rest in the stream `stock`. Its positions of the newest epoch are the store's; a store that
//! was restored from a backup begins a new one with an [`opening`]. Movements are archived and never given up: positions are their sums.

mod beside;
mod bookings;
mod check;
mod counts;
mod documents;
mod history;
pub mod keeping;
mod notices;
mod opening;
mod policies;
#[allow(unused_qualifications)] // in what a macro makes of `params(Which)`
mod positions;
#[allow(unused_qualifications)] // in what a macro makes of `params(After)`
mod reorder;
mod reservations;
#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;
mod till;
mod transfers;

use std::sync::Arc;

use axum::Json;
pub use check::check;
use commerce::{
    Sku, Unit,
    stock::{Kind, Line, Movement, Position},
};
use contract::{Stream, stock as wire};
use serde::Deserialize;
use store::{NameName, Number, Purpose, Record, Store, StoreError, Table, Transaction};
pub(crate) use till::{claim, hold, let_go, release_holds, sell};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;

pub use self::documents::MAX_OPEN;
pub(crate) use self::opening::{open_epoch, opening_at};
use crate::{
    hub::Hub,
    problem::Problem,
    registers::Command,
    selling::{answer, next_number},
};

/// Movements by their number.
static MOVEMENTS: Table<Number, Movement> = Table::new("movement");
/// Positions by SKU and unit.
static POSITIONS: Table<NameName, Position> = Table::new("position");

/// The counter of movements.
const MOVEMENT: &str = "movement";

/// The routes of this capability.
pub fn router() -> OpenApiRouter<Arc<Hub>> {
    OpenApiRouter::new()
        .merge(positions::router())
        .merge(policies::router())
        .merge(bookings::router())
        .merge(reservations::router())
        .merge(notices::router())
        .merge(transfers::router())
        .merge(counts::router())
        .merge(reorder::router())
}

/// A movement to be booked.
pub(crate) struct Booking {
    pub(crate) kind: Kind,
    /// What it belongs to.
    pub(crate) reference: String,
    /// Who.
    pub(crate) by: String,
    /// When.
    pub(crate) at_ms: i64,
    /// What moves.
    pub(crate) lines: Vec<Line>,
    /// It can't be refused any more.
    pub(crate) settled: bool,
}

/// Books a movement: the movement and its positions, in this commit. Gives its number; none if nothing of it is tracked.
///
/// # Errors
/// The rules of the stock refuse it, or a position is damaged; neither refuses what is settled, and damage no sale.
pub(crate) fn book(transaction: &mut Transaction<'_>, booking: Booking) -> Result<Option<u64>, Problem> {
    let Booking { kind, reference, by, at_ms, mut lines, settled } = booking;
    let mut moved = Vec::with_capacity(lines.len());
    for line in lines.drain(..) {
        debug_assert!(
            kind.allows(line.from, line.to),
            "{kind:?} does not take stock from {:?} to {:?}",
            line.from,
            line.to
        );
        let mut position = match position(transaction, &line.sku, line.unit) {
            Err(error @ StoreError::Corrupt { .. }) if settled || kind == Kind::Sale => {
                tracing::error!(%error, item = %line.sku, "moved all the same; its position stays as it is, and is wrong by that");
                moved.push(line);
                continue;
            }
            found => found?,
        };
        let applied = position.apply(kind, &line, settled);
        if applied.map_err(|refusal| counts::heard_by(transaction, &by, refusal))? {
            transaction.put(&POSITIONS, (line.sku.as_str(), line.unit.name()), &position)?;
            moved.push(line);
        }
    }
    if moved.is_empty() {
        return Ok(None);
    }
    let number = next_number(transaction, MOVEMENT)?;
    transaction.put(&MOVEMENTS, number, &Movement { number, kind, reference, at_ms, by, lines: moved })?;
    if kind != Kind::Sale {
        transaction.append_to_outbox(Stream::stock().as_str(), wire::KIND, at_ms, &number.to_string())?;
    }
    Ok(Some(number))
}

/// A position as it will stand; an empty one, under its policy's rule, if nothing has moved yet.
fn position(transaction: &Transaction<'_>, sku: &Sku, unit: Unit) -> Result<Position, StoreError> {
    match transaction.get(&POSITIONS, (sku.as_str(), unit.name()))? {
        Some(position) => Ok(position),
        None => {
            let policy = transaction.get(&policies::POLICIES, sku.as_str())?;
            Ok(Position::empty((sku.clone(), unit), policy.map(|policy| policy.rule).unwrap_or_default()))
        }
    }
}

/// Reads a movement by its number.
pub(crate) fn movement_at(store: &Store, number: u64) -> Result<Option<Movement>, StoreError> {
    store.kept(&MOVEMENTS, number)
}

/// Who commands, and when.
struct By {
    name: String,
    at_ms: i64,
}

/// Does a command in one commit, once.
async fn once<B, T>(
    hub: &Hub,
    command: Command<B>,
    work: impl FnOnce(&mut Transaction<'_>, By, B) -> Result<T, Problem> + Send + 'static,
) -> Result<Json<T>, Problem>
where
    B: Send + 'static,
    T: Record + Send + 'static,
{
    let Command { caller, key, body } = command;
    let by = By { name: caller.name().to_owned(), at_ms: key.at_ms };
    let work =
        move |transaction: &mut Transaction<'_>| transaction.once(&key, |transaction| work(transaction, by, body));
    // Sales are the last to go on a disk that fills up; documents go before.
    let once = hub.store.commit_for(Purpose::Ordinary, work);
    Ok(Json(answer(once.await?)?.0))
}

/// Nothing to say.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Nothing {}

/// Which documents of a list, newest first.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct Which {
    /// Those before this number; the newest without it.
    before: Option<u64>,
    /// At most so many, 1 to 100; 20 without it.
    limit: Option<usize>,
}

impl Which {
    /// A page of a table, newest first.
    fn page<V: Record>(&self, hub: &Hub, table: &Table<Number, V>) -> Result<Vec<V>, StoreError> {
        let limit = self.limit.unwrap_or(20).clamp(1, 100);
        match self.before {
            Some(0 | 1) => Ok(Vec::new()),
            before => hub.store.page_kept(table, before.map(|before| before - 1), store::Order::Descending, limit),
        }
    }
}
