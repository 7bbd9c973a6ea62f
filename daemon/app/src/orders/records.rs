//! The records of orders: parts, their indexes, and the one way in which a part changes.

use commerce::{
    BasketId, OrderId, SaleId, Sku, Unit,
    order::{Amount, Change, Fulfilment, Policy, State, clock::Clock},
    stock::{Kind, State as Where, Sums, reservation::Reserved},
};
use serde::{Deserialize, Serialize};
use store::{Name, NameName, NameNumber, StoreError, Table, Transaction};
use utoipa::ToSchema;

use super::{events, handover::Leaving, refusals::ORDER_UNKNOWN};
use crate::{
    By, Refusal,
    stock::{self, Home, ThisStore},
};

/// Parts by order and number.
pub(crate) static ORDERS: Table<NameNumber, Kept> = Table::new("order");
/// Open parts by state, and then by due time.
pub(super) static QUEUE: Table<NameName, Part> = Table::new("order_queue");
/// What is due at a time: parts, and orders placed for other stores.
pub(super) static DUE: Table<NameName, super::due::Due> = Table::new("order_due");
/// Parts by their customers' names, phones and codes.
pub(super) static FOUND: Table<NameName, Entry> = Table::new("order_found");
/// The number of open parts.
static OPEN: Table<Name, u64> = Table::new("order_open_count");

/// The maximum number of open parts.
pub const MAX_OPEN: u64 = 100_000;

/// The only key of a table with one record, and the first half of keys that have no other.
pub(super) const ALL: &str = "all";

/// A store's part of an order, by name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[schema(as = OrderPart)]
pub struct Part {
    /// The order.
    pub order: OrderId,
    /// The number of the part.
    pub part: u32,
}

impl Part {
    /// The part of a fulfilment.
    pub(super) fn of(fulfilment: &Fulfilment) -> Self {
        Self { order: fulfilment.terms.order.clone(), part: fulfilment.part }
    }

    /// Its key.
    pub(super) fn key(&self) -> (&str, u64) {
        (self.order.as_str(), self.part.into())
    }

    /// The reference of its stock movements.
    fn reference(&self) -> String {
        format!("{}#{}", self.order, self.part)
    }

    /// A key that sorts by time.
    pub(super) fn at(&self, at_ms: i64) -> String {
        format!("{:020} {} {:010}", at_ms.max(0), self.order, self.part)
    }

    /// The refusal if it does not exist.
    pub(super) fn unknown(&self) -> Refusal {
        let Self { order, part } = self;
        ORDER_UNKNOWN.because(format!("unknown order {order}, part {part}")).member("order", order.as_str())
    }
}

/// An entry of the index by which parts are found, with its key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Entry {
    /// By what: `name`, `phone` or `code`.
    pub(super) by: String,
    /// The text, and the part.
    pub(super) text: String,
    /// The part.
    pub(super) part: Part,
}

/// A part as stored.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Kept {
    /// The fulfilment, as HQ has it.
    pub(crate) fulfilment: Fulfilment,
    /// Items whose stock was not tracked when they were offered or substituted.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) untracked: Vec<(Sku, Unit)>,
    /// The basket that hands it over.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) basket: Option<InBasket>,
    /// What HQ cancelled while it was in a basket; empty for everything.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) cancel: Option<Vec<Amount>>,
    /// When the clock has something to do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) due_ms: Option<i64>,
}

/// The basket that hands a part over.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct InBasket {
    /// The basket.
    pub(crate) basket: BasketId,
    /// What leaves the store.
    pub(crate) leaving: Leaving,
}

impl Kept {
    /// A part that was just offered.
    pub(super) fn new(fulfilment: Fulfilment, untracked: Vec<(Sku, Unit)>) -> Self {
        Self { fulfilment, untracked, basket: None, cancel: None, due_ms: None }
    }

    /// The reserved quantities.
    pub(crate) fn held(&self) -> Sums {
        let mut held = self.fulfilment.held();
        held.retain(|place, _| !self.untracked.contains(place));
        held
    }

    /// The stock of a handover, for its basket.
    pub(super) fn stock_of(&self, changes: &[Change]) -> Vec<Reserved> {
        let sold = changes.iter().filter_map(|change| match change {
            Change::Stock { kind: Kind::Sale, lines, .. } => Some(lines),
            _ => None,
        });
        let lines = sold.flatten().filter(|line| !self.untracked.contains(&(line.sku.clone(), line.unit)));
        lines.map(|line| Reserved { sku: line.sku.clone(), milli: line.milli, unit: line.unit }).collect()
    }

    /// The state under which it is queued; `None` if it is finished. Goods that must be put back still need somebody.
    pub(super) fn queued(&self) -> Option<State> {
        self.fulfilment.lines.iter().any(|line| line.of(State::Returning) > 0 || line.open() > 0).then(|| {
            let open = self.fulfilment.is_open();
            if open { self.fulfilment.state().unwrap_or(State::Offered) } else { State::Returning }
        })
    }

    /// When the clock has something to do next.
    fn next_due_ms(&self, policy: &Policy) -> Option<i64> {
        if self.basket.is_some() {
            return None;
        }
        let fulfilment = &self.fulfilment;
        let clocks = Clock::ALL.into_iter().filter(|clock| !fulfilment.breached.contains(clock));
        let clocks = clocks.filter_map(|clock| clock.due_ms(fulfilment, policy));
        let claims = fulfilment.lines.iter().filter_map(|line| line.claim.as_ref()).map(|claim| claim.until_ms);
        let is_kept = fulfilment.is_open() && fulfilment.terms.kind.is_fetched() && fulfilment.arrival.is_none();
        let kept = fulfilment.kept_until_ms(policy).filter(|_| is_kept).map(|until_ms| until_ms.saturating_add(1));
        clocks.chain(claims).chain(kept).min()
    }

    /// The keys by which it is found.
    pub(super) fn found(&self) -> Vec<(&'static str, String)> {
        let part = Part::of(&self.fulfilment);
        let Some(customer) = &self.fulfilment.terms.customer else { return Vec::new() };
        let phone = customer.phone.as_deref().map(from_the_end).filter(|digits| !digits.is_empty());
        let code = customer.code.clone().map(String::from);
        let by = [("name", Some(folded(&customer.name))), ("phone", phone), ("code", code)];
        let key = |text: String| format!("{text}\u{1}{}\u{1}{}", part.order, part.part);
        by.into_iter().filter_map(|(by, text)| Some((by, key(text?)))).collect()
    }
}

/// A name as it is looked up: in lower case, words separated by single spaces.
pub(super) fn folded(name: &str) -> String {
    name.split_whitespace().collect::<Vec<_>>().join(" ").to_lowercase()
}

/// The digits of a phone number from the last to the first, so that it is found with and without the country's code.
pub(super) fn from_the_end(phone: &str) -> String {
    phone.chars().rev().filter(char::is_ascii_digit).collect()
}

/// Reads a part.
pub(super) fn read(transaction: &Transaction<'_>, part: &Part) -> Result<Kept, Refusal> {
    transaction.get(&ORDERS, part.key())?.ok_or_else(|| part.unknown())
}

/// The number of open parts.
pub(super) fn open_parts(transaction: &Transaction<'_>) -> Result<u64, StoreError> {
    Ok(transaction.get(&OPEN, ALL)?.unwrap_or(0))
}

/// The number of open parts, outside of a commit.
pub(super) fn count_open(store: &store::Store) -> Result<u64, StoreError> {
    Ok(store.get(&OPEN, ALL)?.unwrap_or(0))
}

/// Writes a part and its indexes.
pub(super) fn put(
    transaction: &mut Transaction<'_>,
    policy: &Policy,
    before: Option<&Kept>,
    mut kept: Kept,
) -> Result<(), StoreError> {
    let part = Part::of(&kept.fulfilment);
    let at = part.at(kept.fulfilment.terms.due_ms);
    let (was, is) = (before.and_then(Kept::queued), kept.queued());
    if was != is {
        if let Some(state) = was {
            transaction.delete(&QUEUE, (state.name(), &at));
        }
        if let Some(state) = is {
            transaction.put(&QUEUE, (state.name(), &at), &part)?;
        }
        let open = open_parts(transaction)?;
        match (was, is) {
            (None, Some(_)) => transaction.put(&OPEN, ALL, &(open + 1))?,
            (Some(_), None) => transaction.put(&OPEN, ALL, &open.saturating_sub(1))?,
            _ => {}
        }
    }
    let (was_due, is_due) = (before.and_then(|before| before.due_ms), kept.next_due_ms(policy));
    if was_due != is_due {
        if let Some(due_ms) = was_due {
            transaction.delete(&DUE, (ALL, &part.at(due_ms)));
        }
        if let Some(due_ms) = is_due {
            let due = super::due::Due { at_ms: due_ms, part: part.clone() };
            transaction.put(&DUE, (ALL, &part.at(due_ms)), &due)?;
        }
    }
    if before.is_none() {
        for (by, text) in kept.found() {
            let entry = Entry { by: by.to_owned(), text: text.clone(), part: part.clone() };
            transaction.put(&FOUND, (by, &text), &entry)?;
        }
    }
    kept.due_ms = is_due;
    transaction.put(&ORDERS, part.key(), &kept)
}

/// Deletes a finished part and its index entries.
pub(super) fn delete(transaction: &mut Transaction<'_>, kept: &Kept) {
    for (by, text) in kept.found() {
        transaction.delete(&FOUND, (by, &text));
    }
    transaction.delete(&ORDERS, Part::of(&kept.fulfilment).key());
}

/// Applies the changes of a decision: the part, its stock movements, its indexes, and the event for HQ. The movement of
/// a handover is the movement of its sale, which the caller books.
///
/// # Errors
/// The store fails.
pub(super) fn advance(
    transaction: &mut Transaction<'_>,
    by: &By,
    home: &Home,
    before: Option<&Kept>,
    mut kept: Kept,
    mut changes: Vec<Change>,
    sale: Option<SaleId>,
) -> Result<(), Refusal> {
    for change in &changes {
        kept.fulfilment.apply(change);
    }
    let part = Part::of(&kept.fulfilment);
    for change in &changes {
        let Change::Stock { kind, lines, .. } = change else { continue };
        let is_tracked = |line: &&commerce::stock::Line| !kept.untracked.contains(&(line.sku.clone(), line.unit));
        let lines: Vec<_> = lines.iter().filter(is_tracked).cloned().collect();
        match kind {
            Kind::Sale => {}
            Kind::TransferOut => dispatch(transaction, by, home, &kept.fulfilment, &lines)?,
            _ => {
                let lines = stock::only_tracked(transaction, lines)?;
                // What the rules of the order decided is not refused again.
                let (kind, reference, settled) = (*kind, part.reference(), true);
                let (by, at_ms) = (by.actor.clone(), by.at_ms);
                stock::book(transaction, stock::Booking { kind, reference, by, at_ms, lines, settled })?;
            }
        }
    }
    put(transaction, &home.orders, before, kept)?;
    changes.retain(|change| !matches!(change, Change::Stock { .. }));
    if !changes.is_empty() {
        events::advanced(transaction, by, part, changes, sale)?;
    }
    Ok(())
}

/// Sends the goods of a transfer to its receiver.
fn dispatch(
    transaction: &mut Transaction<'_>,
    by: &By,
    home: &Home,
    fulfilment: &Fulfilment,
    lines: &[commerce::stock::Line],
) -> Result<(), Refusal> {
    let mut sums = Sums::new();
    for line in lines.iter().filter(|line| line.to == Some(Where::InTransit)) {
        *sums.entry((line.sku.clone(), line.unit)).or_default() += line.milli;
    }
    if sums.is_empty() {
        return Ok(());
    }
    let receiver = fulfilment.terms.receiver.as_deref().unwrap_or_default();
    let to = receiver.parse().map_err(|why: String| crate::refusal::BAD_REQUEST.because(why))?;
    let here = ThisStore { hub: home.hub.clone(), epoch: home.epoch };
    stock::send(transaction, by, &here, to, sums).map(drop)
}
