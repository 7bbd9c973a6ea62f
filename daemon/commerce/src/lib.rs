//! The rules of the shop: what a sale is made of, and how its parts add up.
//!
//! # What this crate promises
//!
//! - **Pure.** No I/O, no async, no clock, no randomness: time, numbers and ids are passed in. The same input gives the
//!   same sale on every machine and in every year.
//! - **Money is whole minor units** ([`Minor`]) of one ISO 4217 currency a basket. Nothing here is a float. Two places
//!   round, a price for a quantity ([`Price::extend`]) and what to order ([`stock::reorder`]), and they name how
//!   ([`Rounding`]).
//! - **Parts always sum to the whole.** For every basket that can be built: a line's net is its regular amount less its
//!   discounts and never negative; the totals are the sums of the lines; what was tendered less the change is the net
//!   total. A [`Sale`] that would break this can't be made. Property tests build random baskets and check.
//! - **Bounded.** A basket has at most [`MAX_LINES`] lines and a line at most [`MAX_LINE_AMOUNT`], so no sum can
//!   overflow.
//!
//! # Layout
//!
//! | module | holds |
//! | --- | --- |
//! | [`ids`], [`actor`] | what things and people are called |
//! | [`money`] | minor units, currencies, rounding |
//! | [`quantity`] | amounts of goods: pieces, kilograms, gallons, in thousandths |
//! | [`item`] | SKUs, GTINs, prices, items |
//! | [`line`] | a line of a basket and its discounts |
//! | [`tender`] | how the customer pays |
//! | [`basket`] | the basket while the customer is at the till, and the commands it takes |
//! | [`sale`] | the transaction it becomes |
//! | [`order`] | customer orders: their terms, the machine of their units, picking, staging, handover |
//! | [`card_data`] | card numbers in texts, which may not be stored |
//! | [`stock`] | the stock ledger: movements, positions, and the documents around them |
//! | [`text`] | which texts can be read on a screen and on paper |

pub mod actor;
pub mod basket;
pub mod card_data;
pub mod ids;
pub mod item;
pub mod line;
pub mod money;
pub mod order;
pub mod quantity;
pub mod sale;
pub mod stock;
pub mod tender;
pub mod text;

pub use actor::{Actor, Station};
pub use basket::{Basket, BasketState, Refusal};
pub use ids::{BasketId, BusinessDay, InvalidId, OperatorId, OrderId, PaymentId, RegisterName, SaleId, ServiceName};
pub use item::{Gtin, Item, Price, ScannedCode, Sku};
pub use line::{Discount, Goods, Line, NewLine, Origin, Regular};
pub use money::{Currency, Minor, Rounding};
pub use quantity::{Quantity, Unit};
pub use sale::{ReceiptNumber, Sale, Stamp, Totals};
pub use tender::{BasketTender, CardReference, CardSlip, InvalidCardReference, Tender};

/// The most lines a basket takes; the longest of 155,848 real baskets had 161.
pub const MAX_LINES: usize = 400;

/// The most a line may come to, in minor units: ten million dollars.
pub const MAX_LINE_AMOUNT: Minor = Minor::literal(1_000_000_000);

/// The longest text (description, reason, reference) taken, in bytes.
pub const MAX_TEXT: usize = 120;
