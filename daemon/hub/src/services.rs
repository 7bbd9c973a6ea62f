//! The routes of service accounts.

use std::sync::Arc;

use app::services::{self, MANAGE};
use axum::{Json, extract::State, http::StatusCode};
use commerce::ServiceName;
use serde::{Deserialize, Serialize};
use store::Purpose;
use utoipa::ToSchema;
use utoipa_axum::routes;

use crate::{
    hub::Hub,
    parts::registers::Listed,
    web::{Command, Empty, InPath, Problem, Routes},
};

/// The routes of this capability.
pub(crate) fn routes() -> Routes {
    Routes::new("services", "Service accounts: tokens for programs", &["services"])
        .read(&MANAGE, routes!(list))
        .command(&MANAGE, routes!(draw_token))
        .command(&MANAGE, routes!(revoke))
}

/// A service account.
#[derive(Serialize, ToSchema)]
struct ServiceView {
    /// The name.
    service: ServiceName,
    /// The permissions that it has.
    scopes: Vec<String>,
    /// When its token was drawn: milliseconds since 1970, UTC.
    since_ms: i64,
}

/// A scope that a service account can have.
#[derive(Serialize, ToSchema)]
struct ScopeView {
    /// The permission.
    scope: &'static str,
    /// What it allows.
    allows: &'static str,
}

/// The service accounts, and the scopes to choose from.
#[derive(Serialize, ToSchema)]
struct ServiceList {
    /// The accounts, by name.
    services: Vec<ServiceView>,
    /// The scopes.
    scopes: Vec<ScopeView>,
}

/// The scopes of a service account.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Scopes {
    /// Permissions by name, such as `items.load`.
    #[schema(min_items = 1, max_items = 100)]
    scopes: Vec<String>,
}

/// The credentials of a service account.
#[derive(Serialize, ToSchema)]
struct ServiceToken {
    /// The name.
    service: ServiceName,
    /// To be sent as `Authorization: Bearer TOKEN`. It is not shown again.
    token: String,
}

/// List the service accounts, and the scopes that they can have
#[utoipa::path(get, path = "/api/v1/services", responses((status = 200, body = ServiceList)))]
async fn list(State(hub): State<Arc<Hub>>) -> Json<ServiceList> {
    let view = |Listed { name, scopes, since_ms }| ServiceView { service: name, scopes: scopes.to_vec(), since_ms };
    let services = hub.registers.services().into_iter().map(view).collect();
    let scopes = services::grantable();
    let scopes = scopes.iter().map(|scope| ScopeView { scope: scope.name, allows: scope.doc }).collect();
    Json(ServiceList { services, scopes })
}

/// Draw a token for a service account
///
/// The account is added if it is new; otherwise the new scopes replace the old ones, and its old token is no longer
/// valid. A repeat under the same key draws another token. Recorded in the audit trail.
#[utoipa::path(post, path = "/api/v1/services/{name}/token", params(("name" = ServiceName, Path)),
    request_body = Scopes, responses((status = 200, body = ServiceToken)))]
async fn draw_token(
    State(hub): State<Arc<Hub>>,
    InPath(name): InPath<ServiceName>,
    command: Command<Scopes>,
) -> Result<Json<ServiceToken>, Problem> {
    let Command { by, body: Scopes { scopes }, .. } = command;
    let token = hub.registers.draw_service_token(&hub.store, by, name.clone(), scopes).await?;
    Ok(Json(ServiceToken { service: name, token }))
}

/// Revoke a service account
///
/// Its token is no longer valid.
#[utoipa::path(post, path = "/api/v1/services/{name}/revoke", params(("name" = ServiceName, Path)),
    request_body = Empty, responses((status = 204, description = "Revoked"), (status = 404, body = Problem)))]
async fn revoke(
    State(hub): State<Arc<Hub>>,
    InPath(name): InPath<ServiceName>,
    command: Command<Empty>,
) -> Result<StatusCode, Problem> {
    // Before the commit: even if the disk fails, a stolen token must not stay valid until the next start. A repeat does
    // not invalidate a new token.
    if !hub.store.is_answered(&command.key)? {
        hub.registers.forget_service(&name);
    }
    let revoked = command.commit(&hub.store, Purpose::Settled, move |transaction, by, Empty {}| {
        services::revoke(transaction, by, &name)
    });
    revoked.await?;
    Ok(StatusCode::NO_CONTENT)
}
