//! Pay a basket by card; see, abort, decide a payment.

#![allow(unused_qualifications)] // in what a macro makes of `params(Which)`

use std::sync::Arc;

use app::payments::{self, DECIDE, Intent, Payment, READ, TAKE, TERMINAL_FAILED};
use axum::{Json, extract::State, http::StatusCode};
use commerce::{BasketId, Minor, PaymentId};
use serde::Deserialize;
use store::Purpose;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::routes;

use super::{lane_terminal, take};
use crate::{
    hub::Hub,
    web::{Command, Empty, InPath, InQuery, Problem, Routes, reading},
};

/// The routes of this capability.
pub(crate) fn routes() -> Routes {
    Routes::new("payments", "Card payments", &["payments", "selling", "stock", "devices"])
        .command(&TAKE, routes!(pay))
        .command(&TAKE, routes!(abort))
        .command(&DECIDE, routes!(decide))
        .read(&READ, routes!(list))
        .read(&READ, routes!(read))
}

/// A card payment to take.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Pay {
    /// How much; all that is due without it.
    #[serde(default)]
    amount: Option<Minor>,
}

/// What a person read in the terminal's journal.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Decide {
    /// The terminal booked it.
    charged: bool,
}

/// Pay a basket by card, on the terminal of the register's lane
///
/// Answers when the payment has an end, or with 202 after 90 seconds; repeat with the same key, or look at the payment.
#[utoipa::path(post, path = "/api/v1/baskets/{id}/payments", request_body = Pay, params(("id" = BasketId, Path)),
    responses((status = 200, body = Payment), (status = 202, body = Payment), (status = 404, body = Problem), (status = 422, body = Problem)))]
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

/// Which payments.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct Which {
    /// In which state.
    #[param(inline)]
    state: Wanted,
}

/// Which payments a list has.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum Wanted {
    /// Those that hold their terminal: `started`, or `unknown` until a person decides.
    Unresolved,
}

/// Payments without an end
///
/// At most one for each terminal. What stays here a person decides, by the terminal's journal.
#[utoipa::path(get, path = "/api/v1/payments", params(Which), responses((status = 200, body = [Payment])))]
async fn list(State(hub): State<Arc<Hub>>, InQuery(which): InQuery<Which>) -> Result<Json<Vec<Payment>>, Problem> {
    let Which { state: Wanted::Unresolved } = which;
    reading(move || Ok(payments::unresolved(&hub.store)?)).await.map(Json)
}

/// A payment
#[utoipa::path(get, path = "/api/v1/payments/{id}", params(("id" = PaymentId, Path)),
    responses((status = 200, body = Payment), (status = 404, body = Problem)))]
async fn read(State(hub): State<Arc<Hub>>, InPath(id): InPath<PaymentId>) -> Result<Json<Payment>, Problem> {
    Ok(Json(payments::read(&hub.store, id)?))
}

/// Ask the lane's terminal to stop; the payment itself tells how it ended
///
/// A repeat asks again.
#[utoipa::path(post, path = "/api/v1/payments/abort", request_body = Empty,
    responses((status = 202, description = "The terminal was asked"), (status = 404, body = Problem), (status = 502, body = Problem)))]
async fn abort(State(hub): State<Arc<Hub>>, command: Command<Empty>) -> Result<StatusCode, Problem> {
    let terminal = lane_terminal(&hub, command.by.register()?)?;
    let asked = hub.devices.terminal(&terminal)?.abort().await;
    asked.map_err(|error| TERMINAL_FAILED.because(error.to_string()))?;
    Ok(StatusCode::ACCEPTED)
}

/// Decide a payment by the terminal's journal
///
/// One whose outcome stayed unknown, or that is under way while its terminal does not answer or nobody drives it.
#[utoipa::path(post, path = "/api/v1/payments/{id}/decision", request_body = Decide, params(("id" = PaymentId, Path)),
    responses((status = 200, body = Payment), (status = 404, body = Problem)))]
async fn decide(
    State(hub): State<Arc<Hub>>,
    InPath(id): InPath<PaymentId>,
    command: Command<Decide>,
) -> Result<Json<Payment>, Problem> {
    let payment = payments::read(&hub.store, id)?;
    // Whoever holds the terminal is still finding out; a repeat is answered all the same.
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
