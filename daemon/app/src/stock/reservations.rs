//! Reservations: stock set aside for an order or a customer. All lines or none.

use commerce::{
    line::checked_text,
    stock::{self, Kind, Line, Portion, Reservation, ReservationState, State},
};
use serde::Deserialize;
use store::{Number, Store, StoreError, Table, Transaction};
use utoipa::ToSchema;

use super::{
    RESERVE, counts,
    documents::{Document, DocumentOpened},
    ledger::{Booking, MovementBooked, book, position},
    policies::{POLICIES, safety_stock},
};
use crate::{By, Refusal, lists};

pub(crate) static RESERVATIONS: Table<Number, Reservation> = Table::new("reservation");

/// A request to reserve stock.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ReserveRequest {
    /// The order or customer that it is for.
    #[schema(min_length = 1, max_length = 120)]
    pub reference: String,
    /// The quantities.
    #[schema(min_items = 1, max_items = 400)]
    pub lines: Vec<Portion>,
}

/// Stores a reservation; one that holds nothing is no longer open.
pub(super) fn put(transaction: &mut Transaction<'_>, reservation: &Reservation) -> Result<(), StoreError> {
    if !reservation.holds() && !reservation.hold {
        Document::Reservation.close(transaction, reservation.id)?;
    }
    transaction.put(&RESERVATIONS, reservation.id, reservation)
}

/// A reservation.
///
/// # Errors
/// The reservation does not exist, or the store fails.
pub fn reservation(store: &Store, id: u64) -> Result<Reservation, Refusal> {
    store.get(&RESERVATIONS, id)?.ok_or_else(|| Document::Reservation.unknown(id))
}

/// Reservations, newest first, before a number.
///
/// # Errors
/// The store fails.
pub fn reservations(store: &Store, before: Option<u64>, limit: usize) -> Result<Vec<Reservation>, StoreError> {
    lists::before(store, &RESERVATIONS, before, limit)
}

/// Reserves stock for every line, or for none.
///
/// # Errors
/// Less is available to sell than requested, or too many reservations are open.
pub fn reserve(transaction: &mut Transaction<'_>, by: &By, request: ReserveRequest) -> Result<DocumentOpened, Refusal> {
    RESERVE.require(&by.actor)?;
    let reference = checked_text("reference", request.reference)?;
    let sums = stock::sum(request.lines)?;
    for ((sku, unit), milli) in &sums {
        let safety = safety_stock(transaction.get(&POLICIES, sku.as_str())?, *unit);
        let available = position(transaction, sku, *unit)?.available_to_sell(safety);
        if available < *milli {
            let sku = sku.clone();
            let refusal = stock::Refusal::Insufficient { sku, available, requested: *milli, state: None };
            return Err(counts::as_heard_by(transaction, &by.actor, refusal).into());
        }
    }
    let id = Document::Reservation.open(transaction)?;
    let reservation = Reservation {
        id,
        reference,
        by: by.actor.clone(),
        reserved_at_ms: by.at_ms,
        hold: false,
        state: ReservationState::Open,
        lines: Reservation::lines(sums.clone()),
    };
    put(transaction, &reservation)?;
    let booking = Booking {
        kind: Kind::Reservation,
        reference: id.to_string(),
        by: by.actor.clone(),
        at_ms: by.at_ms,
        lines: Line::of(sums, Some(State::OnHand), Some(State::Reserved)),
        settled: false,
    };
    book(transaction, booking)?;
    Ok(DocumentOpened { id })
}

/// Releases a reservation.
///
/// # Errors
/// The reservation does not exist, is in a basket, or is closed.
pub fn release(transaction: &mut Transaction<'_>, by: &By, id: u64) -> Result<MovementBooked, Refusal> {
    RESERVE.require(&by.actor)?;
    let mut reservation = transaction.get(&RESERVATIONS, id)?.ok_or_else(|| Document::Reservation.unknown(id))?;
    reservation.release()?;
    put(transaction, &reservation)?;
    let booking = Booking {
        kind: Kind::Release,
        reference: id.to_string(),
        by: by.actor.clone(),
        at_ms: by.at_ms,
        lines: Line::of(reservation.sums(), Some(State::Reserved), Some(State::OnHand)),
        settled: false,
    };
    book(transaction, booking).map(MovementBooked::from)
}
