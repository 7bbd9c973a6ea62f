//! The routes of the stock.

mod counts;
mod documents;
mod positions;

use tokio::sync::Semaphore;

use crate::web::{Problem, Routes, reading, turn_of};

/// One long walk over movements at a time, so that the disk stays free for the tills.
static LONG_WALKS: Semaphore = Semaphore::const_new(1);
/// One walk over all baskets at a time.
static BASKET_WALKS: Semaphore = Semaphore::const_new(1);

/// The routes of this capability, in the order of the document.
pub(crate) fn routes() -> Routes {
    let routes = Routes::new(
        "stock",
        "Positions, reservations, receiving, transfers, counts, reordering",
        &["stock", "catalog", "selling"],
    );
    counts::routes(documents::routes(positions::routes(routes)))
}

/// Reads while holding a permit. The read itself holds the permit, so that a client that disconnects can't start a
/// second read beside it.
async fn reading_alone<T: Send + 'static>(
    permit: &'static Semaphore,
    read: impl FnOnce() -> Result<T, app::Refusal> + Send + 'static,
) -> Result<T, Problem> {
    let held = turn_of(permit).await?;
    reading(move || {
        let _held = held;
        read()
    })
    .await
}
