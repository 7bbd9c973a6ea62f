//! The routes of card payments.

#![allow(unused_qualifications)] // in what a macro makes of `params(Which)`

use std::sync::Arc;

use app::{
    payments::{self, BANK_ANSWER, CLOSE, COLLECT, DECIDE, Intent, Payment, READ, REFUND, TAKE, TERMINAL_FAILED},
    training,
};
use axum::{Json, extract::State, http::StatusCode};
use commerce::{BasketId, Minor, PaymentId};
use drivers::{
    device::Health,
    payment_terminal::{Capabilities, PaymentTerminal},
};
use serde::{Deserialize, Serialize};
use store::Purpose;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::routes;

use super::{lane_terminal, offline, reconciling, take};
use crate::{
    hub::Hub,
    web::{Command, Empty, InPath, InQuery, Problem, Routes, reading},
};

/// The routes of this capability.
pub(crate) fn routes() -> Routes {
    Routes::new(
        "payments",
        "Card payments",
        &["payments", "selling", "recalls", "serials", "stock", "cash", "devices", "roles"],
    )
    .command(&TAKE, routes!(pay))
    .command(&TAKE, routes!(abort))
    .command(&DECIDE, routes!(decide))
    .read(&READ, routes!(list))
    .read(&READ, routes!(read))
    .command(&REFUND, routes!(refund))
    .command(&BANK_ANSWER, routes!(offline::bank_answer))
    .command(&COLLECT, routes!(offline::collect))
    .read(&READ, routes!(terminals))
    .command(&CLOSE, routes!(reconciling::close_terminal))
    .command(&CLOSE, routes!(diagnose))
}

/// A request to pay by card.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Pay {
    /// The amount. Default: the whole amount due.
    #[serde(default)]
    amount: Option<Minor>,
}

/// A decision according to the terminal's journal.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Decide {
    /// Whether the terminal booked the payment.
    charged: bool,
}

/// Pay a basket by card, on the terminal of the register's lane
///
/// Answers when the payment has an outcome, or with 202 after 90 seconds; then repeat with the same key, or read the
/// payment.
#[utoipa::path(post, path = "/api/v1/baskets/{id}/payments", request_body = Pay, params(("id" = BasketId, Path)),
    responses((status = 200, body = Payment), (status = 202, body = Payment), (status = 404, body = Problem),
        (status = 422, body = Problem)))]
async fn pay(
    State(hub): State<Arc<Hub>>,
    InPath(id): InPath<BasketId>,
    command: Command<Pay>,
) -> Result<(StatusCode, Json<Payment>), Problem> {
    let register = command.by.register()?.clone();
    let taken = take(&hub, &register, command, move |transaction, by, Pay { amount }, intent| {
        payments::start(transaction, by, id, Intent { amount, ..intent })
    });
    let payment = taken.await?;
    let status = if payment.state.is_settled() { StatusCode::OK } else { StatusCode::ACCEPTED };
    Ok((status, Json(payment)))
}

/// Selects payments.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct Which {
    /// The state.
    #[param(inline)]
    state: Wanted,
}

/// The payments in a list.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum Wanted {
    /// Payments that block their terminal: without an outcome, or `unknown` until a person decides.
    Unresolved,
    /// Payments that were approved without the bank, which has not answered yet.
    Offline,
    /// Payments that the bank declined after the customer had left, until their amount is settled.
    ToCollect,
}

/// List payments that need attention
///
/// Of those without an outcome there is at most one per terminal; a person decides those that stay here, according to
/// the terminal's journal.
#[utoipa::path(get, path = "/api/v1/payments", params(Which), responses((status = 200, body = [Payment])))]
async fn list(State(hub): State<Arc<Hub>>, InQuery(which): InQuery<Which>) -> Result<Json<Vec<Payment>>, Problem> {
    let Which { state } = which;
    let listed = reading(move || {
        Ok(match state {
            Wanted::Unresolved => payments::unresolved(&hub.store)?,
            Wanted::Offline => payments::offline(&hub.store)?,
            Wanted::ToCollect => payments::to_collect(&hub.store)?,
        })
    });
    listed.await.map(Json)
}

/// Get a payment
#[utoipa::path(get, path = "/api/v1/payments/{id}", params(("id" = PaymentId, Path)),
    responses((status = 200, body = Payment), (status = 404, body = Problem)))]
async fn read(State(hub): State<Arc<Hub>>, InPath(id): InPath<PaymentId>) -> Result<Json<Payment>, Problem> {
    Ok(Json(payments::read(&hub.store, id)?))
}

/// Abort the payment on the lane's terminal; its outcome is in the payment
///
/// A repeat sends another abort.
#[utoipa::path(post, path = "/api/v1/payments/abort", request_body = Empty,
    responses((status = 202, description = "The terminal was asked"), (status = 404, body = Problem),
        (status = 502, body = Problem)))]
async fn abort(State(hub): State<Arc<Hub>>, command: Command<Empty>) -> Result<StatusCode, Problem> {
    training::require_real_now(&hub.store, &command.by)?;
    let terminal = lane_terminal(&hub, command.by.register()?)?;
    let asked = hub.devices.terminal(&terminal)?.abort().await;
    asked.map_err(|error| TERMINAL_FAILED.because(error.to_string()))?;
    Ok(StatusCode::ACCEPTED)
}

/// Decide a payment according to the terminal's journal
///
/// A payment with an unknown outcome, or one in progress whose terminal does not answer or that nobody drives.
#[utoipa::path(post, path = "/api/v1/payments/{id}/decision", request_body = Decide, params(("id" = PaymentId, Path)),
    responses((status = 200, body = Payment), (status = 404, body = Problem)))]
async fn decide(
    State(hub): State<Arc<Hub>>,
    InPath(id): InPath<PaymentId>,
    command: Command<Decide>,
) -> Result<Json<Payment>, Problem> {
    let payment = payments::read(&hub.store, id)?;
    // Whoever holds the terminal's lock is still resolving the payment; a repeat gets its answer all the same.
    let held = if payment.state.has_ended() { Ok(None) } else { hub.terminals.hold_to_decide(&payment.terminal) };
    let context = hub.sale_context(&payment.register, command.by.at_ms);
    let (by, charged) = (command.by.actor.clone(), command.body.charged);
    let decided = command.commit_first(&hub.store, Purpose::Settled, move |transaction, by, body| {
        let _held = held?;
        payments::decide(transaction, by, id, body.charged, &context)
    });
    let (payment, is_first) = decided.await?;
    if is_first {
        tracing::warn!(payment = %id, charged, %by, "payment decided by a person");
    }
    Ok(Json(payment))
}

/// A request to refund a card payment.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct RefundPayment {
    /// The amount. Default: all that is left of the payment.
    #[serde(default)]
    amount: Option<Minor>,
}

/// Refund a card payment, or a part of it, on the terminal that charged it
///
/// The refund is a payment of its own. Answers when it has an outcome, or with 202 after 90 seconds; then repeat with
/// the same key, or read the payment. `refund_submitted` means that the terminal took it and the money follows.
#[utoipa::path(post, path = "/api/v1/payments/{id}/refunds", request_body = RefundPayment,
    params(("id" = PaymentId, Path)),
    responses((status = 200, body = Payment), (status = 202, body = Payment), (status = 404, body = Problem),
        (status = 409, body = Problem), (status = 422, body = Problem)))]
async fn refund(
    State(hub): State<Arc<Hub>>,
    InPath(id): InPath<PaymentId>,
    command: Command<RefundPayment>,
) -> Result<(StatusCode, Json<Payment>), Problem> {
    let refund = super::refund(&hub, id, command.map(|RefundPayment { amount }| amount)).await?;
    let status = if refund.state.is_settled() { StatusCode::OK } else { StatusCode::ACCEPTED };
    Ok((status, Json(refund)))
}

/// A terminal and what it can do.
#[allow(clippy::struct_field_names)] // as payments name it
#[derive(Serialize, ToSchema)]
struct Terminal {
    /// Its name.
    terminal: String,
    /// Whether it is ready.
    ready: bool,
    /// What it can do.
    can: Capabilities,
}

/// List the payment terminals and what they can do
#[utoipa::path(get, path = "/api/v1/terminals", responses((status = 200, body = [Terminal])))]
async fn terminals(State(hub): State<Arc<Hub>>) -> Result<Json<Vec<Terminal>>, Problem> {
    let terminal = |(name, device): (&String, &Arc<dyn PaymentTerminal>)| Terminal {
        terminal: name.clone(),
        ready: device.health() == Health::Ready,
        can: device.capabilities(),
    };
    let mut terminals: Vec<Terminal> = hub.devices.terminals().map(terminal).collect();
    terminals.sort_by(|one, other| one.terminal.cmp(&other.terminal));
    Ok(Json(terminals))
}

/// What a terminal says of its connection to the bank.
#[derive(Serialize, ToSchema)]
struct Diagnosis {
    /// The terminal's words.
    report: String,
}

/// Let a payment terminal check its connection to the bank
#[utoipa::path(post, path = "/api/v1/terminals/{name}/diagnosis", request_body = Empty, params(("name" = String, Path)),
    responses((status = 200, body = Diagnosis), (status = 404, body = Problem), (status = 409, body = Problem),
        (status = 502, body = Problem)))]
async fn diagnose(
    State(hub): State<Arc<Hub>>,
    InPath(name): InPath<String>,
    _command: Command<Empty>,
) -> Result<Json<Diagnosis>, Problem> {
    let _held = hub.terminals.hold(&name)?;
    let report = hub.devices.terminal(&name)?.diagnose().await;
    Ok(Json(Diagnosis { report: report.map_err(|error| TERMINAL_FAILED.because(error.to_string()))? }))
}
