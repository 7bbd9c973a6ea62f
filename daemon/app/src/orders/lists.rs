//! Reads of orders: by name, phone or code, by state, and for pickers.

use commerce::{OperatorId, order::State};
use store::{Order, Store, StoreError};

use super::{
    records::{FOUND, Kept, ORDERS, Part, QUEUE, count_open, folded, from_the_end},
    view::{PartView, Pick},
};
use crate::{Refusal, lists};

/// How an order is looked up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Find {
    /// By the pickup code, exactly.
    Code(String),
    /// By the beginning of the customer's name.
    Name(String),
    /// By the last digits of the phone number; zeros before them don't count.
    Phone(String),
    /// By the order's id.
    Order(String),
}

/// A part.
///
/// # Errors
/// It does not exist, or the store fails.
pub fn order(store: &Store, part: &Part) -> Result<PartView, Refusal> {
    store.get(&ORDERS, part.key())?.map(PartView::of).ok_or_else(|| part.unknown())
}

/// The readable parts of some names.
fn parts(store: &Store, parts: impl IntoIterator<Item = Part>) -> Result<Vec<Kept>, StoreError> {
    let mut found = Vec::new();
    for part in parts {
        match store.get(&ORDERS, part.key()) {
            Err(error @ StoreError::Corrupt { .. }) => tracing::error!(%error, "order is damaged; leaving it out"),
            kept => found.extend(kept?),
        }
    }
    Ok(found)
}

/// Parts that are found, at most `limit`. Also finished ones, until they are deleted.
///
/// # Errors
/// The store fails.
pub fn find(store: &Store, find: &Find, limit: usize) -> Result<Vec<PartView>, StoreError> {
    let (by, text) = match find {
        Find::Code(code) => ("code", format!("{code}\u{1}")),
        Find::Name(name) => ("name", folded(name)),
        Find::Phone(phone) => ("phone", from_the_end(phone).trim_end_matches('0').to_owned()),
        Find::Order(order) => {
            let from = Some((order.as_str(), 0));
            let page = lists::readable_page(store, &ORDERS, from, Order::Ascending, limit)?;
            let is_its = |kept: &Kept| kept.fulfilment.terms.order.as_str() == order;
            return Ok(page.into_iter().filter(is_its).map(PartView::of).collect());
        }
    };
    if text.is_empty() {
        return Ok(Vec::new());
    }
    let page = lists::readable_page(store, &FOUND, Some((by, text.as_str())), Order::Ascending, limit)?;
    // The page goes on to other names; the keys are in order, so the first that does not fit ends it.
    let fitting = page.into_iter().take_while(|entry| entry.by == by && entry.text.starts_with(&text));
    Ok(parts(store, fitting.map(|entry| entry.part))?.into_iter().map(PartView::of).collect())
}

/// Parts in a state, by due time, after a part of the same list.
///
/// # Errors
/// The store fails.
pub fn in_state(
    store: &Store,
    state: State,
    after: Option<&PartView>,
    limit: usize,
) -> Result<Vec<PartView>, StoreError> {
    Ok(queued(store, state, after, limit)?.into_iter().map(PartView::of).collect())
}

fn queued(store: &Store, state: State, after: Option<&PartView>, limit: usize) -> Result<Vec<Kept>, StoreError> {
    let after = after.map(|view| Part::of(&view.fulfilment).at(view.fulfilment.terms.due_ms));
    // A character later than any that follows the key.
    let from = after.map_or_else(String::new, |after| after + "\u{1}");
    let page = lists::readable_page(store, &QUEUE, Some((state.name(), &from)), Order::Ascending, limit)?;
    let kept = parts(store, page)?;
    Ok(kept.into_iter().take_while(|kept| kept.queued() == Some(state)).collect())
}

/// The lines that are left to pick of the most urgent parts, by due time: of at most `limit` parts.
///
/// # Errors
/// The store fails.
pub fn queue_to_pick(store: &Store, limit: usize) -> Result<Vec<Pick>, StoreError> {
    let mut kept = queued(store, State::Picking, None, limit)?;
    kept.extend(queued(store, State::Accepted, None, limit)?);
    let mut picks: Vec<Pick> =
        kept.iter().filter(|kept| kept.basket.is_none()).flat_map(|kept| Pick::all(&kept.fulfilment)).collect();
    picks.sort_by(|a, b| (a.due_ms, &a.of, a.line).cmp(&(b.due_ms, &b.of, b.line)));
    Ok(picks)
}

/// The lines that a picker has claimed, by due time.
///
/// # Errors
/// The store fails.
pub fn picked_by(store: &Store, picker: &OperatorId, limit: usize) -> Result<Vec<Pick>, StoreError> {
    let mut picks = queue_to_pick(store, limit)?;
    picks.retain(|pick| pick.claim.as_ref().is_some_and(|claim| claim.picker == *picker));
    Ok(picks)
}

/// The number of open parts, including those whose goods must be put back.
///
/// # Errors
/// The store fails.
pub fn open_count(store: &Store) -> Result<u64, StoreError> {
    count_open(store)
}
