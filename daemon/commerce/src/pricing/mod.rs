//! Prices: price books, promotions, taxes, rounding.
//!
//! # Promises
//!
//! - **Deterministic.** The same book and basket give the same prices at the hub, at HQ and in a browser. There are no
//!   floats, no clock and no time limit: the search for the best deal is bounded by the number of combinations.
//! - **A book that was accepted never makes a sale fail.** Its loader refuses whatever could: bad amounts, unknown tax
//!   classes, offers without goods, exclusive offers that clash ([`Problem`]).
//! - **Every minor unit is explained.** The net amount of a line is its regular amount less its adjustments, and each
//!   [`Adjustment`] names its offer, version, basis, amount and units. [`why_not`] says why the other offers did not
//!   apply.
//! - **Parts sum to the whole.** Discounts and taxes are divided by the largest remainder ([`share`]), so a partial
//!   return knows what was paid.
//! - **The order of lines does not matter** for the total, and neither does splitting a line of pieces. Of equal
//!   choices the lower line gets the discount.
//!
//! # How a basket is priced
//!
//! 1. Each line gets the price of its item at the moment ([`Book::price_at`]). Prices of several pieces ("3 for 5.00")
//!    are applied to all lines of the item together.
//! 2. Offers are applied in stages (`engine`): by priority, exclusive before others, thresholds last. Where offers
//!    compete for units, the best division is searched (`search`). An offer never brings a unit below its lowest price.
//! 3. Discounts that people keyed come off what is left.
//! 4. Deposits and fees are added. Taxes are computed.
//!
//! Rounding: a percentage of a unit, a group or a basket is rounded half away from zero, once; it is never a library's
//! default. A percentage of an item is rounded per unit, a percentage of a threshold per basket.
//!
//! | module | contents |
//! | --- | --- |
//! | [`record`], [`mod@read`], [`load`] | a book as HQ publishes it, and its checks |
//! | [`book`] | a book that is compiled for a store, and its prices |
//! | [`offer`] | offers: goods, deals, concurrency |
//! | [`time`] | local times and hours |
//! | `pool`, `evaluate`, `search`, `engine` | units, one offer, the best division, the stages |
//! | [`basket`], `price` | what is priced, the result, and the way there |
//! | [`explain`] | why offers did not apply, and texts |
//! | [`tax`] | taxes |
//! | [`cash`] | rounding of cash |
//! | [`share`] | division by the largest remainder |

pub mod basket;
pub mod book;
pub mod cash;
mod engine;
mod evaluate;
pub mod explain;
mod fraction;
pub mod load;
pub mod offer;
mod pool;
mod price;
pub mod read;
pub mod record;
mod search;
pub mod share;
pub mod tax;
pub mod time;

pub use basket::{Adjustment, Basket, Priced, PricedLine, Refusal};
pub use book::Book;
pub use explain::why_not;
pub use load::{Loader, Problem, Store};
pub use price::price;
pub use record::Record;
pub use time::{LocalTime, Moment};

#[cfg(test)]
mod tests;
