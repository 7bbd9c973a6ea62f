//! Checks movements, the positions that are their sums, and the sales that reference them.

use commerce::{
    Sale, SaleId, Sku, Unit,
    stock::{Kind, Movement, Position, Rule, State},
};
use contract::Stream;
use store::{Checked, Depth, Order, Store, StoreError};

use super::{Sums, each, readable};
use crate::{
    selling,
    stock::records::{MOVEMENT, MOVEMENTS, PAGE, POLICIES, POSITIONS, PagedLookup, movements_from},
};

/// The fault of an item with movements but no position.
pub(super) fn without_position(sku: &Sku, unit: Unit) -> String {
    format!("item {sku} has movements but no position by {}", unit.name())
}

/// Checks that movements have no gaps, are allowed, and are known to their sales. Adds them up.
pub(super) fn movements(store: &Store, depth: Depth, checked: &mut Checked, sums: &mut Sums) -> Result<(), StoreError> {
    let last = store.page(&MOVEMENTS, None, Order::Descending, 1)?.first().map_or(0, |movement| movement.number);
    let issued = store.last_number(MOVEMENT)?;
    if issued != last {
        checked.fault(format!("the last movement is {last}, but the counter is at {issued}"));
    }
    let mut next = depth.first(1, last);
    let mut sales = Sales::of(store)?;
    while next <= last {
        let page = movements_from(store, next, PAGE)?;
        if page.is_empty() {
            break;
        }
        for movement in page {
            if movement.number != next {
                checked.fault(format!("movement {next} is missing; the next is {}", movement.number));
            }
            next = movement.number + 1;
            checked.records += 1;
            if movement.kind == Kind::Sale && !sales.know(checked, &movement)? {
                let (number, sale) = (movement.number, movement.reference.escape_debug());
                checked.fault(format!("movement {number} references sale {sale}, which does not reference it"));
            }
            sums.totals.subtract(&movement);
            for line in &movement.lines {
                if line.milli <= 0 || !movement.kind.allows(line.from, line.to) {
                    let (number, sku, kind) = (movement.number, &line.sku, movement.kind);
                    checked.fault(format!(
                        "movement {number} of kind {kind:?} moves item {sku} between states that the \
                         kind does not allow"
                    ));
                }
                let place = (line.sku.clone(), line.unit);
                let sum = sums.positions.entry(place.clone());
                sum.or_insert_with(|| Position::empty(place, Rule::default())).add(line);
            }
        }
    }
    Ok(())
}

/// The sales that movements reference.
struct Sales<'s> {
    pages: PagedLookup<'s, Sale>,
    /// Sales up to this sequence can't be checked: they were deleted, or are in a damaged page.
    unasked: u64,
}

impl<'s> Sales<'s> {
    fn of(store: &'s Store) -> Result<Self, StoreError> {
        let pages = PagedLookup::new(store, selling::sales_from, |sale: &Sale| sale.id.sequence);
        Ok(Self { pages, unasked: selling::given_up_to(store)? })
    }

    /// Whether the sale of a movement references it.
    fn know(&mut self, checked: &mut Checked, movement: &Movement) -> Result<bool, StoreError> {
        let Ok(id) = movement.reference.parse::<SaleId>() else { return Ok(false) };
        if id.sequence <= self.unasked {
            return Ok(true);
        }
        let found = self.pages.get(id.sequence);
        let is_known =
            found.map(|sale| sale.is_some_and(|sale| sale.id == id && sale.movement == Some(movement.number)));
        let is_known = readable(checked, is_known)?;
        if is_known.is_none() {
            // A sale of the page is damaged. Reading the page again for each of its sales would cost too much.
            self.unasked = id.sequence.saturating_add(PAGE as u64 - 1);
        }
        Ok(is_known.unwrap_or(true))
    }
}

/// Checks that each sale references its own movement.
pub(super) fn sales(store: &Store, depth: Depth, checked: &mut Checked) -> Result<(), StoreError> {
    let last = store.outbox_span(Stream::sales().as_str())?.last;
    let mut next = depth.first(selling::given_up_to(store)? + 1, last);
    let mut movements = PagedLookup::new(store, movements_from, |movement: &Movement| movement.number);
    loop {
        let page = selling::sales_from(store, next, PAGE)?;
        let Some(end) = page.last() else { return Ok(()) };
        next = end.id.sequence + 1;
        for sale in &page {
            let Some(number) = sale.movement else { continue };
            match movements.get(number)? {
                Some(movement) if movement.kind == Kind::Sale && movement.reference == sale.id.to_string() => {}
                Some(_) => {
                    checked.fault(format!("sale {} references movement {number}, which is not its own", sale.id));
                }
                None => checked.fault(format!("sale {} references movement {number}, which is missing", sale.id)),
            }
        }
    }
}

/// Compares each position with the sum of its movements.
pub(super) fn positions(store: &Store, checked: &mut Checked, mut sums: Sums) -> Result<(), StoreError> {
    each(store, checked, &POSITIONS, |checked, position| compare(store, checked, &mut sums, &position))?;
    for (sku, unit) in sums.positions.keys() {
        checked.fault(without_position(sku, *unit));
    }
    Ok(())
}

/// Compares a position with its movements, policy and documents, and removes it from the sums.
fn compare(store: &Store, checked: &mut Checked, sums: &mut Sums, position: &Position) -> Result<(), StoreError> {
    let place = (position.sku.clone(), position.unit);
    let sum = sums.positions.remove(&place);
    let sku = &position.sku;
    for state in State::ALL {
        let (name, stands) = (state.name(), position.of(state));
        let moved = sum.as_ref().map_or(0, |sum| sum.of(state));
        if stands != moved {
            checked.fault(format!(
                "item {sku}: the position has {name} {stands} thousandths, the sum of its movements is {moved}"
            ));
        }
    }
    for (state, documents, of) in
        [(State::Reserved, &sums.reserved, "reservations"), (State::InTransit, &sums.in_transit, "transfers")]
    {
        let (name, stands) = (state.name(), position.of(state));
        let documented = documents.get(&place).copied().unwrap_or(0);
        if stands != documented {
            checked.fault(format!(
                "item {sku}: the position has {name} {stands} thousandths, the sum of its {of} is {documented}"
            ));
        }
    }
    let Some(policy) = readable(checked, store.get(&POLICIES, sku.as_str()))? else { return Ok(()) };
    let rule = policy.map(|policy| policy.rule).unwrap_or_default();
    if position.rule != rule {
        let follows = position.rule;
        checked.fault(format!("item {sku}: the position has the rule {follows:?}, its policy has {rule:?}"));
    }
    Ok(())
}
