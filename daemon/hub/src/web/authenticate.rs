//! Who asks, and whether they may, before any handler runs.
//!
//! [`authenticate`] is a layer over all routes: it finds out who asks, by token or session, and notes it. [`permit`] is a layer of each route: it
//! names the route's permission, lets through whoever holds it, and answers everybody else. A handler that asks for the actor on a route without
//! a permission gets nothing: a route can't be left open by forgetting it.

use std::sync::Arc;

use app::{
    Refusal,
    permission::Permission,
    refusal::{FAULT, UNAUTHENTICATED},
};
use axum::{
    extract::{Request, State},
    http::{Extensions, HeaderMap, header},
    middleware::Next,
    response::{IntoResponse, Response},
};
use commerce::Actor;

use super::problem::Problem;
use crate::hub::Hub;

/// The cookie of a person's session. The prefix makes browsers insist on TLS and on this host.
pub(crate) const COOKIE: &str = "__Host-store-hub";

/// Who asks, as far as that is known.
#[derive(Clone)]
struct Authenticated(Result<Actor, Refusal>);

/// Who asks, and may.
#[derive(Clone)]
pub(crate) struct Permitted(Actor);

impl Permitted {
    /// Who asks.
    ///
    /// # Errors
    /// The route names no permission: a fault of the hub.
    pub(crate) fn of(extensions: &Extensions) -> Result<Actor, Problem> {
        let permitted = extensions.get::<Self>();
        permitted
            .map(|permitted| permitted.0.clone())
            .ok_or_else(|| FAULT.because("this route names no permission").into())
    }
}

/// Finds out who asks.
pub(super) async fn authenticate(State(hub): State<Arc<Hub>>, mut request: Request, next: Next) -> Response {
    let asker = Authenticated(asker(&hub, request.headers()));
    request.extensions_mut().insert(asker);
    next.run(request).await
}

/// Who asks, by token or session.
///
/// # Errors
/// Nobody known.
pub(crate) fn asker(hub: &Hub, headers: &HeaderMap) -> Result<Actor, Refusal> {
    if let Some(token) = headers.get(header::AUTHORIZATION) {
        let token = token.to_str().ok().and_then(|value| value.strip_prefix("Bearer "));
        let register = token.and_then(|token| hub.registers.register(token.trim()));
        return register
            .map(Actor::register)
            .ok_or_else(|| UNAUTHENTICATED.because("this token is unknown; pair the register again"));
    }
    let cookies = headers.get_all(header::COOKIE).into_iter().filter_map(|value| value.to_str().ok());
    let session = cookies
        .flat_map(|line| line.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .any(|(name, value)| name == COOKIE && hub.registers.session(value));
    if session {
        Ok(Actor::console())
    } else {
        let detail = "send `Authorization: Bearer TOKEN` of a paired register, or log in at the console";
        Err(UNAUTHENTICATED.because(detail))
    }
}

/// Lets through whoever holds a permission.
pub(super) async fn permit(permission: &'static Permission, mut request: Request, next: Next) -> Response {
    let asker = match request.extensions_mut().remove::<Authenticated>() {
        Some(Authenticated(asker)) => asker,
        None => Err(FAULT.because("nobody found out who asks")),
    };
    match asker.and_then(|actor| permission.require(&actor).map(|()| actor)) {
        Ok(actor) => {
            request.extensions_mut().insert(Permitted(actor));
            next.run(request).await
        }
        Err(refusal) => Problem::from(refusal).into_response(),
    }
}
