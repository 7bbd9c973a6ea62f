//! Helpers for tests: a store, actors, items on file, and movements of goods.

use std::{path::Path, sync::LazyLock};

use commerce::{
    Actor, Basket, BasketId, BusinessDay, Currency, Item, Minor, NewLine, Price, Quantity, RegisterName, Sku, Unit,
    gift_card::CardNumber,
    line::What,
    stock::{Condition, Kind, Line, Policy, Portion, Position, Rule, State},
};
use contract::{
    Digest, HubId, PublicationKind,
    publication::{
        Announcement, Effective, Record, Segment,
        manifest::{FORMAT, Manifest},
        segment::cut,
    },
};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Value, value::to_raw_value};
use store::{Checked, Depth, EngineKind, Store, StoreError, Transaction};

use crate::{
    By, Refusal,
    catalog::{self, Catalog},
    publications,
    selling::SaleContext,
    stock::{
        self, Arrival, Booking, DeliveredLine, Delivery, Dispatch, NoticeRequest, ThisStore, book, put_policy,
        records::POSITIONS,
    },
};

/// An item sold by the piece.
pub(crate) const CEREAL: &str = "818981";
/// Another item sold by the piece.
pub(crate) const BAGS: &str = "4012";

/// The catalog in tests: [`CEREAL`], [`BAGS`], and the SKUs 00000 to 00299, all sold by the piece.
pub(crate) static CATALOG: LazyLock<Catalog> = LazyLock::new(|| {
    let directory = tempfile::tempdir().unwrap();
    let store = store(directory.path());
    let numbers = (0..300).map(|number| format!("{number:05}"));
    let items: Vec<_> = numbers.chain([CEREAL.into(), BAGS.into()]).map(|sku| item(&sku)).collect();
    store.commit_blocking(move |transaction| catalog::load(transaction, &by(1), &items, "digest".into())).unwrap();
    Catalog::read(&store, |error| panic!("{error}")).unwrap()
});

/// A store of epoch 1 in a directory.
pub(crate) fn store(directory: &Path) -> Store {
    store_kept_by(EngineKind::Sqlite, directory)
}

/// The same with an engine.
pub(crate) fn store_kept_by(engine: EngineKind, directory: &Path) -> Store {
    Store::open(directory, engine, &crate::linked_tables(), 1).unwrap()
}

/// HQ acknowledges a stream up to a sequence number.
pub(crate) fn acknowledge(store: &Store, stream: &str, up_to: u64) {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(store.acknowledge_outbox(stream, up_to)).unwrap();
}

/// The faults that the complete check finds.
pub(crate) fn faults(store: &Store, depth: Depth) -> Vec<String> {
    let Checked { faults, .. } = crate::check::check(store, depth).unwrap();
    faults
}

/// Reads a stored record and writes it again, unchanged.
pub(crate) fn read_back<R: Serialize + DeserializeOwned>(stored: &str) -> R {
    let record: R = serde_json::from_str(stored).unwrap();
    let again = serde_json::to_value(&record).unwrap();
    assert_eq!(again, serde_json::from_str::<Value>(stored).unwrap());
    record
}

/// A publication as HQ makes it, effective at once.
pub(crate) fn publication(
    kind: &PublicationKind,
    version: u64,
    records: impl IntoIterator<Item = Record>,
) -> (Manifest, Vec<Segment>) {
    let segments: Vec<Segment> = cut(records).unwrap();
    let entries: Vec<_> = segments.iter().map(|segment| segment.entry.clone()).collect();
    let manifest = Manifest {
        format: FORMAT,
        kind: kind.clone(),
        version,
        made_at_ms: 1,
        effective: Effective::At(1),
        may_shrink: true,
        records: entries.iter().map(|entry| u64::from(entry.records)).sum(),
        segments: entries,
    };
    (manifest, segments)
}

/// The announcement of a publication.
pub(crate) fn announcement(kind: PublicationKind, version: u64) -> Announcement {
    Announcement {
        hub: hub("store-1"),
        kind,
        version,
        manifest: Digest::of(b"manifest"),
        bytes: 8,
        effective: Effective::At(1),
        from: "https://hq.example.com/publications".into(),
        spread_s: 0,
    }
}

/// Publishes records up to the check of their content; the reason if they are not accepted.
pub(crate) fn publish(store: &Store, kind: &str, version: u64, records: &[(String, Value)]) -> Result<(), String> {
    let (mut records, kind) = (records.to_vec(), kind.parse::<PublicationKind>().unwrap());
    records.sort_by(|(a, _), (b, _)| a.cmp(b));
    let records = records.into_iter().map(|(key, value)| Record(key, to_raw_value(&value).unwrap()));
    let (manifest, segments) = publication(&kind, version, records);
    let announcement = announcement(kind.clone(), version);
    let known = manifest.clone();
    let put = move |transaction: &mut Transaction<'_>| {
        publications::announced(transaction, announcement, 1)?;
        publications::put_manifest(transaction, known)?;
        segments
            .iter()
            .try_for_each(|segment| publications::put_segment(transaction, segment.entry.digest, &segment.bytes))
    };
    store.commit_blocking(put).unwrap();
    let checked = publications::check_content(store, &manifest).unwrap();
    if checked.is_ok() {
        store.commit_blocking(move |transaction| publications::fetched(transaction, &kind, version, 5, 2)).unwrap();
    }
    checked
}

/// A person at the console.
pub(crate) fn by(at_ms: i64) -> By {
    By { actor: Actor::console(), at_ms }
}

fn till_1() -> RegisterName {
    "till-1".parse().unwrap()
}

/// A register.
pub(crate) fn register(at_ms: i64) -> By {
    By { actor: Actor::register(till_1()), at_ms }
}

/// The data of a sale besides its basket.
pub(crate) fn sale_context(epoch: u64, at_ms: i64) -> SaleContext {
    let business_day = BusinessDay::new(2026, 11, 24).unwrap();
    SaleContext { epoch, at_ms, business_day, fiscal_year: 2026, printer: None }
}

/// The number of new store credit.
pub(crate) fn new_card() -> CardNumber {
    CardNumber::from_random([7; 16])
}

/// A SKU.
pub(crate) fn sku(text: &str) -> Sku {
    text.parse().unwrap()
}

/// An item sold by the piece.
pub(crate) fn item(sku: &str) -> Item {
    Item {
        sku: sku.parse().unwrap(),
        gtin: None,
        description: "Cereal".into(),
        department: "".into(),
        category: "".into(),
        brand: "".into(),
        package_size: "".into(),
        price: Price { minor: Minor::literal(369), per: Unit::Each },
    }
}

/// An open basket with pieces of [`CEREAL`].
pub(crate) fn basket(id: u64, pieces: u32) -> Basket {
    let currency = Currency::from_code("USD").unwrap();
    let mut basket = Basket::open(BasketId(id), till_1(), None, currency, 1, None, None).unwrap();
    let quantity = Quantity::pieces(pieces).unwrap();
    basket
        .add_line(NewLine {
            what: What::Item(&item(CEREAL)),
            quantity,
            keyed: None,
            discounts: vec![],
            particulars: commerce::Particulars::default(),
        })
        .unwrap();
    basket
}

/// A movement line of an item by the piece, in thousandths.
pub(crate) fn line(sku: &str, milli: i64, from: Option<State>, to: Option<State>) -> Line {
    Line { sku: sku.parse().unwrap(), milli, unit: Unit::Each, from, to }
}

/// Pieces of an item.
pub(crate) fn portions(sku: &str, pieces: u32) -> Vec<Portion> {
    vec![Portion { sku: sku.parse().unwrap(), quantity: Quantity::pieces(pieces).unwrap() }]
}

/// Thousandths of [`CEREAL`] arrive (more than zero) or are damaged, at a moment.
pub(crate) fn goods(transaction: &mut Transaction<'_>, milli: i64, at_ms: i64) -> Result<(), Refusal> {
    let (kind, from, to) = if milli > 0 {
        (Kind::Receipt, None, Some(State::OnHand))
    } else {
        (Kind::Damage, Some(State::OnHand), Some(State::Damaged))
    };
    booked(transaction, kind, "1", at_ms, vec![line(CEREAL, milli.abs(), from, to)]).map(drop)
}

/// Books a movement; returns its number.
pub(crate) fn booked(
    transaction: &mut Transaction<'_>,
    kind: Kind,
    reference: &str,
    at_ms: i64,
    lines: Vec<Line>,
) -> Result<Option<u64>, Refusal> {
    let by = Actor::register(till_1());
    let booking = Booking { kind, reference: reference.into(), by, at_ms, lines, settled: false };
    Ok(book(transaction, booking)?.number)
}

/// Sets an item's rule.
pub(crate) fn set_rule(transaction: &mut Transaction<'_>, sku: &str, rule: Rule) -> Result<(), StoreError> {
    let (sku, unit) = (sku.parse().unwrap(), Unit::Each);
    let policy = Policy { sku, unit, rule, safety_stock: 0, lead_time_days: 0, cover_days: 0, pack: 1000 };
    put_policy(transaction, &policy)
}

/// The position of an item by the piece.
pub(crate) fn position(store: &Store, sku: &str) -> Position {
    store.get(&POSITIONS, (sku, "each")).unwrap().unwrap()
}

/// The hub id of a store.
pub(crate) fn hub(name: &str) -> HubId {
    name.parse().unwrap()
}

/// Store 1 sends pieces of [`CEREAL`] to another store; returns the transfer's number.
pub(crate) fn send(transaction: &mut Transaction<'_>, epoch: u64, to: &str, pieces: u32) -> Result<u64, Refusal> {
    let here = ThisStore { hub: hub("store-1"), epoch };
    let dispatch = Dispatch { to: hub(to), lines: portions(CEREAL, pieces) };
    Ok(stock::dispatch(transaction, &by(1), &CATALOG, &here, dispatch)?.id)
}

/// Store 1 confirms the arrival of pieces of its transfer.
pub(crate) fn arrive(transaction: &mut Transaction<'_>, id: u64, pieces: u32) -> Result<(), Refusal> {
    let arrival = Arrival { lines: portions(CEREAL, pieces) };
    stock::arrive(transaction, &by(1), &hub("store-1"), id, arrival).map(drop)
}

/// Enters a supplier's order of [`CEREAL`]; returns the notice's number.
pub(crate) fn order(transaction: &mut Transaction<'_>, order: &str, pieces: u32) -> Result<u64, Refusal> {
    let lines = portions(CEREAL, pieces);
    let notice = NoticeRequest::Supplier { supplier: "Dairy".into(), order: order.into(), lines };
    Ok(stock::enter(transaction, &by(1), &CATALOG, &hub("store-1"), notice)?.id)
}

/// Enters another store's transfer of [`CEREAL`] to store 1; returns the notice's number.
pub(crate) fn transfer_in(
    transaction: &mut Transaction<'_>,
    (sender, transfer): (&str, &str),
    pieces: u32,
) -> Result<u64, Refusal> {
    let (store, transfer, to) = (hub(sender), transfer.parse().unwrap(), hub("store-1"));
    let notice = NoticeRequest::Store { store, transfer, to, lines: portions(CEREAL, pieces) };
    Ok(stock::enter(transaction, &by(1), &CATALOG, &hub("store-1"), notice)?.id)
}

/// Books a delivery for a notice: pieces of an item, good and damaged.
pub(crate) fn receive(transaction: &mut Transaction<'_>, id: u64, item: &str, pieces: [u32; 2]) -> Result<(), Refusal> {
    let line =
        |(pieces, condition)| DeliveredLine { sku: sku(item), quantity: Quantity::pieces(pieces).unwrap(), condition };
    let lines = pieces.into_iter().zip([Condition::Good, Condition::Damaged]).map(line).collect();
    stock::receive(transaction, &by(1), &CATALOG, id, Delivery { delivery_note: None, lines }).map(drop)
}
