//! Walks the ledger and tells what can't be so.

mod documents;
#[cfg(test)]
mod tests;
mod told;

use std::collections::BTreeMap;

use commerce::{
    Sale,
    stock::{Kind, Movement, Place, Position, Rule, State},
};
use contract::Stream;
use store::{Checked, Depth, Key, Order, Record, Store, StoreError, Table};

use super::{
    MOVEMENT, MOVEMENTS, POSITIONS,
    beside::{Beside, PAGE, movements_from},
    policies::POLICIES,
};
use crate::selling;

/// Positions looked up in the fast form. A day of sales touches fewer; an opening stock is a hundred thousand items in a few movements, and no reason to
/// start slowly.
const FAST: usize = 5_000;

/// What the walk has added up.
#[derive(Default)]
struct Walk {
    /// Positions as their movements make them.
    sums: BTreeMap<Place, Position>,
    /// What documents say should be reserved and in transit.
    reserved: BTreeMap<Place, i64>,
    in_transit: BTreeMap<Place, i64>,
    /// What documents tell of their goods.
    told: told::Told,
}

/// Looks at the ledger. In every form: movements are numbered without gaps, what they touch has a position (in the fast form the first [`FAST`] items), and sales know theirs and name no
/// others. As a whole: each position is the sum of its movements and follows its policy's rule; what is reserved and in transit is what reservations and
/// transfers say; what documents tell of their goods is what moved ([`told`]); the indexes of documents are of just those that are open, and reservations and baskets agree who has whom.
///
/// # Errors
/// The engine fails. Damage is no error; it is what is looked for.
pub fn check(store: &Store, depth: Depth, checked: &mut Checked) -> Result<(), StoreError> {
    let walked = walk(store, depth, checked);
    readable(checked, walked).map(drop)
}

/// What was read; `None` if it is damaged, which is told of and keeps nobody from looking at the rest.
fn readable<T>(checked: &mut Checked, read: Result<T, StoreError>) -> Result<Option<T>, StoreError> {
    match read {
        Ok(found) => Ok(Some(found)),
        Err(error @ StoreError::Corrupt { .. }) => {
            damaged(checked, &error);
            Ok(None)
        }
        Err(error) => Err(error),
    }
}

/// Tells of a damaged record, unless the walk over all records has, or this one.
fn damaged(checked: &mut Checked, error: &StoreError) {
    let StoreError::Corrupt { key, .. } = error else { return };
    let (told, error) = (format!("the record {key} can't be read"), error.to_string());
    if !checked.faults.iter().any(|fault| fault.starts_with(&told) || *fault == error) {
        checked.fault(error);
    }
}

fn walk(store: &Store, depth: Depth, checked: &mut Checked) -> Result<(), StoreError> {
    let mut walk = Walk::default();
    if depth == Depth::Whole {
        documents::documents(store, checked, &mut walk)?;
    }
    // Without all movements nobody knows what positions and documents should be.
    movements(store, depth, checked, &mut walk)?;
    let sold = sales(store, depth, checked);
    readable(checked, sold)?;
    if depth == Depth::Fast {
        for place in walk.sums.keys().take(FAST) {
            let position = store.get(&POSITIONS, (place.0.as_str(), place.1.name()));
            if matches!(readable(checked, position)?, Some(None)) {
                checked.fault(format!("item {} has moved and has no position by {}", place.0, place.1.name()));
            }
        }
        return Ok(());
    }
    std::mem::take(&mut walk.told).faults(store, checked)?;
    positions(store, checked, walk)
}

fn movements(store: &Store, depth: Depth, checked: &mut Checked, walk: &mut Walk) -> Result<(), StoreError> {
    let last = store.page(&MOVEMENTS, None, Order::Descending, 1)?.first().map_or(0, |movement| movement.number);
    let given = store.last_number(MOVEMENT)?;
    if given != last {
        checked.fault(format!("the last movement is {last}, the counter says {given}"));
    }
    let mut next = depth.first(1, last);
    let mut sales = Beside::new(store, selling::sales_from, |sale: &Sale| sale.sequence);
    let mut unasked = selling::given_up_to(store)?;
    while next <= last {
        let page = store.page_kept(&MOVEMENTS, Some(next), Order::Ascending, PAGE)?;
        if page.is_empty() {
            break;
        }
        for movement in page {
            if movement.number != next {
                checked.fault(format!("movement {next} is missing; {} follows", movement.number));
            }
            next = movement.number + 1;
            checked.records += 1;
            if movement.kind == Kind::Sale {
                let known = knows(&mut sales, unasked, &movement);
                match (readable(checked, known)?, selling::place_of(&movement.reference)) {
                    (Some(true), _) => {}
                    // One of a page is damaged. To read that again for each of its sales would cost more than it tells.
                    (None, Some(place)) => unasked = place.saturating_add(PAGE as u64 - 1),
                    _ => {
                        let (number, sale) = (movement.number, movement.reference.escape_debug());
                        checked.fault(format!("movement {number} is of sale `{sale}`, which knows nothing of it"));
                    }
                }
            }
            walk.told.found(&movement);
            for line in &movement.lines {
                if line.milli <= 0 || !movement.kind.allows(line.from, line.to) {
                    checked.fault(format!(
                        "movement {} moves item {} as no movement of its kind can",
                        movement.number, line.sku
                    ));
                }
                let place = (line.sku.clone(), line.unit);
                let sum = walk.sums.entry(place.clone());
                sum.or_insert_with(|| Position::empty(place, Rule::default())).add(line);
            }
        }
    }
    Ok(())
}

/// Whether the sale that a movement names knows of it.
fn knows(sales: &mut Beside<'_, Sale>, unasked: u64, movement: &Movement) -> Result<bool, StoreError> {
    let Some(place) = selling::place_of(&movement.reference) else { return Ok(false) };
    // Sales that were given up can't be asked, nor those beside damaged ones.
    if place <= unasked {
        return Ok(true);
    }
    let sale = sales.get(place)?;
    Ok(sale.is_some_and(|sale| sale.id == movement.reference && sale.movement == Some(movement.number)))
}

/// Sales name movements that are their own.
fn sales(store: &Store, depth: Depth, checked: &mut Checked) -> Result<(), StoreError> {
    let last = store.outbox_span(Stream::sales().as_str())?.last;
    let mut next = depth.first(selling::given_up_to(store)? + 1, last);
    let mut movements = Beside::new(store, movements_from, |movement| movement.number);
    loop {
        let page = selling::sales_from(store, next, PAGE)?;
        let Some(end) = page.last() else { return Ok(()) };
        next = end.sequence + 1;
        for sale in &page {
            let Some(number) = sale.movement else { continue };
            match movements.get(number)? {
                Some(movement) if movement.kind == Kind::Sale && movement.reference == sale.id => {}
                Some(_) => checked.fault(format!("sale {} names movement {number}, which is not its own", sale.id)),
                None => checked.fault(format!("sale {} names movement {number}, which is missing", sale.id)),
            }
        }
    }
}

/// Every record of a table, until `work` fails. Tells of those that are damaged, and goes on.
fn each<K: Key, V: Record>(
    store: &Store,
    checked: &mut Checked,
    table: &Table<K, V>,
    mut work: impl FnMut(&mut Checked, V) -> Result<(), StoreError>,
) -> Result<(), StoreError> {
    let mut done = Ok(());
    store.each(table, |record| match record {
        Ok(record) if done.is_ok() => {
            checked.records += 1;
            done = work(checked, record);
        }
        Ok(_) => {}
        Err(error) => damaged(checked, &error),
    })?;
    done
}

fn positions(store: &Store, checked: &mut Checked, mut walk: Walk) -> Result<(), StoreError> {
    each(store, checked, &POSITIONS, |checked, position| compare(store, checked, &mut walk, &position))?;
    for (sku, unit) in walk.sums.keys() {
        checked.fault(format!("item {sku} has moved and has no position by {}", unit.name()));
    }
    Ok(())
}

/// Compares a position with its movements, its policy and its documents; takes it out of the walk.
fn compare(store: &Store, checked: &mut Checked, walk: &mut Walk, position: &Position) -> Result<(), StoreError> {
    let place = (position.sku.clone(), position.unit);
    let sum = walk.sums.remove(&place);
    for state in State::ALL {
        let moved = sum.as_ref().map_or(0, |sum| sum.of(state));
        if position.of(state) != moved {
            checked.fault(format!(
                "item {}: the position says {} {} thousandths, its movements come to {moved}",
                position.sku,
                state.name(),
                position.of(state)
            ));
        }
    }
    for (state, documents, name) in
        [(State::Reserved, &walk.reserved, "reservations"), (State::InTransit, &walk.in_transit, "transfers")]
    {
        let said = documents.get(&place).copied().unwrap_or(0);
        if position.of(state) != said {
            checked.fault(format!(
                "item {}: {} thousandths are {}, its {name} say {said}",
                position.sku,
                position.of(state),
                state.name()
            ));
        }
    }
    let Some(policy) = readable(checked, store.get(&POLICIES, position.sku.as_str()))? else { return Ok(()) };
    let rule = policy.map(|policy| policy.rule).unwrap_or_default();
    if position.rule != rule {
        checked.fault(format!(
            "item {}: the position follows {:?}, its policy says {rule:?}",
            position.sku, position.rule
        ));
    }
    Ok(())
}
