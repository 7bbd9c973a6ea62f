//! Pairing registers, logging people in.

use std::sync::Arc;

use axum::{
    Json,
    extract::State,
    http::{HeaderMap, HeaderValue, header},
    response::{IntoResponse, Response},
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{CodeRefused, Console, caller::COOKIE};
use crate::{
    extract::{Body, InPath},
    hub::{Hub, now_ms},
    problem::Problem,
};

/// The routes of this capability.
pub fn router() -> OpenApiRouter<Arc<Hub>> {
    OpenApiRouter::new()
        .routes(routes!(log_in))
        .routes(routes!(new_pairing_code))
        .routes(routes!(pair))
        .routes(routes!(list))
}

/// A code that was typed.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Code {
    /// Its digits.
    code: String,
}

/// A pairing code.
#[derive(Serialize, ToSchema)]
struct PairingCode {
    /// For which register.
    register: String,
    /// To be typed at it, within ten minutes.
    code: String,
}

/// A register's credentials.
#[derive(Serialize, ToSchema)]
struct PairedRegister {
    /// Its name.
    register: String,
    /// Send it as `Authorization: Bearer TOKEN`. It is not shown again.
    token: String,
}

/// A register of the config.
#[derive(Serialize, ToSchema)]
struct RegisterState {
    /// Its name.
    register: String,
    /// Whether it has a token.
    paired: bool,
}

fn refused(refused: CodeRefused) -> Problem {
    match refused {
        CodeRefused::Wrong => Problem::unauthorized("this code is wrong, used or too old; ask for a new one"),
        CodeRefused::TooMany => Problem::slow_down("too many wrong codes; wait a minute"),
    }
}

/// Log a person in with the store's console code
#[utoipa::path(post, path = "/api/v1/session", request_body = Code, tag = "registers",
    responses((status = 204, description = "Logged in; the cookie is the session"), (status = 401, body = Problem), (status = 429, body = Problem)))]
async fn log_in(State(hub): State<Arc<Hub>>, Body(code): Body<Code>) -> Result<Response, Problem> {
    let token = hub.registers.log_in(&code.code).map_err(refused)?;
    let cookie = format!("{COOKIE}={token}; Path=/; Secure; HttpOnly; SameSite=Strict; Max-Age=43200");
    let mut headers = HeaderMap::new();
    headers.insert(
        header::SET_COOKIE,
        HeaderValue::from_str(&cookie).map_err(|error| Problem::internal(error.to_string()))?,
    );
    Ok((axum::http::StatusCode::NO_CONTENT, headers).into_response())
}

/// Draw a pairing code for a register of the config
#[utoipa::path(post, path = "/api/v1/registers/{name}/pairing-code", tag = "registers", params(("name" = String, Path)),
    responses((status = 200, body = PairingCode), (status = 403, body = Problem), (status = 404, body = Problem)))]
async fn new_pairing_code(
    _: Console,
    State(hub): State<Arc<Hub>>,
    InPath(name): InPath<String>,
) -> Result<Json<PairingCode>, Problem> {
    if !hub.config.register.iter().any(|register| register.name == name) {
        return Err(Problem::not_found(
            "register",
            format!("the config has no register `{}`; add [[register]] and restart", name.escape_debug()),
        ));
    }
    let code = hub.registers.new_code(&name).map_err(Problem::internal)?;
    Ok(Json(PairingCode { register: name, code }))
}

/// Trade a pairing code for a token
#[utoipa::path(post, path = "/api/v1/pairing", request_body = Code, tag = "registers",
    responses((status = 200, body = PairedRegister), (status = 401, body = Problem), (status = 429, body = Problem)))]
async fn pair(State(hub): State<Arc<Hub>>, Body(code): Body<Code>) -> Result<Json<PairedRegister>, Problem> {
    let register = hub.registers.use_code(code.code.trim()).map_err(refused)?;
    let token = hub.registers.pair(&hub.store, register.clone(), now_ms()).await?;
    tracing::info!(%register, "paired");
    Ok(Json(PairedRegister { register, token }))
}

/// The registers of this store
#[utoipa::path(get, path = "/api/v1/registers", tag = "registers", responses((status = 200, body = [RegisterState]), (status = 401, body = Problem)))]
async fn list(_: super::Caller, State(hub): State<Arc<Hub>>) -> Json<Vec<RegisterState>> {
    let paired = hub.registers.paired();
    let state = |register: &crate::config::Register| RegisterState {
        register: register.name.clone(),
        paired: paired.contains(&register.name),
    };
    Json(hub.config.register.iter().map(state).collect())
}
