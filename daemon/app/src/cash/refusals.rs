//! The refusals of cash.

use commerce::cash::Refusal as Rule;

use crate::refusal::{Class, Kind, Member, Refusal};

const SHIFT: Member = Member::text("shift", "The shift.");

/// A kind of the class [`Class::Rule`].
const fn rule(slug: &'static str, title: &'static str, doc: &'static str) -> Kind {
    Kind::new(slug, Class::Rule, title, doc)
}

/// The shift does not exist.
pub static SHIFT_UNKNOWN: Kind = Kind::new(
    "shift-unknown",
    Class::NotFound,
    "Unknown shift",
    "This store has no shift with this id, or has deleted it.",
);
/// The day does not exist.
pub static DAY_UNKNOWN: Kind = Kind::new(
    "day-unknown",
    Class::NotFound,
    "Unknown business day",
    "This store has no business day with this number, or has deleted it.",
);
/// The register has a shift.
pub static REGISTER_HAS_SHIFT: Kind = Kind::new(
    "register-has-shift",
    Class::Conflict,
    "Register has a shift",
    "The register uses another shift; suspend, end or close that one first.",
)
.with(&[SHIFT]);
/// The till has a shift.
pub static TILL_IN_USE: Kind = Kind::new(
    "till-in-use",
    Class::Conflict,
    "Till in use",
    "The till has a shift that is not closed; join, resume or close that one.",
)
.with(&[SHIFT]);
static SHIFT_STATE: Kind =
    rule("shift-state", "Shift in another state", "The shift is suspended, ended or closed, or not suspended.")
        .with(&[SHIFT, Member::text("state", "The state of the shift.")]);
static SHIFT_OF_OTHERS: Kind =
    rule("shift-of-others", "Another register's shift", "The register does not use this shift; join it first.")
        .with(&[SHIFT]);
static CASH_OUT_OF_RANGE: Kind =
    rule("cash-out-of-range", "Amount out of range", "The amount is zero, negative or too large.");
static REASON_MISSING: Kind = rule("reason-missing", "Reason missing", "The movement needs a legible reason.");
static EXCEEDS_TILL: Kind =
    rule("exceeds-till", "Exceeds the till", "More cash is to be taken out of the till than it holds.");
static COUNT_INVALID: Kind = rule(
    "count-invalid",
    "Invalid count",
    "A denomination is listed twice or is none of the currency, or there are too many pieces.",
);
/// The till is not counted.
pub static SHIFT_NOT_COUNTED: Kind = rule(
    "shift-not-counted",
    "Till not counted",
    "The till was not counted, or cash moved after its count; count it again.",
)
.with(&[SHIFT]);
/// The difference needs an approval.
pub static APPROVAL_NEEDED: Kind = rule(
    "approval-needed",
    "Approval needed",
    "The count differs from the expected amount by more than the limit; count again, or let somebody close the shift \
     who may approve it.",
)
.with(&[SHIFT]);
/// Shifts are not closed.
pub static SHIFTS_OPEN: Kind = Kind::new(
    "shifts-open",
    Class::Conflict,
    "Shifts are open",
    "Shifts of the business day are not closed; count and close them first.",
)
.with(&[Member::list("shifts", "The shifts.")]);
/// No day is open.
pub static NO_DAY: Kind =
    rule("no-day", "No business day", "No business day is open: nothing was sold since the last one was closed.");

/// All kinds.
pub(super) static KINDS: &[&Kind] = &[
    &SHIFT_UNKNOWN,
    &DAY_UNKNOWN,
    &REGISTER_HAS_SHIFT,
    &TILL_IN_USE,
    &SHIFT_STATE,
    &SHIFT_OF_OTHERS,
    &CASH_OUT_OF_RANGE,
    &REASON_MISSING,
    &EXCEEDS_TILL,
    &COUNT_INVALID,
    &SHIFT_NOT_COUNTED,
    &APPROVAL_NEEDED,
    &SHIFTS_OPEN,
    &NO_DAY,
];

impl From<Rule> for Refusal {
    fn from(rule: Rule) -> Self {
        let detail = rule.to_string();
        match rule {
            Rule::State { shift, state, .. } => {
                SHIFT_STATE.because(detail).member("shift", shift.to_string()).member("state", state.name())
            }
            Rule::OtherRegister { shift, .. } => SHIFT_OF_OTHERS.because(detail).member("shift", shift.to_string()),
            Rule::Amount { .. } => CASH_OUT_OF_RANGE.because(detail),
            Rule::Reason { .. } => REASON_MISSING.because(detail),
            Rule::ExceedsTill { .. } => EXCEEDS_TILL.because(detail),
            Rule::Count { .. } => COUNT_INVALID.because(detail),
            Rule::NotCounted { shift } => SHIFT_NOT_COUNTED.because(detail).member("shift", shift.to_string()),
            Rule::NeedsApproval { shift } => APPROVAL_NEEDED.because(detail).member("shift", shift.to_string()),
            Rule::ShiftsOpen { shifts } => {
                let shifts: Vec<_> = shifts.iter().map(ToString::to_string).collect();
                SHIFTS_OPEN.because(detail).member("shifts", shifts)
            }
        }
    }
}
