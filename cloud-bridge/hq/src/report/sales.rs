//! Every sale, once, as its hub told it first.

use contract::{Epoch, HubId, SaleCompleted, Sequence};
use serde::Serialize;

use crate::{
    Ledger,
    database::{DatabaseError, Row, Value, statement::statements, values},
    report::pages::Pages,
};

statements! {
    /// Sales with the bodies of their events, after one: by hub and id.
    PAGE = "sale/page";
    /// The bodies of a hub's sales with a reference.
    BY_REFERENCE = "sale/by_reference";
}

/// Sales that are read at once.
const AT_ONCE: i64 = 500;

/// A sale, and the event that told it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SaleRow {
    /// Whose.
    pub hub: HubId,
    /// In which life of its store.
    pub epoch: Epoch,
    /// Which event.
    pub sequence: Sequence,
    /// The sale.
    pub sale: SaleCompleted,
}

impl Ledger {
    /// Gives every sale, by hub and id.
    ///
    /// # Errors
    /// The database fails, or what takes them does.
    pub async fn sales<E: From<DatabaseError>>(&self, mut take: impl FnMut(SaleRow) -> Result<(), E>) -> Result<(), E> {
        let mut snapshot = self.database().snapshot().await?;
        let pages = Pages::after(values!["", ""], &PAGE, AT_ONCE);
        pages.each(&mut snapshot, |row| take(sale_row(row)?)).await?;
        Ok(snapshot.commit().await?)
    }

    /// All sales of a hub with a reference: more than one is a duplicate.
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
