//! Card payments: never charged twice, never lost.
//!
//! [`commerce::payment`] has the states and the events. This capability stores each event with its consequences for the
//! basket, the sale and the terminal in one commit ([`apply`]), before the hub takes the next step at the terminal.
//!
//! | the payment | the basket | the terminal |
//! | --- | --- | --- |
//! | runs, or is unknown, or is being reversed | its amount is frozen; the basket can't be completed | takes no other |
//! | is approved, also in part or offline | has a card tender | is free |
//! | charged nothing, or is reversed | has no tender of it; the amount is due again | is free |
//!
//! | failure | effect |
//! | --- | --- |
//! | not enough stock | refused in the commit of the intent: an approved payment always becomes a sale |
//! | power, before the intent is flushed | nothing was sent; the register repeats the command |
//! | power, after it | the follower finds the payment, and [`commerce::payment::todo`] says what to do |
//! | power, between result and acknowledgement | the result is stored; the next inquiry shows a reversal |
//! | the disk, when the result is to be stored | the payment is rolled back, or the terminal is asked later |
//! | the terminal fails after its approval | `Unknown`; the amount is due again; the terminal is asked |
//! | the terminal breaks down | a person decides the payment while the hub keeps asking the terminal |
//! | the register goes away | the payment continues; a repeat under the same key gets the result |
//! | the basket is abandoned during a payment | an approval that comes later is reversed by itself |
//! | its sale is voided | the same: it is reversed by itself, once |
//! | the terminal refuses to reverse it | `Unknown` until a person has given the money back |
//! | a refund of a return is declined | store credit takes its place; see [`refund_step`] |
//! | an approval comes after an abort | it counts: the basket is paid |
//! | the bank declines an offline approval later | the sale stands; a person collects the amount ([`to_collect`]) |
//! | the basket's record is damaged | the payment ends all the same; an approval without a basket is reported |
//!
//! A payment without an outcome blocks its terminal, because two payments in doubt on one terminal could not be told
//! apart. A person can also decide a payment whose terminal does not answer or that nobody drives. Both are listed
//! ([`unresolved`]) and shown in the console with instructions.

mod apply;
pub(crate) mod bookings;
mod journal;
mod offline;
mod refunding;
mod refusals;
mod reversal;
mod void;

pub use apply::{Approval, Ended, apply};
use commerce::{BasketId, CardSlip, Minor, PaymentId, PaymentState, RegisterName};
pub(crate) use journal::unresolved_at;
pub use journal::{Intent, decide, mark_unknown, start, start_whole_sale, store_slip, unresolved};
pub use offline::{BankAnswer, Collected, Exposure, Limits, bank_answered, collected, exposure, offline, to_collect};
pub use refunding::{RefundRequest, Refunding, next_card, refund_step};
pub use refusals::{
    NOT_REVERSIBLE, PAYMENT_DECLINED, PAYMENT_NOT_CHARGED, PAYMENT_OUTCOME_UNKNOWN, PAYMENT_PARTIAL, PAYMENT_UNDER_WAY,
    PAYMENT_UNKNOWN, TERMINAL_BUSY, TERMINAL_FAILED, TERMINAL_UNRESOLVED,
};
pub use reversal::{Voided, abandon, refuse_reversal, reverse_unwanted, start_refund, to_reverse, void_tender};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use store::{Name, Number, Store, StoreError, Table, archive::EntryKey};
use utoipa::ToSchema;
pub use void::{SaleVoided, VoidSale, void_sale};

use crate::{
    Capability, Refusal,
    audit::Act as _,
    permission::{Holder, Permission},
    selling::{self, SaleDone},
};

static PAYMENTS: Table<Number, Payment> = Table::new("payment");
/// The payment that blocks each terminal.
static OPEN: Table<Name, PaymentId> = Table::new("open_payment");
/// The payments that nobody wants any more and that may be charged.
static UNWANTED: Table<Number, PaymentId> = Table::new("unwanted_payment");

/// See payments.
pub static READ: Permission =
    Permission::new("payments.read", "See card payments", &[Holder::Register, Holder::Person, Holder::Service]);
/// Take card payments.
pub static TAKE: Permission = Permission::new("payments.take", "Take and abort card payments", &[Holder::Register]);
/// Decide payments.
pub static DECIDE: Permission =
    Permission::new("payments.decide", "Decide a payment whose outcome is unknown", &[Holder::Person]);
/// Refund payments.
pub static REFUND: Permission =
    Permission::new("payments.refund", "Refund card payments", &[Holder::Register, Holder::Person]);

/// Tell the bank's answers.
pub static BANK_ANSWER: Permission = Permission::new(
    "payments.bank_answer",
    "Store the bank's answer to a payment that was approved without it",
    &[Holder::Person, Holder::Service],
);
/// Collect declined amounts.
pub static COLLECT: Permission = Permission::new(
    "payments.collect",
    "Say how the amount of a payment that was declined later was settled",
    &[Holder::Person],
);

/// Close a terminal's day.
pub static CLOSE: Permission =
    Permission::new("payments.close", "Check a payment terminal, and close its day", &[Holder::Person]);

/// The declaration of this capability.
pub(crate) static CAPABILITY: Capability = Capability {
    tables: &[
        "payment",
        "open_payment",
        "unwanted_payment",
        "offline_payment",
        "payment_to_collect",
        "terminal_booking",
    ],
    refusals: refusals::KINDS,
    permissions: &[&READ, &TAKE, &DECIDE, &REFUND, &BANK_ANSWER, &COLLECT, &CLOSE],
    acts: &[
        journal::PaymentDecided::KIND,
        apply::PaymentDoubted::KIND,
        offline::OfflineDeclined::KIND,
        offline::AmountCollected::KIND,
        reversal::ReversalStarted::KIND,
        reversal::ReversalRefused::KIND,
        reversal::RefundStarted::KIND,
        refunding::CardRefundSkipped::KIND,
    ],
    tidy: Some(journal::tidy),
    ..Capability::new("payments")
};

/// A stored card payment.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Payment {
    /// The payment's id.
    pub id: PaymentId,
    /// The basket it pays, or paid.
    pub basket: BasketId,
    /// The register that requested it.
    pub register: RegisterName,
    /// The terminal.
    pub terminal: String,
    /// The payment that it refunds; absent for a charge.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refund_of: Option<PaymentId>,
    /// The requested amount.
    pub amount: Minor,
    /// The most that its terminal may approve without the bank, by the operator's role; absent without a limit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub offline_limit: Option<Minor>,
    /// The approved amount, if it is only a part.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub approved: Option<Minor>,
    /// The amount of its refunds that are not refused.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub refunded: Minor,
    /// What its terminal has in its books for it: negative for a refund.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub booked: Minor,
    /// When it was started: milliseconds since 1970, UTC.
    pub started_at_ms: i64,
    /// The state.
    #[serde(flatten)]
    pub state: PaymentState,
    /// Whether an approval completes the sale at once.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub completes: bool,
    /// The sale that it completed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sale: Option<SaleDone>,
    /// Whether its basket was abandoned or its sale voided, so that it must not stay charged.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub unwanted: bool,
    /// How the amount was settled, if the bank declined the payment later.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub collected: Option<String>,
    /// Why the terminal refused to reverse it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reversal_refused: Option<String>,
    /// The journal of the terminal's driver from before the payment, by which it can later find out whether the
    /// terminal booked it. Only the driver can read it.
    #[serde(default, skip_serializing_if = "Value::is_null")]
    #[schema(value_type = Value)]
    pub before: Value,
    /// The terminal's data of the approval.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub card: Option<CardSlip>,
    /// The terminal's text for the customer's receipt.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub slip: Vec<String>,
}

#[allow(clippy::trivially_copy_pass_by_ref)] // serde's signature
fn is_zero(amount: &Minor) -> bool {
    *amount == Minor::ZERO
}

impl Payment {
    /// The approved amount.
    pub fn charged(&self) -> Minor {
        self.approved.unwrap_or(self.amount)
    }
}

/// Reads a payment.
///
/// # Errors
/// The payment does not exist, or the store fails.
pub fn read(store: &Store, id: PaymentId) -> Result<Payment, Refusal> {
    store.get(&PAYMENTS, id.0)?.ok_or_else(|| unknown(id))
}

fn unknown(id: PaymentId) -> Refusal {
    PAYMENT_UNKNOWN.because(format!("unknown payment {id}"))
}

/// The key of a payment's record, which is archived with its sale.
pub(crate) fn entry(payment: PaymentId) -> EntryKey {
    PAYMENTS.entry(payment.0)
}

/// The terminal's text for the customer's receipt, for a payment of a sale.
///
/// # Errors
/// The store fails.
pub fn slip_text(store: &Store, payment: PaymentId, sale: u64) -> Result<Vec<String>, StoreError> {
    let payment = selling::kept_with_sale(store, sale, &PAYMENTS, payment.0)?;
    Ok(payment.map(|payment| payment.slip).unwrap_or_default())
}

#[cfg(test)]
mod tests;
