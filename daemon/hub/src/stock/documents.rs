//! Which documents are open: an index, because a commit can't walk a table.

use serde::{Deserialize, Serialize};
use store::{Name, NameNumber, Order, Store, StoreError, Table, Transaction};
use utoipa::ToSchema;

use crate::problem::Problem;

/// The most documents of a kind that are open at once.
pub const MAX_OPEN: u64 = 2_000;

pub(super) static OPEN: Table<NameNumber, Open> = Table::new("stock_open");
pub(super) static COUNTS: Table<Name, u64> = Table::new("stock_open_count");

/// A document that is open.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Open {
    /// Its kind.
    pub(super) document: String,
    /// Its number.
    pub(super) id: u64,
}

/// The kinds of documents.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Document {
    Reservation,
    Notice,
    Transfer,
    Count,
}

impl Document {
    /// All of them.
    pub(super) const ALL: [Self; 4] = [Self::Reservation, Self::Notice, Self::Transfer, Self::Count];

    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Reservation => "reservation",
            Self::Notice => "notice",
            Self::Transfer => "transfer",
            Self::Count => "count",
        }
    }

    /// Gives a new document its number, and notes that it is open.
    pub(super) fn open(self, transaction: &mut Transaction<'_>) -> Result<u64, Problem> {
        let id = transaction.next_number(self.name())?;
        self.reopen(transaction, id)?;
        Ok(id)
    }

    /// Notes that a document is open; again, if it was closed.
    pub(super) fn reopen(self, transaction: &mut Transaction<'_>, id: u64) -> Result<(), Problem> {
        let open = transaction.get(&COUNTS, self.name())?.unwrap_or(0);
        if open >= MAX_OPEN {
            return Err(Problem::conflict(
                "too-many-open",
                format!("{open} documents of this kind ({}) are open; close some first", self.name()),
            ));
        }
        transaction.put(&COUNTS, self.name(), &(open + 1))?;
        Ok(transaction.put(&OPEN, (self.name(), id), &Open { document: self.name().to_owned(), id })?)
    }

    /// Notes that a document is open no longer. Damage to the index is for the check to tell of: a sale may hang on this.
    pub(super) fn close(self, transaction: &mut Transaction<'_>, id: u64) -> Result<(), StoreError> {
        let is_listed = match transaction.get(&OPEN, (self.name(), id)) {
            Err(StoreError::Corrupt { .. }) => true,
            found => found?.is_some(),
        };
        if is_listed {
            transaction.delete(&OPEN, (self.name(), id));
            match transaction.get(&COUNTS, self.name()) {
                Err(StoreError::Corrupt { .. }) => {}
                open => transaction.put(&COUNTS, self.name(), &open?.unwrap_or(0).saturating_sub(1))?,
            }
        }
        Ok(())
    }

    /// The numbers of those that are open, oldest first.
    pub(super) fn all_open(self, store: &Store) -> Result<Vec<u64>, StoreError> {
        let most = usize::try_from(MAX_OPEN).unwrap_or(usize::MAX);
        let open = store.page(&OPEN, Some((self.name(), 0)), Order::Ascending, most)?;
        Ok(open.into_iter().take_while(|open| open.document == self.name()).map(|open| open.id).collect())
    }

    /// There is no such document.
    pub(super) fn unknown(self, id: u64) -> Problem {
        Problem::not_found(self.name(), format!("there is no {} {id}", self.name()))
    }
}

/// A document that was opened.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub(super) struct DocumentOpened {
    /// Its number.
    pub(super) id: u64,
}

/// A movement that was booked.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub(super) struct Booked {
    /// Its number; none if nothing of it is tracked.
    pub(super) movement: Option<u64>,
}
