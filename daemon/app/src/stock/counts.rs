//! Cycle counts: opened by a person, counted blind, decided by a person. The rules are in [`commerce::stock::count`].

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
    policies::{require_known_item, unit_of},
    refusals::BEING_COUNTED,
};
use crate::{
    By, Refusal,
    audit::{self, Act, ActKind},
    catalog::Catalog,
    lists,
};

pub(crate) static COUNTS: Table<Number, Count> = Table::new("stock_count");
/// The open count of each item being counted.
pub(crate) static COUNTING: Table<Name, u64> = Table::new("stock_counting");

/// A request to open a count.
#[derive(Clone, Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct OpenCount {
    /// The items to count, by the unit in which they are sold.
    #[serde(default)]
    #[schema(max_items = 400)]
    pub skus: Vec<Sku>,
    /// Existing positions to count by another unit: of an item that used to be sold by it, or that is no longer on
    /// file.
    #[serde(default)]
    #[schema(max_items = 400)]
    pub positions: Vec<PositionToCount>,
}

/// An item and the unit to count it by.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PositionToCount {
    /// The item.
    pub sku: Sku,
    /// The unit.
    pub unit: Unit,
}

/// A count as seen by whoever counts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct BlindCount {
    /// The number of the count.
    pub id: u64,
    /// When it was opened: milliseconds since 1970, UTC.
    pub opened_at_ms: i64,
    /// When it was closed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub closed_at_ms: Option<i64>,
    /// The items to count.
    pub lines: Vec<BlindLine>,
}

/// An item as seen by whoever counts: without the expected quantity or anybody else's tally.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct BlindLine {
    /// The item.
    pub sku: Sku,
    /// The unit.
    pub unit: Unit,
    /// Whether somebody has counted it.
    pub counted: bool,
    /// Whether it must be counted again.
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

/// An item as seen by whoever decides.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct CountedItem {
    /// The item.
    pub sku: Sku,
    /// The unit.
    pub unit: Unit,
    /// The tally.
    #[serde(flatten)]
    pub tally: Tally,
    /// The surplus in thousandths; negative if goods are missing.
    pub variance: i64,
    /// The quantity in open baskets now, in thousandths: scanned and not paid, so off the shelf and still on_hand.
    pub in_baskets_now: i64,
    /// The decision, once a person has made one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub decision: Option<Decision>,
}

/// Decisions on variances.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Decisions {
    /// The decisions, each item once.
    #[schema(max_items = 400)]
    pub lines: Vec<Decided>,
}

/// Variances of a count were decided.
#[derive(Serialize)]
pub(super) struct CountDecided<'a> {
    /// The count.
    count: u64,
    /// The variances as they were seen, with the decisions.
    lines: &'a [Decided],
}

impl Act for CountDecided<'_> {
    const KIND: ActKind = ActKind { name: "count_decided", doc: "Variances of a count were approved or rejected" };
}

/// Refuses if an item is being counted.
pub(super) fn require_not_counted(store: &Store, sku: &Sku) -> Result<(), Refusal> {
    store.get(&COUNTING, sku.as_str())?.map_or(Ok(()), |count| Err(being_counted(sku, count)))
}

/// Hides the available quantity in a refusal to a register if the item is being counted, because somebody may be
/// counting at the register. A damaged index entry counts as a count.
pub(super) fn as_heard_by(transaction: &Transaction<'_>, by: &Actor, refusal: stock::Refusal) -> stock::Refusal {
    if refusal.reveals_stock_of().is_some_and(|sku| hides_from(transaction, by, sku)) {
        refusal.without_quantity()
    } else {
        refusal
    }
}

/// Whether an actor must not know an item's quantity now.
pub(super) fn hides_from(transaction: &Transaction<'_>, by: &Actor, sku: &Sku) -> bool {
    !SEE_QUANTITIES.is_held_by(by) && !matches!(transaction.get(&COUNTING, sku.as_str()), Ok(None))
}

fn being_counted(sku: &Sku, count: u64) -> Refusal {
    let detail = format!("item {sku} is being counted in count {count}; wait until that is closed");
    BEING_COUNTED.because(detail).member("item", sku.as_str()).member("count", count)
}

pub(super) fn read(transaction: &Transaction<'_>, id: u64) -> Result<Count, Refusal> {
    transaction.get(&COUNTS, id)?.ok_or_else(|| Document::Count.unknown(id))
}

/// Reads a stored count, which whoever counts must not see.
pub(super) fn stored(store: &Store, id: u64) -> Result<Count, Refusal> {
    store.get(&COUNTS, id)?.ok_or_else(|| Document::Count.unknown(id))
}

/// Stores a count; a closed one releases its items.
pub(super) fn put(transaction: &mut Transaction<'_>, count: &Count) -> Result<(), StoreError> {
    if count.closed_at_ms.is_some() {
        Document::Count.close(transaction, count.id)?;
        for line in &count.lines {
            transaction.delete(&COUNTING, line.sku.as_str());
        }
    }
    transaction.put(&COUNTS, count.id, count)
}

/// Opens a count of some items. An item can be in only one open count, by one unit.
///
/// # Errors
/// No items, too many, or an item that is unknown, listed twice or in another open count.
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

/// A count without quantities.
///
/// # Errors
/// The count does not exist, or the store fails.
pub fn count(store: &Store, id: u64) -> Result<BlindCount, Refusal> {
    stored(store, id).map(BlindCount::from)
}

/// Counts without quantities, newest first, before a number.
///
/// # Errors
/// The store fails.
pub fn counts(store: &Store, before: Option<u64>, limit: usize) -> Result<Vec<BlindCount>, StoreError> {
    Ok(lists::before(store, &COUNTS, before, limit)?.into_iter().map(BlindCount::from).collect())
}

/// The variances of a count, for whoever decides. `baskets` is the stock in open baskets now.
///
/// Missing goods may have been in customers' baskets when the item was counted (`in_baskets_when_counted`), and sold
/// since: not a variance, but goods that were off the shelf and still in the books. Goods in baskets now
/// (`in_baskets_now`) are off the shelf for a recount. Neither includes baskets that a register keeps to itself until
/// it sells, or goods that customers carry and have not scanned yet.
///
/// # Errors
/// The count does not exist, or the store fails.
pub fn variances(store: &Store, id: u64, baskets: &Sums) -> Result<Vec<CountedItem>, Refusal> {
    let variance = |line: CountLine| {
        let CountLine { sku, unit, tally, decision } = line;
        let in_baskets_now = in_baskets(baskets, &sku, unit);
        tally.map(|tally| CountedItem { sku, unit, variance: tally.variance(), in_baskets_now, tally, decision })
    };
    Ok(stored(store, id)?.lines.into_iter().filter_map(variance).collect())
}

/// The quantity of an item in baskets.
pub(super) fn in_baskets(baskets: &Sums, sku: &Sku, unit: Unit) -> i64 {
    baskets.get(&(sku.clone(), unit)).copied().unwrap_or(0)
}

/// Approves or rejects variances. Approval books the variance; the last approval closes the count.
///
/// # Errors
/// An item has nothing to decide, or a recount has changed its variance, or the correction would take an item below
/// zero that may not go there, because more was sold since than was counted. Then nothing is decided.
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

/// Closes a count; variances without a decision are not booked.
///
/// # Errors
/// The count does not exist or is already closed.
pub fn close_count(transaction: &mut Transaction<'_>, by: &By, id: u64) -> Result<DocumentOpened, Refusal> {
    MANAGE_COUNTS.require(&by.actor)?;
    let mut count = read(transaction, id)?;
    count.close(by.at_ms)?;
    put(transaction, &count)?;
    Ok(DocumentOpened { id })
}
