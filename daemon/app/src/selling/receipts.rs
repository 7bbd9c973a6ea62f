//! Receipt numbers: from 1 without gaps in each fiscal year of a register, also where the store begins on an empty
//! disk.
//!
//! A new epoch begins on an empty disk, or with a backup, and may lack the last sales of the epoch before it. Their
//! numbers must not be given again. So a store with a connection to HQ asks it for its last numbers before it sells:
//!
//! ```text
//!            HQ answers           every register goes on from the higher of its own number and HQ's
//! Asking  ----------------> Continued
//!    |       no answer in time, or a card payment from before the restore ends
//!    +--------------------> Apart     numbers begin at 1 under a prefix, which is the epoch's alone
//! ```
//!
//! `Continued` and `Apart` are final for the epoch: an answer that comes later changes nothing. While the store asks,
//! nothing is sold ([`NUMBERS_AWAITED`]); baskets can be filled, but not paid.
//!
//! | failure | effect |
//! | --- | --- |
//! | power, while the store asks | the next start asks again, with the whole time |
//! | power, between HQ's answer and the commit | the same; a question changes nothing at HQ |
//! | power, after the commit | the numbers of all registers and the state are in that one commit |
//! | HQ never received the last sales | their numbers are given again: nobody knows them |
//! | the disk refuses the commit | the store goes on asking, and does not sell |
//! | the config has no HQ | the store has nobody to ask, and goes on from its own numbers |

use commerce::{ReceiptPrefix, RegisterName};
use contract::ask::LastReceipt;
use serde::{Deserialize, Serialize};
use store::{Name, Store, StoreError, Table, Transaction};
use utoipa::ToSchema;

use super::records::RECEIPTS;
use crate::{
    Refusal,
    refusal::{Class, Kind},
};

/// The state of the epoch, if there is somebody to ask.
static NUMBERING: Table<Name, Numbering> = Table::new("receipt_numbering");

/// The key of its only record.
const EPOCH: &str = "epoch";

/// The store waits for HQ's answer.
pub static NUMBERS_AWAITED: Kind = Kind::new(
    "receipt-numbers-awaited",
    Class::Unavailable,
    "Receipt numbers awaited",
    "The store began on an empty disk or with a backup, and asks HQ for its last receipt numbers; it sells in a \
     moment.",
);

/// Where an epoch's receipt numbers come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Numbering {
    epoch: u64,
    source: NumberSource,
}

/// Where the receipt numbers come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum NumberSource {
    /// HQ is being asked.
    Asking,
    /// They follow the last ones that HQ has.
    Continued,
    /// They begin at 1, under the epoch's prefix.
    Apart,
}

/// The latest receipt number of a register.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Receipts {
    pub(super) fiscal_year: u16,
    /// The last number assigned in that year.
    pub(super) last: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) prefix: Option<ReceiptPrefix>,
}

impl Receipts {
    /// The next receipt number in a year. A new year starts again at 1; an earlier year has no effect. The caller makes
    /// sure that a wrong clock does not start a year ([`timekeeping`](crate::timekeeping)).
    pub(super) fn next(self, fiscal_year: u16) -> Self {
        let begins = fiscal_year > self.fiscal_year;
        let last = if begins { 1 } else { self.last + 1 };
        Self { fiscal_year: fiscal_year.max(self.fiscal_year), last, ..self }
    }

    /// Whether a receipt may follow this one. Where an epoch begins, HQ may know numbers in between, and the prefix may
    /// change.
    pub(super) fn may_precede(self, receipt: Self, begins_epoch: bool) -> bool {
        let expected = self.next(receipt.fiscal_year);
        if self.prefix != receipt.prefix {
            return begins_epoch;
        }
        let skips = (receipt.fiscal_year, receipt.last) > (expected.fiscal_year, expected.last);
        receipt == expected || begins_epoch && skips
    }
}

/// Where the numbers of the next sale come from; `None` if nobody was there to ask.
///
/// # Errors
/// The store fails.
pub fn number_source(store: &Store) -> Result<Option<NumberSource>, StoreError> {
    Ok(store.get(&NUMBERING, EPOCH)?.map(|numbering| numbering.source))
}

/// Begins asking in an epoch in which nobody has asked. Without somebody to ask the store does not wait either. Blocks.
///
/// # Errors
/// The store fails.
pub fn begin_numbering(store: &Store, can_ask: bool) -> Result<(), StoreError> {
    let epoch = store.epoch();
    let found = store.get(&NUMBERING, EPOCH)?;
    let is_settled = |numbering: Numbering| numbering.epoch == epoch && numbering.source != NumberSource::Asking;
    let wanted = if can_ask { Some(Numbering { epoch, source: NumberSource::Asking }) } else { None };
    if found == wanted || found.is_some_and(is_settled) {
        return Ok(());
    }
    store.commit_blocking(move |transaction| {
        match wanted {
            Some(numbering) => transaction.put(&NUMBERING, EPOCH, &numbering)?,
            None => transaction.delete(&NUMBERING, EPOCH),
        }
        Ok(())
    })
}

/// Goes on from HQ's numbers. Returns false if the source was settled already; then nothing changes.
///
/// # Errors
/// The store fails.
pub fn continue_numbers(transaction: &mut Transaction<'_>, last: &[LastReceipt]) -> Result<bool, StoreError> {
    let Some(asking) = asking(transaction)? else { return Ok(false) };
    for LastReceipt { register, fiscal_year, receipt } in last {
        // HQ keeps what hubs sent: a register's name in it is one.
        let Ok(register) = register.parse::<RegisterName>() else { continue };
        let own = transaction.get(&RECEIPTS, register.as_str())?.unwrap_or_default();
        let known = Receipts { fiscal_year: *fiscal_year, last: *receipt, prefix: None };
        let is_later = own.prefix.is_some() || (known.fiscal_year, known.last) > (own.fiscal_year, own.last);
        if is_later {
            transaction.put(&RECEIPTS, register.as_str(), &known)?;
        }
    }
    transaction.put(&NUMBERING, EPOCH, &Numbering { source: NumberSource::Continued, ..asking })?;
    Ok(true)
}

/// Begins at 1 under the epoch's prefix. Returns false if the source was settled already; then nothing changes.
///
/// # Errors
/// The store fails.
pub fn number_apart(transaction: &mut Transaction<'_>) -> Result<bool, StoreError> {
    let Some(asking) = asking(transaction)? else { return Ok(false) };
    transaction.put(&NUMBERING, EPOCH, &Numbering { source: NumberSource::Apart, ..asking })?;
    Ok(true)
}

fn asking(transaction: &Transaction<'_>) -> Result<Option<Numbering>, StoreError> {
    Ok(transaction.get(&NUMBERING, EPOCH)?.filter(|numbering| numbering.source == NumberSource::Asking))
}

/// Refuses while HQ is being asked. To be called where a customer begins to pay: what is paid is never refused.
///
/// # Errors
/// The store asks, or it fails.
pub(crate) fn require_numbers(transaction: &Transaction<'_>) -> Result<(), Refusal> {
    match asking(transaction)? {
        None => Ok(()),
        Some(_) => Err(NUMBERS_AWAITED.because(
            "the store asks HQ for its last receipt numbers and does not sell yet; try again in a few seconds",
        )),
    }
}

/// Assigns a register's next number. If the store still asks, it is not waited for: the sale is paid.
pub(super) fn assign(
    transaction: &mut Transaction<'_>,
    register: &RegisterName,
    fiscal_year: u16,
) -> Result<Receipts, StoreError> {
    let before = transaction.get(&RECEIPTS, register.as_str())?.unwrap_or_default();
    let prefix = match transaction.get(&NUMBERING, EPOCH)? {
        None => before.prefix,
        Some(Numbering { source: NumberSource::Continued, .. }) => None,
        Some(Numbering { epoch, source }) => {
            if source == NumberSource::Asking {
                number_apart(transaction)?;
            }
            Some(ReceiptPrefix::of_epoch(epoch))
        }
    };
    let before = if before.prefix == prefix { before } else { Receipts { prefix, ..Receipts::default() } };
    let assigned = before.next(fiscal_year);
    transaction.put(&RECEIPTS, register.as_str(), &assigned)?;
    Ok(assigned)
}

#[cfg(test)]
mod tests;
