//! From a request to who asks, and what: the one door of every command.

use std::sync::Arc;

use axum::{
    body::to_bytes,
    extract::{FromRequest, FromRequestParts, Request},
    http::{HeaderMap, header, request::Parts},
};
use serde::de::DeserializeOwned;
use store::idempotency::CommandKey;

use super::hex_digest;
use crate::{
    hub::{Hub, now_ms},
    problem::Problem,
};

/// The largest body of a request, in bytes.
pub const MAX_BODY: usize = 512 * 1024;

/// The cookie of a person's session. The prefix makes browsers insist on TLS and on this host.
pub(super) const COOKIE: &str = "__Host-store-hub";

/// The name of a person at the console, where callers are named. No register can be called so.
pub const CONSOLE: &str = "(console)";

/// Who asks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Caller {
    /// A register, by name.
    Register(String),
    /// A person at the console.
    Console,
}

impl Caller {
    /// Finds out who asks.
    ///
    /// # Errors
    /// Nobody known.
    pub fn of(hub: &Hub, headers: &HeaderMap) -> Result<Self, Problem> {
        if let Some(token) = headers.get(header::AUTHORIZATION) {
            let token = token.to_str().ok().and_then(|value| value.strip_prefix("Bearer "));
            let register = token.and_then(|token| hub.registers.register(token.trim()));
            return register
                .map(Self::Register)
                .ok_or_else(|| Problem::unauthorized("this token is unknown; pair the register again"));
        }
        let cookies = headers.get_all(header::COOKIE).into_iter().filter_map(|value| value.to_str().ok());
        let session = cookies
            .flat_map(|line| line.split(';'))
            .filter_map(|pair| pair.trim().split_once('='))
            .any(|(name, value)| name == COOKIE && hub.registers.session(value));
        if session {
            Ok(Self::Console)
        } else {
            Err(Problem::unauthorized(
                "send `Authorization: Bearer TOKEN` of a paired register, or log in at the console",
            ))
        }
    }

    /// The name under which a caller's commands are remembered, and which the stock ledger shows.
    pub fn name(&self) -> &str {
        match self {
            Self::Register(name) => name,
            Self::Console => CONSOLE,
        }
    }
}

impl FromRequestParts<Arc<Hub>> for Caller {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, hub: &Arc<Hub>) -> Result<Self, Problem> {
        Self::of(hub, &parts.headers)
    }
}

/// A caller that is a register.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RegisterName(pub String);

impl FromRequestParts<Arc<Hub>> for RegisterName {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, hub: &Arc<Hub>) -> Result<Self, Problem> {
        match Caller::of(hub, &parts.headers)? {
            Caller::Register(name) => Ok(Self(name)),
            Caller::Console => Err(Problem::forbidden("only a register may do this")),
        }
    }
}

/// A caller that is a person at the console.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Console;

impl FromRequestParts<Arc<Hub>> for Console {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, hub: &Arc<Hub>) -> Result<Self, Problem> {
        match Caller::of(hub, &parts.headers)? {
            Caller::Console => Ok(Self),
            Caller::Register(_) => Err(Problem::forbidden("only a person at the console may do this")),
        }
    }
}

/// A command: who, under which key, what. `T` is the body.
pub struct Command<T> {
    /// Who.
    pub caller: Caller,
    /// The idempotency key and the command's fingerprint.
    pub key: CommandKey,
    /// What.
    pub body: T,
}

impl<T> Command<T> {
    /// Makes sure that a person commands.
    ///
    /// # Errors
    /// It is a register.
    pub fn by_person(&self) -> Result<(), Problem> {
        match &self.caller {
            Caller::Console => Ok(()),
            Caller::Register(_) => Err(Problem::forbidden("only a person at the console may do this")),
        }
    }

    /// The register that commands.
    ///
    /// # Errors
    /// It is a person.
    pub fn register(&self) -> Result<&str, Problem> {
        match &self.caller {
            Caller::Register(name) => Ok(name),
            Caller::Console => Err(Problem::forbidden("only a register may do this")),
        }
    }
}

impl<T: DeserializeOwned> FromRequest<Arc<Hub>> for Command<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, hub: &Arc<Hub>) -> Result<Self, Problem> {
        let (parts, body) = request.into_parts();
        let caller = Caller::of(hub, &parts.headers)?;
        let key = parts.headers.get("idempotency-key").and_then(|value| value.to_str().ok()).map(str::trim);
        let key = key.filter(|key| (8..=100).contains(&key.len()) && key.bytes().all(|byte| byte.is_ascii_graphic())).ok_or_else(|| {
            Problem::bad_request("send an `Idempotency-Key` of 8 to 100 printable characters, new for each command and the same when it is repeated")
        })?;
        let body = to_bytes(body, MAX_BODY).await.map_err(|_| {
            Problem::bad_request(format!("the body did not arrive whole, or has more than {MAX_BODY} bytes"))
        })?;
        let command = [parts.method.as_str().as_bytes(), b" ", parts.uri.path().as_bytes(), b" ", &body].concat();
        // A command without parameters may come without a body.
        let json: &[u8] = if body.is_empty() { b"{}" } else { &body };
        let parsed = serde_json::from_slice(json)
            .map_err(|error| Problem::bad_request(format!("the body is not as expected: {error}")))?;
        let key = CommandKey {
            asker: caller.name().to_owned(),
            key: key.to_owned(),
            fingerprint: hex_digest(&command),
            at_ms: now_ms(),
        };
        Ok(Self { caller, key, body: parsed })
    }
}
