//! The routes of operators: signing in, overrides, temporary operators.
//!
//! Bodies with a PIN have no idempotency key, and their errors do not repeat them. Signing in twice is signing in once.

use std::sync::Arc;

use app::{
    By, Refusal,
    operators::{
        self, AddOperator, Credentials, MANAGE, OPERATOR_WRONG, OperatorInList, Overridden, OverrideRequest, READ,
        SIGN_IN, Session, Verdict,
    },
    refusal::BUSY,
};
use axum::{Json, extract::State, http::StatusCode};
use commerce::OperatorId;
use contract::operator::Operator;
use edge::Peer;
use serde::Deserialize;
use store::{Purpose, StoreError};
use tokio::sync::SemaphorePermit;
use utoipa::ToSchema;
use utoipa_axum::routes;

use crate::{
    hub::Hub,
    web::{Asker, CameFrom, Command, Empty, InPath, Problem, Routes, SecretBody, reading},
};

/// The routes of this capability.
pub(crate) fn routes() -> Routes {
    Routes::new(
        "operators",
        "Signing in at registers, overrides, temporary operators",
        &["operators", "registers", "roles"],
    )
    .keyless(&SIGN_IN, routes!(sign_in))
    .also_in_training(&SIGN_IN, routes!(sign_out))
    .also_in_training(&SIGN_IN, routes!(lock))
    .keyless(&SIGN_IN, routes!(sign_override))
    .read(&READ, routes!(list))
    .keyless(&MANAGE, routes!(add))
    .command(&MANAGE, routes!(revoke))
}

/// An override, and who signs for it.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct SignOverride {
    /// What it is for.
    #[serde(rename = "for")]
    request: OverrideRequest,
    /// Who signs.
    by: Credentials,
}

/// The turn to hash a PIN: one at a time, as each takes 19 MB.
async fn turn(hub: &Hub) -> Result<SemaphorePermit<'_>, Refusal> {
    hub.operators.turn.acquire().await.map_err(|_| BUSY.because("the hub is stopping"))
}

/// Runs work that hashes a PIN off the runtime's threads.
async fn hashing<T: Send + 'static>(
    hub: &Arc<Hub>,
    _turn: &SemaphorePermit<'_>,
    work: impl FnOnce(&Hub) -> Result<T, Refusal> + Send + 'static,
) -> Result<T, Refusal> {
    let hub = Arc::clone(hub);
    tokio::task::spawn_blocking(move || work(&hub)).await.map_err(|_| StoreError::Panicked)?
}

/// Who showed the credentials. Wrong ones are counted for the peer, and for the operator.
async fn identified(
    hub: &Arc<Hub>,
    by: &By,
    peer: Option<Peer>,
    credentials: Credentials,
) -> Result<Operator, Refusal> {
    let turn = turn(hub).await?;
    // Here, and not before: others of this peer may have been wrong meanwhile.
    hub.operators.may_try(peer)?;
    let at_ms = by.at_ms;
    let verdict = hashing(hub, &turn, move |hub| operators::verify(&hub.store, &credentials, at_ms)).await?;
    let known = match verdict {
        Verdict::Right(operator) => {
            hub.operators.tried(peer, true);
            return Ok(operator);
        }
        Verdict::Wrong(known) => known,
    };
    hub.operators.tried(peer, false);
    if let Some(operator) = known {
        let by = by.clone();
        let noted = hub
            .store
            .commit_for(Purpose::Settled, move |transaction| operators::note_wrong(transaction, &by, &operator));
        noted.await?;
    }
    // The next PIN is checked after this one is counted.
    drop(turn);
    Err(OPERATOR_WRONG.because("no operator has this id and PIN, or this badge"))
}

/// Sign in at the register
///
/// Whoever was signed in there is signed out. Needs no idempotency key.
#[utoipa::path(post, path = "/api/v1/operators/sign-in", request_body = Credentials,
    responses((status = 200, body = Session), (status = 422, body = Problem), (status = 429, body = Problem)))]
async fn sign_in(
    Asker(actor): Asker,
    CameFrom(peer): CameFrom,
    State(hub): State<Arc<Hub>>,
    SecretBody(credentials): SecretBody<Credentials>,
) -> Result<Json<Session>, Problem> {
    let by = By { actor, at_ms: hub.now_ms() };
    let operator = identified(&hub, &by, peer, credentials).await?;
    let session = hub
        .store
        .commit_for(Purpose::Money, move |transaction| operators::sign_in(transaction, &by, &operator))
        .await?;
    hub.operators.begin(session.register.clone(), session.operator.clone());
    Ok(Json(session))
}

/// Sign out of the register
#[utoipa::path(post, path = "/api/v1/operators/sign-out", request_body = Empty,
    responses((status = 204, description = "Nobody is signed in")))]
async fn sign_out(State(hub): State<Arc<Hub>>, command: Command<Empty>) -> Result<StatusCode, Problem> {
    hub.operators.end(command.by.register()?);
    let ended =
        command.commit(&hub.store, Purpose::Settled, |transaction, by, Empty {}| operators::sign_out(transaction, by));
    ended.await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Lock the register: an operator must sign in again
#[utoipa::path(post, path = "/api/v1/operators/lock", request_body = Empty,
    responses((status = 204, description = "The register is locked")))]
async fn lock(State(hub): State<Arc<Hub>>, command: Command<Empty>) -> Result<StatusCode, Problem> {
    hub.operators.end(command.by.register()?);
    let locked =
        command.commit(&hub.store, Purpose::Settled, |transaction, by, Empty {}| operators::lock(transaction, by));
    locked.await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Sign for what the role of the register's operator does not allow
///
/// Another operator shows PIN or badge. The register's next command that needs the right, up to the amount, can use it
/// for two minutes. Needs no idempotency key.
#[utoipa::path(post, path = "/api/v1/operators/override", request_body = SignOverride,
    responses((status = 200, body = Overridden), (status = 422, body = Problem), (status = 429, body = Problem)))]
async fn sign_override(
    Asker(actor): Asker,
    CameFrom(peer): CameFrom,
    State(hub): State<Arc<Hub>>,
    SecretBody(SignOverride { request, by: credentials }): SecretBody<SignOverride>,
) -> Result<Json<Overridden>, Problem> {
    let by = By { actor, at_ms: hub.now_ms() };
    let signer = identified(&hub, &by, peer, credentials).await?;
    let granted = hub
        .store
        .commit_for(Purpose::Money, move |transaction| operators::grant_override(transaction, &by, &signer, request));
    Ok(Json(granted.await?))
}

/// List who may sign in
#[utoipa::path(get, path = "/api/v1/operators", responses((status = 200, body = [OperatorInList])))]
async fn list(State(hub): State<Arc<Hub>>) -> Result<Json<Vec<OperatorInList>>, Problem> {
    reading(move || Ok(operators::list(&hub.store, hub.now_ms())?)).await.map(Json)
}

/// Add a temporary operator
///
/// Replaces the one with the same id. From the first operator on, registers need one who is signed in. Ends all
/// sessions. Needs no idempotency key.
#[utoipa::path(post, path = "/api/v1/operators", request_body = AddOperator,
    responses((status = 200, body = OperatorInList), (status = 409, body = Problem), (status = 422, body = Problem)))]
async fn add(
    Asker(actor): Asker,
    State(hub): State<Arc<Hub>>,
    SecretBody(request): SecretBody<AddOperator>,
) -> Result<Json<OperatorInList>, Problem> {
    let by = By { actor, at_ms: hub.now_ms() };
    let at_ms = by.at_ms;
    let turn = turn(&hub).await?;
    let new = hashing(&hub, &turn, move |hub| request.prepare(&hub.store, at_ms)).await?;
    drop(turn);
    let added =
        hub.store.commit_for(Purpose::Ordinary, move |transaction| operators::add(transaction, &by, new)).await?;
    Ok(Json(added))
}

/// Revoke a temporary operator
///
/// Ends all sessions.
#[utoipa::path(post, path = "/api/v1/operators/{id}/revoke", request_body = Empty, params(("id" = OperatorId, Path)),
    responses((status = 200, body = OperatorInList), (status = 404, body = Problem)))]
async fn revoke(
    State(hub): State<Arc<Hub>>,
    InPath(id): InPath<OperatorId>,
    command: Command<Empty>,
) -> Result<Json<OperatorInList>, Problem> {
    let revoked = command
        .commit(&hub.store, Purpose::Settled, move |transaction, by, Empty {}| operators::revoke(transaction, by, &id));
    Ok(Json(revoked.await?))
}
