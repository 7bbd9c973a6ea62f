//! Card payments in doubt, or without their bank's answer.

use app::payments::{self, Exposure, Payment};
use commerce::{Minor, PaymentId, PaymentState, RegisterName, payment::Waits};
use serde::Serialize;
use store::StoreError;
use utoipa::ToSchema;

use crate::hub::Hub;

/// A card payment with an unknown outcome.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct PaymentInDoubt {
    /// The payment.
    payment: PaymentId,
    /// The register.
    register: RegisterName,
    /// The terminal, which accepts no other payment meanwhile.
    terminal: String,
    /// The amount.
    amount: Minor,
    /// When it was started: milliseconds since 1970, UTC.
    started_at_ms: i64,
    /// Why the outcome is unknown.
    why: String,
    /// What a person can do.
    what_to_do: String,
}

/// The number and amount of payments; `None` without payments.
pub(super) fn sum(payments: Result<Vec<Payment>, StoreError>) -> Option<Exposure> {
    match payments {
        Ok(payments) => Exposure::of(&payments),
        Err(error) => {
            tracing::error!(%error, "could not read the payments that were approved without their bank");
            None
        }
    }
}

/// What HQ is told, for people.
pub(super) fn alarms(hub: &Hub) -> Vec<String> {
    let in_doubt = PaymentInDoubt::all(hub).into_iter();
    let in_doubt =
        in_doubt.map(|doubt| format!("payment {} on {} is in doubt: {}", doubt.payment, doubt.terminal, doubt.why));
    let to_collect = sum(payments::to_collect(&hub.store));
    let to_collect = to_collect.map(|sum| {
        format!("banks declined {} offline payments of {} minor units; collect them", sum.payments, sum.amount.get())
    });
    in_doubt.chain(to_collect).collect()
}

impl PaymentInDoubt {
    /// The payments in doubt of a hub.
    pub(super) fn all(hub: &Hub) -> Vec<Self> {
        match payments::unresolved(&hub.store) {
            Ok(open) => open.into_iter().filter_map(|payment| Self::of(hub, payment)).collect(),
            Err(error) => {
                tracing::error!(%error, "could not read the payments in doubt");
                Vec::new()
            }
        }
    }

    /// `None` if the terminal is still processing it.
    fn of(hub: &Hub, payment: Payment) -> Option<Self> {
        let terminal = payment.terminal;
        let why = match payment.state {
            PaymentState::Unknown { why, waits_for: Waits::Person, .. } => why,
            _ if !hub.terminals.knows(&terminal) => format!("payment terminal {terminal} is no longer in the config"),
            _ if hub.terminals.is_asked(&terminal) => "the terminal does not answer".to_owned(),
            _ => return None,
        };
        let id = payment.id;
        let what_to_do = format!(
            "Look up the payment in the journal of {terminal}, then send POST /api/v1/payments/{id}/decision with \
             `charged` true or false"
        );
        let Payment { register, amount, started_at_ms, .. } = payment;
        Some(Self { payment: id, register, terminal, amount, started_at_ms, why, what_to_do })
    }
}
