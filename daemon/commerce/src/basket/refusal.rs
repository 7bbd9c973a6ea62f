//! The reasons to refuse a basket command.

use super::MAX_TENDERS;
use crate::{
    MAX_LINE_AMOUNT, MAX_LINES,
    ids::{OrderId, PaymentId},
    money::Minor,
    quantity::Unit,
};

/// Why a command was refused. Nothing has changed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The basket is completed or abandoned.
    #[error("the basket is no longer open")]
    NotOpen,
    /// A card payment of the basket is running.
    #[error("a card payment of this basket is in progress; wait for it to end or abort it")]
    PaymentUnderWay,
    /// Lines can't change once something is paid.
    #[error("the basket is partly paid, so its lines are fixed; void its tenders first and give the money back")]
    PartlyPaid,
    /// Too many lines.
    #[error("the basket has the maximum of {MAX_LINES} lines; complete it and open another")]
    TooManyLines,
    /// Too many discounts on a line.
    #[error("line {line} has the maximum of 16 discounts")]
    TooManyDiscounts {
        /// The line.
        line: u32,
    },
    /// Too many tenders.
    #[error("the basket has the maximum of {MAX_TENDERS} tenders")]
    TooManyTenders,
    /// The line does not exist or is voided.
    #[error("line {line} does not exist in the basket or is voided")]
    NoSuchLine {
        /// The requested line.
        line: u32,
    },
    /// The line is of an order, whose goods and prices are agreed.
    #[error("line {line} belongs to order {order}; abandon the basket, and hand over without the line")]
    LineOfOrder {
        /// The line.
        line: u32,
        /// The order.
        order: OrderId,
    },
    /// The line takes goods back at what was paid for them.
    #[error("line {line} takes goods back at what was paid for them; void it to change the return")]
    LineReturned {
        /// The line.
        line: u32,
    },
    /// The exchange is not even.
    #[error(
        "line {line} is exchanged for the same quantity of goods of the same price; sell other goods as a normal line"
    )]
    NotEven {
        /// The line that takes goods back.
        line: u32,
    },
    /// A refund has begun.
    #[error("the refund of the basket has begun; finish it and complete the basket")]
    RefundBegun,
    /// Money is to be given back.
    #[error("{} minor units are to be given back; refund them first", due.get())]
    RefundDue {
        /// The amount.
        due: Minor,
    },
    /// Nothing is to be given back.
    #[error("nothing is to be given back; the basket has no returns that exceed its goods")]
    NoRefundDue,
    /// Too many returns.
    #[error("a basket takes back the goods of at most {most} receipts; complete it and open another")]
    TooManyReturns {
        /// The maximum.
        most: usize,
    },
    /// The goods are sold at other hours.
    #[error("line {line} may not be sold at this time; void it")]
    NotSoldNow {
        /// The line.
        line: u32,
        /// When it may be sold again: milliseconds since 1970, UTC.
        from_ms: i64,
    },
    /// The goods are sold from an age on, which nobody has checked.
    #[error("line {line} has a minimum age of {years}; check the customer's age and send it, or void the line")]
    AgeUnchecked {
        /// The line.
        line: u32,
        /// The minimum age, in years.
        years: u8,
    },
    /// Too many groups of customers or coupons.
    #[error("at most {most} groups of customers and {most} coupons")]
    TooManyListed {
        /// The maximum.
        most: usize,
    },
    /// The basket has no lines.
    #[error("the basket has no lines; add one or abandon it")]
    Empty,
    /// The item is sold by a different unit.
    #[error("the item is sold by {}, not by {}", sold_by.name(), asked.name())]
    WrongUnit {
        /// The item's unit.
        sold_by: Unit,
        /// The unit in the command.
        asked: Unit,
    },
    /// Zero, negative or too large.
    #[error("the amount is out of range; it must be positive and at most {} minor units", MAX_LINE_AMOUNT.get())]
    AmountOutOfRange,
    /// The item is not on file, and no price was keyed.
    #[error("an item that is not on file needs a keyed amount and a reason")]
    PriceMissing,
    /// The discount exceeds the line.
    #[error("a discount of {} exceeds what is left of line {line}, {} minor units", discount.get(), net.get())]
    DiscountExceedsLine {
        /// The line.
        line: u32,
        /// The net amount of the line.
        net: Minor,
        /// The requested discount.
        discount: Minor,
    },
    /// Only cash may exceed the amount due, because change is given on cash only.
    #[error("{} minor units exceed the {} that are due; change is given on cash only", amount.get(), due.get())]
    ExceedsDue {
        /// The offered amount.
        amount: Minor,
        /// The amount due.
        due: Minor,
    },
    /// The cash amount is implausibly high.
    #[error(
        "{} minor units in cash for {} due is implausible (at most {}); check the amount",
        amount.get(), due.get(), most.get()
    )]
    TooMuchCash {
        /// The offered amount.
        amount: Minor,
        /// The amount due.
        due: Minor,
        /// The highest amount accepted.
        most: Minor,
    },
    /// The basket is fully paid.
    #[error("nothing is due; complete the basket")]
    NothingDue,
    /// The coupon is already in the basket.
    #[error("coupon `{}` is already in this basket", code.escape_debug())]
    CouponTaken {
        /// The coupon's code.
        code: String,
    },
    /// The tender does not exist or is voided.
    #[error("tender {tender} does not exist in the basket or is voided")]
    NoSuchTender {
        /// The requested tender.
        tender: u32,
    },
    /// A card tender can't be refunded in cash.
    #[error("tender {tender} is card payment {payment}, which only its terminal can reverse")]
    TenderIsCard {
        /// The tender.
        tender: u32,
        /// The hub's payment id.
        payment: PaymentId,
    },
    /// The basket is not fully paid.
    #[error("{} minor units are still due", due.get())]
    StillDue {
        /// The amount still due.
        due: Minor,
    },
    /// The text is empty or too long, or has control or invisible characters.
    #[error("`{field}` must be 1 to {} bytes of text without control or invisible characters", crate::MAX_TEXT)]
    BadText {
        /// The field.
        field: &'static str,
    },
}
