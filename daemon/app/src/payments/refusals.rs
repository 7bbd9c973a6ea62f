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
    "The terminal has another payment in progress; wait for it or abort it.",
);
/// The terminal has a payment in doubt.
pub static TERMINAL_UNRESOLVED: Kind = Kind::new(
    "terminal-unresolved",
    Class::Conflict,
    "Terminal has an unresolved payment",
    "The outcome of an earlier payment on the terminal is not known yet; if that persists, decide it at the console.",
)
.with(&[Member { name: "payment", doc: "The unresolved payment." }]);
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
.with(&[Member { name: "basket", doc: "The basket, which is still open." }]);
/// The payment was never charged.
pub static PAYMENT_NOT_CHARGED: Kind = Kind::new(
    "payment-not-charged",
    Class::Device,
    "Payment not charged",
    "The terminal did not accept the payment; nothing was charged, and the basket is still open.",
)
.with(&[Member { name: "basket", doc: "The basket, which is still open." }]);
/// It is unknown whether the card was charged.
pub static PAYMENT_OUTCOME_UNKNOWN: Kind = Kind::new(
    "payment-outcome-unknown",
    Class::Device,
    "Payment outcome unknown",
    "It is unknown whether the card was charged; a person must read the terminal's journal and decide at the console.",
)
.with(&[Member { name: "payment", doc: "The payment to decide." }]);
/// The payment has no outcome yet.
pub static PAYMENT_UNDER_WAY: Kind = Kind::new(
    "payment-under-way",
    Class::Conflict,
    "Payment in progress",
    "The payment is still in progress at its terminal; repeat the command with the same key.",
)
.with(&[Member { name: "payment", doc: "The payment." }]);
/// The payment has an outcome, so there is nothing to decide.
pub(super) static PAYMENT_ENDED: Kind = Kind::new(
    "payment-ended",
    Class::Conflict,
    "Payment has an outcome",
    "The outcome of the payment is known, so there is nothing to decide.",
)
.with(&[Member { name: "state", doc: "The outcome." }]);

/// All kinds.
pub(super) static KINDS: &[&Kind] = &[
    &PAYMENT_UNKNOWN,
    &TERMINAL_BUSY,
    &TERMINAL_UNRESOLVED,
    &TERMINAL_FAILED,
    &PAYMENT_DECLINED,
    &PAYMENT_NOT_CHARGED,
    &PAYMENT_OUTCOME_UNKNOWN,
    &PAYMENT_UNDER_WAY,
    &PAYMENT_ENDED,
];
