//! Pairing registers, logging people in.

use std::sync::Arc;

use app::{
    refusal::FAULT,
    registers::{PAIR, READ, REGISTER_UNKNOWN},
};
use axum::{
    Json,
    extract::State,
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use commerce::RegisterName;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::routes;

use crate::{
    clock::now_ms,
    hub::Hub,
    parts::registers::COOKIE,
    web::{Body, Command, Empty, InPath, Problem, Routes},
};

/// The routes of this capability.
pub(crate) fn routes() -> Routes {
    Routes::new("registers", "Pairing registers, logging people in", &["registers"])
        .public(routes!(log_in))
        .public(routes!(pair))
        .command(&PAIR, routes!(new_pairing_code))
        .read(&READ, routes!(list))
}

/// A code that was typed.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Code {
    /// Its digits.
    #[schema(min_length = 1, max_length = 40)]
    code: String,
}

/// A pairing code.
#[derive(Serialize, ToSchema)]
struct PairingCode {
    /// For which register.
    register: RegisterName,
    /// To be typed at it, within ten minutes.
    code: String,
}

/// A register's credentials.
#[derive(Serialize, ToSchema)]
struct PairedRegister {
    /// Its name.
    register: RegisterName,
    /// Send it as `Authorization: Bearer TOKEN`. It is not shown again.
    token: String,
}

/// A register of the config.
#[derive(Serialize, ToSchema)]
struct RegisterState {
    /// Its name.
    register: RegisterName,
    /// Whether it has a token.
    paired: bool,
}

/// Log a person in with the store's console code
#[utoipa::path(post, path = "/api/v1/session", request_body = Code, 
    responses((status = 204, description = "Logged in; the cookie is the session"), (status = 401, body = Problem), (status = 429, body = Problem)))]
async fn log_in(State(hub): State<Arc<Hub>>, Body(code): Body<Code>) -> Result<Response, Problem> {
    let token = hub.registers.log_in(&code.code)?;
    let cookie = format!("{COOKIE}={token}; Path=/; Secure; HttpOnly; SameSite=Strict; Max-Age=43200");
    let mut headers = HeaderMap::new();
    headers
        .insert(header::SET_COOKIE, HeaderValue::from_str(&cookie).map_err(|error| FAULT.because(error.to_string()))?);
    Ok((StatusCode::NO_CONTENT, headers).into_response())
}

/// Draw a pairing code for a register of the config
///
/// A repeat under its key draws another code, and the first is void.
#[utoipa::path(post, path = "/api/v1/registers/{name}/pairing-code", params(("name" = RegisterName, Path)), request_body = Empty,
    responses((status = 200, body = PairingCode), (status = 404, body = Problem)))]
async fn new_pairing_code(
    State(hub): State<Arc<Hub>>,
    InPath(name): InPath<RegisterName>,
    _: Command<Empty>,
) -> Result<Json<PairingCode>, Problem> {
    if hub.config.lane(&name).is_none() {
        return Err(REGISTER_UNKNOWN
            .because(format!("unknown register {name}; add [[register]] to the config and restart"))
            .into());
    }
    let code = hub.registers.new_code(&name)?;
    Ok(Json(PairingCode { register: name, code }))
}

/// Trade a pairing code for a token
#[utoipa::path(post, path = "/api/v1/pairing", request_body = Code, 
    responses((status = 200, body = PairedRegister), (status = 401, body = Problem), (status = 429, body = Problem)))]
async fn pair(State(hub): State<Arc<Hub>>, Body(code): Body<Code>) -> Result<Json<PairedRegister>, Problem> {
    let register = hub.registers.use_code(code.code.trim())?;
    let token = hub.registers.pair(&hub.store, register.clone(), now_ms()).await?;
    tracing::info!(%register, "paired");
    Ok(Json(PairedRegister { register, token }))
}

/// The registers of this store
#[utoipa::path(get, path = "/api/v1/registers", responses((status = 200, body = [RegisterState]), (status = 401, body = Problem)))]
async fn list(State(hub): State<Arc<Hub>>) -> Json<Vec<RegisterState>> {
    let paired = hub.registers.paired();
    let state = |register: &crate::config::Register| RegisterState {
        register: register.name.clone(),
        paired: paired.contains(&register.name),
    };
    Json(hub.config.register.iter().map(state).collect())
}
