//! What the clock does: claims and uncollected orders expire, deadlines pass, and orders that HQ does not answer are
//! given up. The index of due times is read outside of the committer; each entry is decided again inside.

use commerce::order::{Command, Facts, decide};
use serde::{Deserialize, Serialize};
use store::{Order, Store, StoreError, Transaction};

use super::{
    placed,
    records::{ALL, DUE, ORDERS, Part, advance, put},
};
use crate::{By, Refusal, lists, stock};

/// Something that is due.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Due {
    /// When: milliseconds since 1970, UTC.
    pub at_ms: i64,
    /// The part; part 0 is an order that was placed for another store.
    pub part: Part,
}

/// What is due next, the earliest first.
///
/// # Errors
/// The store fails.
pub fn due(store: &Store, limit: usize) -> Result<Vec<Due>, StoreError> {
    lists::readable_page(store, &DUE, None, Order::Ascending, limit)
}

/// Does what is due at the time of `by`.
///
/// # Errors
/// The store fails.
pub fn tick(transaction: &mut Transaction<'_>, by: &By, due: &[Due]) -> Result<(), Refusal> {
    let home = stock::home(transaction)?;
    for Due { at_ms, part } in due.iter().filter(|due| due.at_ms <= by.at_ms) {
        if part.part == 0 {
            placed::give_up_unanswered(transaction, by, &part.order)?;
            transaction.delete(&DUE, (ALL, &part.at(*at_ms)));
            continue;
        }
        let found = match transaction.get(&ORDERS, part.key()) {
            Err(error @ StoreError::Corrupt { .. }) => {
                tracing::error!(%error, "order is damaged; its clocks have stopped");
                None
            }
            found => found?,
        };
        let before = found.filter(|kept| kept.due_ms == Some(*at_ms) && kept.basket.is_none());
        let Some(before) = before else {
            // The index is wrong, or the part has moved on.
            transaction.delete(&DUE, (ALL, &part.at(*at_ms)));
            continue;
        };
        let facts = Facts { now_ms: by.at_ms, policy: &home.orders };
        let changes = decide(&before.fulfilment, Command::Tick, facts)?;
        if changes.is_empty() {
            // The policy has changed since: a later time holds now.
            put(transaction, &home.orders, Some(&before), before.clone())?;
        } else {
            advance(transaction, by, &home, Some(&before), before.clone(), changes, None)?;
        }
    }
    Ok(())
}
