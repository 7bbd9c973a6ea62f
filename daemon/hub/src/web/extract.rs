//! Extractors whose errors are [`Problem`]s.

use std::{sync::LazyLock, thread::available_parallelism, time::Duration};

use app::{
    Refusal,
    refusal::{BAD_REQUEST, BUSY},
};
use axum::{
    extract::{FromRequest, FromRequestParts, Request},
    http::request::Parts,
};
use serde::{Deserialize, de::DeserializeOwned};
use store::StoreError;
use tokio::{
    sync::{Semaphore, SemaphorePermit},
    time::timeout,
};
use utoipa::IntoParams;

use super::{body::collected, problem::Problem};

/// A JSON body.
pub(crate) struct Body<T>(pub(crate) T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Body<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, _: &S) -> Result<Self, Problem> {
        let body = collected(request.into_body()).await?;
        let parsed = serde_json::from_slice(&body);
        let parsed = parsed.map_err(|error| BAD_REQUEST.because(format!("invalid body: {error}")))?;
        Ok(Self(parsed))
    }
}

/// A JSON body with a secret, such as a PIN: an error does not repeat what was sent.
pub(crate) struct SecretBody<T>(pub(crate) T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for SecretBody<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, _: &S) -> Result<Self, Problem> {
        let body = collected(request.into_body()).await?;
        let parsed = serde_json::from_slice(&body).map_err(|error| {
            let (line, column) = (error.line(), error.column());
            BAD_REQUEST
                .because(format!("invalid body at line {line}, column {column}; the OpenAPI document has its form"))
        });
        Ok(Self(parsed?))
    }
}

/// Parameters in the path.
pub(crate) struct InPath<T>(pub(crate) T);

impl<T: DeserializeOwned + Send, S: Send + Sync> FromRequestParts<S> for InPath<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let path = axum::extract::Path::from_request_parts(parts, state).await;
        path.map(|path| Self(path.0)).map_err(|refused| BAD_REQUEST.because(refused.body_text()).into())
    }
}

/// Parameters in the query.
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
    /// Only entries before this number. Default: from the newest.
    pub(crate) before: Option<u64>,
    /// Page size, 1 to 100. Default 20.
    #[param(minimum = 1, maximum = 100)]
    pub(crate) limit: Option<usize>,
}

impl Page {
    /// The page size.
    pub(crate) fn limit(self) -> usize {
        self.limit.unwrap_or(20).clamp(1, 100)
    }
}

/// A page of a list in key order.
#[derive(Clone, Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct PageAfter {
    /// Only entries after this key. Default: from the first.
    pub(crate) after: Option<String>,
    /// Page size, 1 to 500. Default 100.
    #[param(minimum = 1, maximum = 500)]
    pub(crate) limit: Option<usize>,
}

impl PageAfter {
    /// The page size.
    pub(crate) fn limit(&self) -> usize {
        self.limit.unwrap_or(100).clamp(1, 500)
    }
}

/// The maximum number of concurrent reads: a processor stays free for sales.
fn readers() -> usize {
    available_parallelism().map_or(1, |processors| (processors.get() - 1).clamp(1, 2))
}

/// How long a read may wait for its turn.
const TURN: Duration = Duration::from_secs(10);

static TURNS: LazyLock<Semaphore> = LazyLock::new(|| Semaphore::new(readers()));

/// Reads off the runtime's threads: for walks, pages and the archive. At most [`readers`] at once; others wait.
///
/// # Errors
/// `work` refuses, or the read had to wait longer than [`TURN`].
pub(crate) async fn reading<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Refusal> + Send + 'static,
) -> Result<T, Problem> {
    let turn = turn_of(&TURNS).await?;
    let in_turn = move || {
        let _turn = turn;
        work()
    };
    match tokio::task::spawn_blocking(in_turn).await {
        Ok(read) => Ok(read?),
        Err(_) => Err(StoreError::Panicked.into()),
    }
}

/// A permit, in its turn.
///
/// # Errors
/// Its turn did not come within [`TURN`].
pub(crate) async fn turn_of(permits: &'static Semaphore) -> Result<SemaphorePermit<'static>, Problem> {
    turn_within(TURN, permits).await
}

async fn turn_within(time: Duration, permits: &'static Semaphore) -> Result<SemaphorePermit<'static>, Problem> {
    match timeout(time, permits.acquire()).await {
        Ok(Ok(turn)) => Ok(turn),
        _ => Err(BUSY.because("too many lists are being read; try again in a moment").into()),
    }
}

#[cfg(test)]
mod tests {
    use std::{
        sync::atomic::{AtomicUsize, Ordering::SeqCst},
        thread,
    };

    use futures_util::future::join_all;

    use super::*;

    #[tokio::test(flavor = "multi_thread")]
    async fn concurrent_reads_are_limited() {
        static RUNNING: AtomicUsize = AtomicUsize::new(0);
        let read = |_| {
            reading(|| {
                let running = RUNNING.fetch_add(1, SeqCst) + 1;
                thread::sleep(Duration::from_millis(5));
                RUNNING.fetch_sub(1, SeqCst);
                Ok(running)
            })
        };
        let most = join_all((0..16).map(read)).await.into_iter().map(Result::unwrap).max();
        assert_eq!(most, Some(readers()));
    }

    #[tokio::test]
    async fn a_read_that_waits_too_long_is_refused() {
        static TAKEN: Semaphore = Semaphore::const_new(1);
        let _held = turn_of(&TAKEN).await.unwrap();
        let refused = turn_within(Duration::from_millis(5), &TAKEN).await.err();
        let refused = serde_json::to_value(refused.expect("it is taken")).unwrap();
        assert_eq!((&refused["type"], &refused["status"]), (&"/problems/busy".into(), &503.into()));
    }
}
