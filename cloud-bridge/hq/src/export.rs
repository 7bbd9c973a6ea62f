//! Every sale that is applied, as a line of JSON in a file: for a person's tools, and for whoever compares books.
//!
//! A batch is written before it is applied, and applied before it is acknowledged. So the file has every sale that a
//! hub was told HQ has.
//!
//! | what fails | what happens |
//! | --- | --- |
//! | the file cannot be written | nothing is acknowledged; the hub sends again, and a sale may be in the file twice |
//! | the ledger cannot commit | the same |
//! | the ledger cannot represent its sums with a sale | it is in the file, and in the ledger's quarantine |
//! | this process dies | the last batch may be in the file in part; the file is not flushed to the disk |

use std::{
    fs::File,
    future::Future,
    io::{self, Write},
    path::Path,
    sync::{Arc, Mutex, PoisonError},
};

use contract::{Batch, ChainLink, Epoch, HubId, SaleCompleted, Sequence, Stream};
use serde::Serialize;

use crate::ledger::{Applied, Body, Ledger, LedgerError, MemoryLedger, decide, read};

/// A ledger that writes what it applies into a file as well.
pub struct Exported {
    ledger: MemoryLedger,
    file: Arc<Mutex<File>>,
}

/// A line of the file.
#[derive(Serialize)]
struct Row<'a> {
    hub: &'a HubId,
    epoch: Epoch,
    sequence: Sequence,
    sale: &'a SaleCompleted,
}

impl Exported {
    /// Puts a new file before a ledger that is empty too.
    ///
    /// # Errors
    /// The file already exists, or cannot be created.
    pub fn new(ledger: MemoryLedger, path: &Path) -> io::Result<Self> {
        let file = File::options().write(true).create_new(true).open(path)?;
        Ok(Self { ledger, file: Arc::new(Mutex::new(file)) })
    }

    /// Writes what of a batch is new to HQ and can be read; the ledger puts the rest into quarantine, or knows it from
    /// an earlier epoch.
    fn write(&self, cursor: Sequence, batch: &Batch) -> io::Result<()> {
        let mut rows = Vec::new();
        for event in decide(cursor, &batch.events).fresh {
            if let Ok(Body::Sale(sale)) = read(event)
                && !self.ledger.has(&batch.hub, &sale.sale)
            {
                let row = Row { hub: &batch.hub, epoch: batch.epoch, sequence: event.sequence, sale: &sale };
                serde_json::to_writer(&mut rows, &row)?;
                rows.push(b'\n');
            }
        }
        self.file.lock().unwrap_or_else(PoisonError::into_inner).write_all(&rows)
    }
}

impl Ledger for Exported {
    fn cursor(
        &self,
        hub: &HubId,
        epoch: Epoch,
        stream: &Stream,
    ) -> impl Future<Output = Result<Sequence, LedgerError>> + Send {
        self.ledger.cursor(hub, epoch, stream)
    }

    fn link(
        &self,
        hub: &HubId,
        epoch: Epoch,
        stream: &Stream,
        at: Sequence,
    ) -> impl Future<Output = Result<Option<ChainLink>, LedgerError>> + Send {
        self.ledger.link(hub, epoch, stream, at)
    }

    async fn apply(&self, batch: &Batch) -> Result<Applied, LedgerError> {
        let cursor = self.ledger.cursor(&batch.hub, batch.epoch, &batch.stream).await?;
        self.write(cursor, batch).map_err(|error| LedgerError(format!("could not write the export: {error}")))?;
        self.ledger.apply(batch).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::{MemoryLedger, tests::batch};

    #[tokio::test]
    async fn the_file_has_every_applied_sale_once_whatever_is_repeated_or_ahead() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("sales.jsonl");
        let ledger = Exported::new(MemoryLedger::default(), &path).unwrap();
        for span in [2..=3, 1..=3, 2..=4, 1..=4] {
            ledger.apply(&batch(span)).await.unwrap();
        }
        ledger.apply(&Batch { epoch: Epoch(2), ..batch(1..=2) }).await.unwrap();
        let text = std::fs::read_to_string(&path).unwrap();
        let rows: Vec<serde_json::Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        let told: Vec<_> = rows.iter().map(|row| (row["sequence"].as_u64(), row["sale"]["sale"].as_str())).collect();
        assert_eq!(
            told,
            [(Some(1), Some("1-1")), (Some(2), Some("1-2")), (Some(3), Some("1-3")), (Some(4), Some("1-4"))]
        );
        assert!(Exported::new(MemoryLedger::default(), &path).is_err(), "an earlier export is not touched");
    }
}
