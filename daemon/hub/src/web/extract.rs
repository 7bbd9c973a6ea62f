//! What a request carries, taken apart; what is wrong with it becomes a [`Problem`], not a line of text.

use app::{Refusal, refusal::BAD_REQUEST};
use axum::{
    extract::{FromRequest, FromRequestParts, Request},
    http::request::Parts,
};
use futures_util::StreamExt;
use serde::{Deserialize, de::DeserializeOwned};
use store::StoreError;
use utoipa::IntoParams;

use super::{BODY_TOO_LARGE, problem::Problem};

/// The largest body of a request, in bytes.
const MAX_BODY: usize = 512 * 1024;

/// So much of a larger body is read before it is refused: a client that is still sending would not see the answer.
const READ_BEFORE_REFUSING: usize = 16 * 1024 * 1024;

/// Reads the body of a request.
///
/// # Errors
/// It does not arrive whole, or is too large.
pub(super) async fn read_body(body: axum::body::Body) -> Result<Vec<u8>, Refusal> {
    let mut pieces = body.into_data_stream();
    let (mut read, mut length) = (Vec::new(), 0_usize);
    while let Some(piece) = pieces.next().await {
        let piece = piece.map_err(|error| BAD_REQUEST.because(format!("the body did not arrive whole: {error}")))?;
        length = length.saturating_add(piece.len());
        if length <= MAX_BODY {
            read.extend_from_slice(&piece);
        } else if length > READ_BEFORE_REFUSING {
            break;
        }
    }
    if length > MAX_BODY {
        return Err(BODY_TOO_LARGE.because(format!("the body has more than {MAX_BODY} bytes; send it in parts")));
    }
    Ok(read)
}

/// A JSON body.
pub(crate) struct Body<T>(pub(crate) T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Body<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, _: &S) -> Result<Self, Problem> {
        let body = read_body(request.into_body()).await?;
        let parsed = serde_json::from_slice(&body);
        let parsed = parsed.map_err(|error| BAD_REQUEST.because(format!("the body is not as described: {error}")))?;
        Ok(Self(parsed))
    }
}

/// Parts of the path.
pub(crate) struct InPath<T>(pub(crate) T);

impl<T: DeserializeOwned + Send, S: Send + Sync> FromRequestParts<S> for InPath<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let path = axum::extract::Path::from_request_parts(parts, state).await;
        path.map(|path| Self(path.0)).map_err(|refused| BAD_REQUEST.because(refused.body_text()).into())
    }
}

/// Parameters after the question mark.
pub(crate) struct InQuery<T>(pub(crate) T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequestParts<S> for InQuery<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let query = axum::extract::Query::from_request_parts(parts, state).await;
        query.map(|query| Self(query.0)).map_err(|refused| BAD_REQUEST.because(refused.body_text()).into())
    }
}

/// A page of a list, newest first.
#[derive(Clone, Copy, Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct Page {
    /// Those before this number; the newest without it.
    pub(crate) before: Option<u64>,
    /// Page size, 1 to 100. Default 20.
    #[param(minimum = 1, maximum = 100)]
    pub(crate) limit: Option<usize>,
}

impl Page {
    /// The page's size.
    pub(crate) fn limit(self) -> usize {
        self.limit.unwrap_or(20).clamp(1, 100)
    }
}

/// A page of a list in the order of its keys.
#[derive(Clone, Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct PageAfter {
    /// Those after this key; from the first without it.
    pub(crate) after: Option<String>,
    /// Page size, 1 to 500. Default 100.
    #[param(minimum = 1, maximum = 500)]
    pub(crate) limit: Option<usize>,
}

impl PageAfter {
    /// The page's size.
    pub(crate) fn limit(&self) -> usize {
        self.limit.unwrap_or(100).clamp(1, 500)
    }
}

/// Reads off the runtime's threads: for what walks, pages or opens the archive.
pub(crate) async fn reading<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Refusal> + Send + 'static,
) -> Result<T, Problem> {
    match tokio::task::spawn_blocking(work).await {
        Ok(read) => Ok(read?),
        Err(_) => Err(StoreError::Panicked.into()),
    }
}
