//! Transfers to other stores: dispatched here, entered as a notice there, and confirmed by a person.

use commerce::{
    Quantity,
    stock::{
        self, Kind, Line, Portion, State, Sums, Transfer,
        transfer::{Name, reference},
    },
};
use contract::HubId;
use serde::Deserialize;
use store::{Number, Store, StoreError, Table, Transaction};
use utoipa::ToSchema;

use super::{
    MANAGE_TRANSFERS,
    documents::{Document, DocumentOpened},
    ledger::{Booking, book},
    notices::NoticeRequest,
    policies::require_known,
};
use crate::{By, Refusal, catalog::Catalog, lists};

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
    let sums = stock::sum(lines)?;
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
    Ok(DocumentOpened { id })
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
