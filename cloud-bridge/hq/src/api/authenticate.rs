//! Who asks, whether they may, and whether they do not ask too often: a layer of each route.

use std::sync::Arc;

use axum::{
    extract::{FromRequestParts, Request, State},
    http::{HeaderMap, header, request::Parts},
    middleware::Next,
    response::{IntoResponse, Response},
};

use super::{
    Api,
    keys::Key,
    problem::{FAULT, FORBIDDEN, Problem, UNAUTHENTICATED},
    rates::Peer,
    scope::Scope,
};

/// Lets a request through whose key has the scope; answers every other.
pub(super) async fn permit(
    State((api, scope)): State<(Arc<Api>, Scope)>,
    mut request: Request,
    next: Next,
) -> Response {
    let peer = request.extensions().get::<Peer>().copied();
    match admit(&api, scope, peer, request.headers()).await {
        Ok(key) => {
            request.extensions_mut().insert(Asker(key));
            next.run(request).await
        }
        Err(problem) => problem.into_response(),
    }
}

async fn admit(api: &Api, scope: Scope, peer: Option<Peer>, headers: &HeaderMap) -> Result<Arc<Key>, Problem> {
    let shown = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    let shown = shown.and_then(|value| value.strip_prefix("Bearer "));
    let key = match shown {
        None => None,
        Some(shown) => api.keys.find(shown).await?,
    };
    let Some(key) = key else {
        let peer = peer.ok_or_else(|| FAULT.because("it is not known where the request comes from"))?;
        api.rates.stranger(peer)?;
        return Err(UNAUTHENTICATED.because(match shown {
            None => "the request shows no API key; send `Authorization: Bearer KEY`",
            Some(_) => "the API key is unknown or revoked; `store-hub-hq key add` makes one",
        }));
    };
    api.rates.key(&key.id)?;
    api.keys.note(&key);
    if !key.may(scope) {
        return Err(FORBIDDEN.because(format!("the key {} does not have the scope {scope}", key.id)));
    }
    Ok(key)
}

/// The key that asks, and may.
#[derive(Clone)]
pub(crate) struct Asker(pub(crate) Arc<Key>);

impl<S: Send + Sync> FromRequestParts<S> for Asker {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        // A route can't be left open by forgetting its scope: its handler gets nobody.
        parts.extensions.get::<Self>().cloned().ok_or_else(|| FAULT.because("this route names no scope"))
    }
}
