//! The retention of baskets and sales.
//!
//! - A basket that was completed or abandoned is deleted when the answers to its commands are.
//! - A sale stays in the engine until there are [`LIVE`] newer ones and HQ has it. Then it moves to the archive,
//!   together with its card payments, and remains readable, also for a printer that was offline.
//! - Sales that HQ has and that are older than `keep_sales_days` in the config are deleted, [`store::archive::SEGMENT`]
//!   at a time.
//!
//! A store without HQ deletes no sales, but archives them.

use commerce::{Basket, BasketState, Sale, Tender};
use contract::Stream;
use store::{Store, StoreError, archive::EntryKey, idempotency::REMEMBERED};

use crate::{
    Retention, Tidied, payments,
    selling::{BASKETS, SALES},
};

/// The number of sales that stay in the engine: some weeks of a busy store.
pub(super) const LIVE: u64 = 20_000;

/// Tidies up baskets and sales while others sell.
pub(super) fn tidy(store: &Store, retention: &Retention) -> Result<Tidied, StoreError> {
    let now_ms = retention.now_ms;
    let remembered = i64::try_from(REMEMBERED.as_millis()).unwrap_or(i64::MAX);
    let is_over = move |basket: &Basket| {
        basket.state != BasketState::Open && basket.opened_at_ms < now_ms.saturating_sub(remembered)
    };
    let baskets = store.forget(&BASKETS, is_over)?;
    let span = store.outbox_span(Stream::sales().as_str())?;
    let has_headquarters = retention.has_headquarters;
    let known_at_hq = if has_headquarters { span.acknowledged } else { span.last };
    let up_to = span.last.saturating_sub(LIVE).min(known_at_hq);
    // A failure to archive does not keep older sales from being deleted.
    let archived = archive(store, up_to);
    let keep_from_ms = retention.keep_from_ms();
    let may_go = |sale: &Sale| has_headquarters && sale.id.sequence <= known_at_hq && sale.sold_at_ms < keep_from_ms;
    let given_up = store.give_up(&SALES, may_go);
    Ok(vec![("baskets", baskets), ("sales_archived", archived?), ("sales_given_up", given_up?)])
}

/// Archives sales up to a sequence number, with their card payments; returns how many.
pub(crate) fn archive(store: &Store, up_to: u64) -> Result<u64, StoreError> {
    store.archive(&SALES, up_to, card_payments)
}

fn card_payments(sale: &Sale) -> Vec<EntryKey> {
    // Those of a void belong to the voided sale.
    if sale.voids.is_some() {
        return Vec::new();
    }
    let cards = sale.tenders.iter().filter_map(|tender| match tender {
        Tender::Card { slip, .. } => Some(payments::entry(slip.payment)),
        Tender::Cash { .. } | Tender::ManufacturerCoupon { .. } | Tender::Prepaid { .. } | Tender::GiftCard { .. } => {
            None
        }
    });
    cards.collect()
}
