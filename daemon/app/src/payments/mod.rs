//! Card payments: never a second charge, never a forgotten one.
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
//! | what fails, when | what happens |
//! | --- | --- |
//! | the stock of an item that may not go below zero | is held in the commit of the intent; if it cannot be held, no payment starts. So an approved payment is always a sale |
//! | power before the intent is flushed | nothing was sent to the terminal; the register repeats |
//! | power between the intent and the result | the terminal is asked; it compares with what was journalled before |
//! | the task that drives it ends | the payments' follower finds it and asks the terminal |
//! | power between the result and the acknowledgement | the result is stored; the terminal may have reversed, and the inquiry of the next payment shows it |
//! | the disk, when the result is to be stored | the terminal hears "roll back" and reverses |
//! | the terminal, after it had approved | `Unknown` at once, and due again; the terminal is asked, and may confirm it |
//! | the link, after the result was stored | the terminal is asked; if it does not have it, `Unknown` |
//! | the terminal, for good | a person decides the payment while the terminal is still being asked |
//! | the link, in the middle | inquiry until the terminal answers; the lane's terminal takes no other payment meanwhile |
//! | the register goes away | the payment goes on without it; repeated under the same key it gets the result |
//! | a late approval after an abort | it is an approval: the basket is paid |
//! | the basket's record is damaged when the payment ends | the payment ends all the same; an approval is reported as one without a basket, for a person |
//!
//! A payment that stays `Unknown` blocks its terminal until a person decides: two payments in doubt on one terminal
//! could never be told apart. A person can also decide one that is `Started` while the terminal does not answer or
//! nobody drives it. Both are listed ([`unresolved`]) and shown on the status page with what to do.

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
/// The payment that holds each terminal.
static OPEN: Table<Name, PaymentId> = Table::new("open_payment");

/// See payments.
pub static READ: Permission =
    Permission::new("payments.read", "See card payments", &[Holder::Register, Holder::Person, Holder::Service]);
/// Take card payments.
pub static TAKE: Permission = Permission::new("payments.take", "Take and abort card payments", &[Holder::Register]);
/// Decide payments.
pub static DECIDE: Permission =
    Permission::new("payments.decide", "Decide a payment whose outcome is unknown", &[Holder::Person]);

/// What this capability declares.
pub(crate) static CAPABILITY: Capability = Capability {
    tables: &["payment", "open_payment"],
    refusals: refusals::KINDS,
    permissions: &[&READ, &TAKE, &DECIDE],
    acts: &[journal::PaymentDecided::KIND, journal::PaymentDoubted::KIND],
    tidy: Some(journal::tidy),
    ..Capability::new("payments")
};

/// A card payment as stored.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Payment {
    /// Its id.
    pub id: PaymentId,
    /// The basket it pays.
    pub basket: BasketId,
    /// Which register asked.
    pub register: RegisterName,
    /// Which terminal takes it.
    pub terminal: String,
    /// How much.
    pub amount: Minor,
    /// When: milliseconds since 1970, UTC.
    pub started_at_ms: i64,
    /// Where it stands.
    #[serde(flatten)]
    pub state: PaymentState,
    /// Completes the sale as soon as it is approved.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub completes: bool,
    /// The sale it completed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sale: Option<SaleDone>,
    /// What the terminal's driver noted before the payment, so that it can tell afterwards whether the terminal booked
    /// it. Only the driver understands it.
    #[serde(default, skip_serializing_if = "Value::is_null")]
    #[schema(value_type = Object)]
    pub before: Value,
    /// What the terminal wants on the customer's receipt.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub slip: Vec<String>,
}

/// Where a payment stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum PaymentState {
    /// With the terminal.
    Started,
    /// The money is the store's.
    Approved,
    /// Nothing was charged: the terminal or the bank said no.
    Declined {
        /// The terminal's code.
        code: String,
        /// In words.
        why: String,
    },
    /// Nothing was charged: it never got that far.
    NotCharged {
        /// In words.
        why: String,
    },
    /// Nobody knows; a person must read the terminal's journal.
    Unknown {
        /// In words.
        why: String,
    },
}

impl PaymentState {
    /// Whether it waits for nothing but a person.
    pub fn is_settled(&self) -> bool {
        !matches!(self, Self::Started)
    }

    /// Whether it has an end.
    pub fn has_ended(&self) -> bool {
        !matches!(self, Self::Started | Self::Unknown { .. })
    }
}

/// What a terminal says of a payment it approved.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Approval {
    /// Such as `476173******0119`.
    pub masked_pan: Option<String>,
    /// Scheme or card name.
    pub scheme: Option<String>,
    /// The terminal's own names of the payment.
    pub reference: CardReference,
    /// What it wants on the customer's receipt.
    pub receipt_text: Vec<String>,
}

/// Reads a payment.
///
/// # Errors
/// There is none, or the store fails.
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

/// What the terminal of a sale's payment wants on the receipt.
///
/// # Errors
/// The store fails.
pub fn slip_text(store: &Store, payment: PaymentId, sale: u64) -> Result<Vec<String>, StoreError> {
    let payment = selling::kept_with_sale(store, sale, &PAYMENTS, payment.0)?;
    Ok(payment.map(|payment| payment.slip).unwrap_or_default())
}

#[cfg(test)]
mod tests;
