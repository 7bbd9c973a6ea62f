//! Who asks, and whether they may, before any handler runs.
//!
//! [`authenticate`] is a layer over all routes: it finds out who asks, by token, session or ticket, and notes it.
//! [`permit`] is a layer of each route: it names the route's permission, lets through whoever holds it, and answers
//! everybody else. A handler that asks for the actor on a route without a permission gets nothing: a route can't be left
//! open by forgetting it.
//!
//! A browser sends a person's cookie whichever page asks. So what such a request would change is done only for the
//! hub's own pages: if the browser says where the page is from (`Origin`), that must be this host.

use std::sync::Arc;

use app::{Refusal, permission::Permission, refusal::FAULT};
use axum::{
    extract::{Request, State},
    http::{Extensions, HeaderMap, Uri, header},
    middleware::Next,
    response::{IntoResponse, Response},
};
use commerce::Actor;

use super::{FOREIGN_ORIGIN, places::Connection, problem::Problem};
use crate::{hub::Hub, parts::registers::Grant};

/// Who asks, as far as that is known.
#[derive(Clone)]
struct Authenticated(Result<Grant, Refusal>);

/// Who asks, and may.
#[derive(Clone)]
pub(crate) struct Permitted(Grant);

impl Permitted {
    /// Who asks.
    ///
    /// # Errors
    /// The route names no permission: a fault of the hub.
    pub(crate) fn of(extensions: &Extensions) -> Result<Actor, Problem> {
        Self::grant(extensions).map(|grant| grant.actor)
    }

    /// Who asks, and by what.
    ///
    /// # Errors
    /// As for [`Self::of`].
    pub(crate) fn grant(extensions: &Extensions) -> Result<Grant, Problem> {
        let permitted = extensions.get::<Self>();
        permitted
            .map(|permitted| permitted.0.clone())
            .ok_or_else(|| FAULT.because("this route names no permission").into())
    }
}

/// Why it is not known who asks; nothing if it is.
pub(super) fn unknown(extensions: &Extensions) -> Option<Refusal> {
    match extensions.get::<Authenticated>() {
        Some(asker) => asker.0.as_ref().err().cloned(),
        None => Some(FAULT.because("nobody found out who asks")),
    }
}

/// Whether a browser says that a page of this host asks.
pub(crate) fn same_origin(headers: &HeaderMap) -> bool {
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
    match (text(header::ORIGIN).and_then(|origin| origin.strip_prefix("https://")), text(header::HOST)) {
        (Some(origin), Some(host)) => origin == host,
        _ => false,
    }
}

/// The WebSocket, the one route that takes a ticket.
const EVENTS: &str = "/api/v1/events";

/// The ticket that a WebSocket is opened with.
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
        return Err(FOREIGN_ORIGIN.because("this page is not the hub's own"));
    }
    Ok(grant)
}

/// Finds out who asks.
pub(super) async fn authenticate(State(hub): State<Arc<Hub>>, mut request: Request, next: Next) -> Response {
    let asker = asker(&hub, &request);
    if let (Ok(grant), Some(connection)) = (&asker, request.extensions().get::<Connection>()) {
        connection.belongs_to(&grant.actor);
    }
    request.extensions_mut().insert(Authenticated(asker));
    next.run(request).await
}

/// Lets through whoever holds a permission.
pub(super) async fn permit(permission: &'static Permission, mut request: Request, next: Next) -> Response {
    let asker = match request.extensions_mut().remove::<Authenticated>() {
        Some(Authenticated(asker)) => asker,
        None => Err(FAULT.because("nobody found out who asks")),
    };
    match asker.and_then(|grant| permission.require(&grant.actor).map(|()| grant)) {
        Ok(grant) => {
            request.extensions_mut().insert(Permitted(grant));
            next.run(request).await
        }
        Err(refusal) => Problem::from(refusal).into_response(),
    }
}
