//! The customer's order: the terms that all stores share, and the lines.

use serde::{Deserialize, Serialize};

use super::{PickupCode, Refusal, Rule};
use crate::{
    MAX_LINE_AMOUNT, MAX_LINES, MAX_TEXT,
    customer::CustomerId,
    ids::OrderId,
    item::{Price, Sku},
    money::{Currency, Minor, Rounding},
    quantity::{Quantity, Unit},
    text::is_readable,
};

/// How the customer receives the goods.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "schema", schema(as = OrderKind))]
pub enum Kind {
    /// Bought online, collected in the store.
    Pickup,
    /// Bought online, brought to the car.
    Curbside,
    /// Reserved online, paid and collected in the store.
    Reserve,
    /// Sent to the customer by the store.
    ShipFromStore,
    /// Taken at a register of one store, sent to the customer by another store or the warehouse.
    EndlessAisle,
    /// Sent to another store, without a customer.
    Transfer,
}

impl Kind {
    /// All of them.
    pub const ALL: [Self; 6] =
        [Self::Pickup, Self::Curbside, Self::Reserve, Self::ShipFromStore, Self::EndlessAisle, Self::Transfer];

    /// The name used in the API.
    pub fn name(self) -> &'static str {
        match self {
            Self::Pickup => "pickup",
            Self::Curbside => "curbside",
            Self::Reserve => "reserve",
            Self::ShipFromStore => "ship_from_store",
            Self::EndlessAisle => "endless_aisle",
            Self::Transfer => "transfer",
        }
    }

    /// Whether the customer collects the goods.
    pub fn is_fetched(self) -> bool {
        matches!(self, Self::Pickup | Self::Curbside | Self::Reserve)
    }
}

/// The temperature at which goods must be kept.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "schema", schema(as = TemperatureZone))]
pub enum Zone {
    /// Room temperature.
    #[default]
    Ambient,
    /// In a refrigerator.
    Chilled,
    /// In a freezer.
    Frozen,
}

impl Zone {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Ambient, Self::Chilled, Self::Frozen];

    /// The name used in the API.
    pub fn name(self) -> &'static str {
        match self {
            Self::Ambient => "ambient",
            Self::Chilled => "chilled",
            Self::Frozen => "frozen",
        }
    }

    /// Whether goods spoil outside this zone.
    pub fn is_cold(self) -> bool {
        self != Self::Ambient
    }
}

/// The customer's choice if an item is missing.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "choice", rename_all = "snake_case", deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub enum Substitution {
    /// Remove the line.
    #[default]
    Remove,
    /// Any item that the picker chooses.
    Any,
    /// A given item.
    Chosen {
        /// The item.
        substitute: Sku,
    },
    /// Cancel the store's part of the order.
    CancelOrder,
}

/// How the order is paid.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "by", rename_all = "snake_case", deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "schema", schema(as = OrderPayment))]
pub enum Payment {
    /// Paid in the shop.
    Prepaid {
        /// The payment's number in the shop, for the sale's tender.
        #[cfg_attr(feature = "schema", schema(min_length = 1, max_length = 120))]
        reference: String,
    },
    /// Paid at collection.
    AtPickup,
}

/// The customer data that the store needs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Customer {
    /// The customer's id, by which the sale becomes part of their history.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<CustomerId>,
    /// The name to call out.
    #[cfg_attr(feature = "schema", schema(min_length = 1, max_length = 120))]
    pub name: String,
    /// The phone number, for finding the order and calling the customer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schema(min_length = 1, max_length = 120))]
    pub phone: Option<String>,
    /// The code with which the customer proves that the order is theirs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<PickupCode>,
    /// The lines of the postal address, for the carrier's label.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[cfg_attr(feature = "schema", schema(max_items = 6))]
    pub address: Vec<String>,
}

/// The maximum number of lines of an address.
const MAX_ADDRESS: usize = 6;

/// The terms of the whole order, the same at every store.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "schema", schema(as = OrderTerms))]
pub struct Terms {
    /// The shop's number of the order.
    pub order: OrderId,
    /// How the customer receives the goods.
    pub kind: Kind,
    /// The customer; none for a transfer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub customer: Option<Customer>,
    /// The store that receives a transfer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schema(min_length = 1, max_length = 120))]
    pub receiver: Option<String>,
    /// The currency of all amounts.
    pub currency: Currency,
    /// How the order is paid.
    pub payment: Payment,
    /// The time of the order: milliseconds since 1970, UTC, like all times here.
    pub placed_at_ms: i64,
    /// The promised time at which it is ready or leaves the store. A pickup slot begins at this time.
    pub due_ms: i64,
    /// The end of the storage time for the customer; by default, the store's policy after it is ready.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub keep_until_ms: Option<i64>,
}

/// A line as it was ordered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "schema", schema(as = OrderedLine))]
pub struct Ordered {
    /// Its number in the order, from 1.
    pub number: u32,
    /// The item.
    pub sku: Sku,
    /// The printed description.
    #[cfg_attr(feature = "schema", schema(min_length = 1, max_length = 120))]
    pub description: String,
    /// The quantity.
    pub quantity: Quantity,
    /// The price at the time of the order.
    pub price: Price,
    /// The customer's choice if the item is missing.
    #[serde(default)]
    pub substitution: Substitution,
    /// The temperature zone of the goods.
    #[serde(default)]
    pub zone: Zone,
    /// The customer's minimum age in years; 0 for no limit.
    #[serde(default, skip_serializing_if = "is_any_age")]
    pub minimum_age: u8,
}

#[allow(clippy::trivially_copy_pass_by_ref)] // as serde calls it
fn is_any_age(age: &u8) -> bool {
    *age == 0
}

impl Ordered {
    /// What a quantity of it costs, in thousandths of its unit. A half of a minor unit goes away from zero.
    pub fn cost(&self, milli: i64) -> Minor {
        let quantity = Quantity::new(milli.clamp(0, Quantity::MAX_MILLI), self.quantity.unit());
        let cost = quantity.ok().and_then(|quantity| self.price.extend(quantity, Rounding::HalfAwayFromZero));
        cost.unwrap_or_default()
    }

    /// What a position is kept by.
    pub fn place(&self) -> (Sku, Unit) {
        (self.sku.clone(), self.quantity.unit())
    }
}

/// An order as the shop places it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Order {
    /// What holds for all of it.
    pub terms: Terms,
    /// What was ordered.
    #[cfg_attr(feature = "schema", schema(min_items = 1, max_items = 400))]
    pub lines: Vec<Ordered>,
}

impl Order {
    /// Checks an order from outside, before anything is promised. `sold_by` tells by which unit an item is sold; `None`
    /// for one that nobody knows.
    ///
    /// # Errors
    /// Times that are past or out of order, texts that can't be printed, no lines or too many, a line without goods or
    /// of an unknown item, an order without what its kind needs.
    pub fn check(&self, now_ms: i64, sold_by: impl Fn(&Sku) -> Option<Unit>) -> Result<(), Refusal> {
        let terms = &self.terms;
        let refuse = |rule| Err(Refusal::of(&terms.order, rule));
        if terms.due_ms <= now_ms {
            return refuse(Rule::PastSlot { due_ms: terms.due_ms, now_ms });
        }
        if terms.keep_until_ms.is_some_and(|until| until < terms.due_ms) {
            return refuse(Rule::OutOfRange { field: "keep_until_ms", range: "not before `due_ms`" });
        }
        match (&terms.customer, terms.kind) {
            (None, Kind::Transfer) => {}
            (Some(_), Kind::Transfer) => return refuse(Rule::CustomerOfTransfer),
            (None, _) => return refuse(Rule::NoCustomer),
            (Some(customer), _) => {
                self.text("name", &customer.name)?;
                customer.phone.as_ref().map_or(Ok(()), |phone| self.text("phone", phone))?;
                customer.address.iter().try_for_each(|line| self.text("address", line))?;
                if customer.address.len() > MAX_ADDRESS {
                    return refuse(Rule::OutOfRange { field: "address", range: "at most 6 lines" });
                }
            }
        }
        match &terms.receiver {
            Some(receiver) if terms.kind == Kind::Transfer => self.text("receiver", receiver)?,
            None if terms.kind != Kind::Transfer => {}
            _ => return refuse(Rule::Receiver { kind: terms.kind }),
        }
        match (&terms.payment, terms.kind) {
            (Payment::Prepaid { reference }, _) => self.text("reference", reference)?,
            (Payment::AtPickup, Kind::Pickup | Kind::Curbside | Kind::Reserve | Kind::Transfer) => {}
            (Payment::AtPickup, _) => return refuse(Rule::NotPrepaid { kind: terms.kind }),
        }
        match self.lines.len() {
            0 => return refuse(Rule::NoLines),
            1..=MAX_LINES => {}
            _ => return refuse(Rule::TooManyLines),
        }
        let mut numbers: Vec<u32> = self.lines.iter().map(|line| line.number).collect();
        numbers.sort_unstable();
        let twice = numbers.windows(2).find_map(|pair| if let [a, b] = pair { (a == b).then_some(*a) } else { None });
        if let Some(number) = twice {
            return Err(Refusal::of_line(&terms.order, number, Rule::LineTwice));
        }
        self.lines.iter().try_for_each(|line| self.check_line(line, &sold_by))
    }

    fn check_line(&self, line: &Ordered, sold_by: impl Fn(&Sku) -> Option<Unit>) -> Result<(), Refusal> {
        let refuse = |rule| Err(Refusal::of_line(&self.terms.order, line.number, rule));
        // A substitute's line gets a higher number.
        if !(1..=MAX_ORDERED).contains(&line.number) {
            return refuse(Rule::OutOfRange { field: "number", range: "1 to 10000" });
        }
        self.text("description", &line.description)?;
        let unit = line.quantity.unit();
        match sold_by(&line.sku) {
            None => return refuse(Rule::UnknownItem { sku: line.sku.clone() }),
            Some(sold_by) if sold_by != unit || line.price.per != unit => {
                return refuse(Rule::WrongUnit { kept: sold_by, asked: unit });
            }
            Some(_) => {}
        }
        if line.quantity.milli() == 0 {
            return refuse(Rule::Nothing);
        }
        let cost = line.price.extend(line.quantity, Rounding::HalfAwayFromZero);
        if line.price.minor.is_negative() || cost.is_none_or(|cost| cost > MAX_LINE_AMOUNT) {
            return refuse(Rule::OutOfRange { field: "price", range: "a line comes to at most ten million" });
        }
        Ok(())
    }

    fn text(&self, field: &'static str, text: &str) -> Result<(), Refusal> {
        checked(&self.terms.order, field, text)
    }

    /// A line by its number.
    pub fn line(&self, number: u32) -> Option<&Ordered> {
        self.lines.iter().find(|line| line.number == number)
    }
}

/// The highest number of a line that was ordered.
pub(super) const MAX_ORDERED: u32 = 10_000;

/// Checks that a text can be stored and printed.
pub(super) fn checked(order: &OrderId, field: &'static str, text: &str) -> Result<(), Refusal> {
    let fits = (1..=MAX_TEXT).contains(&text.len()) && is_readable(text);
    if fits { Ok(()) } else { Err(Refusal::of(order, Rule::BadText { field })) }
}
