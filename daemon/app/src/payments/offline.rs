//! Payments that a terminal approved without its bank, and what becomes of them.
//!
//! The store bears the risk until the bank has answered. The terminal forwards such a payment by itself; what the bank
//! said comes later, from a person or a service that reads the acquirer's report.
//!
//! | the bank | the payment | the sale |
//! | --- | --- | --- |
//! | accepts it | `approved` | stands |
//! | declines it | `declined` | stands; the amount is to be collected until a person says how it ended |
//!
//! [`exposure`] is what the bank has not answered yet. [`Limits`] bound it, by the store's config and by the role of the
//! operator who took the payment: an approval beyond them is rolled back, if the terminal waits for the hub's
//! acknowledgement; other terminals keep to the limits of their acquirer.

use commerce::{Minor, PaymentId, PaymentState, Station, line::checked_text, payment::Event};
use serde::{Deserialize, Serialize};
use store::{Number, Store, StoreError, Table, Transaction};
use utoipa::ToSchema;

use super::{
    BANK_ANSWER, COLLECT, PAYMENTS, Payment,
    apply::{apply, put},
    refusals::{NOT_OFFLINE, NOTHING_TO_COLLECT},
    unknown,
};
use crate::{
    By, Refusal,
    audit::{self, Act, ActKind},
    selling::SaleContext,
};

/// The payments whose bank has not answered.
static OFFLINE: Table<Number, PaymentId> = Table::new("offline_payment");
/// The payments that a bank declined after the customer had left.
static TO_COLLECT: Table<Number, PaymentId> = Table::new("payment_to_collect");

/// A bank declined a payment that its terminal had approved offline.
#[derive(Serialize)]
pub(super) struct OfflineDeclined {
    /// The payment.
    payment: PaymentId,
    /// The bank's reason.
    why: String,
}

impl Act for OfflineDeclined {
    const KIND: ActKind = ActKind {
        name: "offline_payment_declined",
        doc: "A bank declined a payment that its terminal had approved offline; collect the amount in another way",
    };
}

/// The amount of a payment that was declined later is settled.
#[derive(Serialize)]
pub(super) struct AmountCollected {
    /// The payment.
    payment: PaymentId,
    /// How.
    how: String,
}

impl Act for AmountCollected {
    const KIND: ActKind = ActKind {
        name: "declined_payment_collected",
        doc: "The amount of a payment that its bank declined later was collected, or written off",
    };
}

/// The limits of payments without a bank, in minor units.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Limits {
    /// Of one payment.
    pub payment: Option<Minor>,
    /// Of one payment, by the role of its operator.
    pub role: Option<Minor>,
    /// Of all payments that the bank has not answered yet.
    pub exposure: Option<Minor>,
}

/// The payments that the bank has not answered yet.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, ToSchema)]
pub struct Exposure {
    /// How many.
    pub payments: u64,
    /// Their amount.
    pub amount: Minor,
}

impl Exposure {
    /// The sum of payments; `None` without payments.
    pub fn of(payments: &[Payment]) -> Option<Self> {
        let amount = payments.iter().map(Payment::charged).sum();
        (!payments.is_empty()).then_some(Self { payments: payments.len() as u64, amount })
    }

    /// Why another payment of an amount exceeds the limits; `None` if it does not.
    pub fn exceeds(self, limits: Limits, amount: Minor) -> Option<String> {
        let over = |limit: Option<Minor>, sum: Minor| limit.filter(|limit| sum > *limit);
        if let Some(limit) = over(limits.payment, amount) {
            return Some(format!(
                "approved without the bank: {} minor units, and the store allows {}",
                amount.get(),
                limit.get()
            ));
        }
        if let Some(limit) = over(limits.role, amount) {
            return Some(format!(
                "approved without the bank: {} minor units, and the operator's role allows {}; let another operator \
                 sign for `accept_offline`, and repeat the payment",
                amount.get(),
                limit.get()
            ));
        }
        over(limits.exposure, self.amount + amount).map(|limit| {
            format!(
                "approved without the bank: with {} minor units that the bank has not answered yet, it exceeds the \
                 store's limit of {}",
                self.amount.get(),
                limit.get()
            )
        })
    }
}

/// The bank's answer to a payment that was approved without it.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct BankAnswer {
    /// Whether it accepted the payment.
    pub accepted: bool,
    /// Its code, if it declined.
    #[serde(default)]
    #[schema(min_length = 1, max_length = 120)]
    pub code: Option<String>,
    /// Its reason, if it declined.
    #[serde(default)]
    #[schema(min_length = 1, max_length = 120)]
    pub why: Option<String>,
}

/// How the amount of a payment that was declined later was settled.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Collected {
    /// In words, such as "paid in cash" or "written off".
    #[schema(min_length = 1, max_length = 120)]
    pub how: String,
}

/// Follows a change of a payment's state.
pub(super) fn follow(
    transaction: &mut Transaction<'_>,
    payment: &Payment,
    before: &PaymentState,
    event: &Event,
    at_ms: i64,
) -> Result<(), Refusal> {
    let key = payment.id.0;
    match (before, &payment.state) {
        (PaymentState::ApprovedOffline, PaymentState::ApprovedOffline) => {}
        (_, PaymentState::ApprovedOffline) => transaction.put(&OFFLINE, key, &payment.id)?,
        (PaymentState::ApprovedOffline, _) => transaction.delete(&OFFLINE, key),
        _ => {}
    }
    if let Event::DeclineLater { why, .. } = event {
        // Nobody owes the amount of a sale that was voided.
        if !payment.unwanted {
            transaction.put(&TO_COLLECT, key, &payment.id)?;
        }
        let by = By { actor: Station::Hub.into(), at_ms };
        audit::record(transaction, &by, &OfflineDeclined { payment: payment.id, why: why.clone() })?;
    }
    Ok(())
}

/// Stores the bank's answer to a payment that was approved without it.
///
/// # Errors
/// The bank has answered already, or the payment was not approved without it.
pub fn bank_answered(
    transaction: &mut Transaction<'_>,
    by: &By,
    id: PaymentId,
    answer: BankAnswer,
    context: &SaleContext,
) -> Result<Payment, Refusal> {
    BANK_ANSWER.require(&by.actor)?;
    let payment = transaction.get(&PAYMENTS, id.0)?.ok_or_else(|| unknown(id))?;
    if payment.state != PaymentState::ApprovedOffline {
        return Err(NOT_OFFLINE.because(format!("payment {id} does not wait for its bank's answer")));
    }
    let event = if answer.accepted {
        Event::Forwarded
    } else {
        let code = checked_text("code", answer.code.unwrap_or_else(|| "declined".into()))?;
        let why = checked_text("why", answer.why.unwrap_or_else(|| "declined by the bank".into()))?;
        Event::DeclineLater { code, why }
    };
    apply(transaction, id, &event, None, context).map(|ended| ended.payment)
}

/// Ends the task to collect the amount of a payment that was declined later.
///
/// # Errors
/// There is nothing to collect.
pub fn collected(
    transaction: &mut Transaction<'_>,
    by: &By,
    id: PaymentId,
    Collected { how }: Collected,
) -> Result<Payment, Refusal> {
    COLLECT.require(&by.actor)?;
    let how = checked_text("how", how)?;
    if transaction.get(&TO_COLLECT, id.0)?.is_none() {
        return Err(NOTHING_TO_COLLECT.because(format!("payment {id}: there is nothing to collect")));
    }
    let mut payment = transaction.get(&PAYMENTS, id.0)?.ok_or_else(|| unknown(id))?;
    payment.collected = Some(how.clone());
    put(transaction, &payment)?;
    transaction.delete(&TO_COLLECT, id.0);
    audit::record(transaction, by, &AmountCollected { payment: id, how })?;
    Ok(payment)
}

/// The payments whose bank has not answered.
///
/// # Errors
/// The engine fails.
pub fn offline(store: &Store) -> Result<Vec<Payment>, StoreError> {
    listed(store, &OFFLINE)
}

/// The payments that a bank declined later and whose amount is to be collected.
///
/// # Errors
/// The engine fails.
pub fn to_collect(store: &Store) -> Result<Vec<Payment>, StoreError> {
    listed(store, &TO_COLLECT)
}

/// What the bank has not answered yet.
///
/// # Errors
/// The engine fails.
pub fn exposure(store: &Store) -> Result<Exposure, StoreError> {
    Ok(Exposure::of(&offline(store)?).unwrap_or_default())
}

/// The payments of an index. An entry that can't be read is for the check to report.
pub(super) fn listed(store: &Store, index: &Table<Number, PaymentId>) -> Result<Vec<Payment>, StoreError> {
    let mut ids = Vec::new();
    store.each(index, |id| ids.extend(id.ok()))?;
    let mut payments = Vec::new();
    for id in ids {
        match store.get(&PAYMENTS, id.0) {
            Ok(payment) => payments.extend(payment),
            Err(error @ StoreError::Corrupt { .. }) => {
                tracing::error!(payment = %id, %error, "could not read a payment");
            }
            Err(error) => return Err(error),
        }
    }
    Ok(payments)
}

#[cfg(test)]
mod tests {
    use serde_json::Value;
    use store::Depth;

    use super::*;
    use crate::{
        payments::{Intent, start_whole_sale},
        selling,
        testing::{self, by, faults, register},
    };

    fn context() -> SaleContext {
        testing::sale_context(1, 2)
    }

    /// Sells two pieces by a card that the terminal approved without its bank.
    fn sold_offline(store: &Store) -> PaymentId {
        let sold = store.commit_blocking(|transaction| {
            let intent = Intent { terminal: "terminal-1".into(), amount: None, before: Value::Null };
            let id = start_whole_sale(transaction, &register(1), testing::basket(0, 2), intent)?.id;
            apply(transaction, id, &Event::Send, None, &context())?;
            apply(transaction, id, &Event::Approve { offline: true }, None, &context())
        });
        let ended = sold.unwrap();
        assert!(ended.sale.is_some());
        ended.payment.id
    }

    fn answered(store: &Store, id: PaymentId, accepted: bool) -> Result<Payment, Refusal> {
        let answer = BankAnswer { accepted, code: None, why: (!accepted).then(|| "no money".into()) };
        store.commit_blocking(move |transaction| bank_answered(transaction, &by(3), id, answer, &context()))
    }

    #[test]
    fn the_exposure_ends_with_the_banks_answer_and_a_decline_is_a_task() {
        let directory = tempfile::tempdir().unwrap();
        let store = testing::store(directory.path());
        let (first, second) = (sold_offline(&store), sold_offline(&store));
        assert_eq!(exposure(&store).unwrap(), Exposure { payments: 2, amount: Minor::literal(4 * 369) });
        assert_eq!(answered(&store, first, true).unwrap().state, PaymentState::Approved);
        assert_eq!(answered(&store, first, false).unwrap_err().kind, &NOT_OFFLINE);
        let declined = answered(&store, second, false).unwrap();
        assert!(matches!(declined.state, PaymentState::Declined { ref why, .. } if why == "no money"));
        assert_eq!(exposure(&store).unwrap(), Exposure::default());
        assert_eq!(selling::last_sales(&store, None, 9).unwrap().len(), 2, "the sales stand");
        let tasks: Vec<_> = to_collect(&store).unwrap().into_iter().map(|payment| payment.id).collect();
        assert_eq!(tasks, [second]);
        let collect = |id: PaymentId| {
            store.commit_blocking(move |transaction| {
                collected(transaction, &by(4), id, Collected { how: "paid in cash".into() })
            })
        };
        assert_eq!(collect(second).unwrap().collected.as_deref(), Some("paid in cash"));
        assert_eq!(collect(second).unwrap_err().kind, &NOTHING_TO_COLLECT);
        assert_eq!(collect(first).unwrap_err().kind, &NOTHING_TO_COLLECT);
        assert_eq!((to_collect(&store).unwrap().len(), faults(&store, Depth::Whole)), (0, vec![]));
    }

    #[test]
    fn limits_bound_each_payment_and_their_sum() {
        let limits = Limits { payment: Some(Minor::literal(100)), role: None, exposure: Some(Minor::literal(250)) };
        let exceeds = |amount: i64, open: i64| {
            let exposure = Exposure { payments: 1, amount: Minor::new(open).unwrap() };
            exposure.exceeds(limits, Minor::new(amount).unwrap()).is_some()
        };
        assert_eq!(
            [exceeds(100, 0), exceeds(101, 0), exceeds(100, 150), exceeds(100, 151)],
            [false, true, false, true]
        );
        let of_role = Limits { role: Some(Minor::literal(50)), ..Limits::default() };
        let of_a_role = |amount| Exposure::default().exceeds(of_role, Minor::literal(amount));
        assert!(of_a_role(50).is_none() && of_a_role(51).unwrap().contains("accept_offline"));
        let none = Exposure { payments: 9, amount: Minor::literal(1_000_000) };
        assert_eq!(none.exceeds(Limits::default(), Minor::literal(1_000_000)), None);
    }
}
