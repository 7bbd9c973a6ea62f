//! The refusals of selling.

use commerce::Refusal as Rule;

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
static BASKET_NOT_OPEN: Kind =
    rule("basket-not-open", "Basket not open", "The basket is completed or abandoned; open another.");
static PAYMENT_PENDING: Kind = rule(
    "basket-payment-pending",
    "Card payment pending",
    "A card payment of the basket is in progress; wait for it to end or abort it.",
);
static BASKET_PARTLY_PAID: Kind = rule(
    "basket-partly-paid",
    "Basket partly paid",
    "Something is paid, so the basket's lines are fixed; void its tenders first.",
);
static BASKET_FULL: Kind =
    rule("basket-full", "Basket full", "The basket has the maximum number of lines, discounts or tenders.");
static LINE_UNKNOWN: Kind = rule("line-unknown", "Unknown line", "The line does not exist in the basket or is voided.");
static BASKET_EMPTY: Kind = rule("basket-empty", "Basket empty", "The basket has no lines.");
static AMOUNT_OUT_OF_RANGE: Kind =
    rule("amount-out-of-range", "Amount out of range", "The amount is zero, negative or too large.");
static PRICE_MISSING: Kind =
    rule("price-missing", "Price missing", "An item that is not on file needs a keyed amount and a reason.");
static DISCOUNT_EXCEEDS_LINE: Kind =
    rule("discount-exceeds-line", "Discount exceeds line", "The discount exceeds the net amount of the line.")
        .with(&[Member { name: "left", doc: "The net amount of the line, in minor units." }]);
static EXCEEDS_DUE: Kind = rule(
    "exceeds-due",
    "Tender exceeds the amount due",
    "Change is given on cash only: a card or coupon pays at most the amount due.",
)
.with(&[Member { name: "due", doc: "The amount due, in minor units." }]);
static NOTHING_DUE: Kind = rule("nothing-due", "Nothing due", "The basket is paid already; complete it.");
static TOO_MUCH_CASH: Kind = rule(
    "too-much-cash",
    "Implausible amount of cash",
    "The amount exceeds ten times the amount due plus the currency's largest banknote; check it.",
)
.with(&[
    Member { name: "due", doc: "The amount due, in minor units." },
    Member { name: "most", doc: "The maximum amount accepted, in minor units." },
]);
static COUPON_TAKEN: Kind =
    rule("coupon-taken", "Coupon already used", "A coupon with this code is in the basket already.");
static TENDER_UNKNOWN: Kind =
    rule("tender-unknown", "Unknown tender", "The tender does not exist in the basket or is voided.");
static TENDER_IS_CARD: Kind = rule(
    "tender-is-card",
    "Tender is a card payment",
    "Only the terminal can reverse a card payment, and the hub can't request that yet.",
)
.with(&[Member { name: "payment", doc: "The payment." }]);
static STILL_DUE: Kind = rule("still-due", "Not fully paid", "The basket is not fully paid.")
    .with(&[Member { name: "due", doc: "The amount due, in minor units." }]);
static BAD_TEXT: Kind =
    rule("bad-text", "Invalid text", "A text is empty, too long or has control or invisible characters.")
        .with(&[Member { name: "field", doc: "The invalid field." }]);

/// All kinds.
pub(super) static KINDS: &[&Kind] = &[
    &BASKET_UNKNOWN,
    &SALE_UNKNOWN,
    &BASKET_NOT_OPEN,
    &PAYMENT_PENDING,
    &BASKET_PARTLY_PAID,
    &BASKET_FULL,
    &LINE_UNKNOWN,
    &BASKET_EMPTY,
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
