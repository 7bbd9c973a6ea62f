//! The ledger: effects of events, and how far each stream has come.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    future::{Future, ready},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use commerce::{
    Minor, Unit,
    stock::{Kind, State},
};
use contract::{Batch, Epoch, Event, HubId, SaleCompleted, Sequence, StockMoved, StockOpened, Stream, sale, stock};
use serde::Serialize;

use crate::transfers::{Transfers, Uneven};

/// Where effects are kept. One transaction a batch.
pub trait Ledger: Send + 'static {
    /// The last event applied of a stream; 0 for none.
    fn cursor(
        &self,
        hub: &HubId,
        epoch: Epoch,
        stream: &Stream,
    ) -> impl Future<Output = Result<Sequence, LedgerError>> + Send;

    /// Applies what of a batch is new, and moves the cursor, in one transaction. With a gap before the batch nothing changes.
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
#[error("the ledger can't be used: {0}")]
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
    /// With a sale more.
    fn with(self, sale: &SaleCompleted) -> Result<Self, String> {
        let add = |sum: i64, amount: Minor| {
            sum.checked_add(amount.get())
                .ok_or_else(|| format!("with {} the sums of money can't be counted", amount.get()))
        };
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
    /// In which of its books.
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
    /// Broken.
    pub damaged: i64,
}

/// An event kept for a person to look at.
#[derive(Clone, Debug)]
pub struct Quarantined {
    /// Whose.
    pub hub: HubId,
    /// Which.
    pub sequence: Sequence,
    /// Why.
    pub why: String,
    /// What it said.
    pub body: String,
}

/// A ledger in memory: for the demo and for tests. It is gone with its process; hubs then send again what they still keep.
#[derive(Clone, Default)]
pub struct MemoryLedger(Arc<Mutex<Books>>);

#[derive(Default)]
struct Books {
    cursors: HashMap<(HubId, Epoch, Stream), Sequence>,
    sales: Vec<(HubId, SaleCompleted)>,
    /// Ids of sales, by hub: a hub whose store was restored from a backup sends again what it can't know that HQ has.
    ids: HashSet<(HubId, String)>,
    /// Sales by hub and reference (the sale's id where there is none), to notice a sale that is there twice.
    by_reference: BTreeMap<(HubId, String), Vec<usize>>,
    /// What each store has, by the epoch of its books.
    positions: HashMap<(HubId, Epoch), Positions>,
    transfers: Transfers,
    summary: Summary,
    quarantine: Vec<Quarantined>,
}

/// What a store has of each item by each unit: thousandths in each state, in the order of [`State::ALL`].
pub type Positions = BTreeMap<(String, Unit), [i64; State::ALL.len()]>;

/// Quarantined events kept whole; of later ones only the count.
const QUARANTINE: usize = 1_000;

impl MemoryLedger {
    fn books(&self) -> MutexGuard<'_, Books> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The sums.
    pub fn summary(&self) -> Summary {
        self.books().summary
    }

    /// Whether a hub's sale is in the books, by its id.
    pub(crate) fn has(&self, hub: &HubId, sale: &str) -> bool {
        self.books().ids.contains(&(hub.clone(), sale.to_owned()))
    }

    /// All sales with a reference, in the order they came: more than one is a duplicate.
    pub fn by_reference(&self, hub: &HubId, reference: &str) -> Vec<SaleCompleted> {
        let books = self.books();
        let found = books.by_reference.get(&(hub.clone(), reference.to_owned()));
        found.into_iter().flatten().filter_map(|&index| books.sales.get(index)).map(|(_, sale)| sale.clone()).collect()
    }

    /// Begins a stream after an event, as if all before it had been applied and forgotten: for a hub whose history is made up.
    pub fn begin_after(&self, hub: &HubId, epoch: Epoch, stream: &Stream, cursor: Sequence) {
        self.books().cursors.insert((hub.clone(), epoch, stream.clone()), cursor);
    }

    /// What a store has, as its opening, its sales and its other movements leave it. It is the store's own in the newest epoch, once all of its events are
    /// applied; of a hub that sends no opening, only what moved in the epoch.
    pub fn positions(&self, hub: &HubId, epoch: Epoch) -> Positions {
        self.books().positions.get(&(hub.clone(), epoch)).cloned().unwrap_or_default()
    }

    /// What every store has, in the order of hubs, epochs and items.
    pub fn stock(&self) -> Vec<Stock> {
        let books = self.books();
        let mut stock: Vec<_> = books
            .positions
            .iter()
            .flat_map(|((hub, epoch), positions)| {
                positions.iter().map(move |(place, states)| (hub, epoch, place, states))
            })
            .map(|(hub, epoch, (sku, unit), &[on_hand, reserved, in_transit, quarantined, damaged])| Stock {
                hub: hub.clone(),
                epoch: *epoch,
                sku: sku.clone(),
                unit: *unit,
                on_hand,
                reserved,
                in_transit,
                quarantined,
                damaged,
            })
            .collect();
        stock.sort_by(|a, b| (&a.hub, a.epoch, &a.sku, a.unit).cmp(&(&b.hub, b.epoch, &b.sku, b.unit)));
        stock
    }

    /// Transfers of which the two stores do not tell the same, or not yet, item by item: in the order of senders, transfers and items.
    pub fn transfers(&self) -> Vec<Uneven> {
        self.books().transfers.uneven()
    }

    /// What is in quarantine.
    pub fn quarantine(&self) -> Vec<Quarantined> {
        self.books().quarantine.clone()
    }

    /// A copy with the same books at this moment: a backup.
    #[must_use]
    pub fn backup(&self) -> Self {
        let books = self.books();
        Self(Arc::new(Mutex::new(Books {
            cursors: books.cursors.clone(),
            sales: books.sales.clone(),
            ids: books.ids.clone(),
            by_reference: books.by_reference.clone(),
            positions: books.positions.clone(),
            transfers: books.transfers.clone(),
            summary: books.summary,
            quarantine: books.quarantine.clone(),
        })))
    }
}

impl Books {
    fn enter(&mut self, hub: &HubId, epoch: Epoch, event: &Event) {
        if let Err(why) = read(event).and_then(|body| self.take(hub, epoch, body)) {
            tracing::error!(%hub, sequence = %event.sequence, kind = %event.kind, %why, "an event went into quarantine");
            self.summary.quarantined += 1;
            if self.quarantine.len() < QUARANTINE {
                let body = event.body.get().to_owned();
                self.quarantine.push(Quarantined { hub: hub.clone(), sequence: event.sequence, why, body });
            }
        }
    }

    /// Takes all of what an event says, or nothing of it and says why.
    fn take(&mut self, hub: &HubId, epoch: Epoch, body: Body) -> Result<(), String> {
        match body {
            Body::Sale(sale) => {
                let is_new = !self.ids.contains(&(hub.clone(), sale.sale.clone()));
                let summary = if is_new { self.summary.with(&sale)? } else { self.summary.with_a_repeat() };
                // The stock of this epoch has not had it, whatever the books of sales know from an earlier one.
                self.shift(hub, epoch, &sale.moved)?;
                self.summary = summary;
                // Made in this epoch, not sent again in it.
                let is_of_it = sale.sale.strip_prefix(&epoch.to_string()).is_some_and(|rest| rest.starts_with('-'));
                if let Some(movement) = sale.movement.filter(|_| is_of_it) {
                    self.transfers.undo(hub, epoch, movement);
                }
                if is_new {
                    self.sell(hub, *sale);
                }
            }
            Body::Stock(moved) => {
                self.shift(hub, epoch, &moved.lines)?;
                self.transfers.note(hub, epoch, &moved);
            }
            Body::Opening(opened) => self.open(hub, epoch, &opened.lines)?,
        }
        Ok(())
    }

    /// Takes what moved from one state and puts it into the other.
    fn shift(&mut self, hub: &HubId, epoch: Epoch, lines: &[stock::Moved]) -> Result<(), String> {
        let sides = lines.iter().flat_map(|line| {
            let (sku, milli) = (line.sku.as_str(), line.quantity_milli);
            let side = |state: Option<State>, milli: i64| state.map(|state| ((sku, line.unit), state, milli));
            [side(line.from, milli.saturating_neg()), side(line.to, milli)].into_iter().flatten()
        });
        self.add(hub, epoch, sides)
    }

    /// Adds what was there when the epoch began. Like a movement: a sale may have come before it.
    fn open(&mut self, hub: &HubId, epoch: Epoch, lines: &[stock::Standing]) -> Result<(), String> {
        self.add(hub, epoch, lines.iter().map(|line| ((line.sku.as_str(), line.unit), line.state, line.quantity_milli)))
    }

    /// Adds thousandths to positions, each in a state: all of them, or none if a sum would be more than can be counted.
    fn add<'l>(
        &mut self,
        hub: &HubId,
        epoch: Epoch,
        changes: impl Iterator<Item = ((&'l str, Unit), State, i64)>,
    ) -> Result<(), String> {
        let positions = self.positions.entry((hub.clone(), epoch)).or_default();
        let mut changed = Positions::new();
        for ((sku, unit), state, milli) in changes {
            let place = (sku.to_owned(), unit);
            let before = positions.get(&place).copied().unwrap_or_default();
            for (other, there) in State::ALL.into_iter().zip(changed.entry(place).or_insert(before)) {
                if other == state {
                    let too_much =
                        || format!("what is {} of item {} can't be counted", state.name(), sku.escape_debug());
                    *there = there.checked_add(milli).ok_or_else(too_much)?;
                }
            }
        }
        // Not `append`: it would lay out anew all that a store has, for each of its sales.
        positions.extend(changed);
        Ok(())
    }

    fn sell(&mut self, hub: &HubId, sale: SaleCompleted) {
        self.ids.insert((hub.clone(), sale.sale.clone()));
        let reference = sale.reference.clone().unwrap_or_else(|| sale.sale.clone());
        let twins = self.by_reference.entry((hub.clone(), reference)).or_default();
        if !twins.is_empty() {
            self.summary.duplicate_sales += 1;
        }
        twins.push(self.sales.len());
        self.sales.push((hub.clone(), sale));
    }
}

/// What an event says.
pub(crate) enum Body {
    Sale(Box<SaleCompleted>),
    Stock(StockMoved),
    Opening(StockOpened),
}

/// Reads an event and checks that it adds up.
pub(crate) fn read(event: &Event) -> Result<Body, String> {
    match event.kind.as_str() {
        sale::KIND => {
            let sale: SaleCompleted = serde_json::from_str(event.body.get()).map_err(|error| error.to_string())?;
            sale.verify().map_err(|error| error.to_string())?;
            stock::verify(Kind::Sale, &sale.moved).map_err(|error| error.to_string())?;
            Ok(Body::Sale(Box::new(sale)))
        }
        stock::KIND => {
            let moved: StockMoved = serde_json::from_str(event.body.get()).map_err(|error| error.to_string())?;
            if moved.kind == Kind::Sale {
                return Err("a sale moves stock with its own event, not as a movement beside it".into());
            }
            stock::verify(moved.kind, &moved.lines).map_err(|error| error.to_string())?;
            Ok(Body::Stock(moved))
        }
        stock::OPENED => {
            let opened: StockOpened = serde_json::from_str(event.body.get()).map_err(|error| error.to_string())?;
            opened.verify().map_err(|error| error.to_string())?;
            Ok(Body::Opening(opened))
        }
        other => Err(format!("this HQ does not know events of kind `{}`; update it", other.escape_debug())),
    }
}

impl Ledger for MemoryLedger {
    fn cursor(
        &self,
        hub: &HubId,
        epoch: Epoch,
        stream: &Stream,
    ) -> impl Future<Output = Result<Sequence, LedgerError>> + Send {
        let cursor = self.books().cursors.get(&(hub.clone(), epoch, stream.clone())).copied();
        ready(Ok(cursor.unwrap_or_default()))
    }

    fn apply(&self, batch: &Batch) -> impl Future<Output = Result<Applied, LedgerError>> + Send {
        let mut books = self.books();
        let key = (batch.hub.clone(), batch.epoch, batch.stream.clone());
        let cursor = books.cursors.get(&key).copied().unwrap_or_default();
        let decision = decide(cursor, &batch.events);
        for event in decision.fresh {
            books.enter(&batch.hub, batch.epoch, event);
        }
        let moved = decision.fresh.last().map_or(cursor, |event| event.sequence);
        books.cursors.insert(key, moved);
        books.summary.repeated_events += decision.repeated;
        let stored = decision.fresh.len() as u64;
        ready(Ok(Applied { cursor: moved, stored, repeated: decision.repeated, gap: decision.gap }))
    }
}

#[cfg(test)]
pub(crate) mod tests;
