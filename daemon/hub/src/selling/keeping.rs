//! What becomes of baskets and sales with the years.
//!
//! - A basket that became a sale or was given up is forgotten with the answers to its commands.
//! - A sale stays in the engine until [`LIVE`] newer ones are there and HQ has it; then it moves to the archive, with its card payments, and is
//!   read through it as before, also by a printer that was away.
//! - Sales that HQ has and that are older than the config's `keep_sales_days` are given up, [`store::archive::SEGMENT`] at a time.

use std::sync::Arc;

use commerce::{BasketState, Sale, Tender};
use contract::Stream;
use serde::Serialize;
use store::{Store, StoreError, idempotency::REMEMBERED};

use super::{BASKETS, SALES};
use crate::{hub::Hub, payments};

/// The newest sales that stay in the engine: some weeks of a busy store.
pub(crate) const LIVE: u64 = 20_000;

pub(crate) const DAY_MS: i64 = 24 * 3600 * 1000;

/// What was tidied up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Tidied {
    /// Baskets forgotten.
    pub baskets: u64,
    /// Sales moved to the archive.
    pub archived: u64,
    /// Sales given up.
    pub given_up: u64,
}

/// Tidies baskets and sales up, while others sell.
///
/// # Errors
/// The store fails; what was done is done.
pub async fn tidy(hub: &Arc<Hub>, now_ms: i64) -> Result<Tidied, StoreError> {
    let remembered = i64::try_from(REMEMBERED.as_millis()).unwrap_or(i64::MAX);
    let is_over = move |basket: &commerce::Basket| {
        basket.state != BasketState::Open && basket.opened_at_ms < now_ms.saturating_sub(remembered)
    };
    let baskets = hub.store.forget(&BASKETS, is_over).await?;
    let span = hub.store.outbox_span(Stream::sales().as_str())?;
    // A store without HQ keeps everything, and archives all the same.
    let has_hq = hub.config.headquarters.is_some();
    let known_at_hq = if has_hq { span.acknowledged } else { span.last };
    let up_to = span.last.saturating_sub(LIVE).min(known_at_hq);
    // What can't be archived keeps nothing older from being given up.
    let archived = archive(&hub.store, up_to).await;
    let too_old = now_ms.saturating_sub(i64::from(hub.config.store.keep_sales_days).saturating_mul(DAY_MS));
    let may_go = |sale: &Sale| has_hq && sale.sequence <= known_at_hq && sale.sold_at_ms < too_old;
    let given_up = hub.store.give_up(&SALES, may_go).await;
    Ok(Tidied { baskets, archived: archived?, given_up: given_up? })
}

/// Moves sales up to a place in the stream to the archive, with their card payments; gives how many.
pub(crate) async fn archive(store: &Arc<Store>, up_to: u64) -> Result<u64, StoreError> {
    store.archive(&SALES, up_to, card_payments).await
}

fn card_payments(sale: &Sale) -> Vec<store::archive::EntryKey> {
    let cards = sale.tenders.iter().filter_map(|tender| match tender {
        Tender::Card { slip, .. } => Some(payments::entry(&slip.payment)),
        Tender::Cash { .. } | Tender::ManufacturerCoupon { .. } => None,
    });
    cards.collect()
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use commerce::{ReceiptNumber, Sale};
    use store::archive::SEGMENT;

    use super::*;
    use crate::{config::Config, hub::now_ms, run, selling};

    const SALES_SOLD: u64 = LIVE + SEGMENT + 7;

    fn open(directory: &Path, headquarters: &str) -> Arc<Hub> {
        let text = format!(
            "[store]\nhub = \"store-1\"\nname = \"Store 1\"\ncurrency = \"USD\"\ntime_zone = \"UTC\"\nengine = \"sqlite\"\ndata = \"{}\"\n\
             [listen]\naddress = \"127.0.0.1:1\"\ncertificate = \"/none\"\nkey = \"/none\"\n{headquarters}",
            directory.join("data").display()
        );
        let path = directory.join("hub.toml");
        std::fs::write(&path, text).unwrap();
        run::open(Config::read(&path).unwrap()).unwrap()
    }

    /// Sales of one register, a minute apart, the last one now; the first was paid by card `p10`.
    async fn sell(hub: &Hub) {
        let stored: Sale = serde_json::from_str(include_str!("fixtures/sale-2.json")).unwrap();
        let (epoch, now) = (hub.store.epoch(), now_ms());
        for first in (1..=SALES_SOLD).step_by(1_000) {
            let stored = stored.clone();
            let write = hub.store.commit(move |transaction| {
                for number in first..=SALES_SOLD.min(first + 999) {
                    let sold_at_ms = now - i64::try_from(SALES_SOLD - number).unwrap_or(0) * 60_000;
                    let (id, receipt) = (format!("{epoch}-{number}"), ReceiptNumber(number));
                    let sale = Sale { id, sequence: number, receipt, fiscal_year: 2026, sold_at_ms, ..stored.clone() };
                    transaction.append_to_outbox("sales", "sale.completed", sold_at_ms, &sale.id)?;
                    transaction.put(&SALES, number, &sale)?;
                }
                let receipts = selling::Receipts { fiscal_year: 2026, last: SALES_SOLD };
                transaction.put(&selling::RECEIPTS, "till-1", &receipts)
            });
            write.await.unwrap();
        }
    }

    fn is_whole(hub: &Hub, first: u64) {
        for depth in [store::Depth::Fast, store::Depth::Whole] {
            assert_eq!(crate::maintenance::check(&hub.store, depth).unwrap().faults, [""; 0]);
        }
        for number in [first, SEGMENT + 1, SALES_SOLD] {
            let id = format!("{}-{number}", hub.store.epoch());
            assert_eq!(selling::find_sale(&hub.store, &id).unwrap().sequence, number);
        }
        let last = selling::last_sales(&hub.store, Some(first + 2), 9).unwrap();
        let seen: Vec<_> = last.iter().map(|sale| sale.sequence).collect();
        assert_eq!(seen, [first + 1, first]);
    }

    #[tokio::test]
    async fn sales_move_to_the_archive_once_hq_has_them_and_go_only_after_their_time() {
        let directory = tempfile::tempdir().unwrap();
        // A broker that is not there: HQ's word comes from this test.
        let hub = open(directory.path(), "[headquarters]\nbroker = \"mqtt://127.0.0.1:1\"\n");
        sell(&hub).await;
        let now = now_ms();
        assert_eq!(tidy(&hub, now).await.unwrap().archived, 0, "HQ has nothing yet");
        hub.store.acknowledge_outbox("sales", SEGMENT + 3).await.unwrap();
        assert_eq!(tidy(&hub, now).await.unwrap(), Tidied { baskets: 0, archived: SEGMENT, given_up: 0 });
        is_whole(&hub, 1);
        let ten_years = 3_653 * DAY_MS;
        // The last sale of the segment was made so long before the last of all.
        let age = i64::try_from(SALES_SOLD - SEGMENT).unwrap() * 60_000;
        assert_eq!(tidy(&hub, now + ten_years - age - 60_000).await.unwrap().given_up, 0);
        assert_eq!(tidy(&hub, now + ten_years - age + 60_000).await.unwrap().given_up, SEGMENT);
        is_whole(&hub, SEGMENT + 1);
        assert!(selling::find_sale(&hub.store, &format!("{}-1", hub.store.epoch())).is_err());
    }

    #[tokio::test]
    async fn a_store_without_hq_archives_and_keeps_all() {
        let again = tempfile::tempdir().unwrap();
        let hub = open(again.path(), "");
        sell(&hub).await;
        let far = now_ms() + 20_000 * DAY_MS;
        assert_eq!(tidy(&hub, far).await.unwrap(), Tidied { baskets: 0, archived: SEGMENT, given_up: 0 });
        is_whole(&hub, 1);
    }

    #[tokio::test]
    async fn an_archived_sale_keeps_what_its_terminal_wanted_on_the_receipt() {
        let directory = tempfile::tempdir().unwrap();
        let hub = open(directory.path(), "");
        sell(&hub).await;
        payments::tests::store_slip(&hub.store, "p10", &["Approved"]).await;
        let sale = selling::sale_at(&hub.store, 1).unwrap().unwrap();
        let before = selling::receipt::text(&hub, &sale).unwrap();
        assert!(before.join("\n").contains("Approved"));
        assert_eq!(tidy(&hub, now_ms()).await.unwrap().archived, SEGMENT);
        assert_eq!(selling::receipt::text(&hub, &sale).unwrap(), before);
    }
}
