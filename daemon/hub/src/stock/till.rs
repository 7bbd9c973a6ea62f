//! Stock at the till: what a basket takes with it. Each of these runs in the basket's own commit, but for the one look at what lies in baskets.

use commerce::{
    Basket, Goods, Sale,
    stock::{Kind, Line, Reservation, ReservationState, Rule, State, Sums, reservation::take},
};
use store::{Store, StoreError, Transaction};
use tokio::sync::Semaphore;

use super::{
    Booking, book,
    documents::Document,
    position,
    reservations::{RESERVATIONS, put},
};
use crate::{problem::Problem, selling};

/// The most reservations a basket names.
const MAX_NAMED: usize = 20;

/// What lines take from the stock: items on file, by the sums of their quantities.
fn wanted<'a>(lines: impl IntoIterator<Item = &'a commerce::Line>) -> Sums {
    let mut sums = Sums::new();
    for line in lines {
        if let (Goods::Item { sku, .. }, false, milli @ 1..) = (&line.goods, line.voided, line.quantity.milli()) {
            *sums.entry((sku.clone(), line.quantity.unit())).or_default() += milli;
        }
    }
    sums
}

/// A reservation as a basket finds it. One that is damaged stays as it is, and nobody knows what it reserves: its basket holds nothing and sells as if it
/// were paid, because what it needs may be reserved for it.
fn legible(found: Result<Option<Reservation>, StoreError>) -> Result<Option<Reservation>, StoreError> {
    match found {
        Err(error @ StoreError::Corrupt { .. }) => {
            tracing::error!(%error, "nobody knows what it reserves for its basket");
            Ok(None)
        }
        found => found,
    }
}

/// One look at all baskets at a time.
pub(super) static LOOK: Semaphore = Semaphore::const_new(1);

/// What lies in open baskets and is on_hand in the books: what is not reserved for its basket. Walks all baskets. A reservation that can't be read
/// counts for nothing.
pub(super) fn in_open_baskets(store: &Store) -> Result<Sums, StoreError> {
    let mut baskets = Vec::new();
    selling::each_open_basket(store, |basket| baskets.push((wanted(&basket.lines), basket.reservations)))?;
    let mut sums = Sums::new();
    for (mut wanted, reservations) in baskets {
        for id in reservations {
            let reserved = legible(store.get(&RESERVATIONS, id))?;
            take(&mut wanted, reserved.map(|reserved| reserved.sums()).unwrap_or_default());
        }
        for (place, milli) in wanted {
            *sums.entry(place).or_default() += milli;
        }
    }
    Ok(sums)
}

/// A new basket takes the reservations it names.
pub(crate) fn claim(transaction: &mut Transaction<'_>, basket: &Basket) -> Result<(), Problem> {
    if basket.reservations.len() > MAX_NAMED {
        return Err(Problem::bad_request(format!("a basket names at most {MAX_NAMED} reservations")));
    }
    for id in &basket.reservations {
        let found = transaction.get(&RESERVATIONS, *id);
        if matches!(found, Ok(None)) {
            return Err(Document::Reservation.unknown(*id));
        }
        if let Some(mut reservation) = legible(found)? {
            reservation.claim(&basket.id)?;
            put(transaction, &reservation)?;
        }
    }
    Ok(())
}

/// A basket that is given up leaves its reservations open.
pub(crate) fn let_go(transaction: &mut Transaction<'_>, basket: &mut Basket) -> Result<(), Problem> {
    for id in std::mem::take(&mut basket.reservations) {
        let Some(mut reservation) = legible(transaction.get(&RESERVATIONS, id))? else { continue };
        reservation.state = ReservationState::Open;
        put(transaction, &reservation)?;
    }
    Ok(())
}

/// Holds what a basket takes of items that may not go below zero, beyond what is reserved for it already: its lines are fixed from here on.
///
/// # Errors
/// Not so much is there; then its lines are not fixed, and nothing is paid.
pub(crate) fn hold(transaction: &mut Transaction<'_>, basket: &mut Basket, at_ms: i64) -> Result<(), Problem> {
    let mut missing = wanted(&basket.lines);
    for id in &basket.reservations {
        let Some(reservation) = legible(transaction.get(&RESERVATIONS, *id))? else { return Ok(()) };
        take(&mut missing, reservation.sums());
    }
    let mut held = Sums::new();
    for (place, milli) in missing.into_iter().filter(|(_, milli)| *milli > 0) {
        let may_run_out = match position(transaction, &place.0, place.1) {
            // Nobody knows what there is to be held; the customer has it in the hand.
            Err(StoreError::Corrupt { .. }) => false,
            found => found?.rule == Rule::ToZero,
        };
        if may_run_out {
            held.insert(place, milli);
        }
    }
    if held.is_empty() {
        return Ok(());
    }
    // Not in the index of what is open: it is the basket's, and ends with it.
    let id = transaction.next_number(Document::Reservation.name())?;
    let reservation = Reservation {
        id,
        reference: basket.id.clone(),
        by: basket.register.clone(),
        reserved_at_ms: at_ms,
        hold: true,
        state: ReservationState::InBasket { basket: basket.id.clone() },
        lines: Reservation::lines(held.clone()),
    };
    transaction.put(&RESERVATIONS, id, &reservation)?;
    basket.reservations.push(id);
    book(
        transaction,
        Booking {
            kind: Kind::Reservation,
            reference: id.to_string(),
            by: basket.register.clone(),
            at_ms,
            lines: Line::of(held, Some(State::OnHand), Some(State::Reserved)),
            settled: false,
        },
    )?;
    Ok(())
}

/// A basket's lines may change again: what the hub held for it is on_hand.
pub(crate) fn release_holds(transaction: &mut Transaction<'_>, basket: &mut Basket, at_ms: i64) -> Result<(), Problem> {
    for id in std::mem::take(&mut basket.reservations) {
        let found = legible(transaction.get(&RESERVATIONS, id))?;
        let Some(mut reservation) = found.filter(|reservation| reservation.hold) else {
            basket.reservations.push(id);
            continue;
        };
        reservation.state = ReservationState::Released;
        put(transaction, &reservation)?;
        release(transaction, reservation.sums(), id, &basket.register, at_ms)?;
    }
    Ok(())
}

fn release(
    transaction: &mut Transaction<'_>,
    sums: Sums,
    id: u64,
    by: &str,
    at_ms: i64,
) -> Result<Option<u64>, Problem> {
    book(
        transaction,
        Booking {
            kind: Kind::Release,
            reference: id.to_string(),
            by: by.to_owned(),
            at_ms,
            lines: Line::of(sums, Some(State::Reserved), Some(State::OnHand)),
            settled: true,
        },
    )
}

/// Books a sale: first from what is reserved for its basket, the rest from on_hand. What was reserved and is not sold is released.
/// Gives the movement's number.
///
/// # Errors
/// An item may not go below zero and not so much is there; never, if the sale is `settled`, or a reservation of its basket can't be read.
pub(crate) fn sell(
    transaction: &mut Transaction<'_>,
    basket: &mut Basket,
    sale: &Sale,
    mut settled: bool,
) -> Result<Option<u64>, Problem> {
    let mut rest = wanted(&sale.lines);
    let mut lines = Vec::with_capacity(rest.len());
    let mut reserved = Sums::new();
    for id in std::mem::take(&mut basket.reservations) {
        let Some(mut reservation) = legible(transaction.get(&RESERVATIONS, id))? else {
            settled = true;
            continue;
        };
        let (sold, left) = take(&mut rest, reservation.sums());
        for (place, milli) in sold {
            *reserved.entry(place).or_default() += milli;
        }
        release(transaction, left, id, &sale.register, sale.sold_at_ms)?;
        reservation.state = ReservationState::Sold { sale: sale.id.clone() };
        put(transaction, &reservation)?;
    }
    lines.extend(Line::of(reserved, Some(State::Reserved), None));
    lines.extend(Line::of(rest, Some(State::OnHand), None));
    book(
        transaction,
        Booking {
            kind: Kind::Sale,
            reference: sale.id.clone(),
            by: sale.register.clone(),
            at_ms: sale.sold_at_ms,
            lines,
            settled,
        },
    )
}
