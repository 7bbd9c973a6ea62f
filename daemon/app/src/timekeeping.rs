//! Whether the hub's clock can be trusted.
//!
//! A box with an empty battery starts in 1970; a wrong answer of a time server can set the clock to 2040. Fiscal years
//! and deletion by age must not follow such a clock. So the store keeps the latest trusted moment, and the hub compares
//! the clock with it: at the start, and while it runs also with the time that has passed since.
//!
//! | clock | trust | time stamps | fiscal year and deletion |
//! | --- | --- | --- | --- |
//! | at most [`BEHIND_MS`] before and [`AHEAD_MS`] after the expected time | trusted | by the clock | by the clock |
//! | earlier | not trusted | continue from the latest trusted moment | the year stays; nothing is deleted |
//! | later | not trusted | by the clock: the store was probably closed | the year stays; nothing is deleted |
//!
//! Sales continue in each case. The clock is trusted again once it is back in range, or once a person has agreed to it
//! ([`agree`]).
//!
//! | failure | effect |
//! | --- | --- |
//! | power, before the latest moment is stored | an older one is used, by at most an hour |
//! | the store is new | its first clock is trusted, unless it is before [`EARLIEST_MS`] |
//! | the record is damaged | as in a new store; the check names it |

use serde::{Deserialize, Serialize};
use store::{Name, Store, StoreError, Table, Transaction};
use utoipa::ToSchema;

use crate::{
    By, Capability, Refusal,
    audit::{self, Act, ActKind},
    capability::DAY_MS,
    permission::{Holder, Permission},
};

static MOMENTS: Table<Name, i64> = Table::new("moment");

/// The latest moment at which the clock was trusted.
const LATEST: &str = "latest";

/// How far the clock may be behind the expected time.
pub const BEHIND_MS: i64 = DAY_MS;

/// How far the clock may be ahead of the expected time.
pub const AHEAD_MS: i64 = 7 * DAY_MS;

/// 2026-01-01: the program did not exist before.
pub const EARLIEST_MS: i64 = 1_767_225_600_000;

/// Agree to the clock.
pub static AGREE: Permission = Permission::new("clock.agree", "Agree that the hub's clock is right", &[Holder::Person]);

/// The declaration of this capability.
pub(crate) static CAPABILITY: Capability = Capability {
    tables: &["moment"],
    permissions: &[&AGREE],
    acts: &[ClockAgreed::KIND],
    ..Capability::new("timekeeping")
};

/// A person agreed to the clock.
#[derive(Serialize)]
struct ClockAgreed {
    /// The time it showed: milliseconds since 1970, UTC.
    clock_ms: i64,
    /// The earliest possible time, according to the latest trusted moment.
    expected_ms: i64,
}

impl Act for ClockAgreed {
    const KIND: ActKind = ActKind { name: "clock_agreed", doc: "A person agreed that the hub's clock is right" };
}

/// The trust in the clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Trust {
    /// It is close to the expected time.
    Trusted,
    /// It is more than a day behind the expected time.
    Behind,
    /// It is more than a week ahead of the expected time.
    Ahead,
}

/// A reading of the clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reading {
    /// The trust in it.
    pub trust: Trust,
    /// The current time for stamps: milliseconds since 1970, UTC.
    pub now_ms: i64,
    /// The moment that determines the fiscal year.
    pub year_ms: i64,
}

/// Reads a clock, given the latest trusted moment and the time that has passed since, as far as it is known. All in
/// milliseconds.
pub fn read(latest_ms: i64, passed_ms: i64, clock_ms: i64) -> Reading {
    let expected_ms = latest_ms.saturating_add(passed_ms);
    if clock_ms < expected_ms.saturating_sub(BEHIND_MS) {
        Reading { trust: Trust::Behind, now_ms: expected_ms, year_ms: latest_ms }
    } else if clock_ms > expected_ms.saturating_add(AHEAD_MS) {
        Reading { trust: Trust::Ahead, now_ms: clock_ms, year_ms: latest_ms }
    } else {
        Reading { trust: Trust::Trusted, now_ms: clock_ms, year_ms: clock_ms }
    }
}

/// The latest trusted moment of a store that is opened while the clock shows `clock_ms`.
///
/// # Errors
/// The engine fails.
pub fn latest(store: &Store, clock_ms: i64) -> Result<i64, StoreError> {
    match store.get(&MOMENTS, LATEST) {
        Ok(latest) => Ok(latest.unwrap_or_else(|| clock_ms.max(EARLIEST_MS))),
        Err(StoreError::Corrupt { .. }) => Ok(clock_ms.max(EARLIEST_MS)),
        Err(error) => Err(error),
    }
}

/// Stores a moment at which the clock was trusted.
///
/// # Errors
/// The store fails.
pub fn keep(transaction: &mut Transaction<'_>, latest_ms: i64) -> Result<(), StoreError> {
    transaction.put(&MOMENTS, LATEST, &latest_ms)
}

/// The result of agreeing to the clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Agreed {
    /// The time that the clock showed: milliseconds since 1970, UTC.
    pub clock_ms: i64,
}

/// A person agrees to the time that the clock shows.
///
/// # Errors
/// The store fails.
pub fn agree(transaction: &mut Transaction<'_>, by: &By, clock_ms: i64, expected_ms: i64) -> Result<Agreed, Refusal> {
    AGREE.require(&by.actor)?;
    keep(transaction, clock_ms)?;
    audit::record(transaction, by, &ClockAgreed { clock_ms, expected_ms })?;
    Ok(Agreed { clock_ms })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_is_trusted_within_a_day_before_and_a_week_after_the_expected_time() {
        let latest = 1_795_000_000_000;
        let trusted = |clock_ms| Reading { trust: Trust::Trusted, now_ms: clock_ms, year_ms: clock_ms };
        let behind = |expected_ms| Reading { trust: Trust::Behind, now_ms: expected_ms, year_ms: latest };
        let ahead = |clock_ms| Reading { trust: Trust::Ahead, now_ms: clock_ms, year_ms: latest };
        // At the start the time that has passed is unknown.
        assert_eq!(read(latest, 0, latest), trusted(latest));
        assert_eq!(read(latest, 0, latest - BEHIND_MS), trusted(latest - BEHIND_MS));
        assert_eq!(read(latest, 0, latest - BEHIND_MS - 1), behind(latest));
        assert_eq!(read(latest, 0, 0), behind(latest), "1970");
        assert_eq!(read(latest, 0, latest + AHEAD_MS), trusted(latest + AHEAD_MS));
        assert_eq!(read(latest, 0, latest + AHEAD_MS + 1), ahead(latest + AHEAD_MS + 1));
        // While the hub runs it is known.
        let month = 30 * DAY_MS;
        assert_eq!(read(latest, month, latest + month + AHEAD_MS), trusted(latest + month + AHEAD_MS));
        assert_eq!(read(latest, month, latest + month + AHEAD_MS + 1), ahead(latest + month + AHEAD_MS + 1));
        assert_eq!(read(latest, month, latest), behind(latest + month), "a clock that stood still for a month");
        assert_eq!(read(i64::MAX, i64::MAX, i64::MIN).trust, Trust::Behind, "no clock overflows it");
        assert_eq!(read(latest, 0, i64::MAX).trust, Trust::Ahead);
    }
}
