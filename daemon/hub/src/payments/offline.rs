//! Payments that were approved without their bank: the limits, and the bank's answers.

use std::sync::Arc;

use app::payments::{self, BankAnswer, Collected, Limits, Payment};
use axum::{Json, extract::State};
use commerce::{Minor, PaymentId};
use drivers::payment_terminal::Record;
use store::Purpose;

use crate::{
    hub::Hub,
    web::{Command, InPath, Problem},
};

/// Why an approval without the bank exceeds the limits of the store or of the operator's role; `None` if it does not, or the bank approved.
pub(super) fn exceeds_limits(hub: &Hub, payment: &Payment, record: &Record) -> Option<String> {
    let config = &hub.config.card_payments;
    let limits =
        Limits { payment: config.offline_limit, role: payment.offline_limit, exposure: config.offline_exposure };
    if !record.offline || limits == Limits::default() {
        return None;
    }
    let amount = i64::try_from(record.amount.minor).ok().and_then(Minor::new)?;
    match payments::exposure(&hub.store) {
        Ok(exposure) => exposure.exceeds(limits, amount),
        // The customer is at the till, and the terminal has its own limits.
        Err(error) => {
            tracing::error!(%error, "could not read the payments without a bank's answer; their limit is not checked");
            None
        }
    }
}

/// Store the bank's answer to a payment that its terminal approved without it
///
/// If the bank declined, the sale stands, and the payment is listed with `state=to_collect` until its amount is
/// settled.
#[utoipa::path(post, path = "/api/v1/payments/{id}/bank-answer", request_body = BankAnswer,
    params(("id" = PaymentId, Path)),
    responses((status = 200, body = Payment), (status = 404, body = Problem), (status = 409, body = Problem)))]
pub(super) async fn bank_answer(
    State(hub): State<Arc<Hub>>,
    InPath(id): InPath<PaymentId>,
    command: Command<BankAnswer>,
) -> Result<Json<Payment>, Problem> {
    let context = hub.sale_context(&payments::read(&hub.store, id)?.register, command.by.at_ms);
    let stored = command.commit(&hub.store, Purpose::Money, move |transaction, by, answer| {
        payments::bank_answered(transaction, by, id, answer, &context)
    });
    Ok(Json(stored.await?))
}

/// Say how the amount of a payment that its bank declined later was settled
#[utoipa::path(post, path = "/api/v1/payments/{id}/collected", request_body = Collected,
    params(("id" = PaymentId, Path)),
    responses((status = 200, body = Payment), (status = 404, body = Problem), (status = 409, body = Problem)))]
pub(super) async fn collect(
    State(hub): State<Arc<Hub>>,
    InPath(id): InPath<PaymentId>,
    command: Command<Collected>,
) -> Result<Json<Payment>, Problem> {
    let stored = command
        .commit(&hub.store, Purpose::Money, move |transaction, by, how| payments::collected(transaction, by, id, how));
    Ok(Json(stored.await?))
}
