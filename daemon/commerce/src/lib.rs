//! The domain rules of the store: what a sale consists of, and how its parts add up.
//!
//! # What this crate promises
//!
//! - **Pure.** No I/O, no async, no clock, no randomness: time, numbers and ids are passed in. The same input gives the
//!   same sale on every machine and in every year.
//! - **Money is whole minor units** ([`Minor`]) of one ISO 4217 currency per basket. There are no floats. Only two
//!   calculations round, the price of a quantity ([`Price::extend`]) and the order quantity ([`stock::reorder`]); both
//!   name the [`Rounding`].
//! - **Parts always sum to the whole.** For every basket: the net amount of a line is its regular amount less its
//!   discounts and never negative; the totals are the sums of the lines; tendered less change equals the net total. A
//!   [`Sale`] that violates this cannot be constructed. Property tests check random baskets.
//! - **Bounded.** A basket has at most [`MAX_LINES`] lines of at most [`MAX_LINE_AMOUNT`] each, so no sum can overflow.
//!
//! # Layout
//!
//! | module | contents |
//! | --- | --- |
//! | [`ids`], [`actor`] | identifiers and actors |
//! | [`money`] | minor units, currencies, rounding |
//! | [`quantity`] | quantities of goods: pieces, kilograms, gallons, in thousandths |
//! | [`item`] | SKUs, GTINs, prices, items |
//! | [`line`] | a line of a basket and its discounts |
//! | [`tender`] | how the customer pays |
//! | [`basket`] | the basket while the customer is at the till, and the commands it takes |
//! | [`sale`] | the transaction it becomes |
//! | [`order`] | customer orders: terms, the state machine of their units, picking, staging, handover |
//! | [`card_data`] | detection of card numbers in texts, which must not be stored |
//! | [`stock`] | the stock ledger: movements, positions, and the documents around them |
//! | [`text`] | which texts are legible on a screen and on paper |

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

/// The maximum number of lines in a basket; the longest of 155,848 real baskets had 161.
pub const MAX_LINES: usize = 400;

/// The maximum amount of a line, in minor units: ten million dollars.
pub const MAX_LINE_AMOUNT: Minor = Minor::literal(1_000_000_000);

/// The maximum length of a text (description, reason, reference), in bytes.
pub const MAX_TEXT: usize = 120;
