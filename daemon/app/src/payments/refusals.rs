//! The kinds of refusals of card payments.

use crate::refusal::{Class, Kind, Member};

/// No such payment.
pub static PAYMENT_UNKNOWN: Kind =
    Kind::new("payment-unknown", Class::NotFound, "Unknown payment", "This store has no payment with this id.");
/// Another payment is on the terminal.
pub static TERMINAL_BUSY: Kind = Kind::new(
    "terminal-busy",
    Class::Conflict,
    "Terminal busy",
    "The terminal is taking another payment; wait for it or abort it.",
);
/// A payment on the terminal is in doubt.
pub static TERMINAL_UNRESOLVED: Kind = Kind::new(
    "terminal-unresolved",
    Class::Conflict,
    "Terminal has an unresolved payment",
    "The outcome of an earlier payment on the terminal is not known yet; decide it at the console if it stays so.",
)
.with(&[Member { name: "payment", doc: "The payment that is unresolved." }]);
/// The terminal did not do what it was asked.
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
/// It never got as far as a charge.
pub static PAYMENT_NOT_CHARGED: Kind = Kind::new(
    "payment-not-charged",
    Class::Device,
    "Payment not charged",
    "The terminal did not take the payment; nothing was charged, and the basket is still open.",
)
.with(&[Member { name: "basket", doc: "The basket, which is still open." }]);
/// Nobody knows whether the card was charged.
pub static PAYMENT_OUTCOME_UNKNOWN: Kind = Kind::new(
    "payment-outcome-unknown",
    Class::Device,
    "Payment outcome unknown",
    "Nobody knows whether the card was charged; a person must read the terminal's journal and decide at the console.",
)
.with(&[Member { name: "payment", doc: "The payment to decide." }]);
/// It has no end yet.
pub static PAYMENT_UNDER_WAY: Kind = Kind::new(
    "payment-under-way",
    Class::Conflict,
    "Payment under way",
    "The payment is still with its terminal; repeat the command with the same key.",
)
.with(&[Member { name: "payment", doc: "The payment." }]);
/// It has ended, so there is nothing to decide.
pub(super) static PAYMENT_ENDED: Kind = Kind::new(
    "payment-ended",
    Class::Conflict,
    "Payment has ended",
    "The payment's outcome is known, so there is nothing to decide.",
)
.with(&[Member { name: "state", doc: "How it ended." }]);

/// All of them.
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
