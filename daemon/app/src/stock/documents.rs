//! Which documents are open: an index, because a commit can't walk a table.

use serde::{Deserialize, Serialize};
use store::{Name, NameNumber, Store, StoreError, Table, Transaction};
use utoipa::ToSchema;

use super::refusals::{COUNT_UNKNOWN, NOTICE_UNKNOWN, RESERVATION_UNKNOWN, TOO_MANY_OPEN, TRANSFER_UNKNOWN};
use crate::{Refusal, refusal::Kind};

/// The most documents of a kind that are open at once.
pub const MAX_OPEN: u64 = 2_000;

/// The documents that are open, by kind and number.
pub(crate) static OPEN: Table<NameNumber, OpenDocument> = Table::new("stock_open");
/// How many of each kind.
pub(crate) static TOTALS: Table<Name, u64> = Table::new("stock_open_count");

/// A document that is open.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct OpenDocument {
    /// Its kind.
    pub(crate) document: String,
    /// Its number.
    pub(crate) id: u64,
}

/// The kinds of documents.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Document {
    Reservation,
    Notice,
    Transfer,
    Count,
}

impl Document {
    /// All of them.
    pub(crate) const ALL: [Self; 4] = [Self::Reservation, Self::Notice, Self::Transfer, Self::Count];

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Reservation => "reservation",
            Self::Notice => "notice",
            Self::Transfer => "transfer",
            Self::Count => "count",
        }
    }

    /// Gives a new document its number, and notes that it is open.
    pub(crate) fn open(self, transaction: &mut Transaction<'_>) -> Result<u64, Refusal> {
        let id = transaction.next_number(self.name())?;
        self.reopen(transaction, id)?;
        Ok(id)
    }

    /// Notes that a document is open; again, if it was closed.
    pub(crate) fn reopen(self, transaction: &mut Transaction<'_>, id: u64) -> Result<(), Refusal> {
        let open = transaction.get(&TOTALS, self.name())?.unwrap_or(0);
        if open >= MAX_OPEN {
            let detail = format!("{open} {}s are open, the most there may be; close some first", self.name());
            return Err(TOO_MANY_OPEN.because(detail));
        }
        transaction.put(&TOTALS, self.name(), &(open + 1))?;
        Ok(transaction.put(&OPEN, (self.name(), id), &OpenDocument { document: self.name().to_owned(), id })?)
    }

    /// Notes that a document is closed. The check reports damage to the index; here a sale may depend on it.
    pub(crate) fn close(self, transaction: &mut Transaction<'_>, id: u64) -> Result<(), StoreError> {
        let is_listed = match transaction.get(&OPEN, (self.name(), id)) {
            Err(StoreError::Corrupt { .. }) => true,
            found => found?.is_some(),
        };
        if is_listed {
            transaction.delete(&OPEN, (self.name(), id));
            match transaction.get(&TOTALS, self.name()) {
                Err(StoreError::Corrupt { .. }) => {}
                open => transaction.put(&TOTALS, self.name(), &open?.unwrap_or(0).saturating_sub(1))?,
            }
        }
        Ok(())
    }

    /// The numbers of those that are open, oldest first. An entry that can't be read is left out, and logged.
    pub(crate) fn all_open(self, store: &Store) -> Result<Vec<u64>, StoreError> {
        let mut open = Vec::new();
        store.each(&OPEN, |entry| match entry {
            Ok(entry) if entry.document == self.name() => open.push(entry.id),
            Ok(_) => {}
            Err(error) => tracing::error!(%error, "could not read which document is open"),
        })?;
        Ok(open)
    }

    /// The refusal for a document that does not exist.
    pub(crate) fn unknown(self, id: u64) -> Refusal {
        let kind: &'static Kind = match self {
            Self::Reservation => &RESERVATION_UNKNOWN,
            Self::Notice => &NOTICE_UNKNOWN,
            Self::Transfer => &TRANSFER_UNKNOWN,
            Self::Count => &COUNT_UNKNOWN,
        };
        kind.because(format!("unknown {} {id}", self.name()))
    }
}

/// A document that was opened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct DocumentOpened {
    /// Its number.
    pub id: u64,
}
