//! Card payments: never charged twice, never lost.
//!
//! # States
//!
//! ```text
//!              intent stored, flushed               result stored, flushed, THEN acknowledged to the terminal
//!  (nothing) -----------------------> Started --approved-----------------------------------> Approved
//!                                       |  \----declined, aborted---------------------------> Declined
//!                                       |   \---nothing was sent (offline, busy)------------> NotCharged
//!                                       v
//!               link lost, time-out, hub restarted: in doubt --inquiry--> Approved | NotCharged | Unknown
//!                                                                                                    |
//!                                                  a person reads the terminal's journal  +--> Approved | NotCharged
//! ```
//!
//! | failure | effect |
//! | --- | --- |
//! | not enough stock of an item that may not go below zero | the stock is reserved in the commit of the intent; if that fails, no payment starts. So an approved payment always becomes a sale |
//! | power, before the intent is flushed | nothing was sent to the terminal; the register repeats the command |
//! | power, between the intent and the result | the terminal is asked, and its answer is compared with the journal from before |
//! | the task that drives the payment ends | the payments' follower finds the payment and asks the terminal |
//! | power, between the result and the acknowledgement | the result is stored; the terminal may have reversed the payment, which the inquiry of the next payment shows |
//! | the disk, when the result is to be stored | the payment is rolled back, and the terminal reverses it |
//! | the terminal reports a failure after an approval | `Unknown` at once, and the amount is due again; the terminal is asked and may confirm the payment |
//! | the link is lost after the result was stored | the terminal is asked; if it does not have the payment, `Unknown` |
//! | the terminal breaks down | a person decides the payment while the hub keeps asking the terminal |
//! | the link is lost during the payment | the hub asks until the terminal answers; the terminal accepts no other payment meanwhile |
//! | the register goes away | the payment continues; a repeated command with the same key gets the result |
//! | a late approval after an abort | it counts as an approval: the basket is paid |
//! | the basket's record is damaged when the payment ends | the payment ends all the same; an approval without a basket is reported to a person |
//!
//! An `Unknown` payment blocks its terminal until a person decides, because two payments in doubt on one terminal could
//! not be told apart. A person can also decide a `Started` payment whose terminal does not answer or that nobody
//! drives. Both are listed ([`unresolved`]) and shown on the status page with instructions.

mod journal;
mod refusals;

use commerce::{BasketId, CardReference, Minor, PaymentId, RegisterName};
pub use journal::{Ended, Intent, decide, doubt, end, mark_unknown, start, start_whole_sale, store_slip, unresolved};
pub use refusals::{
    PAYMENT_DECLINED, PAYMENT_NOT_CHARGED, PAYMENT_OUTCOME_UNKNOWN, PAYMENT_UNDER_WAY, PAYMENT_UNKNOWN, TERMINAL_BUSY,
    TERMINAL_FAILED, TERMINAL_UNRESOLVED,
};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use store::{Name, Number, Store, StoreError, Table, archive::EntryKey};
use utoipa::ToSchema;

use crate::{
    Capability, Refusal,
    audit::Act as _,
    permission::{Holder, Permission},
    selling::{self, SaleDone},
};

static PAYMENTS: Table<Number, Payment> = Table::new("payment");
/// The payment that blocks each terminal.
static OPEN: Table<Name, PaymentId> = Table::new("open_payment");

/// See payments.
pub static READ: Permission =
    Permission::new("payments.read", "See card payments", &[Holder::Register, Holder::Person, Holder::Service]);
/// Take card payments.
pub static TAKE: Permission = Permission::new("payments.take", "Take and abort card payments", &[Holder::Register]);
/// Decide payments.
pub static DECIDE: Permission =
    Permission::new("payments.decide", "Decide a payment whose outcome is unknown", &[Holder::Person]);

/// The declaration of this capability.
pub(crate) static CAPABILITY: Capability = Capability {
    tables: &["payment", "open_payment"],
    refusals: refusals::KINDS,
    permissions: &[&READ, &TAKE, &DECIDE],
    acts: &[journal::PaymentDecided::KIND, journal::PaymentDoubted::KIND],
    tidy: Some(journal::tidy),
    ..Capability::new("payments")
};

/// A stored card payment.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Payment {
    /// The payment's id.
    pub id: PaymentId,
    /// The basket it pays.
    pub basket: BasketId,
    /// The register that requested it.
    pub register: RegisterName,
    /// The terminal.
    pub terminal: String,
    /// The amount.
    pub amount: Minor,
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
    /// The journal of the terminal's driver from before the payment, by which it can later find out whether the
    /// terminal booked it. Only the driver can read it.
    #[serde(default, skip_serializing_if = "Value::is_null")]
    #[schema(value_type = Object)]
    pub before: Value,
    /// The terminal's text for the customer's receipt.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub slip: Vec<String>,
}

/// The states of a payment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum PaymentState {
    /// In progress at the terminal.
    Started,
    /// The customer was charged.
    Approved,
    /// Nothing was charged: the terminal or the bank declined.
    Declined {
        /// The terminal's code.
        code: String,
        /// The reason in words.
        why: String,
    },
    /// Nothing was charged: the payment was never sent or not booked.
    NotCharged {
        /// The reason in words.
        why: String,
    },
    /// The outcome is unknown; a person must read the terminal's journal.
    Unknown {
        /// The reason in words.
        why: String,
    },
}

impl PaymentState {
    /// Whether only a person could still change it.
    pub fn is_settled(&self) -> bool {
        !matches!(self, Self::Started)
    }

    /// Whether the outcome is final.
    pub fn has_ended(&self) -> bool {
        !matches!(self, Self::Started | Self::Unknown { .. })
    }
}

/// The terminal's data of an approved payment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Approval {
    /// The masked number, such as `476173******0119`.
    pub masked_pan: Option<String>,
    /// The scheme or card name.
    pub scheme: Option<String>,
    /// The terminal's numbers for the payment.
    pub reference: CardReference,
    /// The text for the customer's receipt.
    pub receipt_text: Vec<String>,
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
