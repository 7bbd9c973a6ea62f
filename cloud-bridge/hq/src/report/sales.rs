//! All sales, each once.

use contract::{Epoch, HubId, SaleCompleted, Sequence};
use serde::Serialize;

use crate::{
    Ledger,
    database::{DatabaseError, Row, Value, statement::statements, values},
    report::pages::Pages,
};

statements! {
    /// Sales with the bodies of their events after one, by hub and id.
    PAGE = "sale/page";
    /// The bodies of a hub's sales with a reference.
    BY_REFERENCE = "sale/by_reference";
}

/// The number of sales read at once.
const AT_ONCE: i64 = 500;

/// A sale and its event.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SaleRow {
    /// The hub.
    pub hub: HubId,
    /// The epoch of the hub's store.
    pub epoch: Epoch,
    /// The event's sequence.
    pub sequence: Sequence,
    /// The sale.
    pub sale: SaleCompleted,
}

impl Ledger {
    /// Passes on all sales, by hub and id.
    ///
    /// # Errors
    /// The database or `take` failed.
    pub async fn sales<E: From<DatabaseError>>(&self, mut take: impl FnMut(SaleRow) -> Result<(), E>) -> Result<(), E> {
        let mut snapshot = self.database().snapshot().await?;
        let pages = Pages::after(values!["", ""], &PAGE, AT_ONCE);
        pages.each(&mut snapshot, |row| take(sale_row(row)?)).await?;
        Ok(snapshot.commit().await?)
    }

    /// All sales of a hub with a reference; more than one are duplicates.
    ///
    /// # Errors
    /// The database fails.
    pub async fn by_reference(&self, hub: &HubId, reference: &str) -> Result<Vec<SaleCompleted>, DatabaseError> {
        let rows = self.database().read(&BY_REFERENCE, values![hub.as_str(), reference]).await?;
        rows.into_iter().map(|row| body(&row.read::<(String,)>()?.0)).collect()
    }
}

fn sale_row(row: Row) -> Result<SaleRow, DatabaseError> {
    let (hub, _, epoch, sequence, text): (String, Value, u64, u64, String) = row.read()?;
    let bad = |found| DatabaseError::Column { column: 0, expected: "a hub", found };
    Ok(SaleRow {
        hub: hub.parse().map_err(bad)?,
        epoch: Epoch(epoch),
        sequence: Sequence(sequence),
        sale: body(&text)?,
    })
}

fn body(text: &str) -> Result<SaleCompleted, DatabaseError> {
    let bad =
        |error: serde_json::Error| DatabaseError::Column { column: 0, expected: "a sale", found: error.to_string() };
    serde_json::from_str(text).map_err(bad)
}
