//! Why the rules refuse a command about an order.

use super::{Kind, State, Step, Zone};
use crate::{
    MAX_LINES,
    ids::{OperatorId, OrderId},
    item::Sku,
    money::Minor,
    quantity::Unit,
};

/// Why a command is refused: of which order, at which line, by which rule. Nothing has changed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("order {order}{}: {rule}", line.map_or_else(String::new, |line| format!(", line {line}")))]
pub struct Refusal {
    /// Which order.
    pub order: OrderId,
    /// Which of its lines, if it is one line's.
    pub line: Option<u32>,
    /// By which rule.
    pub rule: Rule,
}

impl Refusal {
    /// Of an order.
    pub fn of(order: &OrderId, rule: Rule) -> Self {
        Self { order: order.clone(), line: None, rule }
    }

    /// Of one of its lines.
    pub fn of_line(order: &OrderId, line: u32, rule: Rule) -> Self {
        Self { order: order.clone(), line: Some(line), rule }
    }
}

/// The rules. Quantities are in thousandths of the unit, times in milliseconds since 1970.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Rule {
    /// Nothing was ordered.
    #[error("the order has no lines; send at least one")]
    NoLines,
    /// Too many.
    #[error("an order has at most {MAX_LINES} lines; place several")]
    TooManyLines,
    /// Not in this order, or not this store's part of it.
    #[error("there is no such line")]
    NoSuchLine,
    /// Named more than once.
    #[error("the line is named twice; name it once")]
    LineTwice,
    /// No quantity.
    #[error("the quantity must be more than zero")]
    Nothing,
    /// Fewer are where the step takes them from.
    #[error("can't {} {asked} thousandths: {there} are there to {}", step.name(), step.name())]
    NotEnough {
        /// Which step.
        step: Step,
        /// How many are there.
        there: i64,
        /// How many the command names.
        asked: i64,
    },
    /// Nothing is in a state that the step takes units from.
    #[error("can't {}: the order is {}", step.name(), state.name())]
    WrongState {
        /// Which step.
        step: Step,
        /// Where the order stands.
        state: State,
    },
    /// Orders of this kind don't take the step.
    #[error("can't {}: the order is of kind {}", step.name(), kind.name())]
    WrongKind {
        /// Which step.
        step: Step,
        /// The order's kind.
        kind: Kind,
    },
    /// Somebody else has the line.
    #[error("picker {picker} has the line until {until_ms}; take another")]
    Claimed {
        /// Who.
        picker: OperatorId,
        /// Until when.
        until_ms: i64,
    },
    /// The picker does not have the line, or not any more.
    #[error("picker {picker} has not claimed the line; claim it first")]
    NotClaimed {
        /// Who.
        picker: OperatorId,
    },
    /// Another item than the line's.
    #[error("wrong item: the line is for {expected}, scanned was {scanned}; put it back")]
    WrongItem {
        /// The line's.
        expected: Sku,
        /// What was scanned.
        scanned: Sku,
    },
    /// Another unit than the item's.
    #[error("the item is kept by {}, not by {}", kept.name(), asked.name())]
    WrongUnit {
        /// The item's.
        kept: Unit,
        /// The command's.
        asked: Unit,
    },
    /// More than was ordered, beyond the tolerance.
    #[error("{picked} thousandths are more than the {most} that the order takes; take some out")]
    TooMuch {
        /// What was picked.
        picked: i64,
        /// The most.
        most: i64,
    },
    /// The customer wants nothing else.
    #[error("the customer wants no substitute; report the item short")]
    NoSubstitute,
    /// The customer wants another.
    #[error("the customer chose {chosen} as the substitute, not {offered}; pick that or report the item short")]
    NotTheChosen {
        /// The customer's choice.
        chosen: Sku,
        /// The picker's.
        offered: Sku,
    },
    /// An item for itself.
    #[error("{sku} is what was ordered; pick it")]
    NotAnotherItem {
        /// Which.
        sku: Sku,
    },
    /// Not where it must be kept.
    #[error(
        "the goods are {}, the place `{}` is {}; choose another place", needs.name(), place.escape_debug(), is.name()
    )]
    WrongZone {
        /// What the goods need.
        needs: Zone,
        /// Which place.
        place: String,
        /// What the place is.
        is: Zone,
    },
    /// Nobody has measured.
    #[error("{} goods need a probe reading", zone.name())]
    NoProbe {
        /// Of which zone.
        zone: Zone,
    },
    /// Too warm to be given to anybody.
    #[error(
        "{} tenths of a degree Celsius are too warm for {} goods, {} at most; take others, and report these damaged",
        reading, zone.name(), most
    )]
    TooWarm {
        /// Of which zone.
        zone: Zone,
        /// What the probe read, in tenths of a degree Celsius.
        reading: i16,
        /// The warmest allowed.
        most: i16,
    },
    /// Goods that are ready stay behind.
    #[error("{missing} thousandths that are ready were not checked; check them, or say that they stay here")]
    Unchecked {
        /// How much.
        missing: i64,
    },
    /// It is somebody else's.
    #[error("the code is not this order's; scan it again, or find the order by name and check who asks")]
    WrongCode,
    /// Nobody looked at the customer's age.
    #[error("the customer must be {minimum} or older; check it, and send the age that was checked against")]
    AgeUnchecked {
        /// In years.
        minimum: u8,
    },
    /// It is not paid, or not exactly.
    #[error("{} minor units are due for what is handed over, {} were paid", due.get(), paid.get())]
    NotPaid {
        /// What is due.
        due: Minor,
        /// What was paid.
        paid: Minor,
    },
    /// The promised time is over.
    #[error("`due_ms` {due_ms} is past at {now_ms}; choose a later slot")]
    PastSlot {
        /// The promised time.
        due_ms: i64,
        /// Now.
        now_ms: i64,
    },
    /// Nobody sells it.
    #[error("item {sku} is not on file")]
    UnknownItem {
        /// Which.
        sku: Sku,
    },
    /// Somebody must get it.
    #[error("the order names no customer")]
    NoCustomer,
    /// No customer gets it.
    #[error("a transfer goes to a store; it names no customer")]
    CustomerOfTransfer,
    /// It leaves the store before anybody could pay.
    #[error("an order of kind {} has to be prepaid", kind.name())]
    NotPrepaid {
        /// The order's kind.
        kind: Kind,
    },
    /// More than was ordered is given to stores.
    #[error("{given} thousandths are given to stores of {ordered} that were ordered")]
    NotOrdered {
        /// What stores were given.
        given: i64,
        /// What was ordered.
        ordered: i64,
    },
    /// A number is out of range.
    #[error("`{field}` is out of range; {range}")]
    OutOfRange {
        /// Which field.
        field: &'static str,
        /// What is allowed.
        range: &'static str,
    },
    /// A text is empty, too long or has control or invisible characters.
    #[error("`{field}` must be 1 to {} bytes of text without control or invisible characters", crate::MAX_TEXT)]
    BadText {
        /// Which field.
        field: &'static str,
    },
}

impl Rule {
    /// Its name in the API.
    pub fn name(&self) -> &'static str {
        match self {
            Self::NoLines => "no_lines",
            Self::TooManyLines => "too_many_lines",
            Self::NoSuchLine => "no_such_line",
            Self::LineTwice => "line_twice",
            Self::Nothing => "nothing",
            Self::NotEnough { .. } => "not_enough",
            Self::WrongState { .. } => "wrong_state",
            Self::WrongKind { .. } => "wrong_kind",
            Self::Claimed { .. } => "claimed",
            Self::NotClaimed { .. } => "not_claimed",
            Self::WrongItem { .. } => "wrong_item",
            Self::WrongUnit { .. } => "wrong_unit",
            Self::TooMuch { .. } => "too_much",
            Self::NoSubstitute => "no_substitute",
            Self::NotTheChosen { .. } => "not_the_chosen",
            Self::NotAnotherItem { .. } => "not_another_item",
            Self::WrongZone { .. } => "wrong_zone",
            Self::NoProbe { .. } => "no_probe",
            Self::TooWarm { .. } => "too_warm",
            Self::Unchecked { .. } => "unchecked",
            Self::WrongCode => "wrong_code",
            Self::AgeUnchecked { .. } => "age_unchecked",
            Self::NotPaid { .. } => "not_paid",
            Self::PastSlot { .. } => "past_slot",
            Self::UnknownItem { .. } => "unknown_item",
            Self::NoCustomer => "no_customer",
            Self::CustomerOfTransfer => "customer_of_transfer",
            Self::NotPrepaid { .. } => "not_prepaid",
            Self::NotOrdered { .. } => "not_ordered",
            Self::OutOfRange { .. } => "out_of_range",
            Self::BadText { .. } => "bad_text",
        }
    }
}
