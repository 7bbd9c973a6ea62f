//! The index of open documents, because a commit can't walk a table.

use serde::{Deserialize, Serialize};
use store::{Name, NameNumber, Store, StoreError, Table, Transaction};
use utoipa::ToSchema;

use super::refusals::{COUNT_UNKNOWN, NOTICE_UNKNOWN, RESERVATION_UNKNOWN, TOO_MANY_OPEN, TRANSFER_UNKNOWN};
use crate::{Refusal, refusal::Kind};

/// The maximum number of open documents of a kind.
pub const MAX_OPEN: u64 = 2_000;

/// The open documents, by kind and number.
pub(crate) static OPEN: Table<NameNumber, OpenDocument> = Table::new("stock_open");
/// The number of open documents of each kind.
pub(crate) static TOTALS: Table<Name, u64> = Table::new("stock_open_count");

/// An open document.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct OpenDocument {
    /// The kind.
    pub(crate) document: String,
    /// The number.
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
    /// All kinds.
    pub(crate) const ALL: [Self; 4] = [Self::Reservation, Self::Notice, Self::Transfer, Self::Count];

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Reservation => "reservation",
            Self::Notice => "notice",
            Self::Transfer => "transfer",
            Self::Count => "count",
        }
    }

    /// Assigns a number to a new document and adds it to the index.
    pub(crate) fn open(self, transaction: &mut Transaction<'_>) -> Result<u64, Refusal> {
        // Before anything is written: a refused item of HQ must change nothing.
        self.open_count(transaction)?;
        let id = transaction.next_number(self.name())?;
        self.reopen(transaction, id)?;
        Ok(id)
    }

    /// The number of open documents, if another may be opened.
    fn open_count(self, transaction: &Transaction<'_>) -> Result<u64, Refusal> {
        let open = transaction.get(&TOTALS, self.name())?.unwrap_or(0);
        if open >= MAX_OPEN {
            let detail = format!("{open} {}s are open, which is the maximum; close some first", self.name());
            return Err(TOO_MANY_OPEN.because(detail));
        }
        Ok(open)
    }

    /// Adds a document to the index, or adds it again after it was closed.
    pub(crate) fn reopen(self, transaction: &mut Transaction<'_>, id: u64) -> Result<(), Refusal> {
        let open = self.open_count(transaction)?;
        transaction.put(&TOTALS, self.name(), &(open + 1))?;
        Ok(transaction.put(&OPEN, (self.name(), id), &OpenDocument { document: self.name().to_owned(), id })?)
    }

    /// Removes a document from the index. The check reports damage to the index, which must not make a sale fail here.
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

    /// The numbers of the open documents, oldest first. A damaged entry is skipped and logged.
    pub(crate) fn all_open(self, store: &Store) -> Result<Vec<u64>, StoreError> {
        let mut open = Vec::new();
        store.each(&OPEN, |entry| match entry {
            Ok(entry) if entry.document == self.name() => open.push(entry.id),
            Ok(_) => {}
            Err(error) => tracing::error!(%error, "could not read an entry of the index of open documents"),
        })?;
        Ok(open)
    }

    /// The refusal for an unknown document.
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

/// The result of opening a document.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct DocumentOpened {
    /// The number.
    pub id: u64,
}
