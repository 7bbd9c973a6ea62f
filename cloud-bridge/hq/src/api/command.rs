//! Commands: each executes once, even if the client disconnects or repeats it.
//!
//! A command carries an `Idempotency-Key`. Its effect and its answer under that key are one transaction: a repeat gets
//! the first answer, for [`KEPT`], from any process. A refused command leaves nothing behind, and its key may be used
//! again. If the client disconnects, an uncommitted transaction is rolled back.

use std::{sync::Arc, time::Duration};

use axum::{
    body::{Body, Bytes},
    extract::{FromRequest, FromRequestParts, Request},
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use commerce::card_data::{find_card_data, holds_card_data};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use ring::digest::{Context, SHA256};
use serde::{Serialize, de::DeserializeOwned};
use tokio::time::timeout;

use super::{
    Api,
    authenticate::Asker,
    problem::{
        BAD_REQUEST, BODY_TOO_LARGE, CARD_NUMBER_REFUSED, FAULT, KEY_REUSED, Problem, REQUEST_TIMEOUT, UNAVAILABLE,
    },
};
use crate::{
    database::{Database, DatabaseError, Transaction, statement::statements, value::values},
    moment::now_ms,
};

statements! {
    /// Takes a key for a new command; no row if the key exists.
    BEGIN = "api_answer/begin";
    /// The answer under a key.
    READ = "api_answer/read";
    /// Stores the answer.
    ANSWER = "api_answer/answer";
    /// Deletes old answers.
    FORGET = "api_answer/forget";
}

/// How long answers are kept.
pub(super) const KEPT: Duration = Duration::from_secs(7 * 24 * 60 * 60);

/// The maximum size of a body, in bytes. An order with the maximum of lines is smaller.
const LARGEST: usize = 192 * 1024;

/// The time limit for a body.
const ARRIVAL: Duration = Duration::from_secs(10);

/// The header with the command's key.
pub(super) const HEADER: &str = "Idempotency-Key";

/// The length of a key, in characters.
pub(super) const LENGTH: std::ops::RangeInclusive<usize> = 8..=100;

/// A new command, in the transaction that holds its key.
pub(crate) struct Command<T> {
    /// The request.
    pub(crate) body: T,
    /// The command's effects go into this transaction.
    pub(crate) transaction: Transaction,
    asker: Asker,
    key: String,
}

/// The id of the key that sends a command.
pub(crate) struct Asking(pub(crate) String);

impl FromRequestParts<Arc<Api>> for Asking {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut axum::http::request::Parts, api: &Arc<Api>) -> Result<Self, Problem> {
        Asker::from_request_parts(parts, api).await.map(|asker| Self(asker.0.id.clone()))
    }
}

/// A command without parameters.
#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Nothing {}

impl<T> Command<T> {
    /// Commits the command with its answer.
    ///
    /// # Errors
    /// The commit failed.
    pub(crate) async fn answer(mut self, status: StatusCode, body: &impl Serialize) -> Result<Response, Problem> {
        let text = serde_json::to_string(body).map_err(|error| FAULT.because(error.to_string()))?;
        let parameters = values![u32::from(status.as_u16()), &text, self.asker.0.id.as_str(), self.key];
        self.transaction.execute(&ANSWER, parameters).await?;
        self.transaction.commit().await?;
        Ok(json(status, text))
    }
}

fn json(status: StatusCode, text: String) -> Response {
    let mut response = (status, text).into_response();
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

impl<T: DeserializeOwned + Send> FromRequest<Arc<Api>> for Command<T> {
    /// A problem, or the first answer.
    type Rejection = Response;

    async fn from_request(request: Request, api: &Arc<Api>) -> Result<Self, Response> {
        Self::begin(request, api).await.map_err(|refused| match refused {
            Refused::Problem(problem) => problem.into_response(),
            Refused::Repeated(answer) => answer,
        })
    }
}

/// The body of a request that changes nothing, and so needs no key.
pub(crate) struct Question<T>(pub(crate) T);

impl<T: DeserializeOwned> FromRequest<Arc<Api>> for Question<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, _: &Arc<Api>) -> Result<Self, Problem> {
        let whole = collect(request.into_body()).await?;
        read(&whole).map(Self)
    }
}

enum Refused {
    Problem(Problem),
    Repeated(Response),
}

impl<P: Into<Problem>> From<P> for Refused {
    fn from(problem: P) -> Self {
        Self::Problem(problem.into())
    }
}

impl<T: DeserializeOwned + Send> Command<T> {
    async fn begin(request: Request, api: &Arc<Api>) -> Result<Self, Refused> {
        let (mut parts, body) = request.into_parts();
        let asker = Asker::from_request_parts(&mut parts, api).await?;
        let key = parts.headers.get(HEADER).and_then(|value| value.to_str().ok()).unwrap_or_default().to_owned();
        if !LENGTH.contains(&key.len()) || key.bytes().any(|byte| !byte.is_ascii_graphic()) {
            let (least, most) = (LENGTH.start(), LENGTH.end());
            let detail = format!("a command needs the header `{HEADER}`: {least} to {most} printable characters");
            return Err(BAD_REQUEST.because(detail).into());
        }
        let whole = collect(body).await?;
        let mut digest = Context::new(&SHA256);
        for part in [parts.method.as_str().as_bytes(), parts.uri.to_string().as_bytes(), &whole] {
            digest.update(&(part.len() as u64).to_be_bytes());
            digest.update(part);
        }
        let digest = digest.finish();
        let body = read(if whole.is_empty() { b"{}" } else { &whole })?;
        for (what, text) in [("the header `Idempotency-Key`", &*key), ("the path", parts.uri.path())] {
            if holds_card_data(text) {
                return Err(card_data(what).into());
            }
        }

        let mut transaction = api.database.transaction().await?;
        let parameters = values![asker.0.id.as_str(), &key, digest.as_ref(), now_ms()];
        if transaction.execute(&BEGIN, parameters).await? == 1 {
            return Ok(Self { body, transaction, asker, key });
        }
        let row = transaction.query(&READ, values![asker.0.id.as_str(), &key]).await?.pop();
        // [`forget`] has deleted it between the two statements.
        let row =
            row.ok_or_else(|| UNAVAILABLE.because("the answer under this key has just expired; repeat the request"))?;
        let (earlier, status, text): (Vec<u8>, u64, String) = row.read()?;
        if earlier != digest.as_ref() {
            let detail = format!("the key `{key}` was used for another request; use a new key for each request");
            return Err(KEY_REUSED.because(detail).into());
        }
        let status = u16::try_from(status).ok().and_then(|status| StatusCode::from_u16(status).ok());
        Err(Refused::Repeated(json(status.unwrap_or(StatusCode::OK), text)))
    }
}

/// Whatever looks like card data is refused before it is stored anywhere. The refusal does not repeat it.
fn card_data(what: &str) -> Problem {
    CARD_NUMBER_REFUSED.because(format!(
        "{what} contains what looks like a card number, track data or a security code; leave it out, such data must \
         not be stored"
    ))
}

/// Reads a body. A member that the type does not have is refused: a misspelt one would be lost silently.
fn read<T: DeserializeOwned>(body: &[u8]) -> Result<T, Problem> {
    let invalid = |error: serde_json::Error| BAD_REQUEST.because(format!("invalid body: {error}"));
    if let Some(place) = find_card_data(&serde_json::from_slice(body).map_err(invalid)?) {
        return Err(card_data(&place));
    }
    let (mut source, mut unknown) = (serde_json::Deserializer::from_slice(body), None);
    let read = serde_ignored::deserialize(&mut source, |path| _ = unknown.get_or_insert_with(|| path.to_string()));
    let read = read.and_then(|read| source.end().map(|()| read)).map_err(invalid)?;
    match unknown {
        None => Ok(read),
        Some(path) => Err(BAD_REQUEST.because(format!("invalid body: unknown member `{path}`"))),
    }
}

async fn collect(body: Body) -> Result<Bytes, Problem> {
    let late = |_| REQUEST_TIMEOUT.because(format!("the body did not arrive within {} s", ARRIVAL.as_secs()));
    let collected = timeout(ARRIVAL, Limited::new(body, 2 * LARGEST).collect()).await.map_err(late)?;
    let too_large = || BODY_TOO_LARGE.because(format!("the body has more than {LARGEST} bytes"));
    let whole = collected.map(http_body_util::Collected::to_bytes).map_err(|error| {
        match error.downcast::<LengthLimitError>() {
            Ok(_) => too_large(),
            Err(_) => BAD_REQUEST.because("the body is incomplete; repeat the request with the same key"),
        }
    })?;
    // A body that is only somewhat too large is read, so that its sender gets the answer.
    if whole.len() > LARGEST { Err(too_large()) } else { Ok(whole) }
}

/// Deletes answers older than [`KEPT`].
///
/// # Errors
/// The database failed.
pub(super) async fn forget(database: &Database) -> Result<(), DatabaseError> {
    let kept = i64::try_from(KEPT.as_millis()).unwrap_or(i64::MAX);
    let mut transaction = database.transaction().await?;
    transaction.execute(&FORGET, values![now_ms() - kept]).await?;
    transaction.commit().await
}
