//! Authentication and authorization, before any handler runs.
//!
//! [`authenticate`] is a layer over all routes: it identifies the caller by token, session or ticket. [`permit`] is a
//! layer of each route: it declares the route's permission, lets through whoever holds it, and answers everybody else.
//! A handler that asks for the actor on a route without a permission gets an error, so a route can't be left open by
//! mistake.
//!
//! Browsers send a person's cookie with requests of any page. So changes are only accepted from the hub's own pages: if
//! the browser sends the page's origin (`Origin`), it must be this host.

use std::sync::Arc;

use app::{Refusal, permission::Permission, refusal::FAULT};
use axum::{
    extract::{Request, State},
    http::{Extensions, HeaderMap, Uri, header},
    middleware::Next,
    response::{IntoResponse, Response},
};
use commerce::Actor;
use edge::Connection;

use super::{FOREIGN_ORIGIN, problem::Problem};
use crate::{hub::Hub, parts::registers::Grant};

/// The caller of a request, if known.
#[derive(Clone)]
struct Authenticated(Result<Grant, Refusal>);

/// A caller who holds the route's permission.
#[derive(Clone)]
pub(crate) struct Permitted(Grant);

impl Permitted {
    /// The actor of a request.
    ///
    /// # Errors
    /// The route has no permission: a bug of the hub.
    pub(crate) fn of(extensions: &Extensions) -> Result<Actor, Problem> {
        Self::grant(extensions).map(|grant| grant.actor)
    }

    /// The actor of a request with the credential.
    ///
    /// # Errors
    /// As for [`Self::of`].
    pub(crate) fn grant(extensions: &Extensions) -> Result<Grant, Problem> {
        let permitted = extensions.get::<Self>();
        permitted
            .map(|permitted| permitted.0.clone())
            .ok_or_else(|| FAULT.because("this route has no permission").into())
    }
}

/// Why the caller is unknown; `None` if the caller is known.
pub(super) fn unknown(extensions: &Extensions) -> Option<Refusal> {
    match extensions.get::<Authenticated>() {
        Some(asker) => asker.0.as_ref().err().cloned(),
        None => Some(FAULT.because("the request was not authenticated")),
    }
}

/// Whether the browser says that a page of this host sent the request.
pub(crate) fn same_origin(headers: &HeaderMap) -> bool {
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
    match (text(header::ORIGIN).and_then(|origin| origin.strip_prefix("https://")), text(header::HOST)) {
        (Some(origin), Some(host)) => origin == host,
        _ => false,
    }
}

/// The WebSocket, the only route that accepts a ticket.
const EVENTS: &str = "/api/v1/events";

/// The ticket in a WebSocket's address.
fn ticket_of(uri: &Uri) -> Option<&str> {
    let query = uri.query().filter(|_| uri.path() == EVENTS)?;
    query.split('&').find_map(|parameter| parameter.strip_prefix("ticket="))
}

fn asker(hub: &Hub, request: &Request) -> Result<Grant, Refusal> {
    if let Some(ticket) = ticket_of(request.uri()) {
        return hub.registers.use_ticket(ticket);
    }
    let headers = request.headers();
    let grant = hub.registers.asker(headers)?;
    let is_elsewhere = headers.contains_key(header::ORIGIN) && !same_origin(headers);
    if grant.is_session() && !request.method().is_safe() && is_elsewhere {
        return Err(FOREIGN_ORIGIN.because("the request comes from a page of another site"));
    }
    Ok(grant)
}

/// A register's grant, with the operator who is signed in there.
fn with_operator(hub: &Hub, request: &Request, mut grant: Grant) -> Grant {
    if let Some(register) = grant.actor.register_name() {
        grant.actor.operator = hub.operators.at(register, !request.method().is_safe());
    }
    grant
}

/// Authenticates a request.
pub(super) async fn authenticate(State(hub): State<Arc<Hub>>, mut request: Request, next: Next) -> Response {
    let asker = asker(&hub, &request).map(|grant| with_operator(&hub, &request, grant));
    if let (Ok(grant), Some(connection)) = (&asker, request.extensions().get::<Connection>()) {
        connection.belongs_to(&grant.actor.station.to_string());
    }
    request.extensions_mut().insert(Authenticated(asker));
    next.run(request).await
}

/// Lets a request through if its caller holds a permission.
pub(super) async fn permit(permission: &'static Permission, mut request: Request, next: Next) -> Response {
    let asker = match request.extensions_mut().remove::<Authenticated>() {
        Some(Authenticated(asker)) => asker,
        None => Err(FAULT.because("the request was not authenticated")),
    };
    match asker.and_then(|grant| grant.require(permission).map(|()| grant)) {
        Ok(grant) => {
            request.extensions_mut().insert(Permitted(grant));
            next.run(request).await
        }
        Err(refusal) => Problem::from(refusal).into_response(),
    }
}
