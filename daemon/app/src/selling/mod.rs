//! Selling: baskets, and the sales that they become.
//!
//! # What this capability promises
//!
//! - A sale is one atomic batch: the sale, the end of its basket, its receipt number, its stock movement, its entry in
//!   HQ's outbox, its print job. At no moment does one of them exist without the others, so receipt numbers have no
//!   gaps and HQ misses nothing.
//! - Followers do the rest (printing, screens, totals, HQ), driven by stored records.
//! - A basket belongs to its register, and every basket can be closed: cash and coupons can be given back, and an
//!   unpaid basket can be abandoned, also by a person at the console if the register is broken. The audit trail records
//!   that.
//!
//! | failure | effect |
//! | --- | --- |
//! | power, before the answer | the register repeats the command, which returns its first answer or is executed now |
//! | power, after the answer | everything is stored; the receipt is printed after the restart if it was not printed before |
//! | the register breaks down | a person voids the tenders of its basket and abandons it; a basket with a card payment waits for a register of that name |
//! | the printer fails | the job waits on disk; the sale is not affected |
//! | the WAN is down | the event waits in the outbox |

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
pub use basket::{BasketStatus, Opened, abandon, add_line, discount_line, open, tender, void_line, void_tender};
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
/// Abandon baskets.
pub static ABANDON: Permission =
    Permission::new("baskets.abandon", "Abandon an unpaid basket", &[Holder::Register, Holder::Person]);
/// Void tenders.
pub static VOID_TENDER: Permission = Permission::new(
    "baskets.void_tender",
    "Void cash and coupon tenders of a basket",
    &[Holder::Register, Holder::Person],
);
/// Close baskets of other registers.
static ANY_BASKET: Permission =
    Permission::new("baskets.any", "Abandon the basket of any register, and void its tenders", &[Holder::Person]);

/// The declaration of this capability.
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
