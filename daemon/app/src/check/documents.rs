//! Checks documents: the stock that they hold, the indexes of open documents, and baskets with reservations.

use std::collections::{BTreeMap, BTreeSet};

use commerce::{
    BasketState,
    stock::{ReservationState, Source, notice::folded},
};
use store::{Checked, Store, StoreError};

use super::{Sums, each, readable};
use crate::{
    orders::ORDERS as CUSTOMER_ORDERS,
    selling::{self, BASKETS, OPEN_BASKETS},
    stock::records::{
        COUNTING, COUNTS, Document, NOTICES, OPEN, ORDERS, RESERVATIONS, TOTALS, TRANSFERS, TRANSFERS_IN,
    },
};

/// The open documents, by kind and number.
type Open = BTreeSet<(&'static str, u64)>;

/// Checks all documents, whichever are damaged. What a damaged document holds is unknown; all others are added up.
pub(super) fn check(store: &Store, checked: &mut Checked, sums: &mut Sums) -> Result<(), StoreError> {
    let mut open = Open::new();
    baskets(store, checked)?;
    reservations(store, checked, sums, &mut open)?;
    each(store, checked, &TRANSFERS, |_, transfer| {
        sums.totals.add_transfer(&transfer);
        if transfer.is_under_way() {
            open.insert((Document::Transfer.name(), transfer.id));
            for (place, milli) in transfer.sent() {
                *sums.in_transit.entry(place).or_default() += milli;
            }
        }
        Ok(())
    })?;
    notices(store, checked, sums, &mut open)?;
    counts(store, checked, sums, &mut open)?;
    each(store, checked, &CUSTOMER_ORDERS, |_, kept| {
        for (place, milli) in kept.held() {
            *sums.reserved.entry(place).or_default() += milli;
        }
        Ok(())
    })?;
    index_of_open(store, checked, open)
}

/// Baskets, and the index of open ones.
fn baskets(store: &Store, checked: &mut Checked) -> Result<(), StoreError> {
    let mut open = BTreeSet::new();
    each(store, checked, &BASKETS, |_, basket| {
        if basket.state == BasketState::Open {
            open.insert(basket.id);
        }
        Ok(())
    })?;
    each(store, checked, &OPEN_BASKETS, |checked, id| {
        if !open.remove(&id) {
            checked.fault(format!("the index lists basket {id} as open, but it is not"));
        }
        Ok(())
    })?;
    for id in open {
        checked.fault(format!("basket {id} is open, but the index does not list it"));
    }
    Ok(())
}

/// Reservations, and the baskets that they are in.
fn reservations(store: &Store, checked: &mut Checked, sums: &mut Sums, open: &mut Open) -> Result<(), StoreError> {
    let mut named = BTreeSet::new();
    selling::each_open_basket(store, |basket| {
        named.extend(basket.reservations.iter().map(|id| (*id, basket.id)));
    })?;
    each(store, checked, &RESERVATIONS, |checked, reservation| {
        if reservation.holds() {
            if !reservation.hold {
                open.insert((Document::Reservation.name(), reservation.id));
            }
            for (place, milli) in reservation.sums() {
                *sums.reserved.entry(place).or_default() += milli;
            }
        }
        let id = reservation.id;
        if let ReservationState::InBasket { basket } = reservation.state
            && !named.remove(&(id, basket))
        {
            checked.fault(format!("reservation {id} is in basket {basket}, which is not open or does not name it"));
        }
        Ok(())
    })?;
    for (id, basket) in named {
        checked.fault(format!("basket {basket} names reservation {id}, which is not in it"));
    }
    Ok(())
}

/// Notices, and the indexes of orders and of other stores' transfers.
fn notices(store: &Store, checked: &mut Checked, sums: &mut Sums, open: &mut Open) -> Result<(), StoreError> {
    let (mut of_transfers, mut of_orders) = (BTreeSet::new(), BTreeSet::new());
    each(store, checked, &NOTICES, |checked, notice| {
        let id = notice.id;
        sums.totals.add_notice(&notice);
        if notice.closed_at_ms.is_none() {
            open.insert((Document::Notice.name(), id));
        }
        match &notice.source {
            Source::Store { store: from, transfer } => {
                of_transfers.insert(id);
                let indexed = store.get(&TRANSFERS_IN, (&folded(from), transfer));
                if readable(checked, indexed)?.is_some_and(|indexed| indexed != Some(id)) {
                    let transfer = transfer.escape_debug();
                    checked.fault(format!("notice {id} is of transfer `{transfer}`, but the index does not list it"));
                }
            }
            Source::Supplier { supplier, order } => {
                let indexed = store.get(&ORDERS, (&folded(supplier), &folded(order)));
                let Some(indexed) = readable(checked, indexed)? else { return Ok(()) };
                // The order of a closed notice may have been entered again.
                let is_entered_again = notice.closed_at_ms.is_some() && indexed.is_some_and(|later| later > id);
                if indexed == Some(id) {
                    of_orders.insert(id);
                } else if !is_entered_again {
                    let order = order.escape_debug();
                    checked.fault(format!("notice {id} is of order `{order}`, but the index does not list it"));
                }
            }
        }
        Ok(())
    })?;
    let issued = readable(checked, store.last_number(Document::Notice.name()))?;
    for (index, name, mut named) in [(&TRANSFERS_IN, "transfers", of_transfers), (&ORDERS, "orders", of_orders)] {
        each(store, checked, index, |checked, notice| {
            if named.remove(&notice) {
                return Ok(());
            }
            // A deleted notice keeps its entry; a damaged one is already reported.
            let found = readable(checked, store.get(&NOTICES, notice))?;
            if found.is_some_and(|found| found.is_some() || issued.is_some_and(|issued| notice > issued)) {
                checked.fault(format!("the index of {name} lists notice {notice} wrongly or twice"));
            }
            Ok(())
        })?;
    }
    Ok(())
}

/// Counts, and the index of items being counted.
fn counts(store: &Store, checked: &mut Checked, sums: &mut Sums, open: &mut Open) -> Result<(), StoreError> {
    // The items of each open count that the index has not listed yet.
    let mut items: BTreeMap<u64, usize> = BTreeMap::new();
    each(store, checked, &COUNTS, |checked, count| {
        sums.totals.add_count(&count);
        if count.closed_at_ms.is_some() {
            return Ok(());
        }
        open.insert((Document::Count.name(), count.id));
        for line in &count.lines {
            let Some(indexed) = readable(checked, store.get(&COUNTING, line.sku.as_str()))? else { continue };
            if indexed == Some(count.id) {
                *items.entry(count.id).or_default() += 1;
            } else {
                let sku = &line.sku;
                checked.fault(format!("item {sku} is in count {}, but the index of items does not list it", count.id));
            }
        }
        Ok(())
    })?;
    each(store, checked, &COUNTING, |checked, count| {
        match items.get_mut(&count) {
            Some(left @ 1..) => *left -= 1,
            _ => checked.fault(format!("the index of items lists count {count} for an item that is not in it")),
        }
        Ok(())
    })
}

/// The index of open documents, and its totals.
fn index_of_open(store: &Store, checked: &mut Checked, mut open: Open) -> Result<(), StoreError> {
    let mut listed: BTreeMap<String, u64> = BTreeMap::new();
    each(store, checked, &OPEN, |checked, entry| {
        *listed.entry(entry.document.clone()).or_default() += 1;
        let known = Document::ALL.iter().find(|document| document.name() == entry.document);
        if !known.is_some_and(|document| open.remove(&(document.name(), entry.id))) {
            let document = entry.document.escape_debug();
            checked.fault(format!("the index lists {document} {} as open, but it is not", entry.id));
        }
        Ok(())
    })?;
    for (document, id) in open {
        checked.fault(format!("{document} {id} is open, but the index does not list it"));
    }
    for name in Document::ALL.map(Document::name) {
        let Some(total) = readable(checked, store.get(&TOTALS, name))? else { continue };
        let (total, listed) = (total.unwrap_or(0), listed.get(name).copied().unwrap_or(0));
        if total != listed {
            checked.fault(format!("the index of open documents lists {listed} of kind {name}, its total is {total}"));
        }
    }
    Ok(())
}
