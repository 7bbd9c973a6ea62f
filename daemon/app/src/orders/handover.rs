//! Goods leave the store: the checked goods go into a basket, and the basket's sale hands them over.
//!
//! 1. [`collect`] decides the handover or shipment as if it were paid, and locks the part with what leaves.
//! 2. The register pays the basket, if anything is due.
//! 3. The sale's commit calls [`sold`], which decides again and applies the changes. Nothing can have changed
//!    meanwhile, because the part is locked.
//!
//! An abandoned basket calls [`leave`], which unlocks the part and does what HQ cancelled meanwhile.

use commerce::{
    BasketId, Item, Minor, NewLine, Price, Quantity, SaleId, Sku,
    basket::CollectedOrder,
    line::What,
    order::{Amount, Checked, Command, Facts, Handover, Payment, Proof, Terms, decide, fulfilment::Line},
};
use serde::{Deserialize, Serialize};
use store::{StoreError, Transaction};

use super::{
    incoming,
    records::{InBasket, Kept, ORDERS, Part, advance, put, read},
    work::require_free,
};
use crate::{By, Refusal, stock};

/// What leaves the store, as it was checked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Leaving {
    /// The customer collects it.
    HandOver {
        /// The lines and quantities.
        amounts: Vec<Amount>,
        /// Whether the customer showed the code.
        by_code: bool,
        /// The minimum age that a person verified.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        age_checked: Option<u8>,
        /// Whether ready goods stay.
        partial: bool,
    },
    /// A carrier takes it.
    Ship {
        /// The lines and quantities.
        amounts: Vec<Amount>,
        /// The carrier's tracking number.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        tracking: Option<String>,
    },
}

impl Leaving {
    fn amounts(&self) -> &[Amount] {
        match self {
            Self::HandOver { amounts, .. } | Self::Ship { amounts, .. } => amounts,
        }
    }

    /// The command once the goods are paid.
    fn command(&self, kept: &Kept) -> Command {
        match self.clone() {
            Self::Ship { amounts, tracking } => Command::Ship { amounts, tracking },
            Self::HandOver { amounts, by_code, age_checked, partial } => {
                let code = kept.fulfilment.terms.customer.as_ref().and_then(|customer| customer.code.clone());
                let proof = code.filter(|_| by_code).map_or(Proof::Document, |code| Proof::Code(code.into()));
                let paid = kept.fulfilment.due(&amounts);
                let checked = amounts.into_iter().map(|amount| Checked { amount, scanned: None }).collect();
                Command::HandOver(Handover { checked, proof, age_checked, paid, partial })
            }
        }
    }
}

/// A request to take goods out of the store.
#[derive(Clone, Debug)]
pub enum Collect {
    /// A customer collects them.
    HandOver {
        /// The goods: every line scanned or counted.
        checked: Vec<Checked>,
        /// The customer's proof.
        proof: Proof,
        /// The minimum age that a person verified.
        age_checked: Option<u8>,
        /// Whether ready goods stay.
        partial: bool,
        /// Today's prices, if orders that are paid at collection cost what they cost today.
        prices: Vec<(Sku, Price)>,
    },
    /// A carrier takes them.
    Ship {
        /// The lines and quantities.
        amounts: Vec<Amount>,
        /// The carrier's tracking number.
        tracking: Option<String>,
    },
}

/// The content of the basket that hands a part over.
#[derive(Debug)]
pub struct Collected {
    /// The order, for the basket.
    pub order: CollectedOrder,
    /// Its lines.
    lines: Vec<(Item, Quantity, Option<Minor>)>,
    /// The number of the shop's payment, if it is prepaid.
    pub prepaid: Option<String>,
}

impl Collected {
    /// The lines, for the basket. A line whose price is not that of its quantity has a keyed amount.
    pub fn lines(&self) -> impl Iterator<Item = NewLine<'_>> {
        self.lines.iter().map(|(item, quantity, keyed)| NewLine {
            what: What::Item(item),
            quantity: *quantity,
            keyed: keyed.map(|amount| (amount, format!("order {}", self.order.order))),
            discounts: Vec::new(),
            particulars: commerce::Particulars::default(),
        })
    }
}

/// Checks what leaves the store, and locks the part for the basket.
///
/// # Errors
/// The part does not exist or is in another basket, or a rule of the order refuses it.
pub fn collect(
    transaction: &mut Transaction<'_>,
    by: &By,
    part: &Part,
    basket: BasketId,
    asked: Collect,
) -> Result<Collected, Refusal> {
    let home = stock::home(transaction)?;
    let stored = read(transaction, part)?;
    require_free(&stored)?;
    let facts = Facts { now_ms: by.at_ms, policy: &home.orders };
    let before = match &asked {
        Collect::HandOver { prices, .. } if !prices.is_empty() => reprice(transaction, by, &stored, prices)?,
        _ => stored,
    };
    let (command, leaving) = match asked {
        Collect::Ship { amounts, tracking } => (
            Command::Ship { amounts: amounts.clone(), tracking: tracking.clone() },
            Leaving::Ship { amounts, tracking },
        ),
        Collect::HandOver { checked, proof, age_checked, partial, prices: _ } => {
            let amounts: Vec<_> = checked.iter().map(|checked| checked.amount).collect();
            let (by_code, paid) = (matches!(proof, Proof::Code(_)), before.fulfilment.due(&amounts));
            let command = Command::HandOver(Handover { checked, proof, age_checked, paid, partial });
            (command, Leaving::HandOver { amounts, by_code, age_checked, partial })
        }
    };
    let changes = decide(&before.fulfilment, command, facts)?;
    let stock = before.stock_of(&changes);
    let lines = leaving.amounts().iter().filter_map(|amount| {
        let line = before.fulfilment.line(amount.line)?;
        Some(sold_line(&before, line, amount.milli))
    });
    let lines = lines.collect::<Result<Vec<_>, _>>()?;
    let count = u32::try_from(lines.len()).unwrap_or(u32::MAX);
    let order = CollectedOrder { order: part.order.clone(), part: part.part, lines: count, stock };
    let prepaid = match &before.fulfilment.terms.payment {
        Payment::Prepaid { reference } => Some(reference.clone()),
        Payment::AtPickup => None,
    };
    let locked = Kept { basket: Some(InBasket { basket, leaving }), ..before.clone() };
    put(transaction, &home.orders, Some(&before), locked)?;
    Ok(Collected { order, lines, prepaid })
}

/// Sets today's prices on the lines that are paid at collection.
fn reprice(
    transaction: &mut Transaction<'_>,
    by: &By,
    before: &Kept,
    prices: &[(Sku, Price)],
) -> Result<Kept, Refusal> {
    if before.fulfilment.terms.payment != Payment::AtPickup {
        return Ok(before.clone());
    }
    let price_of = |line: &Line| {
        let found = prices.iter().find(|(sku, _)| *sku == line.ordered.sku);
        // If the catalog now sells the item by another unit, the price of the order stays.
        let found = found.filter(|(_, price)| price.per == line.ordered.quantity.unit());
        found.map(|(_, price)| (line.ordered.number, *price))
    };
    let prices = before.fulfilment.lines.iter().filter_map(price_of).collect();
    super::work::step(transaction, by, before, Command::Reprice { prices })
}

/// A line of the basket: its item, quantity, and amount if that is not the quantity's price.
fn sold_line(kept: &Kept, line: &Line, milli: i64) -> Result<(Item, Quantity, Option<Minor>), Refusal> {
    let ordered = &line.ordered;
    let item = Item {
        sku: ordered.sku.clone(),
        gtin: None,
        description: ordered.description.clone(),
        department: "".into(),
        category: "".into(),
        brand: "".into(),
        package_size: "".into(),
        price: ordered.price,
    };
    let corrupt =
        |why: String| StoreError::Corrupt { table: ORDERS.name(), key: kept.fulfilment.terms.order.to_string(), why };
    let quantity = Quantity::new(milli, ordered.quantity.unit()).map_err(|error| corrupt(error.to_string()))?;
    let payment = &kept.fulfilment.terms.payment;
    let charged = line.charge_for(payment, milli);
    Ok((item, quantity, (charged != ordered.cost(milli)).then_some(charged)))
}

/// The terms of a part's order.
///
/// # Errors
/// The part does not exist.
pub(crate) fn terms(transaction: &Transaction<'_>, part: &Part) -> Result<Terms, Refusal> {
    Ok(read(transaction, part)?.fulfilment.terms)
}

/// The basket became a sale: its goods are handed over or shipped. A paid sale is never refused, so a part that can't
/// be read or no longer has the goods is only reported.
///
/// # Errors
/// The store fails.
pub(crate) fn sold(
    transaction: &mut Transaction<'_>,
    by: &By,
    (collected, basket, sale): (&CollectedOrder, BasketId, SaleId),
) -> Result<(), Refusal> {
    let part = Part { order: collected.order.clone(), part: collected.part };
    let Some(before) = locked(transaction, &part, basket)? else { return Ok(()) };
    let Some(in_basket) = &before.basket else { return Ok(()) };
    let home = stock::home(transaction)?;
    let command = in_basket.leaving.command(&before);
    match decide(&before.fulfilment, command, Facts { now_ms: by.at_ms, policy: &home.orders }) {
        Ok(changes) => {
            let unlocked = Kept { basket: None, ..before.clone() };
            advance(transaction, by, &home, Some(&before), unlocked, changes, Some(sale))?;
            cancel_rest(transaction, by, &part)
        }
        Err(refused) => {
            tracing::error!(%refused, %sale, "sold an order that can't be handed over; look at it");
            Ok(())
        }
    }
}

/// The basket was abandoned: the part is free again.
///
/// # Errors
/// The store fails.
pub(crate) fn leave(
    transaction: &mut Transaction<'_>,
    by: &By,
    collected: &CollectedOrder,
    basket: BasketId,
) -> Result<(), Refusal> {
    let part = Part { order: collected.order.clone(), part: collected.part };
    let Some(before) = locked(transaction, &part, basket)? else { return Ok(()) };
    let home = stock::home(transaction)?;
    put(transaction, &home.orders, Some(&before), Kept { basket: None, ..before.clone() })?;
    cancel_rest(transaction, by, &part)
}

/// Does what HQ cancelled while the part was in a basket.
fn cancel_rest(transaction: &mut Transaction<'_>, by: &By, part: &Part) -> Result<(), Refusal> {
    let before = read(transaction, part)?;
    let Some(amounts) = before.cancel.clone() else { return Ok(()) };
    let home = stock::home(transaction)?;
    let free = Kept { cancel: None, ..before.clone() };
    put(transaction, &home.orders, Some(&before), free)?;
    let free = read(transaction, part)?;
    incoming::cancel(transaction, by, &free, &amounts)
}

/// The part of a basket, if that basket has locked it.
fn locked(transaction: &Transaction<'_>, part: &Part, basket: BasketId) -> Result<Option<Kept>, StoreError> {
    let found = match transaction.get(&ORDERS, part.key()) {
        Err(error @ StoreError::Corrupt { .. }) => {
            tracing::error!(%error, %basket, "the order of a basket is damaged");
            return Ok(None);
        }
        found => found?,
    };
    let of_basket = |kept: &Kept| kept.basket.as_ref().is_some_and(|in_basket| in_basket.basket == basket);
    let found = found.filter(of_basket);
    if found.is_none() {
        tracing::error!(order = %part.order, %basket, "the order of a basket is not locked by it");
    }
    Ok(found)
}
