//! Documents: what they hold of the stock, the indexes of those that are open, and the baskets that have reservations.

use std::collections::{BTreeMap, BTreeSet};

use commerce::stock::{ReservationState, Source, notice::folded};
use store::{Checked, Store, StoreError};

use super::{Walk, each, readable};
use crate::{
    selling,
    stock::{
        counts::{COUNTING, COUNTS},
        documents::{COUNTS as OPEN_COUNTS, Document, OPEN},
        notices::{KNOWN_FROM, NOTICE, NOTICES, ORDERS, TRANSFERS_IN},
        reservations::RESERVATIONS,
        transfers::TRANSFERS,
    },
};

/// Documents that are open, by kind and number.
type Open = BTreeSet<(&'static str, u64)>;

/// Looks at them all, whatever is damaged: of what can't be read nobody knows what it holds, and of the rest all is added up.
pub(super) fn documents(store: &Store, checked: &mut Checked, walk: &mut Walk) -> Result<(), StoreError> {
    let mut open = Open::new();
    reservations(store, checked, walk, &mut open)?;
    each(store, checked, &TRANSFERS, |_, transfer| {
        walk.told.by_transfer(&transfer);
        if transfer.is_under_way() {
            open.insert((Document::Transfer.name(), transfer.id));
            for (place, milli) in transfer.sent() {
                *walk.in_transit.entry(place).or_default() += milli;
            }
        }
        Ok(())
    })?;
    notices(store, checked, walk, &mut open)?;
    counts(store, checked, walk, &mut open)?;
    indexed(store, checked, open)
}

/// Reservations, and the baskets that have them.
fn reservations(store: &Store, checked: &mut Checked, walk: &mut Walk, open: &mut Open) -> Result<(), StoreError> {
    let mut named = BTreeSet::new();
    selling::each_open_basket(store, |basket| {
        named.extend(basket.reservations.iter().map(|id| (*id, basket.id.clone())));
    })?;
    each(store, checked, &RESERVATIONS, |checked, reservation| {
        if reservation.holds() {
            if !reservation.hold {
                open.insert((Document::Reservation.name(), reservation.id));
            }
            for (place, milli) in reservation.sums() {
                *walk.reserved.entry(place).or_default() += milli;
            }
        }
        let id = reservation.id;
        if let ReservationState::InBasket { basket } = reservation.state
            && !named.remove(&(id, basket.clone()))
        {
            checked.fault(format!(
                "reservation {id} is in basket `{}`, which is not open or knows nothing of it",
                basket.escape_debug()
            ));
        }
        Ok(())
    })?;
    for (id, basket) in named {
        checked.fault(format!("basket `{}` names reservation {id}, which is not in it", basket.escape_debug()));
    }
    Ok(())
}

/// Notices, and the indexes of what was entered: orders, and transfers of other stores.
fn notices(store: &Store, checked: &mut Checked, walk: &mut Walk, open: &mut Open) -> Result<(), StoreError> {
    let (mut sent, mut ordered) = (BTreeSet::new(), BTreeSet::new());
    let first = readable(checked, store.get(&KNOWN_FROM, NOTICE))?.flatten();
    each(store, checked, &NOTICES, |checked, notice| {
        let is_known = first.is_some_and(|first| notice.id >= first);
        walk.told.by_notice(&notice, is_known);
        if notice.closed_at_ms.is_none() {
            open.insert((Document::Notice.name(), notice.id));
        }
        match &notice.source {
            Source::Store { store: from, transfer } => {
                sent.insert(notice.id);
                let mut is_right = false;
                // Hubs of before wrote the store's name as it was entered. What can't be read is told of already.
                for from in [&folded(from), from] {
                    let said = readable(checked, store.get(&TRANSFERS_IN, (from, transfer)))?;
                    is_right |= said.is_none_or(|said| said == Some(notice.id));
                }
                if !is_right {
                    let transfer = transfer.escape_debug();
                    checked.fault(format!(
                        "notice {} is of transfer `{transfer}`, whose index does not say so",
                        notice.id
                    ));
                }
            }
            Source::Supplier { supplier, order } => {
                let key = (folded(supplier), folded(order));
                let Some(said) = readable(checked, store.get(&ORDERS, (&key.0, &key.1)))? else { return Ok(()) };
                // The order of one that is closed may have been entered again.
                let is_entered_again = notice.closed_at_ms.is_some() && said.is_some_and(|said| said > notice.id);
                if said == Some(notice.id) {
                    ordered.insert(notice.id);
                } else if is_known && !is_entered_again {
                    let order = order.escape_debug();
                    checked.fault(format!("notice {} is of order `{order}`, whose index does not say so", notice.id));
                }
            }
        }
        Ok(())
    })?;
    let given = readable(checked, store.last_number(Document::Notice.name()))?;
    for (index, name, mut named) in [(&TRANSFERS_IN, "transfers", sent), (&ORDERS, "orders", ordered)] {
        each(store, checked, index, |checked, notice| {
            if named.remove(&notice) {
                return Ok(());
            }
            // One that is forgotten keeps its entry; one that is damaged is told of already.
            let found = readable(checked, store.get(&NOTICES, notice))?;
            if found.is_some_and(|found| found.is_some() || given.is_some_and(|given| notice > given)) {
                checked.fault(format!("the index of {name} names notice {notice}, which is of none, or twice"));
            }
            Ok(())
        })?;
    }
    Ok(())
}

/// Counts, and the index of what is being counted.
fn counts(store: &Store, checked: &mut Checked, walk: &mut Walk, open: &mut Open) -> Result<(), StoreError> {
    // Items of each open count that are not in the index yet.
    let mut items: BTreeMap<u64, usize> = BTreeMap::new();
    each(store, checked, &COUNTS, |checked, count| {
        walk.told.by_count(&count);
        if count.closed_at_ms.is_some() {
            return Ok(());
        }
        open.insert((Document::Count.name(), count.id));
        for line in &count.lines {
            let Some(said) = readable(checked, store.get(&COUNTING, line.sku.as_str()))? else { continue };
            if said == Some(count.id) {
                *items.entry(count.id).or_default() += 1;
            } else {
                let sku = &line.sku;
                checked.fault(format!("item {sku} is in count {}, and the index of items does not say so", count.id));
            }
        }
        Ok(())
    })?;
    each(store, checked, &COUNTING, |checked, count| {
        match items.get_mut(&count) {
            Some(left @ 1..) => *left -= 1,
            _ => checked.fault(format!("the index says that count {count} has an item that it has not")),
        }
        Ok(())
    })
}

/// The index of what is open, and its sums.
fn indexed(store: &Store, checked: &mut Checked, mut open: Open) -> Result<(), StoreError> {
    let mut listed: BTreeMap<String, u64> = BTreeMap::new();
    each(store, checked, &OPEN, |checked, entry| {
        *listed.entry(entry.document.clone()).or_default() += 1;
        let known = Document::ALL.iter().find(|document| document.name() == entry.document);
        if !known.is_some_and(|document| open.remove(&(document.name(), entry.id))) {
            let document = entry.document.escape_debug();
            checked.fault(format!("the index says that {document} {} is open, and it is not", entry.id));
        }
        Ok(())
    })?;
    for (document, id) in open {
        checked.fault(format!("{document} {id} is open, and the index does not say so"));
    }
    for name in Document::ALL.map(Document::name) {
        let Some(said) = readable(checked, store.get(&OPEN_COUNTS, name))? else { continue };
        let (said, there) = (said.unwrap_or(0), listed.get(name).copied().unwrap_or(0));
        if said != there {
            checked.fault(format!(
                "{there} documents of the kind {name} are in the index of open ones, its sum says {said}"
            ));
        }
    }
    Ok(())
}
