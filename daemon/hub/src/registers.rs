//! The routes for pairing registers and logging people in.

use std::sync::Arc;

use app::{
    By, Refusal, audit,
    refusal::{BAD_REQUEST, FAULT},
    registers::{
        self, AllLoggedOut, CODE_WRONG, CodesRefused, END_SESSIONS, LoggedIn, LoggedOut, PAIR, PairingCodeDrawn, READ,
        REGISTER_UNKNOWN,
    },
};
use axum::{
    Json,
    extract::State,
    http::{HeaderMap, HeaderValue, StatusCode, Uri, header},
    response::{IntoResponse, Response},
};
use commerce::{Actor, RegisterName, Station};
use edge::Peer;
use serde::{Deserialize, Serialize};
use store::Purpose;
use utoipa::ToSchema;
use utoipa_axum::routes;

use crate::{
    hub::Hub,
    parts::registers::COOKIE,
    web::{Body, CameFrom, Command, Empty, InPath, Known, Problem, Routes},
};

/// The routes of this capability.
pub(crate) fn routes() -> Routes {
    Routes::new("registers", "Pairing registers, logging people in", &["registers"])
        .public(routes!(log_in))
        .public(routes!(pair))
        .command(&PAIR, routes!(new_pairing_code))
        .command(&PAIR, routes!(unpair))
        .command(&END_SESSIONS, routes!(log_out))
        .command(&END_SESSIONS, routes!(log_all_out))
        .read(&READ, routes!(list))
}

/// A code that somebody typed.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = TypedCode)]
struct Code {
    /// The digits.
    #[schema(min_length = 1, max_length = 40)]
    code: String,
}

/// A pairing code.
#[derive(Serialize, ToSchema)]
struct PairingCode {
    /// The register.
    register: RegisterName,
    /// To be typed at the register within ten minutes.
    code: String,
}

/// What a pairing code is for.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct PairingRequest {
    /// If the register is a web page that does not come from the hub: its origin, which may then call the API.
    #[schema(max_length = 200, example = "https://till.example")]
    origin: Option<String>,
}

/// The credentials of a register.
#[derive(Serialize, ToSchema)]
struct PairedRegister {
    /// The register's name.
    register: RegisterName,
    /// To be sent as `Authorization: Bearer TOKEN`. It is not shown again.
    token: String,
}

/// A register of the config.
#[derive(Serialize, ToSchema)]
struct RegisterState {
    /// The register's name.
    register: RegisterName,
    /// Whether it is paired.
    paired: bool,
}

/// The peer for logs and the audit trail.
fn told(peer: Option<Peer>) -> String {
    peer.map_or_else(|| "unknown".to_owned(), |peer| peer.to_string())
}

/// Logs and audits a wrong code, once a minute per address.
async fn note_wrong(hub: &Hub, peer: Option<Peer>, code: &'static str, refusal: Refusal) -> Problem {
    let peer = told(peer);
    if refusal.kind == &CODE_WRONG
        && let Some(suppressed) = hub.registers.may_log_wrong_code(&peer)
    {
        let times = suppressed + 1;
        tracing::warn!(%peer, code, times, "wrong codes");
        let by = By { actor: Station::Hub.into(), at_ms: hub.now_ms() };
        let act = CodesRefused { peer, code, times };
        let noted = hub.store.commit(move |transaction| audit::record(transaction, &by, &act)).await;
        if let Err(error) = noted {
            tracing::warn!(%error, "could not record wrong codes in the audit trail");
        }
    }
    refusal.into()
}

/// Log in with the store's console code
#[utoipa::path(post, path = "/api/v1/session", request_body = Code,
    responses((status = 204, description = "Logged in; the cookie is the session"), (status = 401, body = Problem),
        (status = 429, body = Problem)))]
async fn log_in(
    State(hub): State<Arc<Hub>>,
    CameFrom(peer): CameFrom,
    Body(code): Body<Code>,
) -> Result<Response, Problem> {
    let token = match hub.registers.log_in(peer, &code.code) {
        Ok(token) => token,
        Err(refusal) => return Err(note_wrong(&hub, peer, "console", refusal).await),
    };
    let by = By { actor: Actor::console(), at_ms: hub.now_ms() };
    let act = LoggedIn { peer: told(peer) };
    let noted = hub.store.commit_for(Purpose::Settled, move |transaction| audit::record(transaction, &by, &act)).await;
    if let Err(error) = noted {
        // A person must be able to log in to see what is wrong with the store.
        tracing::warn!(%error, peer = %told(peer), "could not record a log-in in the audit trail");
    }
    let cookie = format!("{COOKIE}={token}; Path=/; Secure; HttpOnly; SameSite=Strict; Max-Age=43200");
    let mut headers = HeaderMap::new();
    headers
        .insert(header::SET_COOKIE, HeaderValue::from_str(&cookie).map_err(|error| FAULT.because(error.to_string()))?);
    Ok((StatusCode::NO_CONTENT, headers).into_response())
}

/// Log out
///
/// Ends the session of the request and its WebSockets.
#[utoipa::path(post, path = "/api/v1/session/end", request_body = Empty,
    responses((status = 204, description = "Logged out")))]
async fn log_out(
    State(hub): State<Arc<Hub>>,
    Known(grant): Known,
    command: Command<Empty>,
) -> Result<StatusCode, Problem> {
    hub.registers.log_out(&grant);
    let by = command.by;
    let act = LoggedOut {};
    hub.store.commit_for(Purpose::Settled, move |transaction| audit::record(transaction, &by, &act)).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Log everybody out
///
/// Ends all sessions, including that of the request. Registers stay paired.
#[utoipa::path(post, path = "/api/v1/sessions/end", request_body = Empty,
    responses((status = 204, description = "Everybody is logged out")))]
async fn log_all_out(State(hub): State<Arc<Hub>>, command: Command<Empty>) -> Result<StatusCode, Problem> {
    hub.registers.log_all_out();
    let by = command.by;
    let act = AllLoggedOut {};
    hub.store.commit_for(Purpose::Settled, move |transaction| audit::record(transaction, &by, &act)).await?;
    Ok(StatusCode::NO_CONTENT)
}

fn known(hub: &Hub, name: &RegisterName) -> Result<(), Problem> {
    if hub.config.lane(name).is_some() {
        return Ok(());
    }
    let detail = format!("unknown register {name}; add [[register]] to the config and restart");
    Err(REGISTER_UNKNOWN.because(detail).into())
}

/// An origin as browsers send it.
fn checked_origin(origin: String) -> Result<String, Problem> {
    let is_origin = |uri: &Uri| {
        let is_web = matches!(uri.scheme_str(), Some("https" | "http"));
        // An origin ends with its authority.
        is_web && uri.authority().is_some_and(|authority| origin.ends_with(authority.as_str()))
    };
    if origin.len() <= 200 && origin.parse().is_ok_and(|uri: Uri| is_origin(&uri)) {
        return Ok(origin);
    }
    let detail = format!("invalid origin {}: expected the form https://till.example", origin.escape_debug());
    Err(BAD_REQUEST.because(detail).into())
}

/// Draw a pairing code for a register of the config
///
/// A repeat under the same key draws another code, which replaces the first. With `origin`, a web page of another site can
/// be the register.
#[utoipa::path(post, path = "/api/v1/registers/{name}/pairing-code", params(("name" = RegisterName, Path)),
    request_body = PairingRequest, responses((status = 200, body = PairingCode), (status = 404, body = Problem)))]
async fn new_pairing_code(
    State(hub): State<Arc<Hub>>,
    InPath(name): InPath<RegisterName>,
    command: Command<PairingRequest>,
) -> Result<Json<PairingCode>, Problem> {
    known(&hub, &name)?;
    let origin = command.body.origin.map(checked_origin).transpose()?;
    let by = command.by;
    let act = PairingCodeDrawn { register: name.clone() };
    hub.store.commit(move |transaction| audit::record(transaction, &by, &act)).await?;
    let code = hub.registers.new_code(&name, origin)?;
    Ok(Json(PairingCode { register: name, code }))
}

/// Unpair a register
///
/// Its token and its pairing code become invalid at once, and its WebSockets end.
#[utoipa::path(post, path = "/api/v1/registers/{name}/unpair", params(("name" = RegisterName, Path)),
    request_body = Empty,
    responses((status = 204, description = "It has no token"), (status = 404, body = Problem)))]
async fn unpair(
    State(hub): State<Arc<Hub>>,
    InPath(name): InPath<RegisterName>,
    command: Command<Empty>,
) -> Result<StatusCode, Problem> {
    known(&hub, &name)?;
    // Before the commit: even if the disk fails, a stolen token must not stay valid until the next start. A repeat does
    // not invalidate a new token.
    if !hub.store.is_answered(&command.key)? {
        hub.registers.forget(&name, None);
    }
    let unpaired = command.commit(&hub.store, Purpose::Settled, move |transaction, by, Empty {}| {
        registers::unpair(transaction, by, &name)
    });
    unpaired.await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Exchange a pairing code for a token
#[utoipa::path(post, path = "/api/v1/pairing", request_body = Code,
    responses((status = 200, body = PairedRegister), (status = 401, body = Problem), (status = 429, body = Problem)))]
async fn pair(
    State(hub): State<Arc<Hub>>,
    CameFrom(peer): CameFrom,
    Body(code): Body<Code>,
) -> Result<Json<PairedRegister>, Problem> {
    let (register, origin) = match hub.registers.use_code(peer, &code.code) {
        Ok(known) => known,
        Err(refusal) => return Err(note_wrong(&hub, peer, "pairing", refusal).await),
    };
    let token = hub.registers.pair(&hub.store, register.clone(), origin, hub.now_ms()).await?;
    tracing::info!(%register, peer = %told(peer), "paired");
    Ok(Json(PairedRegister { register, token }))
}

/// List the registers of the store
#[utoipa::path(get, path = "/api/v1/registers",
    responses((status = 200, body = [RegisterState]), (status = 401, body = Problem)))]
async fn list(State(hub): State<Arc<Hub>>) -> Json<Vec<RegisterState>> {
    let paired = hub.registers.paired();
    let state = |register: &crate::config::Register| RegisterState {
        register: register.name.clone(),
        paired: paired.contains(&register.name),
    };
    Json(hub.config.register.iter().map(state).collect())
}
