//! Receipt numbers: from 1 without gaps for each register and fiscal year.

use serde::{Deserialize, Serialize};

/// How far a register's receipts have come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Receipts {
    pub(super) fiscal_year: u16,
    /// The last number given out in it.
    pub(super) last: u64,
}

impl Receipts {
    /// The next receipt, in a year. Numbers begin again with a year; an earlier year changes nothing. Who calls sees to
    /// it that no clock that is wrong begins one ([`timekeeping`](crate::timekeeping)).
    pub(super) fn next(self, fiscal_year: u16) -> Self {
        let begins = fiscal_year > self.fiscal_year;
        Self { fiscal_year: fiscal_year.max(self.fiscal_year), last: if begins { 1 } else { self.last + 1 } }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn receipts_begin_again_with_a_fiscal_year() {
        let receipts = |fiscal_year, last| Receipts { fiscal_year, last };
        assert_eq!(Receipts::default().next(2026), receipts(2026, 1));
        assert_eq!(receipts(2026, 41).next(2026), receipts(2026, 42));
        assert_eq!(receipts(2026, 41).next(2027), receipts(2027, 1));
        assert_eq!(receipts(2027, 1).next(2026), receipts(2027, 2), "a clock that was set back");
        assert_eq!(serde_json::to_string(&receipts(2026, 41)).unwrap(), r#"{"fiscal_year":2026,"last":41}"#);
    }
}
