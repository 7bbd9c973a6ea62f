//! Cash: tills, shifts, counts, and the business day.
//!
//! A **till** is a drawer whose cash is counted. A **shift** is the time from one count of a till to the next: it
//! begins with a float, takes the cash of the sales at its registers, and ends with a count. Several registers may
//! share a shift, and a suspended one can be resumed at another register.
//!
//! ```text
//!            suspend             end               close
//!   Open <-----------> Suspended -----> Ended -----------------> Closed
//!    |       resume                      ^                         ^
//!    +------------- end -----------------+                         |
//!    +------------- close, after a count --------------------------+
//! ```
//!
//! | | Open | Suspended | Ended | Closed |
//! | --- | --- | --- | --- | --- |
//! | sell, move cash, join | yes | | | |
//! | count | yes | yes | yes | |
//!
//! - What should be in the till is `float + cash sales + what was put in - what was taken out`. A count is compared
//!   with it only when the shift is closed, so that whoever counts does not know the result. A difference above the
//!   limit needs an approval.
//! - A count is of the till as it lies there: a sale or movement after it makes another count necessary.
//! - A paid sale is never refused. A register that sells without a shift gets one of its own with an empty float, which
//!   nobody has to count; a person can take it over by opening a shift.
//! - A **business day** is a range of shifts, and so of sales in their order. A clock only gives a new day its date. A
//!   day in which a person has opened a shift lasts until a person closes it. Otherwise the first sale on another date
//!   turns it.

mod count;
mod day;
mod shift;
mod takings;
#[cfg(test)]
mod tests;

pub use count::{Count, Pieces};
pub use day::{Day, DayClosing};
use serde::{Deserialize, Serialize};
pub use shift::{Closing, NewShift, Shift, ShiftState};
pub use takings::{Moved, Sum, Takings, sum_of};

use crate::{
    ids::{RegisterName, ShiftId},
    money::Minor,
};

/// Why cash is put into a till or taken out of it without a sale.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "schema", schema(as = CashMovementKind))]
pub enum Kind {
    /// More change from the safe.
    FloatEntry,
    /// Money that is not from a sale, such as a deposit that was found.
    PaidIn,
    /// A small expense.
    PaidOut,
    /// Banknotes into the safe, in a sealed bag that is not counted again.
    SafeDrop,
    /// Cash that leaves the till in another way, such as for the bank.
    Removal,
}

impl Kind {
    /// All kinds.
    pub const ALL: [Self; 5] = [Self::FloatEntry, Self::PaidIn, Self::PaidOut, Self::SafeDrop, Self::Removal];

    /// The name in the API and in events.
    pub fn name(self) -> &'static str {
        match self {
            Self::FloatEntry => "float_entry",
            Self::PaidIn => "paid_in",
            Self::PaidOut => "paid_out",
            Self::SafeDrop => "safe_drop",
            Self::Removal => "removal",
        }
    }

    /// Whether it puts cash into the till.
    pub fn puts_in(self) -> bool {
        matches!(self, Self::FloatEntry | Self::PaidIn)
    }

    /// Whether it needs a reason.
    pub fn needs_reason(self) -> bool {
        matches!(self, Self::PaidIn | Self::PaidOut)
    }
}

/// Why a command is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The state of the shift does not allow it.
    #[error("shift {shift} is {state}: it can't be {asked}", state = state.name())]
    State {
        /// The shift.
        shift: ShiftId,
        /// Its state.
        state: ShiftState,
        /// What was asked, such as `counted`.
        asked: &'static str,
    },
    /// The register is not one of the shift.
    #[error("register {register} does not use shift {shift}; join it first")]
    OtherRegister {
        /// The shift.
        shift: ShiftId,
        /// The register.
        register: RegisterName,
    },
    /// An amount is zero or negative, or implausibly large.
    #[error(
        "amount {amount} is out of range; it must be {least} to {most} minor units",
        amount = amount.get(),
        most = most.get()
    )]
    Amount {
        /// The amount.
        amount: Minor,
        /// The least.
        least: i64,
        /// The most.
        most: Minor,
    },
    /// The reason is missing or illegible.
    #[error("a `{kind}` needs a reason of 1 to 120 printable characters", kind = kind.name())]
    Reason {
        /// The kind of movement.
        kind: Kind,
    },
    /// More is taken out than the till holds. The amount is not told: it is what a count has to find.
    #[error("the till does not hold {amount} minor units in cash; check the amount", amount = amount.get())]
    ExceedsTill {
        /// The amount.
        amount: Minor,
    },
    /// A count is impossible.
    #[error("invalid count: {why}")]
    Count {
        /// What is wrong.
        why: String,
    },
    /// The till was not counted, or something happened after the count.
    #[error("shift {shift} is not counted, or cash moved after its count; count the till")]
    NotCounted {
        /// The shift.
        shift: ShiftId,
    },
    /// The difference needs an approval.
    #[error(
        "shift {shift}: the count differs from the expected amount by more than the limit; count again, or let a \
         person who may approve it close the shift"
    )]
    NeedsApproval {
        /// The shift.
        shift: ShiftId,
    },
    /// The day has shifts that are not closed.
    #[error("{}", still_open(.shifts))]
    ShiftsOpen {
        /// Their ids.
        shifts: Vec<ShiftId>,
    },
}

fn still_open(shifts: &[ShiftId]) -> String {
    let shifts: Vec<_> = shifts.iter().map(ToString::to_string).collect();
    format!("shifts {} are not closed; count and close them first", shifts.join(", "))
}
