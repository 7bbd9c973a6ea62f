//! Cycle counts: opened by a person, counted blind, decided by a person. [`commerce::stock::count`] has the rules.

use commerce::{
    Actor, MAX_LINES, Sku, Unit,
    stock::{self, Count, CountLine, Decided, Decision, Kind, Sums, Tally},
};
use serde::{Deserialize, Serialize};
use store::{Name, Number, Store, StoreError, Table, Transaction};
use utoipa::ToSchema;

use super::{
    DECIDE_COUNTS, MANAGE_COUNTS, SEE_QUANTITIES,
    documents::{Document, DocumentOpened},
    ledger::{Booking, MovementBooked, book},
    lists,
    policies::{require_known_item, unit_of},
    refusals::BEING_COUNTED,
};
use crate::{
    By, Refusal,
    audit::{self, Act, ActKind},
    catalog::Catalog,
};

pub(crate) static COUNTS: Table<Number, Count> = Table::new("stock_count");
/// The open count that has an item.
pub(crate) static COUNTING: Table<Name, u64> = Table::new("stock_counting");

/// A count to open.
#[derive(Clone, Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct OpenCount {
    /// What is to be counted: items on file, by the unit they are sold in.
    #[serde(default)]
    #[schema(max_items = 400)]
    pub skus: Vec<Sku>,
    /// What is to be counted by another unit, of which there is a position: that of an item which was sold by it
    /// before, or is on file no longer.
    #[serde(default)]
    #[schema(max_items = 400)]
    pub positions: Vec<PositionToCount>,
}

/// An item to be counted by a unit.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PositionToCount {
    /// Of what.
    pub sku: Sku,
    /// By which unit.
    pub unit: Unit,
}

/// A count as whoever counts may see it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct BlindCount {
    /// Its number.
    pub id: u64,
    /// When it was opened: milliseconds since 1970, UTC.
    pub opened_at_ms: i64,
    /// When it was closed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub closed_at_ms: Option<i64>,
    /// What is to be counted.
    pub lines: Vec<BlindLine>,
}

/// An item as whoever counts may see it: not what should be there, nor what another counted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct BlindLine {
    /// Of what.
    pub sku: Sku,
    /// By which unit.
    pub unit: Unit,
    /// Somebody has counted it.
    pub counted: bool,
    /// It must be counted again.
    pub again: bool,
}

impl From<Count> for BlindCount {
    fn from(count: Count) -> Self {
        let blind = |line: CountLine| BlindLine {
            counted: line.tally.is_some(),
            again: line.decision == Some(Decision::Rejected),
            sku: line.sku,
            unit: line.unit,
        };
        let Count { id, opened_at_ms, closed_at_ms, lines } = count;
        Self { id, opened_at_ms, closed_at_ms, lines: lines.into_iter().map(blind).collect() }
    }
}

/// An item as whoever decides sees it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct CountedItem {
    /// Of what.
    pub sku: Sku,
    /// By which unit.
    pub unit: Unit,
    /// What was counted.
    #[serde(flatten)]
    pub tally: Tally,
    /// What is there too much, in thousandths; negative for what is missing.
    pub variance: i64,
    /// What of it lies in open baskets now, in thousandths: scanned and not paid for, so off the shelf and still
    /// on_hand.
    pub in_baskets_now: i64,
    /// What a person made of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub decision: Option<Decision>,
}

/// What a person makes of variances.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Decisions {
    /// Each item once.
    #[schema(max_items = 400)]
    pub lines: Vec<Decided>,
}

/// Variances of a count were decided.
#[derive(Serialize)]
pub(super) struct CountDecided<'a> {
    /// Which count.
    count: u64,
    /// Each variance as it was seen, and the decision.
    lines: &'a [Decided],
}

impl Act for CountDecided<'_> {
    const KIND: ActKind = ActKind { name: "count_decided", doc: "Variances of a count were approved or rejected" };
}

/// Refuses if an item is being counted.
pub(super) fn require_not_counted(store: &Store, sku: &Sku) -> Result<(), Refusal> {
    store.get(&COUNTING, sku.as_str())?.map_or(Ok(()), |count| Err(being_counted(sku, count)))
}

/// A refusal as whoever asked may hear it: a register, at which somebody may be counting, does not hear how much there
/// is of an item that is being counted. An index entry that can't be read counts as one that says so.
pub(super) fn as_heard_by(transaction: &Transaction<'_>, by: &Actor, refusal: stock::Refusal) -> stock::Refusal {
    let is_counted = |sku: &Sku| !matches!(transaction.get(&COUNTING, sku.as_str()), Ok(None));
    if !SEE_QUANTITIES.is_held_by(by) && refusal.reveals_stock_of().is_some_and(is_counted) {
        refusal.without_quantity()
    } else {
        refusal
    }
}

fn being_counted(sku: &Sku, count: u64) -> Refusal {
    let detail = format!("item {sku} is being counted in count {count}; wait until that is closed");
    BEING_COUNTED.because(detail).member("item", sku.as_str()).member("count", count)
}

pub(super) fn read(transaction: &Transaction<'_>, id: u64) -> Result<Count, Refusal> {
    transaction.get(&COUNTS, id)?.ok_or_else(|| Document::Count.unknown(id))
}

/// Reads a count as it is stored, which whoever counts must not see.
pub(super) fn stored(store: &Store, id: u64) -> Result<Count, Refusal> {
    store.get(&COUNTS, id)?.ok_or_else(|| Document::Count.unknown(id))
}

/// Writes a count; one that is closed frees its items.
pub(super) fn put(transaction: &mut Transaction<'_>, count: &Count) -> Result<(), StoreError> {
    if count.closed_at_ms.is_some() {
        Document::Count.close(transaction, count.id)?;
        for line in &count.lines {
            transaction.delete(&COUNTING, line.sku.as_str());
        }
    }
    transaction.put(&COUNTS, count.id, count)
}

/// Opens a count of some items. An item is in one open count only, by one unit.
///
/// # Errors
/// No items, too many, one that is unknown, named twice or in another open count.
pub fn open_count(
    transaction: &mut Transaction<'_>,
    by: &By,
    catalog: &Catalog,
    request: OpenCount,
) -> Result<DocumentOpened, Refusal> {
    MANAGE_COUNTS.require(&by.actor)?;
    let OpenCount { skus, positions } = request;
    if skus.len() + positions.len() > MAX_LINES {
        return Err(stock::Refusal::TooManyLines.into());
    }
    let mut items = Vec::with_capacity(skus.len() + positions.len());
    for sku in skus {
        let unit = unit_of(catalog, &sku)?;
        items.push((sku, unit));
    }
    for PositionToCount { sku, unit } in positions {
        require_known_item(transaction, catalog, &sku, unit)?;
        items.push((sku, unit));
    }
    let id = Document::Count.open(transaction)?;
    let count = Count::open(id, by.at_ms, items)?;
    for CountLine { sku, .. } in &count.lines {
        if let Some(other) = transaction.get(&COUNTING, sku.as_str())? {
            return Err(being_counted(sku, other));
        }
        transaction.put(&COUNTING, sku.as_str(), &id)?;
    }
    put(transaction, &count)?;
    Ok(DocumentOpened { id })
}

/// A count, blind: what is to be counted.
///
/// # Errors
/// There is none, or the store fails.
pub fn count(store: &Store, id: u64) -> Result<BlindCount, Refusal> {
    stored(store, id).map(BlindCount::from)
}

/// Counts, blind, newest first, before a number.
///
/// # Errors
/// The store fails.
pub fn counts(store: &Store, before: Option<u64>, limit: usize) -> Result<Vec<BlindCount>, StoreError> {
    Ok(lists::before(store, &COUNTS, before, limit)?.into_iter().map(BlindCount::from).collect())
}

/// A count's variances, for whoever decides. `baskets` is what lies in open baskets now.
///
/// What is missing may have lain in customers' baskets when it was counted (`in_baskets_when_counted`), and be sold
/// since: no variance then, but goods that were not on the shelf and still in the books. What lies in baskets now
/// (`in_baskets_now`) is off the shelf for who counts again. Neither knows of baskets that a register keeps to itself
/// until it sells, nor of what customers carry that is not scanned yet.
///
/// # Errors
/// There is no such count, or the store fails.
pub fn variances(store: &Store, id: u64, baskets: &Sums) -> Result<Vec<CountedItem>, Refusal> {
    let variance = |line: CountLine| {
        let CountLine { sku, unit, tally, decision } = line;
        let in_baskets_now = in_baskets(baskets, &sku, unit);
        tally.map(|tally| CountedItem { sku, unit, variance: tally.variance(), in_baskets_now, tally, decision })
    };
    Ok(stored(store, id)?.lines.into_iter().filter_map(variance).collect())
}

/// What lies of an item in baskets.
pub(super) fn in_baskets(baskets: &Sums, sku: &Sku, unit: Unit) -> i64 {
    baskets.get(&(sku.clone(), unit)).copied().unwrap_or(0)
}

/// Approves or rejects variances. What is approved moves as a delta; with its last approval the count is closed.
///
/// # Errors
/// An item has nothing to decide, or was counted again since with another variance; or a correction would take an item
/// below zero that may not go there: more was sold since than was counted. Then nothing is decided.
pub fn decide(
    transaction: &mut Transaction<'_>,
    by: &By,
    id: u64,
    decisions: &Decisions,
) -> Result<MovementBooked, Refusal> {
    DECIDE_COUNTS.require(&by.actor)?;
    if decisions.lines.is_empty() {
        return Err(stock::Refusal::NoLines.into());
    }
    let mut count = read(transaction, id)?;
    let mut lines = Vec::new();
    for decided in &decisions.lines {
        lines.extend(count.decide(decided, by.at_ms)?);
    }
    put(transaction, &count)?;
    audit::record(transaction, by, &CountDecided { count: id, lines: &decisions.lines })?;
    let booking = Booking {
        kind: Kind::Count,
        reference: id.to_string(),
        by: by.actor.clone(),
        at_ms: by.at_ms,
        lines,
        settled: false,
    };
    book(transaction, booking).map(MovementBooked::from)
}

/// Closes a count; what is not decided is left as it is.
///
/// # Errors
/// There is no such count, or it is closed.
pub fn close_count(transaction: &mut Transaction<'_>, by: &By, id: u64) -> Result<DocumentOpened, Refusal> {
    MANAGE_COUNTS.require(&by.actor)?;
    let mut count = read(transaction, id)?;
    count.close(by.at_ms)?;
    put(transaction, &count)?;
    Ok(DocumentOpened { id })
}
