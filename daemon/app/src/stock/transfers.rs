//! Transfers to other stores: dispatched here, entered as a notice there, and confirmed by a person.

use commerce::{
    Quantity,
    stock::{
        self, Kind, Line, Portion, Source, State, Sums, Transfer,
        transfer::{Name, reference},
    },
};
use contract::{
    DownItem, HubId,
    transfer::{ANNOUNCED, DISPATCHED, Sent, TransferAnnounced, TransferDispatched, TransferNotice},
};
use serde::Deserialize;
use serde_json::value::RawValue;
use store::{Number, Store, StoreError, Table, Transaction, outbox::Entry};
use utoipa::ToSchema;

use super::{
    MANAGE_TRANSFERS,
    documents::{Document, DocumentOpened},
    home::home,
    ledger::{Booking, book},
    notices::{self, NoticeRequest},
    policies::require_known,
    refusals::TRANSFER_KNOWN,
};
use crate::{By, Refusal, catalog::Catalog, lists, outgoing};

pub(crate) static TRANSFERS: Table<Number, Transfer> = Table::new("transfer");

/// A request to dispatch goods to another store.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Dispatch {
    /// The receiving hub.
    #[schema(value_type = String)]
    pub to: HubId,
    /// The quantities.
    #[schema(min_items = 1, max_items = 400)]
    pub lines: Vec<Portion>,
}

/// The quantities received by the other store.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = TransferArrival)]
pub struct Arrival {
    /// The quantities that arrived; items that are not listed did not arrive.
    #[schema(min_items = 1, max_items = 400)]
    pub lines: Vec<Portion>,
}

/// This store: the hub's name and the epoch of its store.
#[derive(Clone, Debug)]
pub struct ThisStore {
    /// The hub's name.
    pub hub: HubId,
    /// The store's epoch.
    pub epoch: u64,
}

/// Dispatches a transfer: its goods are in transit from now on.
///
/// # Errors
/// The destination is this store, an item is unknown, or the rules of the stock refuse it.
pub fn dispatch(
    transaction: &mut Transaction<'_>,
    by: &By,
    catalog: &Catalog,
    here: &ThisStore,
    request: Dispatch,
) -> Result<DocumentOpened, Refusal> {
    MANAGE_TRANSFERS.require(&by.actor)?;
    let Dispatch { to, lines } = request;
    if to == here.hub {
        return Err(stock::Refusal::ToItself { here: to.into() }.into());
    }
    require_known(transaction, catalog, &lines)?;
    send(transaction, by, here, to, stock::sum(lines)?)
}

/// Sends goods to another store: its hub gets the notice by HQ.
///
/// # Errors
/// The rules of the stock refuse it, or too many transfers are open.
pub(crate) fn send(
    transaction: &mut Transaction<'_>,
    by: &By,
    here: &ThisStore,
    to: HubId,
    sums: Sums,
) -> Result<DocumentOpened, Refusal> {
    let id = Document::Transfer.open(transaction)?;
    let transfer = Transfer::new(Name { epoch: here.epoch, id }, to.into(), by.at_ms, sums.clone());
    transaction.put(&TRANSFERS, id, &transfer)?;
    let booking = Booking {
        kind: Kind::TransferOut,
        reference: reference(here.hub.as_str(), &transfer.transfer),
        by: by.actor.clone(),
        at_ms: by.at_ms,
        lines: Line::of(sums, Some(State::OnHand), Some(State::InTransit)),
        settled: false,
    };
    book(transaction, booking)?;
    let (stream, kind) = (DISPATCHED.stream().as_str(), DISPATCHED.name());
    transaction.append_to_outbox(stream, kind, by.at_ms, &format!("{}/{id}", here.hub))?;
    Ok(DocumentOpened { id })
}

/// The body of a dispatch, for HQ.
pub(super) fn body(store: &Store, entry: &Entry) -> Result<Box<RawValue>, StoreError> {
    let missing = || outgoing::missing("transfer", entry);
    let (here, id) = entry.subject.split_once('/').ok_or_else(missing)?;
    let id = id.parse().map_err(|_| missing())?;
    let transfer = store.get(&TRANSFERS, id)?.ok_or_else(missing)?;
    let corrupt = |why: String| StoreError::Corrupt { table: TRANSFERS.name(), key: id.to_string(), why };
    let notice = TransferNotice {
        from: here.parse().map_err(corrupt)?,
        transfer: transfer.transfer.parse().map_err(corrupt)?,
        to: transfer.to.parse().map_err(corrupt)?,
        dispatched_at_ms: transfer.dispatched_at_ms,
        lines: transfer.sent().into_iter().map(|((sku, unit), milli)| Sent { sku, unit, milli }).collect(),
    };
    outgoing::written(&DISPATCHED, &TransferDispatched { notice }, entry)
}

/// Notices of transfers by HQ. One that a person has already entered has no effect. Items are not looked up in the
/// catalog: the goods are on their way, and may be ahead of it.
pub(super) fn announced(
    transaction: &mut Transaction<'_>,
    by: &By,
    items: &[&DownItem],
) -> Result<Vec<Option<String>>, StoreError> {
    let here = home(transaction)?.hub;
    let mut refused = Vec::with_capacity(items.len());
    for item in items {
        let read = ANNOUNCED.read(item).map_err(|error| error.to_string());
        refused.push(match read {
            Err(why) => Some(why),
            Ok(TransferAnnounced { notice }) if notice.to != here => {
                Some(format!("transfer {} is for hub {}, not for {here}", notice.transfer, notice.to))
            }
            Ok(TransferAnnounced { notice }) => {
                let source = Source::Store { store: notice.from.into(), transfer: notice.transfer.into() };
                let sums = notice.lines.into_iter().map(|line| ((line.sku, line.unit), line.milli)).collect();
                match notices::announce(transaction, by, source, sums) {
                    Ok(_) => None,
                    Err(refusal) if refusal.kind == &TRANSFER_KNOWN => None,
                    Err(refusal) => Some(refusal.detail),
                }
            }
        });
    }
    Ok(refused)
}

/// Confirms the arrival of a transfer: its goods are no longer in transit, and missing goods become a shortfall.
///
/// # Errors
/// The transfer does not exist or is already confirmed, or an item arrived that was never sent.
pub fn arrive(
    transaction: &mut Transaction<'_>,
    by: &By,
    here: &HubId,
    id: u64,
    arrival: Arrival,
) -> Result<Transfer, Refusal> {
    MANAGE_TRANSFERS.require(&by.actor)?;
    let mut transfer = transaction.get(&TRANSFERS, id)?.ok_or_else(|| Document::Transfer.unknown(id))?;
    // The list may be empty: nothing arrived at all.
    let arrived = if arrival.lines.is_empty() { Sums::new() } else { stock::sum(arrival.lines)? };
    let (there, short) = transfer.arrive(by.at_ms, arrived)?;
    Document::Transfer.close(transaction, id)?;
    transaction.put(&TRANSFERS, id, &transfer)?;
    let reference = reference(here.as_str(), &transfer.transfer);
    for (kind, lines) in [(Kind::Arrival, there), (Kind::Shortfall, short)] {
        let (reference, by, at_ms) = (reference.clone(), by.actor.clone(), by.at_ms);
        book(transaction, Booking { kind, reference, by, at_ms, lines, settled: false })?;
    }
    Ok(transfer)
}

/// A transfer with its sent and arrived quantities.
///
/// # Errors
/// The transfer does not exist, or the store fails.
pub fn transfer(store: &Store, id: u64) -> Result<Transfer, Refusal> {
    store.get(&TRANSFERS, id)?.ok_or_else(|| Document::Transfer.unknown(id))
}

/// Transfers, newest first, before a number.
///
/// # Errors
/// The store fails.
pub fn transfers(store: &Store, before: Option<u64>, limit: usize) -> Result<Vec<Transfer>, StoreError> {
    lists::before(store, &TRANSFERS, before, limit)
}

/// The notice of a transfer, for the other store to enter.
///
/// # Errors
/// The transfer does not exist, or the store fails.
pub fn notice_for_receiver(store: &Store, here: &HubId, id: u64) -> Result<NoticeRequest, Refusal> {
    let transfer = transfer(store, id)?;
    let corrupt = |why: String| StoreError::Corrupt { table: TRANSFERS.name(), key: id.to_string(), why };
    let to = transfer.to.parse().map_err(corrupt)?;
    let name = transfer.transfer.parse().map_err(corrupt)?;
    let lines = portions(transfer.sent()).map_err(corrupt)?;
    Ok(NoticeRequest::Store { store: here.clone(), transfer: name, to, lines })
}

/// Sums as portions; a sum beyond the maximum of a portion is split.
fn portions(sums: Sums) -> Result<Vec<Portion>, String> {
    let mut portions = Vec::with_capacity(sums.len());
    for ((sku, unit), mut milli) in sums {
        while milli > 0 {
            let part = milli.min(Quantity::MAX_MILLI);
            let quantity = Quantity::new(part, unit).map_err(|error| error.to_string())?;
            portions.push(Portion { sku: sku.clone(), quantity });
            milli -= part;
        }
    }
    Ok(portions)
}
