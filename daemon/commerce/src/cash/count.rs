//! A count of a till, by denomination.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::{Refusal, sum_of};
use crate::{
    actor::Actor,
    money::{Currency, Minor},
};

/// Denominations in a count; no currency has more notes and coins.
const MAX_DENOMINATIONS: usize = 40;

/// Notes, coins or rolls of one denomination.
const MAX_PIECES: u32 = 100_000;

/// Notes or coins of one denomination.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Pieces {
    /// The value of one piece, in minor units.
    pub denomination: Minor,
    /// How many.
    #[cfg_attr(feature = "schema", schema(maximum = 100_000))]
    pub pieces: u32,
}

/// A count of a till.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "schema", schema(as = CashCount))]
pub struct Count {
    /// The pieces, by denomination.
    pub pieces: Vec<Pieces>,
    /// Their value, in minor units.
    pub total: Minor,
    /// Who counted.
    pub by: Actor,
    /// When: milliseconds since 1970, UTC.
    pub at_ms: i64,
}

impl Count {
    /// Adds up a count. An empty one says that the till is empty.
    ///
    /// # Errors
    /// A denomination is listed twice, or is no note or coin of the currency; or there are too many pieces.
    pub fn of(currency: Currency, pieces: Vec<Pieces>, by: Actor, at_ms: i64) -> Result<Self, Refusal> {
        let wrong = |why: String| Err(Refusal::Count { why });
        if pieces.len() > MAX_DENOMINATIONS {
            return wrong(format!("{} denominations; at most {MAX_DENOMINATIONS} are accepted", pieces.len()));
        }
        let (mut seen, mut total) = (BTreeSet::new(), Minor::ZERO);
        for Pieces { denomination, pieces } in &pieces {
            if !denomination.is_positive() || *denomination > currency.largest_note() {
                let shown = denomination.display(currency);
                return wrong(format!("{} has no note or coin of {shown}", currency.code()));
            }
            if !seen.insert(*denomination) {
                return wrong(format!("{} is listed twice", denomination.display(currency)));
            }
            if *pieces > MAX_PIECES {
                return wrong(format!("{pieces} pieces of {}; check the number", denomination.display(currency)));
            }
            let value = denomination.get().checked_mul(i64::from(*pieces)).and_then(Minor::new);
            match value {
                Some(value) => total = sum_of(total, value),
                None => {
                    return wrong(format!("{pieces} pieces of {}; check the number", denomination.display(currency)));
                }
            }
        }
        Ok(Self { pieces, total, by, at_ms })
    }
}
