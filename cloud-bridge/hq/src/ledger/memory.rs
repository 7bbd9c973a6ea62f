//! The ledger in memory.

use std::{
    collections::{BTreeMap, HashMap},
    future::{Future, ready},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use commerce::{Unit, stock::State};
use contract::{Batch, ChainLink, Epoch, Event, HubId, SaleCompleted, Sequence, Stream, stock};

use super::{Applied, Body, Ledger, LedgerError, Positions, Quarantined, Stock, Summary, Unusable, decide, read};
use crate::transfers::{Transfers, Uneven};

/// A ledger in memory: for the demo and for tests. It is gone with its process; hubs then send again what they still
/// keep.
#[derive(Clone, Default)]
pub struct MemoryLedger(Arc<Mutex<Books>>);

#[derive(Default)]
struct Books {
    /// Each with the link that the hub gave for it.
    cursors: HashMap<(HubId, Epoch, Stream), (Sequence, Option<ChainLink>)>,
    sales: Vec<(HubId, SaleCompleted)>,
    /// Where sales are, by hub and id: a hub whose store was restored from a backup sends sales again that HQ already has.
    ids: HashMap<(HubId, String), usize>,
    /// Sales by hub and reference (the sale's id where there is none), to notice a sale that is there twice.
    by_reference: BTreeMap<(HubId, String), Vec<usize>>,
    /// What each store has, by the epoch of its books.
    positions: HashMap<(HubId, Epoch), Positions>,
    transfers: Transfers,
    summary: Summary,
    quarantine: Vec<Quarantined>,
}

/// Quarantined events kept; of later ones only the count.
const QUARANTINE: usize = 1_000;

/// Bytes of bodies in quarantine; of events beyond it only the reason is kept.
const QUARANTINE_BYTES: usize = 4 * 1024 * 1024;

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
        self.books().ids.contains_key(&(hub.clone(), sale.to_owned()))
    }

    /// All sales with a reference, in the order they came: more than one is a duplicate.
    pub fn by_reference(&self, hub: &HubId, reference: &str) -> Vec<SaleCompleted> {
        let books = self.books();
        let found = books.by_reference.get(&(hub.clone(), reference.to_owned()));
        found.into_iter().flatten().filter_map(|&index| books.sales.get(index)).map(|(_, sale)| sale.clone()).collect()
    }

    /// Begins a stream after an event, as if all before it had been applied and forgotten: for a hub whose history is
    /// made up.
    pub fn begin_after(&self, hub: &HubId, epoch: Epoch, stream: &Stream, cursor: Sequence) {
        self.books().cursors.insert((hub.clone(), epoch, stream.clone()), (cursor, None));
    }

    /// What a store has, as its opening, its sales and its other movements leave it. In the newest epoch it is what the
    /// store itself has, once all of its events are applied.
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

    /// Transfers on which the two stores do not agree, or not yet, item by item: in the order of senders, transfers and
    /// items.
    pub fn transfers(&self) -> Vec<Uneven> {
        self.books().transfers.uneven()
    }

    /// What is in quarantine.
    pub fn quarantine(&self) -> Vec<Quarantined> {
        self.books().quarantine.clone()
    }

    #[cfg(test)]
    pub(super) fn set_net(&self, minor: i64) {
        self.books().summary.net_minor = minor;
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
            let kind = event.kind.escape_debug();
            tracing::error!(%hub, sequence = %event.sequence, %kind, %why, "event quarantined");
            self.summary.quarantined += 1;
            if self.quarantine.len() < QUARANTINE {
                let (kept, body) =
                    (self.quarantine.iter().map(|kept| kept.body.len()).sum::<usize>(), event.body.get());
                let body = if kept + body.len() <= QUARANTINE_BYTES { body.to_owned() } else { String::new() };
                let why = why.to_string();
                self.quarantine.push(Quarantined { hub: hub.clone(), sequence: event.sequence, why, body });
            }
        }
    }

    /// Applies all of what an event says, or nothing of it.
    fn take(&mut self, hub: &HubId, epoch: Epoch, body: Body) -> Result<(), Unusable> {
        match body {
            Body::Sale(sale) => {
                let known = self.ids.get(&(hub.clone(), sale.sale.clone())).and_then(|&index| self.sales.get(index));
                if known.is_some_and(|(_, known)| !is_same(known, &sale)) {
                    return Err(Unusable::Reused(sale.sale));
                }
                let is_new = known.is_none();
                let summary = if is_new { self.summary.with(&sale)? } else { self.summary.with_a_repeat() };
                // New to the stock of this epoch, even if the sale is known from an earlier one.
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
    fn shift(&mut self, hub: &HubId, epoch: Epoch, lines: &[stock::Moved]) -> Result<(), Unusable> {
        let sides = lines.iter().flat_map(|line| {
            let (sku, milli) = (line.sku.as_str(), line.quantity_milli);
            let side = |state: Option<State>, milli: i64| state.map(|state| ((sku, line.unit), state, milli));
            [side(line.from, milli.saturating_neg()), side(line.to, milli)].into_iter().flatten()
        });
        self.add(hub, epoch, sides)
    }

    /// Adds what was there when the epoch began. Like a movement: a sale may have come before it.
    fn open(&mut self, hub: &HubId, epoch: Epoch, lines: &[stock::Standing]) -> Result<(), Unusable> {
        self.add(hub, epoch, lines.iter().map(|line| ((line.sku.as_str(), line.unit), line.state, line.quantity_milli)))
    }

    /// Adds thousandths to positions, each in a state: all of them, or none if a sum cannot be represented.
    fn add<'l>(
        &mut self,
        hub: &HubId,
        epoch: Epoch,
        changes: impl Iterator<Item = ((&'l str, Unit), State, i64)>,
    ) -> Result<(), Unusable> {
        let positions = self.positions.entry((hub.clone(), epoch)).or_default();
        let mut changed = Positions::new();
        for ((sku, unit), state, milli) in changes {
            let place = (sku.to_owned(), unit);
            let before = positions.get(&place).copied().unwrap_or_default();
            for (other, there) in State::ALL.into_iter().zip(changed.entry(place).or_insert(before)) {
                if other == state {
                    let too_much = || Unusable::Quantity { state, sku: sku.to_owned() };
                    *there = there.checked_add(milli).ok_or_else(too_much)?;
                }
            }
        }
        // Not `append`: it would rebuild the whole map, for each of a store's sales.
        positions.extend(changed);
        Ok(())
    }

    fn sell(&mut self, hub: &HubId, sale: SaleCompleted) {
        self.ids.insert((hub.clone(), sale.sale.clone()), self.sales.len());
        let reference = sale.reference.clone().unwrap_or_else(|| sale.sale.clone());
        let twins = self.by_reference.entry((hub.clone(), reference)).or_default();
        if !twins.is_empty() {
            self.summary.duplicate_sales += 1;
        }
        twins.push(self.sales.len());
        self.sales.push((hub.clone(), sale));
    }
}

/// Whether a sale was sent again. Only what no version of the hub writes otherwise is compared.
fn is_same(known: &SaleCompleted, again: &SaleCompleted) -> bool {
    let told = |sale: &SaleCompleted| (sale.receipt, sale.sold_at_ms, sale.totals.net);
    known.register == again.register && told(known) == told(again)
}

impl Ledger for MemoryLedger {
    fn cursor(
        &self,
        hub: &HubId,
        epoch: Epoch,
        stream: &Stream,
    ) -> impl Future<Output = Result<Sequence, LedgerError>> + Send {
        let cursor = self.books().cursors.get(&(hub.clone(), epoch, stream.clone())).copied();
        ready(Ok(cursor.unwrap_or_default().0))
    }

    fn link(
        &self,
        hub: &HubId,
        epoch: Epoch,
        stream: &Stream,
        at: Sequence,
    ) -> impl Future<Output = Result<Option<ChainLink>, LedgerError>> + Send {
        let cursor = self.books().cursors.get(&(hub.clone(), epoch, stream.clone())).copied();
        ready(Ok(cursor.filter(|(cursor, _)| *cursor == at).and_then(|(_, link)| link)))
    }

    fn apply(&self, batch: &Batch) -> impl Future<Output = Result<Applied, LedgerError>> + Send {
        let mut books = self.books();
        let key = (batch.hub.clone(), batch.epoch, batch.stream.clone());
        let (cursor, link) = books.cursors.get(&key).copied().unwrap_or_default();
        let decision = decide(cursor, &batch.events);
        for event in decision.fresh {
            books.enter(&batch.hub, batch.epoch, event);
        }
        let (moved, link) = decision.fresh.last().map_or((cursor, link), |event| (event.sequence, batch.link));
        books.cursors.insert(key, (moved, link));
        books.summary.repeated_events += decision.repeated;
        let stored = decision.fresh.len() as u64;
        ready(Ok(Applied { cursor: moved, stored, repeated: decision.repeated, gap: decision.gap }))
    }
}
