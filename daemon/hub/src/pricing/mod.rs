//! Prices: the routes, the follower of the price book, and the command `store-hub price`.

mod command;
mod overrides;
mod routes;
mod shelf;

use std::sync::Arc;

use app::{Refusal, pricing};
pub use command::{Arguments, run};
pub(crate) use routes::routes;

use crate::{followers::Follower, hub::Hub};

/// Replaces the price book in memory after another one became active.
pub(crate) struct FollowPrices(pub(crate) Arc<Hub>);

impl Follower for FollowPrices {
    fn name(&self) -> String {
        "prices".into()
    }

    async fn sweep(&mut self) -> Result<(), Refusal> {
        if pricing::generation(&self.0.store)? == self.0.prices.generation() {
            return Ok(());
        }
        let hub = Arc::clone(&self.0);
        // Building a large book takes a while.
        let followed = tokio::task::spawn_blocking(move || {
            hub.prices.follow(&hub.store, &mut |fault| tracing::error!(fault, "the price book is damaged"))
        });
        followed.await.map_err(|_| store::StoreError::Panicked)??;
        if let Some(book) = self.0.prices.book() {
            tracing::info!(version = book.version(), items = book.len(), "price book active");
        }
        Ok(())
    }
}
