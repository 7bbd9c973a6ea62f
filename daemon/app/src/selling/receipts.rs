//! Receipt numbers: from 1 without gaps in each fiscal year of a register.

use serde::{Deserialize, Serialize};

/// The latest receipt number of a register.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Receipts {
    pub(super) fiscal_year: u16,
    /// The last number assigned in that year.
    pub(super) last: u64,
}

impl Receipts {
    /// The next receipt number in a year. A new year starts again at 1; an earlier year has no effect. The caller makes
    /// sure that a wrong clock does not start a year ([`timekeeping`](crate::timekeeping)).
    pub(super) fn next(self, fiscal_year: u16) -> Self {
        let begins = fiscal_year > self.fiscal_year;
        Self { fiscal_year: fiscal_year.max(self.fiscal_year), last: if begins { 1 } else { self.last + 1 } }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn receipt_numbers_restart_with_a_fiscal_year() {
        let receipts = |fiscal_year, last| Receipts { fiscal_year, last };
        assert_eq!(Receipts::default().next(2026), receipts(2026, 1));
        assert_eq!(receipts(2026, 41).next(2026), receipts(2026, 42));
        assert_eq!(receipts(2026, 41).next(2027), receipts(2027, 1));
        assert_eq!(receipts(2027, 1).next(2026), receipts(2027, 2), "a clock that was set back");
        assert_eq!(serde_json::to_string(&receipts(2026, 41)).unwrap(), r#"{"fiscal_year":2026,"last":41}"#);
    }
}
