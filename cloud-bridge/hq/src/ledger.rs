//! The ledger: effects of events, and how far each stream has come.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    future::{Future, ready},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use commerce::{
    Unit,
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
                // The stock of this epoch has not had it, whatever the books of sales know from an earlier one.
                self.shift(hub, epoch, &sale.moved)?;
                if self.ids.insert((hub.clone(), sale.sale.clone())) {
                    self.sell(hub, *sale);
                } else {
                    self.summary.repeated_events += 1;
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
        positions.append(&mut changed);
        Ok(())
    }

    fn sell(&mut self, hub: &HubId, sale: SaleCompleted) {
        let summary = &mut self.summary;
        summary.sales += 1;
        summary.lines += sale.lines.len() as u64;
        summary.regular_minor += sale.totals.regular.get();
        summary.discount_minor += sale.totals.discount.get();
        summary.net_minor += sale.totals.net.get();
        summary.manufacturer_coupon_minor += sale.totals.manufacturer_coupon.get();
        let reference = sale.reference.clone().unwrap_or_else(|| sale.sale.clone());
        let twins = self.by_reference.entry((hub.clone(), reference)).or_default();
        if !twins.is_empty() {
            summary.duplicate_sales += 1;
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
pub(crate) mod tests {
    use contract::VERSION;
    use proptest::prelude::*;
    use serde_json::{json, value::to_raw_value};

    use super::*;

    fn event(sequence: u64, net: i64) -> Event {
        let body = json!({
            "sale": format!("1-{sequence}"), "reference": format!("basket-{sequence}"), "register": "till-1", "receipt": sequence,
            "business_day": "2026-11-24", "sold_at_ms": 1, "currency": "USD",
            "lines": [{ "number": 1, "on_file": true, "description": "Cereal", "quantity_milli": 1000, "unit": "each", "regular": 100, "net": net }],
            "tenders": [{ "kind": "cash", "amount": 100 }],
            "totals": { "regular": 100, "discount": 0, "net": 100, "manufacturer_coupon": 0, "tendered": 100, "change": 0 }
        });
        Event {
            sequence: Sequence(sequence),
            kind: sale::KIND.into(),
            occurred_at_ms: 1,
            body: to_raw_value(&body).unwrap(),
        }
    }

    pub(crate) fn batch(sequences: std::ops::RangeInclusive<u64>) -> Batch {
        let events = sequences.map(|sequence| event(sequence, 100)).collect();
        Batch { version: VERSION, hub: "store-1".parse().unwrap(), epoch: Epoch(1), stream: Stream::sales(), events }
    }

    #[tokio::test]
    async fn what_is_repeated_has_no_effect_and_what_is_ahead_is_not_touched() {
        let ledger = MemoryLedger::default();
        assert_eq!(ledger.apply(&batch(2..=3)).await.unwrap(), Applied { gap: true, ..Applied::default() });
        assert_eq!(
            ledger.apply(&batch(1..=3)).await.unwrap(),
            Applied { cursor: Sequence(3), stored: 3, ..Applied::default() }
        );
        assert_eq!(
            ledger.apply(&batch(2..=4)).await.unwrap(),
            Applied { cursor: Sequence(4), stored: 1, repeated: 2, gap: false }
        );
        let summary = ledger.summary();
        assert_eq!(
            (summary.sales, summary.net_minor, summary.duplicate_sales, summary.repeated_events),
            (4, 400, 0, 2)
        );
    }

    #[tokio::test]
    async fn an_event_that_does_not_add_up_is_quarantined_and_does_not_block_the_stream() {
        let ledger = MemoryLedger::default();
        let mut wrong = batch(1..=3);
        wrong.events[1] = event(2, 99);
        assert_eq!(ledger.apply(&wrong).await.unwrap().cursor, Sequence(3));
        assert_eq!((ledger.summary().sales, ledger.summary().quarantined), (2, 1));
        assert!(ledger.quarantine()[0].why.contains("net of line 1"));
    }

    #[tokio::test]
    async fn two_sales_of_one_reference_are_counted_as_a_duplicate() {
        let ledger = MemoryLedger::default();
        let mut twice = batch(1..=2);
        let other = twice.events[0].body.get().replace("\"1-1\"", "\"1-2\"");
        twice.events[1].body = serde_json::value::RawValue::from_string(other).unwrap();
        ledger.apply(&twice).await.unwrap();
        assert_eq!(ledger.summary().duplicate_sales, 1);
        assert_eq!(ledger.by_reference(&twice.hub, "basket-1").len(), 2);
    }

    #[tokio::test]
    async fn a_sale_sent_again_in_a_new_epoch_has_its_effect_once() {
        let ledger = MemoryLedger::default();
        ledger.apply(&batch(1..=5)).await.unwrap();
        // The hub came back from a backup that HQ had acknowledged up to the third.
        let mut again = batch(1..=3);
        again.epoch = Epoch(2);
        for (event, sale) in again.events.iter_mut().zip([4, 5, 6]) {
            let body = event.body.get().replace(&format!("1-{}\"", event.sequence), &format!("1-{sale}\""));
            event.body = serde_json::value::RawValue::from_string(body).unwrap();
        }
        assert_eq!(ledger.apply(&again).await.unwrap().cursor, Sequence(3));
        let summary = ledger.summary();
        assert_eq!((summary.sales, summary.repeated_events), (6, 2));
    }

    #[tokio::test]
    async fn positions_follow_from_sales_and_movements_and_a_new_epoch_begins_anew() {
        let ledger = MemoryLedger::default();
        let moved = |sequence: u64, kind: &str, line: serde_json::Value| {
            let body = json!({ "movement": sequence, "kind": kind, "reference": "1", "at_ms": 1, "by": "till-1", "lines": [line] });
            let body = to_raw_value(&body).unwrap();
            Event { sequence: Sequence(sequence), kind: stock::KIND.into(), occurred_at_ms: 1, body }
        };
        let came = json!({ "sku": "818981", "quantity_milli": 5000, "unit": "each", "to": "on_hand" });
        let kept =
            json!({ "sku": "818981", "quantity_milli": 2000, "unit": "each", "from": "on_hand", "to": "reserved" });
        let events = vec![
            moved(1, "receipt", came.clone()),
            moved(2, "reservation", kept.clone()),
            moved(3, "receipt", kept),
            moved(4, "sale", json!({ "sku": "818981", "quantity_milli": 1, "unit": "each", "from": "on_hand" })),
        ];
        let stock = Batch { events, stream: Stream::stock(), ..batch(1..=1) };
        ledger.apply(&stock).await.unwrap();
        let mut sales = batch(1..=1);
        let mut body: serde_json::Value = serde_json::from_str(sales.events[0].body.get()).unwrap();
        body["moved"] = json!([{ "sku": "818981", "quantity_milli": 1000, "unit": "each", "from": "reserved" }]);
        sales.events[0].body = to_raw_value(&body).unwrap();
        ledger.apply(&sales).await.unwrap();
        let key = ("818981".to_owned(), Unit::Each);
        assert_eq!(ledger.positions(&stock.hub, Epoch(1))[&key], [3000, 1000, 0, 0, 0]);
        assert_eq!(ledger.summary().quarantined, 2, "a receipt from the shelf, and a sale that is none");
        let again = Batch { epoch: Epoch(2), events: vec![moved(1, "receipt", came)], ..stock.clone() };
        ledger.apply(&again).await.unwrap();
        assert_eq!(ledger.positions(&stock.hub, Epoch(2))[&key], [5000, 0, 0, 0, 0]);
        let told: Vec<_> = ledger.stock().iter().map(|stock| (stock.epoch, stock.on_hand, stock.reserved)).collect();
        assert_eq!(told, [(Epoch(1), 3000, 1000), (Epoch(2), 5000, 0)]);
    }

    #[tokio::test]
    async fn what_no_store_can_have_is_quarantined_whole_and_pins_no_position() {
        let ledger = MemoryLedger::default();
        let (mut sequence, mut events) = (0, Vec::new());
        let mut say = |kind: &str, body: serde_json::Value| {
            sequence += 1;
            let body = to_raw_value(&body).unwrap();
            events.push(Event { sequence: Sequence(sequence), kind: kind.into(), occurred_at_ms: 1, body });
        };
        let came =
            |sku: &str, milli: i64| json!({ "sku": sku, "quantity_milli": milli, "unit": "each", "to": "on_hand" });
        let moved = |lines: serde_json::Value| json!({ "movement": 1, "kind": "receipt", "reference": "1", "at_ms": 1, "by": "till-1", "lines": lines });
        let stood =
            |sku: &str, milli: i64| json!({ "sku": sku, "quantity_milli": milli, "unit": "each", "state": "on_hand" });
        let opened = |lines: Vec<serde_json::Value>| json!({ "at_ms": 1, "lines": lines });
        say(stock::KIND, moved(json!([came("818981", 5000)])));
        say(stock::KIND, moved(json!([came("4011", 1000), came("818981", i64::MAX)])));
        say(stock::OPENED, opened(vec![stood("4011", 1000), stood("818981", i64::MAX)]));
        say(stock::KIND, moved(json!([came("818981", 2000)])));
        // As much as there can be, so often that no number has room for it.
        let most = vec![stood("948640", stock::MAX_STANDING); stock::OPENING_LINES - 1];
        for _ in 0..58 {
            say(stock::OPENED, opened([&[stood("4011", 1000)], &most[..]].concat()));
        }
        let batch = Batch { events, stream: Stream::stock(), ..batch(1..=1) };
        ledger.apply(&batch).await.unwrap();
        let positions = ledger.positions(&batch.hub, Epoch(1));
        let on_hand = |sku: &str| positions[&(sku.to_owned(), Unit::Each)][0];
        assert_eq!(on_hand("818981"), 7000);
        let (whole, all) = (i64::MAX / (399 * stock::MAX_STANDING), 399 * stock::MAX_STANDING);
        assert_eq!(
            (on_hand("948640"), on_hand("4011")),
            (whole * all, whole * 1000),
            "57 of them, and nothing of the last"
        );
        assert_eq!(ledger.summary().quarantined, 2 + 58 - u64::try_from(whole).unwrap());
        assert!(ledger.quarantine().last().unwrap().why.contains("of item 948640 can't be counted"));
    }

    #[tokio::test]
    async fn an_opening_is_added_once_wherever_it_comes_among_the_epochs_sales() {
        let ledger = MemoryLedger::default();
        let opened = |sequence: u64, lines: serde_json::Value| {
            let body = to_raw_value(&json!({ "at_ms": 1, "lines": lines })).unwrap();
            Event { sequence: Sequence(sequence), kind: stock::OPENED.into(), occurred_at_ms: 1, body }
        };
        let line = |state: &str, milli: i64| json!({ "sku": "818981", "unit": "each", "state": state, "quantity_milli": milli });
        let mut sales = batch(1..=1);
        let mut body: serde_json::Value = serde_json::from_str(sales.events[0].body.get()).unwrap();
        body["moved"] = json!([{ "sku": "818981", "quantity_milli": 1000, "unit": "each", "from": "on_hand" }]);
        sales.events[0].body = to_raw_value(&body).unwrap();
        ledger.apply(&sales).await.unwrap();
        let events = vec![
            opened(1, json!([line("on_hand", -2000), line("damaged", 3000)])),
            opened(2, json!([line("reserved", 4000)])),
            opened(3, json!([line("reserved", 0)])),
        ];
        let stock = Batch { events, stream: Stream::stock(), ..batch(1..=1) };
        for _ in 0..2 {
            ledger.apply(&stock).await.unwrap();
        }
        let there = ledger.positions(&stock.hub, Epoch(1))[&("818981".to_owned(), Unit::Each)];
        assert_eq!((there, ledger.summary().quarantined), ([-3000, 4000, 0, 0, 3000], 1));
    }

    proptest! {
        /// Batches in any order, overlapping, repeated: each event counts once, and the cursor never skips.
        #[test]
        fn every_event_counts_once(spans in proptest::collection::vec((1_u64..40, 0_u64..20), 1..60)) {
            let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
            let ledger = MemoryLedger::default();
            for (first, more) in spans {
                runtime.block_on(ledger.apply(&batch(first..=first + more))).unwrap();
                let cursor = runtime.block_on(ledger.cursor(&"store-1".parse().unwrap(), Epoch(1), &Stream::sales())).unwrap();
                prop_assert_eq!(ledger.summary().sales, cursor.0);
                prop_assert_eq!(ledger.summary().duplicate_sales, 0);
            }
        }
    }
}
