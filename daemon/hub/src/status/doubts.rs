//! Card payments that wait for a person.

use app::payments::{self, Payment, PaymentState};
use commerce::{Minor, PaymentId, RegisterName};
use serde::Serialize;
use utoipa::ToSchema;

use crate::hub::Hub;

/// A card payment of which nobody knows whether it was charged.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct PaymentInDoubt {
    /// Which.
    payment: PaymentId,
    /// Which register asked.
    register: RegisterName,
    /// Which terminal takes no other payment meanwhile.
    terminal: String,
    /// How much.
    amount: Minor,
    /// When: milliseconds since 1970, UTC.
    started_at_ms: i64,
    /// Why it is in doubt.
    why: String,
    /// What a person can do.
    what_to_do: String,
}

impl PaymentInDoubt {
    /// Those of a hub now.
    pub(super) fn all(hub: &Hub) -> Vec<Self> {
        match payments::unresolved(&hub.store) {
            Ok(open) => open.into_iter().filter_map(|payment| Self::of(hub, payment)).collect(),
            Err(error) => {
                tracing::error!(%error, "could not read the payments in doubt");
                Vec::new()
            }
        }
    }

    /// `None` if its terminal is still taking it.
    fn of(hub: &Hub, payment: Payment) -> Option<Self> {
        let terminal = payment.terminal;
        let why = match payment.state {
            PaymentState::Unknown { why } => why,
            _ if !hub.terminals.knows(&terminal) => format!("the config has no payment terminal {terminal} any more"),
            _ if hub.terminals.is_asked(&terminal) => "its terminal does not answer".to_owned(),
            _ => return None,
        };
        let id = payment.id;
        let what_to_do = format!(
            "Look for it in the journal of {terminal}, and tell what is there: POST /api/v1/payments/{id}/decision with \
             `charged` true or false"
        );
        let Payment { register, amount, started_at_ms, .. } = payment;
        Some(Self { payment: id, register, terminal, amount, started_at_ms, why, what_to_do })
    }
}
