//! The stock of baskets. Each function runs in a commit of the basket.

use std::collections::BTreeMap;

use commerce::{
    Actor, Basket, Goods, Sale, Station,
    stock::{Kind, Line, Reservation, ReservationState, Rule, State, Sums, reservation::take},
};
use store::{Store, StoreError, Transaction};

use super::{
    documents::Document,
    ledger::{Booking, MOVEMENTS, book, position},
    quota,
    reservations::{RESERVATIONS, put},
};
use crate::{By, Refusal, refusal::BAD_REQUEST};

/// The maximum number of reservations that a basket names.
const MAX_NAMED: usize = 20;

/// The stock that lines need: the sums of their quantities, for items on file.
pub(crate) fn demand_of<'a>(lines: impl IntoIterator<Item = &'a commerce::Line>) -> Sums {
    let mut sums = Sums::new();
    for line in lines.into_iter().filter(|line| line.sells()) {
        if let (Goods::Item { sku, .. }, false, milli @ 1..) = (&line.goods, line.voided, line.quantity.milli()) {
            *sums.entry((sku.clone(), line.quantity.unit())).or_default() += milli;
        }
    }
    sums
}

/// A reservation, or `None` if it is damaged. Its stock is then unknown, and the damaged record is left unchanged. The
/// basket reserves nothing and sells as if it were settled, because what it needs may be in the damaged reservation.
fn skip_damaged(found: Result<Option<Reservation>, StoreError>) -> Result<Option<Reservation>, StoreError> {
    match found {
        Err(error @ StoreError::Corrupt { .. }) => {
            tracing::error!(%error, "reservation is damaged; what it reserves is unknown");
            Ok(None)
        }
        found => found,
    }
}

/// The stock set aside by a reservation; empty if it does not exist or is damaged.
///
/// # Errors
/// The engine fails.
pub(crate) fn reserved_by(store: &Store, id: u64) -> Result<Sums, StoreError> {
    let found = skip_damaged(store.get(&RESERVATIONS, id))?;
    Ok(found.map(|reservation| reservation.sums()).unwrap_or_default())
}

fn actor(basket: &Basket) -> Actor {
    Actor { station: Station::Register(basket.register.clone()), operator: basket.operator.clone() }
}

/// The stock of the order that a basket hands over. Its lines are as the order has them, so it is sold whole.
fn of_order(basket: &Basket) -> Sums {
    let stock = basket.order.iter().flat_map(|collected| &collected.stock);
    stock.map(|line| ((line.sku.clone(), line.unit), line.milli)).collect()
}

/// Claims the reservations that a new basket names.
///
/// # Errors
/// A reservation is unknown, in another basket or closed, or there are too many.
pub(crate) fn claim(transaction: &mut Transaction<'_>, basket: &Basket) -> Result<(), Refusal> {
    if basket.reservations.len() > MAX_NAMED {
        return Err(BAD_REQUEST.because(format!("a basket names at most {MAX_NAMED} reservations")));
    }
    for id in &basket.reservations {
        let found = transaction.get(&RESERVATIONS, *id);
        if matches!(found, Ok(None)) {
            return Err(Document::Reservation.unknown(*id));
        }
        if let Some(mut reservation) = skip_damaged(found)? {
            reservation.claim(basket.id)?;
            put(transaction, &reservation)?;
        }
    }
    Ok(())
}

/// Returns the reservations of an abandoned basket.
///
/// # Errors
/// The store fails.
pub(crate) fn leave_reservations(transaction: &mut Transaction<'_>, basket: &mut Basket) -> Result<(), Refusal> {
    for id in std::mem::take(&mut basket.reservations) {
        let Some(mut reservation) = skip_damaged(transaction.get(&RESERVATIONS, id))? else { continue };
        reservation.state = ReservationState::Open;
        put(transaction, &reservation)?;
    }
    Ok(())
}

/// Reserves the stock that a basket needs of items that may not go below zero, beyond its own reservations. Its lines
/// are fixed from now on.
///
/// # Errors
/// There is not enough stock; then the lines are not fixed, and nothing is paid.
pub(crate) fn hold(transaction: &mut Transaction<'_>, basket: &mut Basket, at_ms: i64) -> Result<(), Refusal> {
    let mut missing = demand_of(&basket.lines);
    take(&mut missing, of_order(basket));
    for id in &basket.reservations {
        let Some(reservation) = skip_damaged(transaction.get(&RESERVATIONS, *id))? else { return Ok(()) };
        take(&mut missing, reservation.sums());
    }
    let mut held = Sums::new();
    for (place, milli) in missing.into_iter().filter(|(_, milli)| *milli > 0) {
        let may_run_out = match position(transaction, &place.0, place.1) {
            // The position is damaged, so nothing can be reserved; the customer has the goods in hand.
            Err(StoreError::Corrupt { .. }) => false,
            found => found?.rule == Rule::ToZero || quota::is_strict(transaction, &place.0, place.1)?,
        };
        if may_run_out {
            held.insert(place, milli);
        }
    }
    if held.is_empty() {
        return Ok(());
    }
    // Not in the index of open documents: it belongs to the basket and ends with it.
    let id = transaction.next_number(Document::Reservation.name())?;
    let reservation = Reservation {
        id,
        reference: basket.id.to_string(),
        by: actor(basket),
        reserved_at_ms: at_ms,
        hold: true,
        state: ReservationState::InBasket { basket: basket.id },
        lines: Reservation::lines(held.clone()),
    };
    transaction.put(&RESERVATIONS, id, &reservation)?;
    basket.reservations.push(id);
    let booking = Booking {
        kind: Kind::Reservation,
        reference: id.to_string(),
        by: reservation.by,
        at_ms,
        lines: Line::of(held, Some(State::OnHand), Some(State::Reserved)),
        settled: false,
    };
    book(transaction, booking).map(drop)
}

/// Releases the stock that the hub reserved for a basket, whose lines may change again.
///
/// # Errors
/// The store fails.
pub(crate) fn release_holds(transaction: &mut Transaction<'_>, basket: &mut Basket, at_ms: i64) -> Result<(), Refusal> {
    let by = actor(basket);
    for id in std::mem::take(&mut basket.reservations) {
        let found = skip_damaged(transaction.get(&RESERVATIONS, id))?;
        let Some(mut reservation) = found.filter(|reservation| reservation.hold) else {
            basket.reservations.push(id);
            continue;
        };
        reservation.state = ReservationState::Released;
        put(transaction, &reservation)?;
        release(transaction, reservation.sums(), id, by.clone(), at_ms)?;
    }
    Ok(())
}

/// Takes back what a voided sale moved: everything is on hand again.
///
/// # Errors
/// The store fails.
pub(crate) fn take_back(transaction: &mut Transaction<'_>, sale: &Sale, void: &Sale, by: &By) -> Result<(), Refusal> {
    let Some(number) = sale.movement else { return Ok(()) };
    let movement = match transaction.get(&MOVEMENTS, number) {
        Ok(Some(movement)) => movement,
        // The customer gets the money back all the same; a count corrects the stock.
        Ok(None) | Err(StoreError::Corrupt { .. }) => {
            tracing::error!(sale = %sale.id, number, "the movement of a voided sale can't be read; count its items");
            return Ok(());
        }
        Err(error) => return Err(error.into()),
    };
    let mut sums = Sums::new();
    for line in movement.lines {
        *sums.entry((line.sku, line.unit)).or_default() += line.milli;
    }
    let booking = Booking {
        kind: Kind::Return,
        reference: void.id.to_string(),
        by: by.actor.clone(),
        at_ms: void.sold_at_ms,
        lines: Line::of(sums, None, Some(State::OnHand)),
        settled: true,
    };
    book(transaction, booking).map(drop)
}

/// Books the goods that a sale takes back, each where its disposition says.
///
/// # Errors
/// The store fails.
pub(crate) fn take_in(transaction: &mut Transaction<'_>, sale: &Sale) -> Result<(), Refusal> {
    let mut sums: BTreeMap<State, Sums> = BTreeMap::new();
    for line in sale.lines.iter().filter(|line| line.takes_back()) {
        let Some(returned) = &line.returned else { continue };
        if let (Goods::Item { sku, .. }, milli @ 1..) = (&line.goods, line.quantity.milli()) {
            let sums = sums.entry(returned.disposition.state()).or_default();
            *sums.entry((sku.clone(), line.quantity.unit())).or_default() += milli;
        }
    }
    let lines: Vec<Line> = sums.into_iter().flat_map(|(to, sums)| Line::of(sums, None, Some(to))).collect();
    if lines.is_empty() {
        return Ok(());
    }
    let station = Station::Register(sale.register.clone());
    let booking = Booking {
        kind: Kind::Return,
        reference: sale.id.to_string(),
        by: Actor { station, operator: sale.operator.clone() },
        at_ms: sale.sold_at_ms,
        lines,
        settled: true,
    };
    book(transaction, booking).map(drop)
}

fn release(transaction: &mut Transaction<'_>, sums: Sums, id: u64, by: Actor, at_ms: i64) -> Result<(), Refusal> {
    let booking = Booking {
        kind: Kind::Release,
        reference: id.to_string(),
        by,
        at_ms,
        lines: Line::of(sums, Some(State::Reserved), Some(State::OnHand)),
        settled: true,
    };
    book(transaction, booking).map(drop)
}

/// Books a sale: first from the basket's reservations, the rest from on_hand. Reserved stock that is not sold is
/// released. Returns the movement's number; `None` if no item is tracked.
///
/// # Errors
/// There is not enough stock of an item that may not go below zero. Never, if the sale is `settled` or a reservation of
/// its basket is damaged.
pub(crate) fn sell(
    transaction: &mut Transaction<'_>,
    basket: &mut Basket,
    sale: &Sale,
    mut settled: bool,
) -> Result<Option<u64>, Refusal> {
    let by = actor(basket);
    let mut rest = demand_of(&sale.lines);
    let (mut reserved, _) = take(&mut rest, of_order(basket));
    for id in std::mem::take(&mut basket.reservations) {
        let Some(mut reservation) = skip_damaged(transaction.get(&RESERVATIONS, id))? else {
            settled = true;
            continue;
        };
        let (sold, left) = take(&mut rest, reservation.sums());
        for (place, milli) in sold {
            *reserved.entry(place).or_default() += milli;
        }
        release(transaction, left, id, by.clone(), sale.sold_at_ms)?;
        reservation.state = ReservationState::Sold { sale: sale.id };
        put(transaction, &reservation)?;
    }
    let mut lines = Line::of(reserved, Some(State::Reserved), None);
    lines.extend(Line::of(rest, Some(State::OnHand), None));
    let booking =
        Booking { kind: Kind::Sale, reference: sale.id.to_string(), by, at_ms: sale.sold_at_ms, lines, settled };
    Ok(book(transaction, booking)?.number)
}
