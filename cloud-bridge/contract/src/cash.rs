//! The bodies of cash: shifts, movements and business days. Stream `cash`, up.
//!
//! - **`shift.opened`:** a person opened a shift with a float.
//! - **`cash.moved`:** cash was put into a till or taken out of it without a sale.
//! - **`shift.closed`:** the Z report of a shift, with its count. HQ compares it with the sales of the shift, which
//!   come in the stream `sales` and name it.
//! - **`day.closed`:** the Z report of a business day.
//! - **`terminal.reconciled`:** what a payment terminal reported at the end of its day, against the store's bookings; or
//!   why it reported nothing. A terminal that was asked again has several.

use commerce::{
    Actor, BusinessDay, Currency, Minor, ShiftId, TillName,
    cash::{Day, Kind as Movement, Shift, ShiftState},
    reconciliation::{Comparison, Reconciliation},
};
use serde::{Deserialize, Serialize};

use crate::{
    kind::{BadBody, Body, EventKind, Kind},
    name::Stream,
};

/// A person opened a shift.
pub static SHIFT_OPENED: EventKind<ShiftOpened> = Kind::new("shift.opened", Stream::cash());
/// Cash was moved without a sale.
pub static MOVED: EventKind<CashMoved> = Kind::new("cash.moved", Stream::cash());
/// A shift was closed.
pub static SHIFT_CLOSED: EventKind<ShiftClosed> = Kind::new("shift.closed", Stream::cash());
/// A business day was closed.
pub static DAY_CLOSED: EventKind<DayClosed> = Kind::new("day.closed", Stream::cash());
/// A payment terminal was asked to close its day.
pub static TERMINAL_RECONCILED: EventKind<TerminalReconciled> = Kind::new("terminal.reconciled", Stream::cash());

/// A person opened a shift.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct ShiftOpened {
    /// The shift.
    pub shift: ShiftId,
    /// The till.
    pub till: TillName,
    /// The number of the business day in the store.
    pub day: u64,
    /// Its date.
    pub business_day: BusinessDay,
    /// The currency of the float.
    pub currency: Currency,
    /// The cash in the till.
    pub float: Minor,
    /// Who opened it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<Actor>,
    /// When: milliseconds since 1970, UTC.
    pub at_ms: i64,
}

/// Cash was put into a till or taken out of it without a sale.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct CashMoved {
    /// The movement, counted from 1 in the store.
    pub number: u64,
    /// The shift.
    pub shift: ShiftId,
    /// The till.
    pub till: TillName,
    /// The kind.
    pub kind: Movement,
    /// The amount.
    pub amount: Minor,
    /// The reason.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Who moved it.
    pub by: Actor,
    /// When: milliseconds since 1970, UTC.
    pub at_ms: i64,
}

/// A shift was closed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct ShiftClosed {
    /// The shift with its sums, count and result.
    pub shift: Shift,
}

/// A business day was closed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct DayClosed {
    /// The day with the sums of its shifts.
    pub day: Day,
}

/// A payment terminal was asked to close its day.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct TerminalReconciled {
    /// The result, without the terminal's report.
    pub reconciliation: Reconciliation,
}

/// A report of cash that can't be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadCash {
    /// An amount that is zero or negative where it must not be.
    #[error("amount {0} of cash is out of range")]
    Amount(i64),
    /// The shift is not closed.
    #[error("shift {0} is not closed")]
    Open(ShiftId),
    /// The sums of the shift do not add up.
    #[error("{0}")]
    Sums(String),
    /// The day is not closed, or lists open shifts.
    #[error("business day {0} is not closed")]
    OpenDay(u64),
    /// The reconciliation has not ended.
    #[error("reconciliation {0} has not ended")]
    OpenReconciliation(u64),
    /// The sums of a reconciliation do not add up.
    #[error("the sums of reconciliation {0} do not add up")]
    Reconciliation(u64),
}

impl Body for ShiftOpened {
    fn check(&self) -> Result<(), BadBody> {
        if self.float.is_negative() {
            return Err(BadCash::Amount(self.float.get()).into());
        }
        Ok(())
    }
}

impl Body for CashMoved {
    fn check(&self) -> Result<(), BadBody> {
        if self.amount.is_positive() { Ok(()) } else { Err(BadCash::Amount(self.amount.get()).into()) }
    }
}

impl Body for ShiftClosed {
    fn check(&self) -> Result<(), BadBody> {
        if self.shift.state != ShiftState::Closed {
            return Err(BadCash::Open(self.shift.id).into());
        }
        self.shift.contradiction().map_or(Ok(()), |why| Err(BadCash::Sums(why).into()))
    }
}

impl Body for DayClosed {
    fn check(&self) -> Result<(), BadBody> {
        let is_closed = self.day.closing.is_some() && self.day.open.is_empty();
        if is_closed { Ok(()) } else { Err(BadCash::OpenDay(self.day.number).into()) }
    }
}

impl Body for TerminalReconciled {
    fn check(&self) -> Result<(), BadBody> {
        let number = self.reconciliation.number;
        if !self.reconciliation.has_ended() {
            return Err(BadCash::OpenReconciliation(number).into());
        }
        let adds_up = self.reconciliation.comparison().is_none_or(Comparison::adds_up);
        if adds_up { Ok(()) } else { Err(BadCash::Reconciliation(number).into()) }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn closed() -> Value {
        serde_json::from_str(include_str!("../fixtures/v1/shift.closed@counted.json")).unwrap()
    }

    fn checked(body: Value) -> Result<(), BadBody> {
        serde_json::from_value::<ShiftClosed>(body).unwrap().check()
    }

    #[test]
    fn a_result_adds_up() {
        assert_eq!(checked(closed()), Ok(()));
        for (place, value) in [
            ("/shift/closing/expected", json!(1)),
            ("/shift/closing/counted", json!(1)),
            ("/shift/closing/difference", json!(0)),
            ("/shift/float", json!(1)),
            ("/shift/takings/till-1/tenders/cash/amount", json!(1)),
            ("/shift/moved/safe_drop/amount", json!(1)),
        ] {
            let mut body = closed();
            *body.pointer_mut(place).unwrap() = value;
            assert!(matches!(checked(body), Err(BadBody::Cash(BadCash::Sums(_)))), "{place}");
        }
        let mut open = closed();
        open["shift"]["state"] = json!("open");
        assert!(matches!(checked(open), Err(BadBody::Cash(BadCash::Open(_)))));
    }
}
