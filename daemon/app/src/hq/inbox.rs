//! What HQ wants of the store: each batch is applied in one commit with the cursor, by the use cases that a person's commands call.
//!
//! - **Once, in order.** What the cursor has is skipped; what leaves a gap is not applied, and HQ sends again from the cursor.
//! - **One item blocks nothing.** An item that can't be applied, or of a kind that this hub does not know, is refused with a reason, which HQ hears with
//!   the acknowledgement and keeps for a person.
//!
//! | what fails | what happens |
//! | --- | --- |
//! | power before the flush | neither the effects nor the cursor are there; HQ sends the batch again |
//! | power after the flush, before HQ hears of it | HQ sends the batch again; the cursor skips it |

use commerce::Station;
use contract::{DownBatch, DownItem, Received, Refusal, Stream};
use store::{Name, Store, StoreError, Table, Transaction};

use crate::{By, CAPABILITIES, IncomingItem};

/// How far each stream is.
static RECEIVED: Table<Name, Received> = Table::new("inbox_cursor");

/// The name of the table, for the capability.
pub(super) const TABLE: &str = "inbox_cursor";

/// The kinds of items that this hub takes.
fn kinds() -> impl Iterator<Item = &'static IncomingItem> {
    CAPABILITIES.iter().flat_map(|capability| capability.incoming)
}

/// How far a stream is.
///
/// # Errors
/// The store fails.
pub fn received(store: &Store, stream: &Stream) -> Result<Received, StoreError> {
    Ok(store.get(&RECEIVED, stream.as_str())?.unwrap_or_default())
}

/// Takes what is due of a batch, and gives how far its stream is then.
///
/// # Errors
/// The store fails; then nothing has changed.
pub fn receive(transaction: &mut Transaction<'_>, at_ms: i64, batch: &DownBatch) -> Result<Received, StoreError> {
    let before = transaction.get(&RECEIVED, batch.stream.as_str())?.unwrap_or_default();
    let due: Vec<&DownItem> = before.due(batch).iter().collect();
    if due.is_empty() {
        return Ok(before);
    }
    let by = By { actor: Station::Headquarters.into(), at_ms };
    let mut refused = Vec::new();
    // Neighbours of one kind go together: a catalog is not rebuilt for each item.
    for run in due.chunk_by(|one, next| one.kind == next.kind) {
        let outcomes = match kinds().find(|kind| kind.kind == run[0].kind) {
            Some(kind) => (kind.apply)(transaction, &by, run)?,
            None => {
                let why = format!("unknown kind `{}`; update the hub", run[0].kind.escape_debug());
                run.iter().map(|_| Some(why.clone())).collect()
            }
        };
        let whys = run.iter().zip(outcomes).filter_map(|(item, why)| Some((item.sequence, why?)));
        refused.extend(whys.map(|(sequence, why)| Refusal::new(sequence, &why)));
    }
    let after = before.after(batch, refused);
    transaction.put(&RECEIVED, batch.stream.as_str(), &after)?;
    Ok(after)
}
