//! Cash: the shifts of tills, and the business day. [`commerce::cash`] has the rules.
//!
//! # What this capability promises
//!
//! - Every sale belongs to one shift, and every shift to one business day, from the commit of the sale. So the sums of
//!   shifts and days are the sums of their sales, wherever a close falls between two sales.
//! - A paid sale is never refused for a shift: a register without one gets its own.
//! - What should be in a till is not told before it is counted and closed, except to whoever holds `cash.report`, and
//!   at a register to an operator whose role allows it.
//! - Every step is in the audit trail, and the result of each shift and day goes to HQ with its counts.
//!
//! | failure | effect |
//! | --- | --- |
//! | power, at any step | a shift, its register and its day change in one commit, with the event for HQ |
//! | a register breaks down | its shift can be counted and closed at the console, or resumed at another register |
//! | a shift's record is damaged | the register gets a new shift; the check reports the old one |
//! | the clock jumps | a day that a person opened keeps its date; otherwise the next sale turns it |
//! | the WAN is down | the results wait in the outbox |

mod book;
mod days;
mod events;
mod keeping;
mod records;
mod refusals;
mod shifts;
#[cfg(test)]
mod tests;

pub use book::{Moment, date_of_sales};
pub(crate) use book::{book, shift_of_sale};
use contract::cash::{DAY_CLOSED, MOVED, SHIFT_CLOSED, SHIFT_OPENED};
pub(crate) use days::day_at;
pub use days::{DayReport, close_day, day, days};
pub(crate) use records::each_shift;
pub use records::{Movement, movements};
pub use refusals::{
    APPROVAL_NEEDED, DAY_UNKNOWN, NO_DAY, REGISTER_HAS_SHIFT, SHIFT_NOT_COUNTED, SHIFT_UNKNOWN, SHIFTS_OPEN,
    TILL_IN_USE,
};
pub use shifts::{
    CountRequest, MoveCash, OpenShift, ReadXReport, ShiftReport, ShiftStatus, close, count, end, join, move_cash, open,
    report, resume, shift_at, shifts, suspend, x_report,
};

use crate::{
    Capability, OutgoingEvent,
    audit::Act as _,
    permission::{Holder, Permission},
};

/// See shifts.
pub static READ: Permission = Permission::new(
    "cash.read",
    "See shifts and business days without open amounts",
    &[Holder::Register, Holder::Person, Holder::Service],
);
/// Open shifts.
pub static OPEN: Permission = Permission::new("cash.open", "Open, join and resume shifts", &[Holder::Register]);
/// Work with a till.
pub static HANDLE: Permission = Permission::new(
    "cash.handle",
    "Move cash in and out of a till, suspend and end shifts, count and close them",
    &[Holder::Register, Holder::Person],
);
/// See what should be in a till.
pub static REPORT: Permission =
    Permission::new("cash.report", "See the amounts of shifts that are not closed", &[Holder::Person, Holder::Service]);
/// Approve differences.
pub static APPROVE: Permission =
    Permission::new("cash.approve", "Close a shift whose count differs by more than the limit", &[Holder::Person]);
/// Close the day.
pub static CLOSE_DAY: Permission =
    Permission::new("cash.close_day", "Close the business day", &[Holder::Person, Holder::Headquarters]);

/// The declaration of this capability.
pub(crate) static CAPABILITY: Capability = Capability {
    tables: records::TABLES,
    refusals: refusals::KINDS,
    permissions: &[&READ, &OPEN, &HANDLE, &REPORT, &APPROVE, &CLOSE_DAY],
    acts: &[
        shifts::ShiftOpened::KIND,
        shifts::ShiftChanged::KIND,
        shifts::CashMoved::KIND,
        shifts::ShiftCounted::KIND,
        shifts::XReportRead::KIND,
        shifts::ShiftClosed::KIND,
        days::DayClosed::KIND,
    ],
    events: &[
        OutgoingEvent { kind: SHIFT_OPENED.name(), body: events::opened },
        OutgoingEvent { kind: MOVED.name(), body: events::moved },
        OutgoingEvent { kind: SHIFT_CLOSED.name(), body: events::closed },
        OutgoingEvent { kind: DAY_CLOSED.name(), body: events::day_closed },
    ],
    check: Some(keeping::check),
    tidy: Some(keeping::tidy),
    ..Capability::new("cash")
};
