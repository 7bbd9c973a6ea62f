//! Authentication, authorisation and rate limits: a layer of each route.

use std::sync::Arc;

use axum::{
    extract::{FromRequestParts, Request, State},
    http::{HeaderMap, header, request::Parts},
    middleware::Next,
    response::{IntoResponse, Response},
};
use edge::Connection;

use super::{
    Api,
    keys::Key,
    problem::{FAULT, FORBIDDEN, Problem, UNAUTHENTICATED},
    scope::Scope,
};

/// Passes on requests whose key has the scope; answers all others.
pub(super) async fn permit(
    State((api, scope)): State<(Arc<Api>, Scope)>,
    mut request: Request,
    next: Next,
) -> Response {
    let connection = request.extensions().get::<Connection>();
    match admit(&api, scope, connection, request.headers()).await {
        Ok(key) => {
            request.extensions_mut().insert(Asker(key));
            next.run(request).await
        }
        Err(problem) => problem.into_response(),
    }
}

async fn admit(
    api: &Api,
    scope: Scope,
    connection: Option<&Connection>,
    headers: &HeaderMap,
) -> Result<Arc<Key>, Problem> {
    let shown = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    let shown = shown.and_then(bearer);
    let key = match shown {
        None => None,
        Some(shown) => api.keys.find(shown).await?,
    };
    let Some(key) = key else {
        let connection = connection.ok_or_else(|| FAULT.because("the request's origin is unknown"))?;
        api.rates.stranger(connection.peer())?;
        return Err(UNAUTHENTICATED.because(match shown {
            None => "the request has no API key; send `Authorization: Bearer KEY`",
            Some(_) => "the API key is unknown or revoked; `store-hub-hq key add` makes one",
        }));
    };
    if let Some(connection) = connection {
        connection.belongs_to(&key.id);
    }
    api.rates.key(&key.id)?;
    api.keys.note(&key);
    if !key.may(scope) {
        return Err(FORBIDDEN.because(format!("the key {} does not have the scope {scope}", key.id)));
    }
    Ok(key)
}

/// The key of a header `Authorization`. The scheme's case does not matter (RFC 9110, section 11.1).
fn bearer(value: &str) -> Option<&str> {
    let (scheme, key) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case("Bearer").then(|| key.trim_start_matches(' '))
}

/// The authorised key of a request.
#[derive(Clone)]
pub(crate) struct Asker(pub(crate) Arc<Key>);

impl<S: Send + Sync> FromRequestParts<S> for Asker {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        // A route without a scope cannot be left open by mistake: its handler gets no key.
        parts.extensions.get::<Self>().cloned().ok_or_else(|| FAULT.because("this route has no scope"))
    }
}
