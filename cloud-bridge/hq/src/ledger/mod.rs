//! The ledger: effects of events, and how far each stream has come.

mod memory;

use std::{collections::BTreeMap, future::Future};

use commerce::{Minor, Unit, stock::State};
use contract::{
    BadBody, Batch, ChainLink, Epoch, Event, HubId, Placeholder, SaleCompleted, Sequence, StockMoved, StockOpened,
    Stream,
    message::{OVERSIZED, UNREADABLE},
    sale, stock,
};
pub use memory::MemoryLedger;
use serde::Serialize;

/// Where effects are kept. One transaction a batch.
pub trait Ledger: Send + 'static {
    /// The last event applied of a stream; 0 for none.
    fn cursor(
        &self,
        hub: &HubId,
        epoch: Epoch,
        stream: &Stream,
    ) -> impl Future<Output = Result<Sequence, LedgerError>> + Send;

    /// The link that the hub gave with the event at the cursor `at`; none if it gave none, or the cursor is elsewhere.
    fn link(
        &self,
        hub: &HubId,
        epoch: Epoch,
        stream: &Stream,
        at: Sequence,
    ) -> impl Future<Output = Result<Option<ChainLink>, LedgerError>> + Send;

    /// Applies what of a batch is new, and moves the cursor, in one transaction. With a gap before the batch nothing
    /// changes.
    fn apply(&self, batch: &Batch) -> impl Future<Output = Result<Applied, LedgerError>> + Send;
}

/// What came of a batch.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Applied {
    /// The cursor now.
    pub cursor: Sequence,
    /// Events applied.
    pub stored: u64,
    /// Events that were there already.
    pub repeated: u64,
    /// The batch began after the next event that was due.
    pub gap: bool,
}

/// The ledger could not commit; nothing has changed.
#[derive(Debug, Clone, thiserror::Error)]
#[error("the ledger cannot be used: {0}")]
pub struct LedgerError(pub String);

/// What to do with a batch that arrives when the cursor is at `cursor`. Pure.
pub fn decide(cursor: Sequence, events: &[Event]) -> Decision<'_> {
    let due = cursor.next();
    match events.first() {
        None => Decision { fresh: &[], repeated: 0, gap: false },
        Some(first) if first.sequence > due => Decision { fresh: &[], repeated: 0, gap: true },
        Some(_) => {
            let repeated = events.iter().take_while(|event| event.sequence < due).count();
            Decision { fresh: events.get(repeated..).unwrap_or_default(), repeated: repeated as u64, gap: false }
        }
    }
}

/// See [`decide`].
#[derive(Debug)]
pub struct Decision<'a> {
    /// To be applied.
    pub fresh: &'a [Event],
    /// How many were there already.
    pub repeated: u64,
    /// Something is missing before the batch.
    pub gap: bool,
}

/// The sums of a ledger.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Summary {
    /// Sales.
    pub sales: u64,
    /// Lines of sales.
    pub lines: u64,
    /// At shelf prices, in minor units.
    pub regular_minor: i64,
    /// Taken off by stores.
    pub discount_minor: i64,
    /// Owed by customers.
    pub net_minor: i64,
    /// Owed by makers.
    pub manufacturer_coupon_minor: i64,
    /// Sales that are in the ledger more than once under different events: the same hub and reference. Should be 0.
    pub duplicate_sales: u64,
    /// Events that arrived again and were dropped.
    pub repeated_events: u64,
    /// Events that could not be read or did not add up.
    pub quarantined: u64,
}

impl Summary {
    /// With one more sale.
    fn with(self, sale: &SaleCompleted) -> Result<Self, Unusable> {
        let add = |sum: i64, amount: Minor| sum.checked_add(amount.get()).ok_or(Unusable::Money);
        Ok(Self {
            sales: self.sales + 1,
            lines: self.lines + sale.lines.len() as u64,
            regular_minor: add(self.regular_minor, sale.totals.regular)?,
            discount_minor: add(self.discount_minor, sale.totals.discount)?,
            net_minor: add(self.net_minor, sale.totals.net)?,
            manufacturer_coupon_minor: add(self.manufacturer_coupon_minor, sale.totals.manufacturer_coupon)?,
            ..self
        })
    }

    fn with_a_repeat(self) -> Self {
        Self { repeated_events: self.repeated_events + 1, ..self }
    }
}

/// What a store has of an item by one unit, in thousandths: the sum of what HQ has heard of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Stock {
    /// Whose.
    pub hub: HubId,
    /// In which life of its store.
    pub epoch: Epoch,
    /// Of what.
    pub sku: String,
    /// By which unit.
    pub unit: Unit,
    /// Free to be sold; negative if more was sold than was known to be there.
    pub on_hand: i64,
    /// Set aside.
    pub reserved: i64,
    /// On its way to another store.
    pub in_transit: i64,
    /// Kept back.
    pub quarantined: i64,
    /// Damaged.
    pub damaged: i64,
}

/// What a store has of each item by each unit: thousandths in each state, in the order of [`State::ALL`].
pub type Positions = BTreeMap<(String, Unit), [i64; State::ALL.len()]>;

/// An event kept for a person to look at.
#[derive(Clone, Debug)]
pub struct Quarantined {
    /// Whose.
    pub hub: HubId,
    /// Which.
    pub sequence: Sequence,
    /// Why.
    pub why: String,
    /// The event itself, or `None` if the quarantine is full.
    pub body: String,
}

/// What an event says.
pub(crate) enum Body {
    Sale(Box<SaleCompleted>),
    Stock(StockMoved),
    Opening(StockOpened),
}

/// Why an event goes into quarantine.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Unusable {
    #[error(transparent)]
    Body(#[from] BadBody),
    #[error("the hub could not send it: {}", .0.escape_debug())]
    NotSent(String),
    #[error("the hub already sent another sale as `{}`: was its disk set back, or copied?", .0.escape_debug())]
    Reused(String),
    #[error("unknown kind of event `{}`; update HQ", .0.escape_debug())]
    Kind(String),
    #[error("the sums of money with this sale cannot be represented")]
    Money,
    #[error("the quantity {} of item {} cannot be represented", .state.name(), .sku.escape_debug())]
    Quantity { state: State, sku: String },
}

/// Reads an event and checks that it adds up.
pub(crate) fn read(event: &Event) -> Result<Body, Unusable> {
    if sale::COMPLETED.is(event) {
        Ok(Body::Sale(Box::new(sale::COMPLETED.read(event)?)))
    } else if stock::MOVED.is(event) {
        Ok(Body::Stock(stock::MOVED.read(event)?))
    } else if stock::OPENED.is(event) {
        Ok(Body::Opening(stock::OPENED.read(event)?))
    } else if [UNREADABLE, OVERSIZED].contains(&&*event.kind) {
        let told: Result<Placeholder, _> = serde_json::from_str(event.body.get());
        Err(Unusable::NotSent(
            told.map_or_else(|error| error.to_string(), |told| format!("{}: {}", told.kind, told.why)),
        ))
    } else {
        Err(Unusable::Kind(event.kind.clone()))
    }
}

#[cfg(test)]
pub(crate) mod tests;
