//! The refusals of card payments.

use crate::refusal::{Class, Kind, Member};

/// The payment does not exist.
pub static PAYMENT_UNKNOWN: Kind =
    Kind::new("payment-unknown", Class::NotFound, "Unknown payment", "This store has no payment with this id.");
/// The terminal has another payment.
pub static TERMINAL_BUSY: Kind = Kind::new(
    "terminal-busy",
    Class::Conflict,
    "Terminal busy",
    "The terminal is busy with something else; the reason says how long that may take.",
)
.with(&[Member::text(
    "reason",
    "`payment`: another payment runs. `receipt`: the last one is done, and the terminal still sends its receipt \
          text; repeat the command after a second. `inquiry`: the terminal is asked for the outcome of a payment. \
          `closing`: it closes its day; repeat the command in a minute.",
)]);
/// The terminal has a payment in doubt.
pub static TERMINAL_UNRESOLVED: Kind = Kind::new(
    "terminal-unresolved",
    Class::Conflict,
    "Terminal has an unresolved payment",
    "The outcome of an earlier payment on the terminal is not known yet; if that persists, decide it at the console.",
)
.with(&[Member::text("payment", "The unresolved payment.")]);
/// The terminal failed.
pub static TERMINAL_FAILED: Kind =
    Kind::new("terminal-failed", Class::Device, "Payment terminal failed", "The terminal refused or did not answer.");
/// The card was declined.
pub static PAYMENT_DECLINED: Kind = Kind::new(
    "payment-declined",
    Class::Rule,
    "Payment declined",
    "The terminal or the bank declined the card; nothing was charged, and the basket is still open.",
)
.with(&[Member::text("basket", "The basket, which is still open.")]);
/// The payment was never charged.
pub static PAYMENT_NOT_CHARGED: Kind = Kind::new(
    "payment-not-charged",
    Class::Device,
    "Payment not charged",
    "The terminal did not accept the payment; nothing was charged, and the basket is still open.",
)
.with(&[Member::text("basket", "The basket, which is still open.")]);
/// The card was charged with a part of the amount.
pub static PAYMENT_PARTIAL: Kind = Kind::new(
    "payment-partial",
    Class::Rule,
    "Payment approved in part",
    "The card paid a part of the amount; the rest is due, and the basket is still open.",
)
.with(&[
    Member::text("basket", "The basket, which is still open."),
    Member::integer("due", "The amount still due, in minor units."),
]);
/// The payment can't be reversed or refunded.
pub static NOT_REVERSIBLE: Kind = Kind::new(
    "payment-not-reversible",
    Class::Rule,
    "Payment can't be given back",
    "The payment is not charged, or less of it is left than was asked for, or its terminal can't do this.",
)
.with(&[Member::integer("left", "The amount that can be given back, in minor units.")]);
/// It is unknown whether the card was charged.
pub static PAYMENT_OUTCOME_UNKNOWN: Kind = Kind::new(
    "payment-outcome-unknown",
    Class::Device,
    "Payment outcome unknown",
    "It is unknown whether the card was charged; a person must read the terminal's journal and decide at the console.",
)
.with(&[Member::text("payment", "The payment to decide.")]);
/// The payment has no outcome yet.
pub static PAYMENT_UNDER_WAY: Kind = Kind::new(
    "payment-under-way",
    Class::Conflict,
    "Payment in progress",
    "The payment is still in progress at its terminal; repeat the command with the same key.",
)
.with(&[Member::text("payment", "The payment.")]);
/// The payment has an outcome, so there is nothing to decide.
pub(super) static PAYMENT_ENDED: Kind = Kind::new(
    "payment-ended",
    Class::Conflict,
    "Payment has an outcome",
    "The outcome of the payment is known, so there is nothing to decide.",
)
.with(&[Member::text("state", "The outcome.")]);

/// The payment was not approved without its bank.
pub(super) static NOT_OFFLINE: Kind = Kind::new(
    "payment-not-offline",
    Class::Conflict,
    "Payment does not wait for its bank",
    "The payment was not approved without its bank, or the bank has answered.",
);
/// There is nothing to collect.
pub(super) static NOTHING_TO_COLLECT: Kind = Kind::new(
    "nothing-to-collect",
    Class::Conflict,
    "Nothing to collect",
    "The payment was not declined later, or its amount is settled already.",
);

/// All kinds.
pub(super) static KINDS: &[&Kind] = &[
    &PAYMENT_UNKNOWN,
    &TERMINAL_BUSY,
    &TERMINAL_UNRESOLVED,
    &TERMINAL_FAILED,
    &PAYMENT_DECLINED,
    &PAYMENT_NOT_CHARGED,
    &PAYMENT_PARTIAL,
    &NOT_REVERSIBLE,
    &PAYMENT_OUTCOME_UNKNOWN,
    &PAYMENT_UNDER_WAY,
    &PAYMENT_ENDED,
    &NOT_OFFLINE,
    &NOTHING_TO_COLLECT,
];
