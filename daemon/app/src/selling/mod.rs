//! Selling: baskets at the till, and the sales they become.
//!
//! # What this capability promises
//!
//! - A sale is one atomic batch: the sale, its basket's end, its receipt number, its stock movement, its place in HQ's
//!   outbox, its print job. There is no moment at which one of them is there without the others, so receipt numbers
//!   have no gaps and HQ misses nothing.
//! - What follows a sale (paper, screens, figures, HQ) is driven from what is stored, by followers.
//! - A basket is its register's alone, and every basket has a way out: cash and coupons can be given back, and what is
//!   not paid can be given up, also by a person at the console if the register is dead. That is audited.
//!
//! | what fails | what happens |
//! | --- | --- |
//! | power before the answer | the register repeats the command: it finds its first answer, or does it for the first time |
//! | power after the answer | everything is there; the receipt is printed after the restart if it was not before |
//! | the register, for good | a person voids the tenders of its basket and gives it up; a card payment in it waits for a register of that name |
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
pub use basket::{Opened, Standing, abandon, add_line, discount_line, open, tender, void_line, void_tender};
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
/// Give tenders back.
pub static VOID_TENDER: Permission = Permission::new(
    "baskets.void_tender",
    "Give cash and coupons of a basket back to the customer",
    &[Holder::Register, Holder::Person],
);
/// End another's basket.
static ANY_BASKET: Permission =
    Permission::new("baskets.any", "Give up the basket of any register, and give its tenders back", &[Holder::Person]);

/// What this capability declares.
pub(crate) static CAPABILITY: Capability = Capability {
    tables: &["basket", "receipt_number"],
    linked: &["sale"],
    refusals: refusals::KINDS,
    permissions: &[&READ, &SELL, &ABANDON, &VOID_TENDER, &ANY_BASKET],
    acts: basket::ACTS,
    events: &[OutgoingEvent { kind: contract::sale::COMPLETED.name(), body: wire::body }],
    check: Some(check::check),
    ..Capability::new("selling")
};
