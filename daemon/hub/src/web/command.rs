//! Commands: the extractor of all requests that change something.

use std::{convert::Infallible, sync::Arc};

use app::{
    By, Refusal,
    card_data::{look_through, look_through_text},
    refusal::{BAD_REQUEST, KEY_REUSED},
    training,
};
use axum::{
    extract::{FromRequest, FromRequestParts, Request},
    http::request::Parts,
};
use commerce::{Actor, Station};
use edge::{Connection, Peer};
use serde::{Deserialize, de::DeserializeOwned};
use store::{
    Purpose, Record, Store, Transaction,
    idempotency::{CommandKey, Once},
};
use utoipa::ToSchema;

use super::{WRITE_LIMIT, authenticate::Permitted, body::collected, problem::Problem};
use crate::{digest::sha256, hub::Hub, parts::registers::Grant};

/// The actor of a request; permitted before the handler runs.
pub(crate) struct Asker(pub(crate) Actor);

impl FromRequestParts<Arc<Hub>> for Asker {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &Arc<Hub>) -> Result<Self, Problem> {
        Permitted::of(&parts.extensions).map(Self)
    }
}

/// The actor and credential of a request.
pub(crate) struct Known(pub(crate) Grant);

impl FromRequestParts<Arc<Hub>> for Known {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &Arc<Hub>) -> Result<Self, Problem> {
        Permitted::grant(&parts.extensions).map(Self)
    }
}

/// The peer of a request, if it came through a connection.
pub(crate) struct CameFrom(pub(crate) Option<Peer>);

impl<S: Sync> FromRequestParts<S> for CameFrom {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        Ok(Self(parts.extensions.get().map(Connection::peer)))
    }
}

/// Of a route that a register in training may use: the command changes nothing that counts.
#[derive(Clone, Copy)]
pub(super) struct AlsoInTraining;

/// A command: actor, time, key and body.
pub(crate) struct Command<T> {
    /// The actor and the time.
    pub(crate) by: By,
    /// The idempotency key and the command's fingerprint.
    pub(crate) key: CommandKey,
    /// Whether a register in training may send it.
    pub(crate) also_in_training: bool,
    /// The body.
    pub(crate) body: T,
}

/// No parameters.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Empty {}

impl<T> Command<T> {
    /// The same command with its body converted.
    pub(crate) fn map<U>(self, understand: impl FnOnce(T) -> U) -> Command<U> {
        let Self { by, key, also_in_training, body } = self;
        Command { by, key, also_in_training, body: understand(body) }
    }

    /// Executes the command in one commit, once: a repeat under its key gets the first answer, and `work` does not run.
    ///
    /// # Errors
    /// `work` refuses, the key was used for another command, or it would count and the register is in training.
    pub(crate) async fn commit<A>(
        self,
        store: &Store,
        purpose: Purpose,
        work: impl FnOnce(&mut Transaction<'_>, &By, T) -> Result<A, Refusal> + Send + 'static,
    ) -> Result<A, Refusal>
    where
        T: Send + 'static,
        A: Record + Send + 'static,
    {
        self.commit_first(store, purpose, work).await.map(|(answer, _)| answer)
    }

    /// The same; also returns whether the command was executed now.
    ///
    /// # Errors
    /// As for [`Self::commit`].
    pub(crate) async fn commit_first<A>(
        self,
        store: &Store,
        purpose: Purpose,
        work: impl FnOnce(&mut Transaction<'_>, &By, T) -> Result<A, Refusal> + Send + 'static,
    ) -> Result<(A, bool), Refusal>
    where
        T: Send + 'static,
        A: Record + Send + 'static,
    {
        let Self { by, key, also_in_training, body } = self;
        // In the commit, so that no command counts whose register began training meanwhile.
        let work = move |transaction: &mut Transaction<'_>| {
            if !also_in_training {
                training::require_real(transaction, &by)?;
            }
            work(transaction, &by, body)
        };
        let once = store.commit_for(purpose, move |transaction| transaction.once(&key, work)).await?;
        match once {
            Once::First(answer) => Ok((answer, true)),
            Once::Again(answer) => Ok((answer, false)),
            Once::OtherCommand => {
                Err(KEY_REUSED
                    .because("this Idempotency-Key was used for another command; use a new key for each command"))
            }
        }
    }
}

impl<T: DeserializeOwned> FromRequest<Arc<Hub>> for Command<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, hub: &Arc<Hub>) -> Result<Self, Problem> {
        let (parts, body) = request.into_parts();
        let also_in_training = parts.extensions.get::<AlsoInTraining>().is_some();
        let actor = Permitted::of(&parts.extensions)?;
        let body = collected(body).await?;
        if let Station::Register(register) = &actor.station {
            hub.budget.spend(register, body.len()).map_err(|seconds| {
                let detail = format!("{register} wrote too much; send this again in {seconds} s");
                WRITE_LIMIT.because(detail).member("retry_after_s", seconds)
            })?;
        }
        let key = parts.headers.get("idempotency-key").and_then(|value| value.to_str().ok()).map(str::trim);
        let is_key = |key: &&str| (8..=100).contains(&key.len()) && key.bytes().all(|byte| byte.is_ascii_graphic());
        let key = key.filter(is_key).ok_or_else(|| {
            BAD_REQUEST.because(
                "send an `Idempotency-Key` of 8 to 100 printable characters: new for each command, unchanged for a \
                 repeat",
            )
        })?;
        let command = [parts.method.as_str().as_bytes(), b" ", parts.uri.path().as_bytes(), b" ", &body].concat();
        // A command without parameters may have no body.
        let json: &[u8] = if body.is_empty() { b"{}" } else { &body };
        look_through_text("the Idempotency-Key", key)?;
        look_through_text("the path", parts.uri.path())?;
        if let Ok(value) = serde_json::from_slice(json) {
            look_through(&value)?;
        }
        let parsed =
            serde_json::from_slice(json).map_err(|error| BAD_REQUEST.because(format!("invalid body: {error}")))?;
        let at_ms = hub.now_ms();
        // The station, not the person: operators change, but the register's keys stay its own.
        let asker = actor.station.to_string();
        let key = CommandKey { asker, key: key.to_owned(), fingerprint: sha256(&command), at_ms };
        Ok(Self { by: By { actor, at_ms }, key, also_in_training, body: parsed })
    }
}
