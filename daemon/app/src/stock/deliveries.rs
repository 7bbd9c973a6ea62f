//! Receiving deliveries against a notice.

use std::collections::BTreeMap;

use commerce::{
    MAX_LINES, Quantity, Sku, Unit,
    line::checked_text,
    stock::{self, Condition, Portion},
};
use serde::{Deserialize, Serialize};
use store::Transaction;
use utoipa::ToSchema;

use super::{
    RECEIVE,
    ledger::{Booked, Booking, book},
    notices::{NOTICES, read},
    policies::require_known_item,
};
use crate::{By, Refusal, catalog::Catalog};

/// A delivery.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Delivery {
    /// The number of the delivery note, if there is one. A notice books each delivery note once.
    #[serde(default)]
    #[schema(min_length = 1, max_length = 120)]
    pub delivery_note: Option<String>,
    /// The goods received: more or less than announced, or items that nobody announced.
    #[schema(max_items = 400)]
    pub lines: Vec<DeliveredLine>,
}

/// A line of a delivery.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DeliveredLine {
    /// The item.
    pub sku: Sku,
    /// The quantity.
    pub quantity: Quantity,
    /// The condition.
    #[serde(default)]
    pub condition: Condition,
}

/// The result of booking a delivery.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Received {
    /// The number of its movement; absent if no item is tracked.
    pub movement: Option<u64>,
    /// The quantities beyond the announcement.
    pub beyond: Vec<Beyond>,
}

/// The quantity of an item beyond the announcement.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Beyond {
    /// The item.
    pub sku: Sku,
    /// Thousandths of the unit.
    pub milli: i64,
    /// The unit.
    pub unit: Unit,
}

/// Books a delivery against a notice, which may have several.
///
/// # Errors
/// The notice does not exist or is closed, the delivery note was already booked, or an item is unknown. Then nothing
/// moves.
pub fn receive(
    transaction: &mut Transaction<'_>,
    by: &By,
    catalog: &Catalog,
    id: u64,
    delivery: Delivery,
) -> Result<Received, Refusal> {
    RECEIVE.require(&by.actor)?;
    let Delivery { delivery_note, lines } = delivery;
    if lines.len() > MAX_LINES {
        return Err(stock::Refusal::TooManyLines.into());
    }
    let note = delivery_note.map(|note| checked_text("delivery_note", note)).transpose()?;
    let mut goods: BTreeMap<Condition, Vec<Portion>> = BTreeMap::new();
    for DeliveredLine { sku, quantity, condition } in lines {
        require_known_item(transaction, catalog, &sku, quantity.unit())?;
        if quantity.milli() > 0 {
            goods.entry(condition).or_default().push(Portion { sku, quantity });
        }
    }
    if goods.is_empty() {
        return Err(stock::Refusal::NoLines.into());
    }
    let mut notice = read(transaction, id)?;
    let goods = goods.into_iter().map(|(condition, portions)| Ok((condition, stock::sum(portions)?)));
    let goods = goods.collect::<Result<_, stock::Refusal>>()?;
    let stock::Delivered { lines, beyond } = notice.receive(goods, note.as_deref())?;
    let booking = Booking {
        kind: notice.source.kind(),
        reference: notice.reference(),
        by: by.actor.clone(),
        at_ms: by.at_ms,
        lines: lines.clone(),
        settled: false,
    };
    let Booked { number: movement, moved } = book(transaction, booking)?;
    notice.not_tracked(lines.iter().filter(|line| !moved.contains(line)));
    if let Some(note) = note {
        notice.take_note(note, movement);
    }
    transaction.put(&NOTICES, id, &notice)?;
    let beyond = beyond.into_iter().map(|((sku, unit), milli)| Beyond { sku, milli, unit }).collect();
    Ok(Received { movement, beyond })
}
