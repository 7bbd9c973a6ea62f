//! Pay a basket by card; see, abort, decide a payment.

use std::sync::Arc;

use axum::{Json, extract::State, http::StatusCode};
use commerce::Minor;
use serde::Deserialize;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{Payment, PaymentState, drive, lane_terminal, read, settled, start};
use crate::{
    audit::Act,
    extract::InPath,
    hub::Hub,
    problem::Problem,
    registers::{Caller, Command, RegisterName},
    selling,
};

/// The routes of this capability.
pub fn router() -> OpenApiRouter<Arc<Hub>> {
    OpenApiRouter::new().routes(routes!(pay)).routes(routes!(show)).routes(routes!(abort)).routes(routes!(decide))
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
#[utoipa::path(post, path = "/api/v1/baskets/{id}/payments", tag = "payments", request_body = Pay,
    params(("id" = String, Path), ("Idempotency-Key" = String, Header)),
    responses((status = 200, body = Payment), (status = 202, body = Payment), (status = 404, body = Problem), (status = 409, body = Problem), (status = 422, body = Problem)))]
async fn pay(
    State(hub): State<Arc<Hub>>,
    InPath(id): InPath<String>,
    command: Command<Pay>,
) -> Result<(StatusCode, Json<Payment>), Problem> {
    let register = command.register()?.to_owned();
    let terminal = lane_terminal(&hub, &register)?;
    // A repeat finds its terminal held by the very payment it asks about: whether that matters is known once the key was looked up.
    let (held, before) = drive::take(&hub, &terminal);
    let (once, started) = hub
        .store
        .commit(move |transaction| {
            let mut started = None;
            let once = transaction.once(&command.key, |transaction| {
                let before = before?;
                let mut basket = selling::own_basket(transaction, &id, &register)?;
                let payment = start(transaction, &mut basket, &terminal, command.body.amount, before, false)?;
                Ok::<_, Problem>(started.insert(payment).id.clone())
            })?;
            Ok::<_, Problem>((once, started))
        })
        .await?;
    let (payment, _) = selling::answer(once)?;
    let ended = started.zip(held).map(|(payment, held)| drive::spawn(&hub, payment, held));
    let payment = settled(&hub, &payment, ended).await?;
    let status = if payment.state.is_settled() { StatusCode::OK } else { StatusCode::ACCEPTED };
    Ok((status, Json(payment)))
}

/// A payment
#[utoipa::path(get, path = "/api/v1/payments/{id}", tag = "payments", params(("id" = String, Path)),
    responses((status = 200, body = Payment), (status = 404, body = Problem)))]
async fn show(_: Caller, State(hub): State<Arc<Hub>>, InPath(id): InPath<String>) -> Result<Json<Payment>, Problem> {
    read(&hub.store, &id).map(Json)
}

/// Ask the lane's terminal to stop; the payment itself tells how it ended
#[utoipa::path(post, path = "/api/v1/payments/abort", tag = "payments",
    responses((status = 202, description = "The terminal was asked"), (status = 404, body = Problem), (status = 502, body = Problem)))]
async fn abort(RegisterName(register): RegisterName, State(hub): State<Arc<Hub>>) -> Result<StatusCode, Problem> {
    drive::abort(&hub, &register).await.map(|()| StatusCode::ACCEPTED)
}

/// Decide a payment that stayed unknown, by the terminal's journal
#[utoipa::path(post, path = "/api/v1/payments/{id}/decision", tag = "payments", request_body = Decide,
    params(("id" = String, Path), ("Idempotency-Key" = String, Header)),
    responses((status = 200, body = Payment), (status = 403, body = Problem), (status = 404, body = Problem), (status = 409, body = Problem)))]
async fn decide(
    State(hub): State<Arc<Hub>>,
    InPath(id): InPath<String>,
    command: Command<Decide>,
) -> Result<Json<Payment>, Problem> {
    if command.caller != Caller::Console {
        return Err(Problem::forbidden("only a person at the console may decide a payment"));
    }
    let payment = read(&hub.store, &id)?;
    if !matches!(payment.state, PaymentState::Unknown { .. }) {
        return Err(Problem::conflict(
            "payment-not-unknown",
            "only a payment whose end is unknown can be decided by hand",
        ));
    }
    let state = if command.body.charged {
        PaymentState::Approved
    } else {
        PaymentState::NotCharged { why: "decided by a person from the terminal's journal".into() }
    };
    tracing::warn!(payment = %id, charged = command.body.charged, "decided by a person");
    let decided = Act::PaymentDecided { payment: id.clone(), charged: command.body.charged };
    if !drive::finish(&hub, &payment, state, None, Some(decided)).await {
        return Err(Problem::internal("the decision could not be stored; see the log"));
    }
    read(&hub.store, &id).map(Json)
}
