//! The refusals of orders.

use commerce::order::{Refusal as Refused, Rule};

use crate::refusal::{Class, Kind, Member, Refusal};

const ORDER: Member = Member::text("order", "The order.");
const LINE: Member = Member::integer("line", "The line, if the rule is about one line.");
const RULE: Member = Member::text("rule", "The rule's name, such as `wrong_item`.");

/// The part does not exist.
pub static ORDER_UNKNOWN: Kind = Kind::new(
    "order-unknown",
    Class::NotFound,
    "Unknown order",
    "This store has no such part of an order, or has deleted it.",
)
.with(&[ORDER]);
/// No order was placed here with this id.
pub static PLACED_UNKNOWN: Kind = Kind::new(
    "placed-order-unknown",
    Class::NotFound,
    "Unknown placed order",
    "No register of this store placed an order with this id.",
)
.with(&[ORDER]);
/// A rule of the order refuses it.
pub static ORDER_RULE: Kind =
    Kind::new("order-rule", Class::Rule, "Refused by a rule of the order", "A rule refuses the step; nothing changed.")
        .with(&[ORDER, LINE, RULE]);
/// Another picker has the line.
pub static ORDER_CLAIMED: Kind =
    Kind::new("order-claimed", Class::Conflict, "Claimed by another picker", "Another picker has claimed the line.")
        .with(&[ORDER, LINE, RULE, Member::text("picker", "The picker who has the line.")]);
/// The part is in a basket.
pub static ORDER_AT_REGISTER: Kind = Kind::new(
    "order-at-register",
    Class::Conflict,
    "Order at a register",
    "The order is in a basket; complete or abandon that basket first.",
)
.with(&[ORDER, Member::text("basket", "The basket.")]);
/// Nobody is named as the picker.
pub(super) static NO_PICKER: Kind =
    Kind::new("no-picker", Class::Rule, "Picker unknown", "Picking needs a person; send `picker`.");
/// The order can't be withdrawn any more.
pub(super) static PLACED_OVER: Kind = Kind::new(
    "placed-order-over",
    Class::Rule,
    "Order is over",
    "Headquarters refused the order, or it was withdrawn.",
)
.with(&[ORDER]);

/// All kinds.
pub(super) static KINDS: &[&Kind] =
    &[&ORDER_UNKNOWN, &PLACED_UNKNOWN, &ORDER_RULE, &ORDER_CLAIMED, &ORDER_AT_REGISTER, &NO_PICKER, &PLACED_OVER];

impl From<Refused> for Refusal {
    fn from(refused: Refused) -> Self {
        let detail = refused.to_string();
        let kind = if matches!(refused.rule, Rule::Claimed { .. }) { &ORDER_CLAIMED } else { &ORDER_RULE };
        let mut refusal =
            kind.because(detail).member("order", refused.order.as_str()).member("rule", refused.rule.name());
        if let Some(line) = refused.line {
            refusal = refusal.member("line", line);
        }
        if let Rule::Claimed { picker, .. } = refused.rule {
            refusal = refusal.member("picker", picker.as_str());
        }
        refusal
    }
}
