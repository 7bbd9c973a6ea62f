//! Walks the ledger and tells what can't be so.

use std::collections::BTreeMap;

use commerce::stock::{Kind, Movement, Place, Position, Rule, State};
use store::{Checked, Depth, Number, Order, Record, Store, StoreError, Table};

use super::{MOVEMENTS, POSITIONS, policies::POLICIES, reservations::RESERVATIONS, transfers::TRANSFERS};
use crate::selling;

/// Records read at once.
const PAGE: usize = 500;

/// What the walk has added up.
#[derive(Default)]
struct Walk {
    /// Positions as their movements make them.
    sums: BTreeMap<Place, Position>,
    /// What documents say should be reserved and in transit.
    reserved: BTreeMap<Place, i64>,
    in_transit: BTreeMap<Place, i64>,
}

/// Looks at the ledger. In every form: movements are numbered without gaps, what they touch has a position, and sales know theirs. As a whole: each
/// position is the sum of its movements and follows its policy's rule; what is reserved and in transit is what reservations and transfers say.
///
/// # Errors
/// The engine fails. Damage is no error; it is what is looked for.
pub fn check(store: &Store, depth: Depth, checked: &mut Checked) -> Result<(), StoreError> {
    match walk(store, depth, checked) {
        Err(error @ StoreError::Corrupt { .. }) => {
            // The whole walk has told of it already, record by record.
            if depth == Depth::Fast {
                checked.fault(error.to_string());
            }
            Ok(())
        }
        other => other,
    }
}

fn walk(store: &Store, depth: Depth, checked: &mut Checked) -> Result<(), StoreError> {
    let mut walk = Walk::default();
    movements(store, depth, checked, &mut walk)?;
    if depth == Depth::Fast {
        for place in walk.sums.keys() {
            if store.get(&POSITIONS, (place.0.as_str(), place.1.name()))?.is_none() {
                checked.fault(format!("item {} has moved and has no position by {}", place.0, place.1.name()));
            }
        }
        return Ok(());
    }
    documents(store, checked, &mut walk)?;
    positions(store, checked, walk)
}

fn movements(store: &Store, depth: Depth, checked: &mut Checked, walk: &mut Walk) -> Result<(), StoreError> {
    let last = store.page(&MOVEMENTS, None, Order::Descending, 1)?.first().map_or(0, |movement| movement.number);
    let given = selling::given(store, super::MOVEMENT)?;
    if given != last {
        checked.fault(format!("the last movement is {last}, the counter says {given}"));
    }
    let mut next = depth.first(1, last);
    let mut sales = Sales::from(store)?;
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
            if movement.kind == Kind::Sale && !sales.know(&movement)? {
                let sale = movement.reference.escape_debug();
                checked.fault(format!("movement {} is of sale `{sale}`, which knows nothing of it", movement.number));
            }
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

/// Sales beside the movements they made, a page at a time: both count up together, and many lie in the archive.
struct Sales<'s> {
    store: &'s Store,
    /// Sales up to here were given up, and can't be asked.
    given_up: u64,
    page: Vec<commerce::Sale>,
}

impl<'s> Sales<'s> {
    fn from(store: &'s Store) -> Result<Self, StoreError> {
        Ok(Self { store, given_up: selling::given_up_to(store)?, page: Vec::new() })
    }

    /// Whether the sale that a movement names knows of it.
    fn know(&mut self, movement: &Movement) -> Result<bool, StoreError> {
        let Some(place) = selling::place_of(&movement.reference) else { return Ok(false) };
        if place <= self.given_up {
            return Ok(true);
        }
        if self.page.binary_search_by_key(&place, |sale| sale.sequence).is_err() {
            self.page = selling::sales_from(self.store, place, PAGE)?;
        }
        let found = self.page.iter().find(|sale| sale.sequence == place);
        Ok(found.is_some_and(|sale| sale.id == movement.reference && sale.movement == Some(movement.number)))
    }
}

/// Every record of a table, in pages.
fn each<V: Record>(
    store: &Store,
    table: &Table<Number, V>,
    id: impl Fn(&V) -> u64,
    mut work: impl FnMut(V),
) -> Result<(), StoreError> {
    let mut from = 0;
    loop {
        let page = store.page(table, Some(from), Order::Ascending, PAGE)?;
        let Some(last) = page.last() else { return Ok(()) };
        from = id(last) + 1;
        page.into_iter().for_each(&mut work);
    }
}

fn documents(store: &Store, checked: &mut Checked, walk: &mut Walk) -> Result<(), StoreError> {
    each(
        store,
        &RESERVATIONS,
        |reservation| reservation.id,
        |reservation| {
            checked.records += 1;
            if reservation.holds() {
                for (place, milli) in reservation.sums() {
                    *walk.reserved.entry(place).or_default() += milli;
                }
            }
        },
    )?;
    each(
        store,
        &TRANSFERS,
        |transfer| transfer.id,
        |transfer| {
            checked.records += 1;
            if transfer.is_under_way() {
                for (place, milli) in transfer.sent() {
                    *walk.in_transit.entry(place).or_default() += milli;
                }
            }
        },
    )
}

fn positions(store: &Store, checked: &mut Checked, mut walk: Walk) -> Result<(), StoreError> {
    let mut from: Option<(String, &'static str)> = None;
    loop {
        let key = from.as_ref().map(|(sku, unit)| (sku.as_str(), *unit));
        let page = store.page(&POSITIONS, key, Order::Ascending, PAGE)?;
        let more = page.len() == PAGE;
        for position in page {
            let (sku, unit) = (position.sku.clone(), position.unit);
            if from.as_ref().is_some_and(|(last, by)| last == sku.as_str() && *by == unit.name()) {
                continue;
            }
            from = Some((sku.to_string(), unit.name()));
            checked.records += 1;
            compare(store, checked, &mut walk, &position)?;
        }
        if !more {
            break;
        }
    }
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
    let rule = store.get(&POLICIES, position.sku.as_str())?.map(|policy| policy.rule).unwrap_or_default();
    if position.rule != rule {
        checked.fault(format!(
            "item {}: the position follows {:?}, its policy says {rule:?}",
            position.sku, position.rule
        ));
    }
    Ok(())
}
