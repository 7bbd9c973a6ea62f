//! What becomes of the ledger with the years: old movements move to the archive and are read through it; what the hub held for baskets that have ended
//! is forgotten, and an epoch's opening with its entries in the outbox.

use std::sync::Arc;

use store::{Store, StoreError, idempotency::REMEMBERED};

use super::{MOVEMENT, MOVEMENTS, opening, reservations::RESERVATIONS};
use crate::selling;

/// The newest movements that stay in the engine: longer than anybody counts or plans, so that a commit finds what it needs.
const LIVE: u64 = 20_000;

/// Tidies the ledger up, while others sell. Gives the movements archived, and the holds and parts of openings forgotten.
///
/// # Errors
/// The store fails; what was done is done.
pub(crate) async fn tidy(store: &Arc<Store>, now_ms: i64) -> Result<(u64, u64), StoreError> {
    let before = now_ms.saturating_sub(i64::try_from(REMEMBERED.as_millis()).unwrap_or(i64::MAX));
    let is_over = move |held: &commerce::stock::Reservation| held.hold && !held.holds() && held.reserved_at_ms < before;
    // Each whatever becomes of the others.
    let holds = store.forget(&RESERVATIONS, is_over).await;
    let parts = opening::forget(store).await;
    Ok((archive(store).await?, holds? + parts?))
}

/// Moves movements that are old to the archive; gives how many.
async fn archive(store: &Arc<Store>) -> Result<u64, StoreError> {
    let up_to = selling::given(store, MOVEMENT)?.saturating_sub(LIVE);
    store.archive(&MOVEMENTS, up_to, |_| Vec::new()).await
}
