//! Who asks, and whether they may, before any handler runs.
//!
//! [`authenticate`] is a layer over all routes: it finds out who asks, by token or session, and notes it. [`permit`] is
//! a layer of each route: it names the route's permission, lets through whoever holds it, and answers everybody else. A
//! handler that asks for the actor on a route without a permission gets nothing: a route can't be left open by
//! forgetting it.

use std::sync::Arc;

use app::{Refusal, permission::Permission, refusal::FAULT};
use axum::{
    extract::{Request, State},
    http::Extensions,
    middleware::Next,
    response::{IntoResponse, Response},
};
use commerce::Actor;

use super::{extract::read_body, problem::Problem};
use crate::hub::Hub;

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
    let asker = Authenticated(hub.registers.asker(request.headers()));
    request.extensions_mut().insert(asker);
    next.run(request).await
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
        Err(refusal) => {
            // A client that is still sending would not see the answer.
            drop(read_body(request.into_body()).await);
            Problem::from(refusal).into_response()
        }
    }
}
