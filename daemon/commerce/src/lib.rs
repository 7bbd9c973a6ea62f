//! The domain rules of the store: what a sale consists of, and how its parts add up.
//!
//! # What this crate promises
//!
//! - **Pure.** No I/O, no async, no clock, no randomness: time, numbers and ids are passed in. The same input gives the
//!   same sale on every machine and in every year.
//! - **Money is whole minor units** ([`Minor`]) of one ISO 4217 currency per basket. There are no floats. Every
//!   calculation that rounds names its [`Rounding`].
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
//! | [`sale`], [`receipt`] | the transaction it becomes, and its receipt's number |
//! | [`returns`] | goods that come back: what was paid for them, the decision, the refund |
//! | [`serial`] | units with serial numbers, and their warranties |
//! | [`void`] | what voids a completed sale, and the money that is given back |
//! | [`payment`] | the life of a card payment: charge, refund, reversal, doubt |
//! | [`reconciliation`] | what a payment terminal booked, against the store's own bookings |
//! | [`cash`] | tills, shifts, counts, the business day |
//! | [`pricing`] | price books, promotions, taxes, rounding |
//! | [`operator`] | roles, and what each may do up to which limit |
//! | [`order`] | customer orders: terms, the state machine of their units, picking, staging, handover |
//! | [`particulars`] | what a scale or a code says about the goods of a line |
//! | [`code`] | what a scanned code means: item, quantity, price, batch, dates |
//! | [`customer`] | profiles, consents, what customers are found by |
//! | [`guide`] | guided selling: rules, mined pairs, uplift |
//! | [`loyalty`] | what a sale earns, tiers, the expiry of points |
//! | [`gift_card`] | numbers of gift cards and store credit, and where their money is |
//! | [`gs1`] | GS1 element strings and Digital Links, by the dictionary of application identifiers |
//! | [`card_data`] | detection of card numbers in texts, which must not be stored |
//! | [`stock`] | the stock ledger: movements, positions, and the documents around them |
//! | [`text`] | which texts are legible on a screen and on paper |
//! | [`unit_price`] | the price of a kilogram or litre, for labels |

pub mod actor;
pub mod basket;
pub mod card_data;
pub mod cash;
pub mod code;
pub mod customer;
pub mod gift_card;
pub mod gs1;
pub mod guide;
pub mod ids;
pub mod item;
#[cfg(feature = "csv")]
pub mod item_csv;
pub mod line;
pub mod loyalty;
pub mod money;
pub mod operator;
pub mod order;
pub mod particulars;
pub mod payment;
pub mod pricing;
pub mod quantity;
pub mod receipt;
pub mod reconciliation;
pub mod returns;
pub mod sale;
pub mod serial;
pub mod stock;
pub mod tender;
pub mod text;
pub mod unit_price;
pub mod void;

pub use actor::{Actor, Station};
pub use basket::{Basket, BasketState, Refusal};
pub use ids::{
    BasketId, BusinessDay, InvalidId, OperatorId, OrderId, PaymentId, RegisterName, SaleId, ServiceName, ShiftId,
    TillName,
};
pub use item::{Gtin, Item, Price, ScannedCode, Sku};
pub use line::{Discount, Goods, Line, NewLine, Origin, Regular};
pub use money::{Currency, Minor, Rounding};
pub use particulars::Particulars;
pub use payment::PaymentState;
pub use quantity::{Quantity, Unit};
pub use receipt::{ReceiptNumber, ReceiptPrefix};
pub use sale::{Sale, Stamp, Totals};
pub use tender::{BasketTender, CardReference, CardSlip, EntryMode, InvalidCardReference, Tender};
pub use unit_price::UnitPrice;

/// The maximum number of lines in a basket; the longest of 155,848 real baskets had 161.
pub const MAX_LINES: usize = 400;

/// The maximum amount of a line, in minor units: ten million dollars.
pub const MAX_LINE_AMOUNT: Minor = Minor::literal(1_000_000_000);

/// The maximum length of a text (description, reason, reference), in bytes.
pub const MAX_TEXT: usize = 120;
