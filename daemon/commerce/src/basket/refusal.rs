//! Why the rules refuse a command about a basket.

use super::MAX_TENDERS;
use crate::{MAX_LINE_AMOUNT, MAX_LINES, ids::PaymentId, money::Minor, quantity::Unit};

/// Why the rules refuse a command. Nothing has changed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// Completed or abandoned.
    #[error("the basket is no longer open")]
    NotOpen,
    /// A card payment runs.
    #[error("a card payment of this basket is under way; wait for its end or abort it")]
    PaymentUnderWay,
    /// Lines can't change once something is paid.
    #[error("the basket is partly paid, so its lines are fixed; void its tenders first, and give back what they were")]
    PartlyPaid,
    /// Too many lines.
    #[error("the basket has {MAX_LINES} lines, the most it takes; complete it and open another")]
    TooManyLines,
    /// Too many discounts on a line.
    #[error("line {line} has 16 discounts, the most it takes")]
    TooManyDiscounts {
        /// Which line.
        line: u32,
    },
    /// Too many tenders.
    #[error("the basket has {MAX_TENDERS} tenders, the most it takes")]
    TooManyTenders,
    /// No such line, or voided.
    #[error("the basket has no line {line}, or it is voided")]
    NoSuchLine {
        /// What was asked for.
        line: u32,
    },
    /// Nothing in it.
    #[error("the basket has no lines; add one or abandon it")]
    Empty,
    /// The item is sold by another unit.
    #[error("the item is sold by {}, not by {}", sold_by.name(), asked.name())]
    WrongUnit {
        /// The item's.
        sold_by: Unit,
        /// The command's.
        asked: Unit,
    },
    /// Zero, negative or too much where it may not be.
    #[error("the amount is out of range; positive and at most {} minor units", MAX_LINE_AMOUNT.get())]
    AmountOutOfRange,
    /// Not on file, and no price keyed.
    #[error("an item that is not on file needs a keyed amount and a reason")]
    PriceMissing,
    /// More off than on.
    #[error("a discount of {} exceeds what is left of line {line}, {} minor units", discount.get(), net.get())]
    DiscountExceedsLine {
        /// Which line.
        line: u32,
        /// What is left of it.
        net: Minor,
        /// What was asked.
        discount: Minor,
    },
    /// Only cash may exceed what is due: change is given on nothing else.
    #[error("{} minor units exceed the {} that are due; change is given on cash only", amount.get(), due.get())]
    ExceedsDue {
        /// What was asked.
        amount: Minor,
        /// What is due.
        due: Minor,
    },
    /// So much cash is handed over by nobody.
    #[error(
        "{} minor units in cash for {} that are due are more than anybody hands over, {} at most; check the amount",
        amount.get(), due.get(), most.get()
    )]
    TooMuchCash {
        /// What was asked.
        amount: Minor,
        /// What is due.
        due: Minor,
        /// The most that is taken.
        most: Minor,
    },
    /// It is paid already.
    #[error("nothing is due; complete the basket")]
    NothingDue,
    /// A coupon counts once.
    #[error("coupon `{}` is in this basket already", code.escape_debug())]
    CouponTaken {
        /// Its code.
        code: String,
    },
    /// No such tender, or voided.
    #[error("the basket has no tender {tender}, or it is voided")]
    NoSuchTender {
        /// What was asked for.
        tender: u32,
    },
    /// Money on a card can't be given back from the drawer.
    #[error(
        "tender {tender} is card payment {payment}, which only its terminal can reverse, and the hub can't ask for that \
         yet; complete the basket"
    )]
    TenderIsCard {
        /// Which tender.
        tender: u32,
        /// The hub's payment.
        payment: PaymentId,
    },
    /// Not enough.
    #[error("{} minor units are still due", due.get())]
    StillDue {
        /// What is missing.
        due: Minor,
    },
    /// A text is empty, too long or has control or invisible characters.
    #[error("`{field}` must be 1 to {} bytes of text without control or invisible characters", crate::MAX_TEXT)]
    BadText {
        /// Which field.
        field: &'static str,
    },
}
