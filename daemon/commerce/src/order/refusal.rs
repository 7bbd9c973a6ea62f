//! Refusals of order commands.

use super::{Kind, State, Step, Zone};
use crate::{
    MAX_LINES,
    ids::{OperatorId, OrderId},
    item::Sku,
    money::Minor,
    quantity::Unit,
};

/// A refused command: the order, the line and the rule. Nothing has changed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("order {order}{}: {rule}", line.map_or_else(String::new, |line| format!(", line {line}")))]
pub struct Refusal {
    /// The order.
    pub order: OrderId,
    /// The line, if the rule is about one line.
    pub line: Option<u32>,
    /// The rule.
    pub rule: Rule,
}

impl Refusal {
    /// A refusal about a whole order.
    pub fn of(order: &OrderId, rule: Rule) -> Self {
        Self { order: order.clone(), line: None, rule }
    }

    /// A refusal about a line.
    pub fn of_line(order: &OrderId, line: u32, rule: Rule) -> Self {
        Self { order: order.clone(), line: Some(line), rule }
    }
}

/// The rules. Quantities are in thousandths of the unit, times in milliseconds since 1970.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Rule {
    /// The order has no lines.
    #[error("the order has no lines; send at least one")]
    NoLines,
    /// Too many lines.
    #[error("an order can have at most {MAX_LINES} lines; split it")]
    TooManyLines,
    /// The line is not in this order or not in this store's part of it.
    #[error("the line does not exist in the order")]
    NoSuchLine,
    /// The line is listed more than once.
    #[error("the line is listed twice; list it once")]
    LineTwice,
    /// The quantity is zero.
    #[error("the quantity must be more than zero")]
    Nothing,
    /// Fewer units are in the states from which the step takes them.
    #[error("can't {} {asked} thousandths; only {there} are available for it", step.name())]
    NotEnough {
        /// The step.
        step: Step,
        /// The available quantity.
        there: i64,
        /// The requested quantity.
        asked: i64,
    },
    /// No units are in a state from which the step takes them.
    #[error("can't {}: the order is {}", step.name(), state.name())]
    WrongState {
        /// The step.
        step: Step,
        /// The order's state.
        state: State,
    },
    /// The step does not exist for orders of this kind.
    #[error("can't {}: the order is of kind {}", step.name(), kind.name())]
    WrongKind {
        /// The step.
        step: Step,
        /// The order's kind.
        kind: Kind,
    },
    /// Another picker has claimed the line.
    #[error("picker {picker} has claimed the line until {until_ms}; take another line")]
    Claimed {
        /// The picker.
        picker: OperatorId,
        /// The end of the claim.
        until_ms: i64,
    },
    /// The picker has not claimed the line, or the claim has ended.
    #[error("picker {picker} has not claimed the line; claim it first")]
    NotClaimed {
        /// The picker.
        picker: OperatorId,
    },
    /// The scanned item is not the line's item.
    #[error("wrong item: expected {expected}, scanned {scanned}; put it back")]
    WrongItem {
        /// The line's item.
        expected: Sku,
        /// The scanned item.
        scanned: Sku,
    },
    /// The unit is not the item's unit.
    #[error("the item's unit is {}, not {}", kept.name(), asked.name())]
    WrongUnit {
        /// The item's unit.
        kept: Unit,
        /// The command's unit.
        asked: Unit,
    },
    /// More than the ordered quantity and its tolerance.
    #[error("{picked} thousandths exceed the maximum of {most} for this line; take some out")]
    TooMuch {
        /// The picked quantity.
        picked: i64,
        /// The maximum.
        most: i64,
    },
    /// The customer does not accept substitutes.
    #[error("the customer does not accept substitutes; report the item short")]
    NoSubstitute,
    /// The customer chose another substitute.
    #[error("the customer chose {chosen} as the substitute, not {offered}; pick {chosen} or report the item short")]
    NotTheChosen {
        /// The customer's choice.
        chosen: Sku,
        /// The picker's choice.
        offered: Sku,
    },
    /// The substitute is the ordered item.
    #[error("{sku} is the ordered item, not a substitute; pick it")]
    NotAnotherItem {
        /// The item.
        sku: Sku,
    },
    /// The staging place has the wrong temperature zone.
    #[error(
        "the goods are {}, but the place `{}` is {}; choose another place",
        needs.name(), place.escape_debug(), is.name()
    )]
    WrongZone {
        /// The zone of the goods.
        needs: Zone,
        /// The place.
        place: String,
        /// The zone of the place.
        is: Zone,
    },
    /// There is no temperature reading.
    #[error("{} goods need a probe reading", zone.name())]
    NoProbe {
        /// The zone of the goods.
        zone: Zone,
    },
    /// The goods are too warm to be handed over.
    #[error(
        "{} tenths of a degree Celsius are too warm for {} goods, the maximum is {}; report these as damaged",
        reading, zone.name(), most
    )]
    TooWarm {
        /// The zone of the goods.
        zone: Zone,
        /// The probe's reading, in tenths of a degree Celsius.
        reading: i16,
        /// The maximum, in tenths of a degree Celsius.
        most: i16,
    },
    /// Some of the ready goods were not checked.
    #[error("{missing} thousandths are ready but were not checked; check them, or hand over only a part")]
    Unchecked {
        /// The unchecked quantity.
        missing: i64,
    },
    /// The pickup code belongs to another order.
    #[error("the code does not belong to this order; scan it again, or find the order by name and check a document")]
    WrongCode,
    /// The customer's age was not checked.
    #[error("the customer must be {minimum} or older; check the customer's age, and send `age_checked`")]
    AgeUnchecked {
        /// In years.
        minimum: u8,
    },
    /// The payment is not the amount due.
    #[error("{} minor units are due for this handover, but {} were paid", due.get(), paid.get())]
    NotPaid {
        /// The amount due.
        due: Minor,
        /// The amount paid.
        paid: Minor,
    },
    /// The promised time is in the past.
    #[error("`due_ms` {due_ms} is in the past, the time is {now_ms}; choose a later slot")]
    PastSlot {
        /// The promised time.
        due_ms: i64,
        /// The current time.
        now_ms: i64,
    },
    /// The item is not on file.
    #[error("item {sku} is not on file")]
    UnknownItem {
        /// The item.
        sku: Sku,
    },
    /// The order needs a customer.
    #[error("the order has no customer")]
    NoCustomer,
    /// A transfer must not have a customer.
    #[error("a transfer goes to a store; remove the customer")]
    CustomerOfTransfer,
    /// Only a transfer has a receiving store, and it needs one.
    #[error("`receiver` is the store that receives a transfer, and the order is of kind {}", kind.name())]
    Receiver {
        /// The order's kind.
        kind: Kind,
    },
    /// Orders of this kind leave the store before the customer could pay.
    #[error("an order of kind {} must be prepaid", kind.name())]
    NotPrepaid {
        /// The order's kind.
        kind: Kind,
    },
    /// Stores would be given more than was ordered.
    #[error("{given} thousandths would be given to stores, but only {ordered} were ordered")]
    NotOrdered {
        /// The quantity given to stores.
        given: i64,
        /// The ordered quantity.
        ordered: i64,
    },
    /// A number is out of range.
    #[error("`{field}` is out of range; {range}")]
    OutOfRange {
        /// The field.
        field: &'static str,
        /// The allowed range.
        range: &'static str,
    },
    /// A text is empty, too long or has control or invisible characters.
    #[error("`{field}` must be 1 to {} bytes of text without control or invisible characters", crate::MAX_TEXT)]
    BadText {
        /// The field.
        field: &'static str,
    },
}

impl Rule {
    /// The rule's name in the API.
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
            Self::Receiver { .. } => "receiver",
            Self::NotPrepaid { .. } => "not_prepaid",
            Self::NotOrdered { .. } => "not_ordered",
            Self::OutOfRange { .. } => "out_of_range",
            Self::BadText { .. } => "bad_text",
        }
    }
}
