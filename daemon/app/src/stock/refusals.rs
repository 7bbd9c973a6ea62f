//! The refusals of the stock.

use commerce::stock::Refusal as Rule;

use crate::refusal::{Class, Kind, Member, Refusal};

/// A kind of the class [`Class::Rule`].
const fn rule(slug: &'static str, title: &'static str, doc: &'static str) -> Kind {
    Kind::new(slug, Class::Rule, title, doc)
}

/// A kind of the class [`Class::NotFound`].
const fn unknown(slug: &'static str, title: &'static str, doc: &'static str) -> Kind {
    Kind::new(slug, Class::NotFound, title, doc)
}

/// A kind of the class [`Class::Conflict`].
const fn conflict(slug: &'static str, title: &'static str, doc: &'static str) -> Kind {
    Kind::new(slug, Class::Conflict, title, doc)
}

/// The member for the item.
const ITEM: Member = Member::text("item", "The item's SKU.");
/// The member for the kind of document.
const DOCUMENT: Member = Member::text("document", "The kind of document.");

/// The reservation does not exist.
pub static RESERVATION_UNKNOWN: Kind =
    unknown("reservation-unknown", "Unknown reservation", "This store has no reservation with this number.");
/// The notice does not exist.
pub static NOTICE_UNKNOWN: Kind =
    unknown("notice-unknown", "Unknown notice", "This store has no notice with this number, or has deleted it.");
/// The transfer does not exist.
pub static TRANSFER_UNKNOWN: Kind =
    unknown("transfer-unknown", "Unknown transfer", "This store has no transfer with this number, or has deleted it.");
/// The count does not exist.
pub static COUNT_UNKNOWN: Kind =
    unknown("count-unknown", "Unknown count", "This store has no count with this number, or has deleted it.");
/// The item has no policy.
pub static POLICY_UNKNOWN: Kind = unknown(
    "policy-unknown",
    "No stock policy",
    "The item has no stock policy: it is tracked, may go below zero, and is not reordered.",
);
/// Too many documents are open.
pub static TOO_MANY_OPEN: Kind =
    conflict("too-many-open", "Too many open documents", "Too many documents of the kind are open; close some first.");
/// The order already has an open notice.
pub static ORDER_KNOWN: Kind = conflict(
    "order-known",
    "Order already entered",
    "The supplier's order has an open notice; receive against that notice.",
)
.with(&[Member::integer("notice", "The number of that notice.")]);
/// The transfer was already entered.
pub static TRANSFER_KNOWN: Kind = conflict(
    "transfer-known",
    "Transfer already entered",
    "The transfer was already entered; a transfer is entered only once.",
)
.with(&[Member::integer("notice", "The number of its notice.")]);
/// The item is being counted.
pub static BEING_COUNTED: Kind =
    conflict("stock-being-counted", "Item is being counted", "The item is in an open count; wait until it is closed.")
        .with(&[ITEM, Member::integer("count", "The number of that count.")]);
/// Not enough stock.
pub static STOCK_INSUFFICIENT: Kind = rule(
    "stock-insufficient",
    "Not enough stock",
    "There is less stock than requested; reduce the quantity, or receive or count the item first.",
)
.with(&[
    ITEM,
    Member::integer("requested", "The requested quantity, in thousandths of the unit."),
    Member::integer(
        "available",
        "The available quantity, in thousandths of the unit. Registers don't get it while the item is being \
             counted.",
    ),
    Member::text("state", "The state that the stock was to be taken from; absent for stock available to sell."),
]);
/// The goods are kept for the web.
pub static KEPT_FOR_WEB: Kind = rule(
    "kept-for-web",
    "Goods kept for the web",
    "Headquarters may sell these goods on the web, and the item's class does not let the counter sell them first.",
)
.with(&[
    ITEM,
    Member::integer("requested", "The requested quantity, in thousandths of the unit."),
    Member::integer("available", "What the counter may sell, in thousandths. Absent while the item is counted."),
]);
static STOCK_UNTRACKED: Kind =
    rule("stock-untracked", "Item not tracked", "The item's stock is not tracked; change its stock policy first.")
        .with(&[ITEM]);
static LINES_MISSING: Kind =
    rule("lines-missing", "No lines", "The request has no line with a quantity; send at least one.");
static TOO_MANY_LINES: Kind =
    rule("too-many-lines", "Too many lines", "The document would have too many lines; use several.");
static ITEM_TWICE: Kind =
    rule("item-twice", "Item listed twice", "An item is listed twice where only one line is allowed.").with(&[ITEM]);
static DELIVERY_KNOWN: Kind = conflict(
    "delivery-known",
    "Delivery already booked",
    "A delivery with this delivery note was already booked for the notice; nothing was booked now.",
)
.with(&[Member::integer("movement", "The movement of that delivery; absent if no item is tracked.")]);
static TOO_MANY_DELIVERY_NOTES: Kind = rule(
    "too-many-delivery-notes",
    "Too many delivery notes",
    "The notice has the maximum number of delivery notes; close it and enter another.",
);
static TRANSFER_NOT_FOR_HERE: Kind =
    rule("transfer-not-for-here", "Transfer for another store", "The transfer goes to another store; enter it there.")
        .with(&[Member::text("to", "The store it goes to.")]);
static TRANSFER_TO_ITSELF: Kind = rule(
    "transfer-to-itself",
    "Transfer within one store",
    "The sender and the receiver of the transfer are both this store.",
);
/// The item is in a different unit than it is sold or stocked in.
pub static WRONG_UNIT: Kind = rule("wrong-unit", "Wrong unit", "The item is sold or stocked in another unit.")
    .with(&[Member::text("unit", "The unit in which it is sold or stocked.")]);
static DOCUMENT_CLOSED: Kind =
    rule("document-closed", "Document closed", "The document is closed; open another.").with(&[DOCUMENT]);
static DOCUMENT_OPEN: Kind =
    rule("document-open", "Document open", "The document is open, so it can't be reopened.").with(&[DOCUMENT]);
static NOTICE_NOT_REOPENED: Kind = rule(
    "notice-not-reopened",
    "Notice can't be reopened",
    "The notice of a supplier's order cannot be reopened; enter the order again.",
);
static RESERVATION_IN_BASKET: Kind = rule(
    "reservation-in-basket",
    "Reservation in a basket",
    "The reservation is in a basket; complete or abandon the basket.",
)
.with(&[Member::text("basket", "The basket.")]);
static ITEM_NOT_IN_DOCUMENT: Kind =
    rule("item-not-in-document", "Item not in the document", "The document does not contain the item.")
        .with(&[ITEM, DOCUMENT]);
static MOMENT_OUT_OF_RANGE: Kind = rule(
    "moment-out-of-range",
    "Moment out of range",
    "`counted_at_ms` is before the count was opened or in the future.",
)
.with(&[ITEM]);
static NOTHING_TO_DECIDE: Kind =
    rule("nothing-to-decide", "Nothing to decide", "The item has no undecided variance.").with(&[ITEM]);
static STOCK_RECOUNTED: Kind = conflict(
    "stock-recounted",
    "Item counted again",
    "The item was counted again with a different variance; read the variances again, then decide.",
)
.with(&[ITEM, Member::integer("variance", "The current variance, in thousandths of the unit.")]);
static OUT_OF_RANGE: Kind = rule("out-of-range", "Out of range", "A number is out of range.")
    .with(&[Member::text("field", "The invalid field.")]);

/// All kinds.
pub(super) static KINDS: &[&Kind] = &[
    &RESERVATION_UNKNOWN,
    &NOTICE_UNKNOWN,
    &TRANSFER_UNKNOWN,
    &COUNT_UNKNOWN,
    &POLICY_UNKNOWN,
    &TOO_MANY_OPEN,
    &ORDER_KNOWN,
    &TRANSFER_KNOWN,
    &BEING_COUNTED,
    &STOCK_INSUFFICIENT,
    &KEPT_FOR_WEB,
    &STOCK_UNTRACKED,
    &LINES_MISSING,
    &TOO_MANY_LINES,
    &ITEM_TWICE,
    &DELIVERY_KNOWN,
    &TOO_MANY_DELIVERY_NOTES,
    &TRANSFER_NOT_FOR_HERE,
    &TRANSFER_TO_ITSELF,
    &WRONG_UNIT,
    &DOCUMENT_CLOSED,
    &DOCUMENT_OPEN,
    &NOTICE_NOT_REOPENED,
    &RESERVATION_IN_BASKET,
    &ITEM_NOT_IN_DOCUMENT,
    &MOMENT_OUT_OF_RANGE,
    &NOTHING_TO_DECIDE,
    &STOCK_RECOUNTED,
    &OUT_OF_RANGE,
];

impl From<Rule> for Refusal {
    fn from(rule: Rule) -> Self {
        let detail = rule.to_string();
        let of_item = |kind: &'static Kind, sku: String| kind.because(detail.clone()).member("item", sku);
        match rule {
            Rule::Insufficient { sku, available, requested, state } => {
                let refusal = of_item(&STOCK_INSUFFICIENT, sku.into())
                    .member("requested", requested)
                    .member("available", available);
                match state {
                    Some(state) => refusal.member("state", state.name()),
                    None => refusal,
                }
            }
            Rule::InsufficientWhileCounted { sku, requested } => {
                of_item(&STOCK_INSUFFICIENT, sku.into()).member("requested", requested)
            }
            Rule::Untracked { sku } => of_item(&STOCK_UNTRACKED, sku.into()),
            Rule::NoLines => LINES_MISSING.because(detail),
            Rule::TooManyLines => TOO_MANY_LINES.because(detail),
            Rule::Twice { sku } => of_item(&ITEM_TWICE, sku.into()),
            Rule::DeliveryKnown { movement, .. } => match movement {
                Some(movement) => DELIVERY_KNOWN.because(detail).member("movement", movement),
                None => DELIVERY_KNOWN.because(detail),
            },
            Rule::TooManyNotes => TOO_MANY_DELIVERY_NOTES.because(detail),
            Rule::NotForHere { to, .. } => TRANSFER_NOT_FOR_HERE.because(detail).member("to", to),
            Rule::ToItself { .. } => TRANSFER_TO_ITSELF.because(detail),
            Rule::WrongUnit { kept, .. } => WRONG_UNIT.because(detail).member("unit", kept.name()),
            Rule::Closed { document } => DOCUMENT_CLOSED.because(detail).member("document", document),
            Rule::Open { document } => DOCUMENT_OPEN.because(detail).member("document", document),
            Rule::NotReopened => NOTICE_NOT_REOPENED.because(detail),
            Rule::InBasket { basket } => RESERVATION_IN_BASKET.because(detail).member("basket", basket.to_string()),
            Rule::NoSuchItem { sku, document } => {
                of_item(&ITEM_NOT_IN_DOCUMENT, sku.into()).member("document", document)
            }
            Rule::NotDuringTheCount { sku } => of_item(&MOMENT_OUT_OF_RANGE, sku.into()),
            Rule::NothingToDecide { sku } => of_item(&NOTHING_TO_DECIDE, sku.into()),
            Rule::Recounted { sku, now, .. } => of_item(&STOCK_RECOUNTED, sku.into()).member("variance", now),
            Rule::OutOfRange { field, .. } => OUT_OF_RANGE.because(detail).member("field", field),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_refusal_names_item_requested_and_available() {
        let sku: commerce::Sku = "818981".parse().unwrap();
        let refused = Rule::Insufficient { sku, available: -1500, requested: 2250, state: None };
        let hidden = Refusal::from(refused.clone().without_quantity());
        let refused = Refusal::from(refused);
        let told = "not enough stock of item 818981: requested 2.250, available to sell -1.500; reduce the quantity, \
                    or receive or count the item first";
        assert_eq!((refused.kind, refused.detail.as_str()), (&STOCK_INSUFFICIENT, told));
        let members = [("item", json!("818981")), ("requested", json!(2250)), ("available", json!(-1500))];
        assert_eq!(refused.members, members);
        assert_eq!((hidden.kind, hidden.members), (&STOCK_INSUFFICIENT, members[..2].to_vec()));
        assert!(!hidden.detail.contains("1.500"), "{}", hidden.detail);
    }
}
