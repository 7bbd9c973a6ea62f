//! The refusals of selling.

use commerce::Refusal as Rule;

use super::receipts::NUMBERS_AWAITED;
use crate::{
    refusal::{Class, Kind, Member, Refusal},
    stock::WRONG_UNIT,
};

/// A kind of the class [`Class::Rule`].
const fn rule(slug: &'static str, title: &'static str, doc: &'static str) -> Kind {
    Kind::new(slug, Class::Rule, title, doc)
}

/// The basket does not exist or belongs to another register.
pub static BASKET_UNKNOWN: Kind =
    Kind::new("basket-unknown", Class::NotFound, "Unknown basket", "This register has no basket with this id.");
/// The sale does not exist.
pub static SALE_UNKNOWN: Kind = Kind::new(
    "sale-unknown",
    Class::NotFound,
    "Unknown sale",
    "This store has no sale with this id, or has deleted it.",
);
pub(super) static BASKET_NOT_OPEN: Kind =
    rule("basket-not-open", "Basket not open", "The basket is completed or abandoned; open another.");
pub(super) static PAYMENT_PENDING: Kind = rule(
    "basket-payment-pending",
    "Card payment pending",
    "A card payment of the basket is in progress; wait for it to end or abort it.",
);
pub(super) static BASKET_PARTLY_PAID: Kind = rule(
    "basket-partly-paid",
    "Basket partly paid",
    "Something is paid, so the basket's lines are fixed; void its tenders first.",
);
pub(super) static BASKET_NOT_PARKED: Kind = Kind::new(
    "basket-not-parked",
    Class::Conflict,
    "Basket not parked",
    "The basket is not parked: another register recalled it, or its register completed or abandoned it.",
);
static BASKET_FULL: Kind =
    rule("basket-full", "Basket full", "The basket has the maximum number of lines, discounts or tenders.");
/// A scanned code can't be used.
pub static CODE_INVALID: Kind = rule(
    "code-invalid",
    "Invalid code",
    "The scanned code has a wrong check digit, a date that does not exist, or is not a code of goods.",
);
/// The goods may no longer be sold.
pub static ITEM_EXPIRED: Kind =
    rule("item-expired", "Expired", "The use-by date in the code has passed; the goods may not be sold.")
        .with(&[Member::text("use_by", "The last day on which the goods may be used.")]);
/// The goods are past their best-before date.
pub static PAST_BEST_BEFORE: Kind = rule(
    "past-best-before",
    "Past its best-before date",
    "The best-before or sell-by date in the code has passed; send `past_best_before` to sell the goods all the same.",
)
.with(&[Member::text("best_before", "The last day on which the goods are at their best.")]);
/// A weighing can't be sold.
pub static WEIGHING_UNKNOWN: Kind = rule(
    "weighing-unknown",
    "Unknown weighing",
    "The weighing is unknown, sold already or older than two minutes; weigh again.",
);
/// The sale can't be voided.
pub static SALE_NOT_VOIDABLE: Kind = rule(
    "sale-not-voidable",
    "Sale can't be voided",
    "The sale is void already, of another business day, of an order, or its card was refunded in part.",
);
static LINE_UNKNOWN: Kind = rule("line-unknown", "Unknown line", "The line does not exist in the basket or is voided.");
static LINE_OF_ORDER: Kind = rule(
    "line-of-order",
    "Line of an order",
    "The line is of the order that the basket hands over; abandon the basket, and hand over without the line.",
);
static LINE_RETURNED: Kind = rule(
    "line-returned",
    "Line of a return",
    "The line takes goods back at what was paid for them: void it to change the return, and exchange it for the same \
     quantity of goods of the same price.",
);
static REFUND_BEGUN: Kind = rule(
    "refund-begun",
    "Refund begun",
    "The refund of the basket has begun, so its lines and tenders are fixed; finish it and complete the basket.",
);
static REFUND_DUE: Kind =
    rule("refund-due", "Refund due", "The basket owes the customer money; refund it, then complete the basket.")
        .with(&[Member::integer("due", "The amount to give back, in minor units.")]);
static NO_REFUND_DUE: Kind =
    rule("no-refund-due", "No refund due", "The basket owes the customer nothing, or has no such step to skip.");
static TOO_MANY_RETURNS: Kind =
    rule("too-many-returns", "Too many returns", "The basket takes back the goods of the maximum number of receipts.");
static NOT_SOLD_NOW: Kind =
    rule("not-sold-now", "Not sold at this time", "Goods of the basket may not be sold at this time; void their line.")
        .with(&[Member::integer("from_ms", "When they may be sold again: milliseconds since 1970, UTC.")]);
static AGE_UNCHECKED: Kind = rule(
    "age-unchecked",
    "Age not checked",
    "Goods of the basket have a minimum age; check the customer's age and send it as `checked_age` of the buyer.",
)
.with(&[Member::integer("years", "The minimum age, in years.")]);
static TOO_MANY_LISTED: Kind =
    rule("too-many-listed", "Too many groups or coupons", "The customer has too many groups or coupons.");
static BASKET_EMPTY: Kind = rule("basket-empty", "Basket empty", "The basket has no lines.");
static AMOUNT_OUT_OF_RANGE: Kind =
    rule("amount-out-of-range", "Amount out of range", "The amount is zero, negative or too large.");
static PRICE_MISSING: Kind =
    rule("price-missing", "Price missing", "An item that is not on file needs a keyed amount and a reason.");
static DISCOUNT_EXCEEDS_LINE: Kind =
    rule("discount-exceeds-line", "Discount exceeds line", "The discount exceeds the net amount of the line.")
        .with(&[Member::integer("left", "The net amount of the line, in minor units.")]);
static EXCEEDS_DUE: Kind = rule(
    "exceeds-due",
    "Tender exceeds the amount due",
    "Change is given on cash only: a card or coupon pays at most the amount due.",
)
.with(&[Member::integer("due", "The amount due, in minor units.")]);
static NOTHING_DUE: Kind = rule("nothing-due", "Nothing due", "The basket is paid already; complete it.");
static TOO_MUCH_CASH: Kind = rule(
    "too-much-cash",
    "Implausible amount of cash",
    "The amount exceeds ten times the amount due plus the currency's largest banknote; check it.",
)
.with(&[
    Member::integer("due", "The amount due, in minor units."),
    Member::integer("most", "The maximum amount accepted, in minor units."),
]);
static COUPON_TAKEN: Kind =
    rule("coupon-taken", "Coupon already used", "A coupon with this code is in the basket already.");
static TENDER_UNKNOWN: Kind =
    rule("tender-unknown", "Unknown tender", "The tender does not exist in the basket or is voided.");
static TENDER_IS_CARD: Kind =
    rule("tender-is-card", "Tender is a card payment", "Only the terminal can reverse a card payment.")
        .with(&[Member::text("payment", "The payment.")]);
static STILL_DUE: Kind = rule("still-due", "Not fully paid", "The basket is not fully paid.")
    .with(&[Member::integer("due", "The amount due, in minor units.")]);
static BAD_TEXT: Kind =
    rule("bad-text", "Invalid text", "A text is empty, too long or has control or invisible characters.")
        .with(&[Member::text("field", "The invalid field.")]);

/// All kinds.
pub(super) static KINDS: &[&Kind] = &[
    &BASKET_UNKNOWN,
    &SALE_UNKNOWN,
    &SALE_NOT_VOIDABLE,
    &NUMBERS_AWAITED,
    &BASKET_NOT_OPEN,
    &BASKET_NOT_PARKED,
    &PAYMENT_PENDING,
    &BASKET_PARTLY_PAID,
    &BASKET_FULL,
    &LINE_UNKNOWN,
    &LINE_OF_ORDER,
    &LINE_RETURNED,
    &REFUND_BEGUN,
    &REFUND_DUE,
    &NO_REFUND_DUE,
    &TOO_MANY_RETURNS,
    &BASKET_EMPTY,
    &NOT_SOLD_NOW,
    &AGE_UNCHECKED,
    &TOO_MANY_LISTED,
    &AMOUNT_OUT_OF_RANGE,
    &PRICE_MISSING,
    &DISCOUNT_EXCEEDS_LINE,
    &EXCEEDS_DUE,
    &NOTHING_DUE,
    &TOO_MUCH_CASH,
    &COUPON_TAKEN,
    &TENDER_UNKNOWN,
    &TENDER_IS_CARD,
    &STILL_DUE,
    &BAD_TEXT,
    &WEIGHING_UNKNOWN,
    &CODE_INVALID,
    &ITEM_EXPIRED,
    &PAST_BEST_BEFORE,
];

impl From<Rule> for Refusal {
    fn from(rule: Rule) -> Self {
        let detail = rule.to_string();
        match rule {
            Rule::NotOpen => BASKET_NOT_OPEN.because(detail),
            Rule::PaymentUnderWay => PAYMENT_PENDING.because(detail),
            Rule::PartlyPaid => BASKET_PARTLY_PAID.because(detail),
            Rule::TooManyLines | Rule::TooManyDiscounts { .. } | Rule::TooManyTenders => BASKET_FULL.because(detail),
            Rule::NoSuchLine { .. } => LINE_UNKNOWN.because(detail),
            Rule::LineOfOrder { .. } => LINE_OF_ORDER.because(detail),
            Rule::LineReturned { .. } | Rule::NotEven { .. } => LINE_RETURNED.because(detail),
            Rule::RefundBegun => REFUND_BEGUN.because(detail),
            Rule::RefundDue { due } => REFUND_DUE.because(detail).member("due", due.get()),
            Rule::NoRefundDue => NO_REFUND_DUE.because(detail),
            Rule::TooManyReturns { .. } => TOO_MANY_RETURNS.because(detail),
            Rule::NotSoldNow { from_ms, .. } => NOT_SOLD_NOW.because(detail).member("from_ms", from_ms),
            Rule::AgeUnchecked { years, .. } => AGE_UNCHECKED.because(detail).member("years", years),
            Rule::TooManyListed { .. } => TOO_MANY_LISTED.because(detail),
            Rule::Empty => BASKET_EMPTY.because(detail),
            Rule::WrongUnit { sold_by, .. } => WRONG_UNIT.because(detail).member("unit", sold_by.name()),
            Rule::AmountOutOfRange => AMOUNT_OUT_OF_RANGE.because(detail),
            Rule::PriceMissing => PRICE_MISSING.because(detail),
            Rule::DiscountExceedsLine { net, .. } => DISCOUNT_EXCEEDS_LINE.because(detail).member("left", net.get()),
            Rule::ExceedsDue { due, .. } => EXCEEDS_DUE.because(detail).member("due", due.get()),
            Rule::TooMuchCash { due, most, .. } => {
                TOO_MUCH_CASH.because(detail).member("due", due.get()).member("most", most.get())
            }
            Rule::NothingDue => NOTHING_DUE.because(detail),
            Rule::CouponTaken { .. } => COUPON_TAKEN.because(detail),
            Rule::NoSuchTender { .. } => TENDER_UNKNOWN.because(detail),
            Rule::TenderIsCard { payment, .. } => TENDER_IS_CARD.because(detail).member("payment", payment.to_string()),
            Rule::StillDue { due } => STILL_DUE.because(detail).member("due", due.get()),
            Rule::BadText { field } => BAD_TEXT.because(detail).member("field", field),
        }
    }
}
