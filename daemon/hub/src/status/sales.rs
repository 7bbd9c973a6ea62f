//! Follows the stored sales: counts them for the day's totals and notifies listeners.

use std::sync::Arc;

use app::{Refusal, selling};
use contract::Stream;
use store::StoreError;
use tokio::task::spawn_blocking;

use crate::{followers::Follower, hub::Hub, parts::events::HubEvent};

/// Sales per read.
const PAGE: usize = 500;

/// Counts each stored sale and notifies listeners.
pub(crate) struct FollowSales(pub(crate) Arc<Hub>);

impl Follower for FollowSales {
    fn name(&self) -> String {
        "sales".into()
    }

    async fn sweep(&mut self) -> Result<(), Refusal> {
        let hub = &self.0;
        loop {
            // Only durable sales.
            let last = hub.store.outbox_span(Stream::sales().as_str())?.last;
            let next = hub.today.next();
            if next > last {
                return Ok(());
            }
            // After a restart up to a whole day's sales, so read off the runtime's threads.
            let store = Arc::clone(&hub.store);
            let page = spawn_blocking(move || selling::sales_from(&store, next, PAGE)).await;
            match page.unwrap_or(Err(StoreError::Panicked)) {
                Ok(sales) => {
                    let durable: Vec<_> = sales.into_iter().filter(|sale| sale.id.sequence <= last).collect();
                    // A page that is not full reaches the end, even with gaps.
                    let end = durable.last().filter(|_| durable.len() == PAGE).map_or(last, |sale| sale.id.sequence);
                    hub.today.count(&durable, end);
                    for sale in &durable {
                        hub.tell(HubEvent::sale(sale));
                    }
                }
                Err(error @ StoreError::Corrupt { .. }) => self.one_by_one(next, last, &error)?,
                Err(error) => return Err(error.into()),
            }
        }
    }
}

impl FollowSales {
    /// Counts the readable sales of a page with a damaged one.
    fn one_by_one(&self, next: u64, last: u64, error: &StoreError) -> Result<(), Refusal> {
        tracing::error!(%error, "could not count a sale");
        for sequence in next..=last.min(next + PAGE as u64) {
            let sale = match selling::sale_at(&self.0.store, sequence) {
                Ok(sale) => sale,
                Err(StoreError::Corrupt { .. }) => None,
                Err(error) => return Err(error.into()),
            };
            self.0.today.count(&sale, sequence);
            if let Some(sale) = sale {
                self.0.tell(HubEvent::sale(&sale));
            }
        }
        Ok(())
    }
}
