//! Selling: baskets, and the sales that they become.
//!
//! # What this capability promises
//!
//! - A sale is one atomic batch: the sale, the end of its basket, its receipt number, its stock movement, its entry in
//!   HQ's outbox, its print job. At no moment does one of them exist without the others, so receipt numbers have no
//!   gaps and HQ misses nothing.
//! - Followers do the rest (printing, screens, totals, HQ), driven by stored records.
//! - A handover of an order is a sale as any other, and the order is handed over in the same batch.
//! - Goods that come back are lines with opposite amounts, in a sale of their own or of an exchange.
//! - A completed sale can be voided on its business day, by a sale with the opposite amounts.
//! - A basket belongs to its register until another one recalls it after it was parked ([`parking`]), and every
//!   basket can be closed: cash and coupons can be given back, and an unpaid basket can be abandoned, also by a
//!   person at the console if the register is broken. The audit trail records that.
//!
//! | failure | effect |
//! | --- | --- |
//! | power, before the answer | the register repeats the command, which returns its first answer or is executed now |
//! | power, after the answer | everything is stored; the receipt is printed after the restart |
//! | the register breaks down | a person voids the tenders of its basket and abandons it; cards are reversed |
//! | the printer fails | the job waits on disk; the sale is not affected |
//! | the WAN is down | the event waits in the outbox |

mod basket;
mod check;
mod finding;
mod handover;
mod open_baskets;
mod parking;
mod receipts;
mod records;
mod refusals;
mod request;
mod returning;
mod sale;
mod void;
mod wire;

pub use basket::{
    BasketStatus, Opened, add_gift_card, add_line, discount_line, identify, open, set_customer, status, tender,
    void_line, void_tender,
};
pub(crate) use basket::{abandon, allow_discounts, card_tender, new_basket_id};
pub use finding::find;
pub use handover::{HandedOver, hand_over};
pub use open_baskets::{MaybeOpen, in_open_baskets, maybe_open};
pub use parking::{ParkRequest, ParkedBasket, park, parked, recall};
pub(crate) use receipts::require_numbers;
pub use receipts::{NUMBERS_AWAITED, NumberSource, begin_numbering, continue_numbers, number_apart, number_source};
pub(crate) use records::{BASKETS, OPEN_BASKETS, SALES, basket_of_payment, kept_with_sale, put_basket};
pub use records::{
    basket, each_open_basket, find_sale, given_up_to, last_readable_sales, last_sales, sale_at, sales_from,
};
pub use refusals::{
    BASKET_UNKNOWN, CODE_INVALID, ITEM_EXPIRED, PAST_BEST_BEFORE, SALE_NOT_VOIDABLE, SALE_UNKNOWN, WEIGHING_UNKNOWN,
};
pub use request::{FoundLine, Keyed, LineRequest, OpenBasket, RawCode, SaleRequest, TenderRequest};
pub use returning::{Returnable, ReturnableLine, by_code, by_receipt, returnable, take_back, take_back_blind};
pub use sale::{SaleContext, SaleDone, WholeSale, complete, complete_basket, sell};
pub(crate) use void::void;
pub use wire::sale_of;
#[cfg(test)]
pub(crate) use wire::told;

use crate::{
    Capability, OutgoingEvent, Retention, Tidied,
    audit::Act as _,
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
    Permission::new("baskets.abandon", "Abandon a basket", &[Holder::Register, Holder::Person]);
/// Void tenders.
pub static VOID_TENDER: Permission =
    Permission::new("baskets.void_tender", "Void the tenders of a basket", &[Holder::Register, Holder::Person]);
/// Void sales.
pub static VOID_SALE: Permission =
    Permission::new("sales.void", "Void a completed sale of the day", &[Holder::Register, Holder::Person]);
/// Close baskets of other registers.
static ANY_BASKET: Permission = Permission::new(
    "baskets.any",
    "Abandon the basket of any register, and void its tenders and sales",
    &[Holder::Person],
);

/// The declaration of this capability.
pub(crate) static CAPABILITY: Capability = Capability {
    tables: &["basket", "open_basket", "parked_basket", "receipt_number", "receipt_numbering", "sale_void", "sale_key"],
    linked: &["sale"],
    refusals: refusals::KINDS,
    permissions: &[&READ, &SELL, &ABANDON, &VOID_TENDER, &VOID_SALE, &ANY_BASKET],
    acts: &[basket::BasketAbandoned::KIND, basket::TenderVoided::KIND, void::SaleVoided::KIND],
    events: &[OutgoingEvent { kind: contract::sale::COMPLETED.name(), body: wire::body }],
    check: Some(check::check),
    tidy: Some(tidy),
    ..Capability::new("selling")
};

/// Forgets the index and the voids of sales that are deleted.
fn tidy(store: &store::Store, retention: &Retention) -> Result<Tidied, store::StoreError> {
    let mut tidied = finding::tidy(store, retention)?;
    tidied.extend(void::tidy(store, retention)?);
    Ok(tidied)
}
