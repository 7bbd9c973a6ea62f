//! Selling: baskets at the till, and the sales they become.
//!
//! # What this capability promises
//!
//! - A sale is one atomic batch: the sale, its basket's end, its receipt number, its stock movement, its place in HQ's outbox, its print job.
//!   There is no moment at which one of them is there without the others, so receipt numbers have no gaps and HQ misses nothing.
//! - What follows a sale (paper, screens, figures, HQ) is driven from what is stored, by followers.
//! - A basket is its register's alone. Of one whose register is dead a person at the console can give up what is not paid; that is audited.
//!
//! | what fails | what happens |
//! | --- | --- |
//! | power before the answer | the register repeats the command: it finds its first answer, or does it for the first time |
//! | power after the answer | everything is there; the receipt is printed after the restart if it was not before |
//! | the register, for good | a person gives its unpaid basket up; what is partly paid waits for a register of that name |
//! | the printer | the job waits on disk; the sale is not disturbed |
//! | the WAN | the event waits in the outbox |

mod basket;
mod check;
mod open_baskets;
mod receipts;
mod records;
mod refusals;
mod request;
mod sale;
mod wire;

pub(crate) use basket::new_basket_id;
pub use basket::{Opened, Standing, abandon, add_line, discount_line, open, tender, void_line};
pub use open_baskets::in_open_baskets;
pub(crate) use records::{BASKETS, SALES, basket_of_payment, kept_with_sale, put_basket};
pub use records::{
    basket, each_open_basket, find_sale, given_up_to, last_readable_sales, last_sales, sale_at, sales_from,
};
pub use refusals::{BASKET_UNKNOWN, SALE_UNKNOWN};
pub use request::{FoundLine, Keyed, LineRequest, OpenBasket, SaleRequest, TenderRequest};
pub use sale::{SaleContext, SaleDone, WholeSale, complete, complete_basket, sell};

use crate::{
    Capability, OutgoingEvent,
    permission::{Holder, Permission},
};

/// See sales.
pub static READ: Permission =
    Permission::new("sales.read", "See sales and receipts", &[Holder::Register, Holder::Person, Holder::Service]);
/// Sell.
pub static SELL: Permission =
    Permission::new("baskets.sell", "Sell: open, fill, pay, complete baskets", &[Holder::Register]);
/// Give baskets up.
pub static ABANDON: Permission = Permission::new(
    "baskets.abandon",
    "Give up a basket of which nothing is paid",
    &[Holder::Register, Holder::Person],
);
/// Give up another's basket.
static ABANDON_ANY: Permission =
    Permission::new("baskets.abandon_any", "Give up the unpaid basket of any register", &[Holder::Person]);

/// What this capability declares.
pub(crate) static CAPABILITY: Capability = Capability {
    tables: &["basket", "receipt_number"],
    linked: &["sale"],
    refusals: refusals::KINDS,
    permissions: &[&READ, &SELL, &ABANDON, &ABANDON_ANY],
    acts: basket::ACTS,
    events: &[OutgoingEvent { kind: contract::sale::COMPLETED.name(), body: wire::body }],
    check: Some(check::check),
    ..Capability::new("selling")
};
