//! Authentication of registers and people.
//!
//! # Pairing and unpairing a register
//!
//! ```text
//! person at the console --- POST /registers/{name}/pairing-code --> a code of 8 digits, valid once, for 10 minutes
//! register              --- POST /pairing {code} ----------------> its token, shown once; the hub keeps a digest
//! register              --- Authorization: Bearer TOKEN ---------> everything a register may do
//! person at the console --- POST /registers/{name}/unpair -------> its token becomes invalid, its WebSockets end
//! ```
//!
//! A program, such as an ERP system, has a service account: a token with the permissions that a person chose.
//!
//! A person logs in with the store's console code from the data directory (`console-code`, readable only by the hub's
//! user). The answer is a cookie that scripts can't read and other sites can't send.
//!
//! - Tokens are 256 random bits. Pairing a register again, or removing it from the config, invalidates its old token.
//! - A WebSocket ends with the token or session that opened it ([`Registers::ended`]).
//! - A browser can't send a token with a WebSocket. It sends a ticket instead ([`Registers::ticket`]), which is valid
//!   once, for [`TICKET_LIFE`].
//! - A register that is a web page of another site is paired with that page's origin, which may then call the API
//!   ([`Registers::allows`]). A cookie is never accepted from there.
//! - Guessing codes is slowed down for each peer separately ([`attempts`]).
//! - Pairing codes, sessions and tickets are kept in memory: a restart invalidates them.

pub(super) mod attempts;
mod secrets;
mod services;
#[cfg(test)]
mod tests;

use std::{
    collections::HashMap,
    path::Path,
    sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock},
    time::{Duration, Instant},
};

use app::{
    By, Refusal,
    permission::Permission,
    refusal::{FORBIDDEN, UNAUTHENTICATED},
    registers::{self, CODE_WRONG, Paired, TOO_MANY_ATTEMPTS},
};
use attempts::Attempts;
use axum::http::{HeaderMap, header};
use commerce::{Actor, RegisterName};
use edge::{LogLimiter, Peer};
use ring::rand::SystemRandom;
use secrets::{console_code, digits, token};
pub(crate) use services::Listed;
use services::Services;
use store::{Purpose, Store};
use tokio::sync::watch;

use crate::digest::sha256;

/// How long a pairing code is valid.
const CODE_LIFE: Duration = Duration::from_secs(600);

/// How long a person stays logged in.
const SESSION_LIFE: Duration = Duration::from_secs(12 * 3600);

/// The maximum number of sessions; the oldest is dropped.
const SESSIONS: usize = 64;

/// How long a ticket is valid.
const TICKET_LIFE: Duration = Duration::from_secs(30);

/// The maximum number of tickets; the oldest is dropped.
const TICKETS: usize = 256;

/// The cookie of a person's session. Its prefix makes browsers require TLS and this host.
pub(crate) const COOKIE: &str = "__Host-store-hub";

/// The authentication state of a hub.
pub(crate) struct Registers {
    /// Names by token digest.
    tokens: RwLock<HashMap<String, RegisterName>>,
    /// The origins of registers that are pages of other sites.
    origins: RwLock<HashMap<RegisterName, String>>,
    state: Mutex<AuthState>,
    console_code: String,
    random: SystemRandom,
    /// Changes when a token or session ends.
    ended: watch::Sender<()>,
    /// The rate limit for log lines about wrong codes.
    wrong_codes: LogLimiter,
    services: Services,
}

/// The state that a restart clears.
#[derive(Default)]
struct AuthState {
    codes: HashMap<String, PairingCode>,
    /// Sessions of people by token digest, with their expiry.
    sessions: HashMap<String, Instant>,
    /// Tickets by digest, with their grant and expiry.
    tickets: HashMap<String, (Grant, Instant)>,
    attempts: Attempts,
}

/// What a pairing code is for.
struct PairingCode {
    register: RegisterName,
    /// The origin of the page that may use it, if it is not the hub's.
    origin: Option<String>,
    until: Instant,
}

/// The credential of a caller.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Credential {
    /// A register's token, by its digest.
    Token(String),
    /// A person's session, by its token's digest.
    Session(String),
    /// A service account's token, by its digest.
    Service(String),
}

/// An authenticated caller and the credential.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Grant {
    /// The actor.
    pub(crate) actor: Actor,
    credential: Credential,
    /// The permissions of a service account; `None` for others, who have those of their kind.
    scopes: Option<Arc<[String]>>,
}

impl Grant {
    /// Whether the credential is a cookie, which browsers send automatically.
    pub(crate) fn is_session(&self) -> bool {
        matches!(self.credential, Credential::Session(_))
    }

    /// Requires that the caller holds a permission.
    ///
    /// # Errors
    /// It does not; the refusal says who does.
    pub(crate) fn require(&self, permission: &Permission) -> Result<(), Refusal> {
        permission.require(&self.actor)?;
        match &self.scopes {
            Some(scopes) if !scopes.iter().any(|scope| scope == permission.name) => {
                let detail = format!("{} has no scope `{}`; draw it a token that has", self.actor, permission.name);
                Err(FORBIDDEN.because(detail).member("permission", permission.name))
            }
            _ => Ok(()),
        }
    }
}

fn code_wrong() -> Refusal {
    CODE_WRONG.because("this code is wrong, already used or expired; request a new one")
}

/// Makes space for one more entry if there are at most `most`: drops expired entries, and if necessary the one that
/// expires first.
fn make_room<T>(all: &mut HashMap<String, T>, most: usize, until: impl Fn(&T) -> Instant) {
    let now = Instant::now();
    all.retain(|_, value| until(value) > now);
    if all.len() >= most
        && let Some(oldest) = all.iter().min_by_key(|(_, value)| until(value)).map(|(digest, _)| digest.clone())
    {
        all.remove(&oldest);
    }
}

impl Registers {
    /// Loads the paired registers and the console code, which is generated if it does not exist. The token of a
    /// register that is no longer in the config is deleted.
    ///
    /// # Errors
    /// The store or the data directory can't be used.
    pub(crate) fn open(
        store: &Store,
        data: &Path,
        is_in_config: impl Fn(&RegisterName) -> bool,
        at_ms: i64,
    ) -> Result<Self, String> {
        let random = SystemRandom::new();
        let (mut tokens, mut origins, mut gone) = (HashMap::new(), HashMap::new(), Vec::new());
        let read = registers::each_paired(store, |register| match register {
            Ok(Paired { name, token_digest, origin, .. }) if is_in_config(&name) => {
                origins.extend(origin.map(|origin| (name.clone(), origin)));
                tokens.insert(token_digest, name);
            }
            Ok(Paired { name, .. }) => gone.push(name),
            Err(error) => tracing::error!(%error, "could not read a paired register; it must be paired again"),
        });
        read.map_err(|error| error.to_string())?;
        for register in gone {
            tracing::warn!(%register, "register is no longer in the config; its token is invalid");
            let by = By { actor: commerce::Station::Hub.into(), at_ms };
            let name = register.clone();
            // The token is invalid in any case; the next start can delete the record.
            if let Err(error) = store.commit_blocking(move |transaction| registers::unpair(transaction, &by, &name)) {
                tracing::warn!(%error, %register, "could not delete its token");
            }
        }
        let console_code = console_code(&random, &data.join("console-code"))?;
        Ok(Self {
            tokens: RwLock::new(tokens),
            origins: RwLock::new(origins),
            state: Mutex::default(),
            console_code,
            random,
            ended: watch::channel(()).0,
            wrong_codes: LogLimiter::default(),
            services: Services::open(store)?,
        })
    }

    /// Authenticates a request by its token or session.
    ///
    /// # Errors
    /// The caller is unknown.
    pub(crate) fn asker(&self, headers: &HeaderMap) -> Result<Grant, Refusal> {
        if let Some(header) = headers.get(header::AUTHORIZATION) {
            let scheme = header.to_str().ok().and_then(|header| header.trim().split_once(' '));
            // RFC 9110, section 11.1: schemes have no case.
            let token =
                scheme.filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer")).map(|(_, token)| token.trim());
            let grant = token.and_then(|token| self.services.with_token(token).or_else(|| self.register(token)));
            let detail = "unknown token; pair the register again, or draw the service account a new token";
            return grant.ok_or_else(|| UNAUTHENTICATED.because(detail));
        }
        let cookies = headers.get_all(header::COOKIE).into_iter().filter_map(|value| value.to_str().ok());
        let session = cookies
            .flat_map(|line| line.split(';'))
            .filter_map(|pair| pair.trim().split_once('='))
            .filter(|(name, _)| *name == COOKIE)
            .map(|(_, token)| sha256(token.as_bytes()))
            .map(|digest| Grant { actor: Actor::console(), credential: Credential::Session(digest), scopes: None })
            .find(|grant| self.is_good(grant));
        session.ok_or_else(|| {
            let detail =
                "send `Authorization: Bearer TOKEN` with the token of a paired register, or log in at the console";
            UNAUTHENTICATED.because(detail)
        })
    }

    /// The register with a token.
    fn register(&self, token: &str) -> Option<Grant> {
        let digest = sha256(token.as_bytes());
        let name = self.tokens.read().unwrap_or_else(PoisonError::into_inner).get(&digest).cloned()?;
        Some(Grant { actor: Actor::register(name), credential: Credential::Token(digest), scopes: None })
    }

    /// Whether a token or session is still valid.
    pub(crate) fn is_good(&self, grant: &Grant) -> bool {
        match &grant.credential {
            Credential::Token(digest) => {
                self.tokens.read().unwrap_or_else(PoisonError::into_inner).contains_key(digest)
            }
            Credential::Session(digest) => {
                self.state().sessions.get(digest).is_some_and(|until| *until > Instant::now())
            }
            Credential::Service(digest) => self.services.has(digest),
        }
    }

    /// Waits until a grant ends: the register was unpaired or paired again, or the person logged out.
    pub(crate) async fn ended(&self, grant: &Grant) {
        let mut ended = self.ended.subscribe();
        while self.is_good(grant) {
            // A session also expires.
            let _ = tokio::time::timeout(Duration::from_secs(60), ended.changed()).await;
        }
    }

    /// Issues a ticket: whoever presents it within [`TICKET_LIFE`] acts as the grant's holder, once.
    pub(crate) fn ticket(&self, grant: &Grant) -> Result<String, Refusal> {
        let ticket = token(&self.random)?;
        let mut state = self.state();
        make_room(&mut state.tickets, TICKETS, |(_, until)| *until);
        state.tickets.insert(sha256(ticket.as_bytes()), (grant.clone(), Instant::now() + TICKET_LIFE));
        Ok(ticket)
    }

    /// Uses a ticket.
    ///
    /// # Errors
    /// It is unknown, already used or expired.
    pub(crate) fn use_ticket(&self, ticket: &str) -> Result<Grant, Refusal> {
        let found = self.state().tickets.remove(&sha256(ticket.as_bytes()));
        let grant = found.filter(|(grant, until)| *until > Instant::now() && self.is_good(grant));
        let unknown = || UNAUTHENTICATED.because("unknown, used or expired ticket; draw a new one");
        grant.map(|(grant, _)| grant).ok_or_else(unknown)
    }

    /// Whether pages of an origin may call the API: a register is paired with it, or about to be.
    pub(crate) fn allows(&self, origin: &str) -> bool {
        let is_paired = |paired: &HashMap<RegisterName, String>| paired.values().any(|known| known == origin);
        let now = Instant::now();
        is_paired(&self.origins.read().unwrap_or_else(PoisonError::into_inner))
            || self.state().codes.values().any(|code| code.until > now && code.origin.as_deref() == Some(origin))
    }

    /// Generates a pairing code for a register, used by a page of another origin if it has one; an earlier code becomes
    /// invalid.
    pub(crate) fn new_code(&self, register: &RegisterName, origin: Option<String>) -> Result<String, Refusal> {
        let code = digits(&self.random, 8)?;
        let mut state = self.state();
        let now = Instant::now();
        state.codes.retain(|_, known| known.register != *register && known.until > now);
        state.codes.insert(code.clone(), PairingCode { register: register.clone(), origin, until: now + CODE_LIFE });
        Ok(code)
    }

    /// Uses a pairing code; returns its register and the origin of its page.
    pub(crate) fn use_code(&self, peer: Option<Peer>, code: &str) -> Result<(RegisterName, Option<String>), Refusal> {
        let mut state = self.state();
        state.attempt(peer, |state| {
            let PairingCode { register, origin, until } = state.codes.remove(code.trim())?;
            (until > Instant::now()).then_some((register, origin))
        })
    }

    /// Logs a person in; returns the session's token.
    pub(crate) fn log_in(&self, peer: Option<Peer>, code: &str) -> Result<String, Refusal> {
        let mut state = self.state();
        // Compares digests, so that timing reveals nothing about the code.
        let is_right = sha256(code.trim().as_bytes()) == sha256(self.console_code.as_bytes());
        state.attempt(peer, |_| is_right.then_some(()))?;
        let token = token(&self.random)?;
        make_room(&mut state.sessions, SESSIONS, |until| *until);
        state.sessions.insert(sha256(token.as_bytes()), Instant::now() + SESSION_LIFE);
        Ok(token)
    }

    /// Whether a peer's wrong code may be logged now; if so, how many were not logged since the last time.
    pub(crate) fn may_log_wrong_code(&self, peer: &str) -> Option<u64> {
        self.wrong_codes.take(peer)
    }

    /// Logs a person out.
    pub(crate) fn log_out(&self, grant: &Grant) {
        if let Credential::Session(digest) = &grant.credential {
            self.state().sessions.remove(digest);
        }
        self.ended.send_replace(());
    }

    /// Logs everybody out.
    pub(crate) fn log_all_out(&self) {
        self.state().sessions.clear();
        self.ended.send_replace(());
    }

    /// Issues a register's token and invalidates the old one. Whoever has the pairing code acts for the person who drew
    /// it.
    pub(crate) async fn pair(
        &self,
        store: &Store,
        name: RegisterName,
        origin: Option<String>,
        at_ms: i64,
    ) -> Result<String, Refusal> {
        let token = token(&self.random)?;
        let (token_digest, page) = (sha256(token.as_bytes()), origin.clone());
        let paired = Paired { name: name.clone(), token_digest, since_ms: at_ms, origin: page };
        let digest = paired.token_digest.clone();
        let by = By { actor: Actor::console(), at_ms };
        let pair = move |transaction: &mut store::Transaction<'_>| registers::pair(transaction, &by, &paired);
        store.commit_for(Purpose::Ordinary, pair).await?;
        self.forget(&name, Some(digest));
        if let Some(origin) = origin {
            self.origins.write().unwrap_or_else(PoisonError::into_inner).insert(name, origin);
        }
        Ok(token)
    }

    /// Invalidates a register's token and pairing code, except the new token `other`.
    pub(crate) fn forget(&self, name: &RegisterName, other: Option<String>) {
        let mut tokens = self.tokens.write().unwrap_or_else(PoisonError::into_inner);
        tokens.retain(|_, register| register != name);
        if let Some(digest) = other {
            tokens.insert(digest, name.clone());
        }
        drop(tokens);
        self.origins.write().unwrap_or_else(PoisonError::into_inner).remove(name);
        self.state().codes.retain(|_, code| code.register != *name);
        self.ended.send_replace(());
    }

    /// The paired registers.
    pub(crate) fn paired(&self) -> Vec<RegisterName> {
        let mut names: Vec<_> = self.tokens.read().unwrap_or_else(PoisonError::into_inner).values().cloned().collect();
        names.sort();
        names
    }

    fn state(&self) -> MutexGuard<'_, AuthState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl AuthState {
    /// Checks a code from a peer, unless the peer must wait.
    fn attempt<T>(&mut self, peer: Option<Peer>, look: impl FnOnce(&mut Self) -> Option<T>) -> Result<T, Refusal> {
        let wait = self.attempts.wait(peer, Instant::now());
        if wait > Duration::ZERO {
            let seconds = wait.as_secs() + 1;
            let detail = format!("too many wrong codes from this address; wait {seconds} s");
            return Err(TOO_MANY_ATTEMPTS.because(detail).member("retry_after_s", seconds));
        }
        match look(self) {
            Some(right) => {
                self.attempts.right(peer);
                Ok(right)
            }
            None => {
                self.attempts.wrong(peer, Instant::now());
                Err(code_wrong())
            }
        }
    }
}
