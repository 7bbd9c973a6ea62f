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
//! A person logs in with the store's console code from the data directory (`console-code`, readable only by the hub's
//! user). The answer is a cookie that scripts can't read and other sites can't send.
//!
//! - Tokens are 256 random bits. Pairing a register again, or removing it from the config, invalidates its old token.
//! - A WebSocket ends with the token or session that opened it ([`Registers::ended`]).
//! - A browser can't send a token with a WebSocket. It sends a ticket instead ([`Registers::ticket`]), which is valid
//!   once, for [`TICKET_LIFE`].
//! - Guessing codes is slowed down for each peer separately ([`attempts`]).
//! - Pairing codes, sessions and tickets are kept in memory: a restart invalidates them.

mod attempts;
mod secrets;

use std::{
    collections::HashMap,
    path::Path,
    sync::{Mutex, MutexGuard, PoisonError, RwLock},
    time::{Duration, Instant},
};

use app::{
    By, Refusal,
    refusal::UNAUTHENTICATED,
    registers::{self, CODE_WRONG, Paired, TOO_MANY_ATTEMPTS},
};
use attempts::Attempts;
use axum::http::{HeaderMap, header};
use commerce::{Actor, RegisterName};
use ring::rand::SystemRandom;
use secrets::{console_code, digits, token};
use store::{Purpose, Store};
use tokio::sync::watch;

use crate::{digest::sha256, peer::Peer, ration::Ration};

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
    state: Mutex<AuthState>,
    console_code: String,
    random: SystemRandom,
    /// Changes when a token or session ends.
    ended: watch::Sender<()>,
    /// The rate limit for log lines about wrong codes.
    told: Ration,
}

/// The state that a restart clears.
#[derive(Default)]
struct AuthState {
    /// Pairing codes with their register and expiry.
    codes: HashMap<String, (RegisterName, Instant)>,
    /// Sessions of people by token digest, with their expiry.
    sessions: HashMap<String, Instant>,
    /// Tickets by digest, with their grant and expiry.
    tickets: HashMap<String, (Grant, Instant)>,
    attempts: Attempts,
}

/// The credential of a caller.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Credential {
    /// A register's token, by its digest.
    Token(String),
    /// A person's session, by its token's digest.
    Session(String),
}

/// An authenticated caller and the credential.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Grant {
    /// The actor.
    pub(crate) actor: Actor,
    credential: Credential,
}

impl Grant {
    /// Whether the credential is a cookie, which browsers send automatically.
    pub(crate) fn is_session(&self) -> bool {
        matches!(self.credential, Credential::Session(_))
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
        let (mut tokens, mut gone) = (HashMap::new(), Vec::new());
        let read = registers::each_paired(store, |register| match register {
            Ok(Paired { name, token_digest, .. }) if is_in_config(&name) => drop(tokens.insert(token_digest, name)),
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
            state: Mutex::default(),
            console_code,
            random,
            ended: watch::channel(()).0,
            told: Ration::default(),
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
            let grant = token.and_then(|token| self.register(token));
            return grant.ok_or_else(|| UNAUTHENTICATED.because("unknown token; pair the register again"));
        }
        let cookies = headers.get_all(header::COOKIE).into_iter().filter_map(|value| value.to_str().ok());
        let session = cookies
            .flat_map(|line| line.split(';'))
            .filter_map(|pair| pair.trim().split_once('='))
            .filter(|(name, _)| *name == COOKIE)
            .map(|(_, token)| sha256(token.as_bytes()))
            .map(|digest| Grant { actor: Actor::console(), credential: Credential::Session(digest) })
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
        Some(Grant { actor: Actor::register(name), credential: Credential::Token(digest) })
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

    /// Generates a pairing code for a register; an earlier one becomes invalid.
    pub(crate) fn new_code(&self, register: &RegisterName) -> Result<String, Refusal> {
        let code = digits(&self.random, 8)?;
        let mut state = self.state();
        let now = Instant::now();
        state.codes.retain(|_, (name, until)| name != register && *until > now);
        state.codes.insert(code.clone(), (register.clone(), now + CODE_LIFE));
        Ok(code)
    }

    /// Uses a pairing code; returns its register.
    pub(crate) fn use_code(&self, peer: Option<Peer>, code: &str) -> Result<RegisterName, Refusal> {
        let mut state = self.state();
        state.attempt(peer, |state| {
            let (register, until) = state.codes.remove(code.trim())?;
            (until > Instant::now()).then_some(register)
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
    pub(crate) fn may_tell_of(&self, peer: &str) -> Option<u64> {
        self.told.take(peer)
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
    pub(crate) async fn pair(&self, store: &Store, name: RegisterName, at_ms: i64) -> Result<String, Refusal> {
        let token = token(&self.random)?;
        let paired = Paired { name: name.clone(), token_digest: sha256(token.as_bytes()), since_ms: at_ms };
        let digest = paired.token_digest.clone();
        let by = By { actor: Actor::console(), at_ms };
        let pair = move |transaction: &mut store::Transaction<'_>| registers::pair(transaction, &by, &paired);
        store.commit_for(Purpose::Ordinary, pair).await?;
        self.forget(&name, Some(digest));
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
        self.state().codes.retain(|_, (register, _)| register != name);
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

#[cfg(test)]
mod tests {
    use std::{fs, net::IpAddr};

    use super::*;

    fn till() -> RegisterName {
        "till-1".parse().unwrap()
    }

    fn peer(host: u8) -> Peer {
        IpAddr::from([10, 0, 0, host]).into()
    }

    fn again(store: &Store, directory: &Path) -> Registers {
        // Commits, which a runtime task must not wait for.
        let opened = || Registers::open(store, directory, |name| *name == till(), 1).unwrap();
        std::thread::scope(|scope| scope.spawn(opened).join().unwrap())
    }

    fn open() -> (tempfile::TempDir, Store, Registers) {
        let directory = tempfile::tempdir().unwrap();
        let store = Store::open(directory.path(), store::EngineKind::Sqlite, &app::linked_tables(), 1).unwrap();
        let registers = again(&store, directory.path());
        (directory, store, registers)
    }

    fn named(registers: &Registers, token: &str) -> Option<Actor> {
        registers.register(token).map(|grant| grant.actor)
    }

    #[tokio::test]
    async fn a_code_pairs_once_and_the_token_lasts_over_a_restart() {
        let (directory, store, registers) = open();
        let code = registers.new_code(&till()).unwrap();
        assert_eq!(registers.use_code(None, &code).as_ref(), Ok(&till()));
        assert_eq!(registers.use_code(None, &code).unwrap_err().kind, &CODE_WRONG);
        let token = registers.pair(&store, till(), 1).await.unwrap();
        let again = again(&store, directory.path());
        assert_eq!(named(&again, &token), Some(Actor::register(till())));
        assert_eq!(named(&again, "guess"), None);
    }

    #[tokio::test]
    async fn pairing_again_invalidates_the_old_token() {
        let (_directory, store, registers) = open();
        let first = registers.pair(&store, till(), 1).await.unwrap();
        let grant = registers.register(&first).unwrap();
        let second = registers.pair(&store, till(), 2).await.unwrap();
        assert_eq!((named(&registers, &first), named(&registers, &second)), (None, Some(Actor::register(till()))));
        // Immediately.
        registers.ended(&grant).await;
    }

    #[tokio::test]
    async fn a_token_ends_with_its_register_in_the_config() {
        let (directory, store, registers) = open();
        let token = registers.pair(&store, "till-9".parse().unwrap(), 1).await.unwrap();
        for _ in 0..2 {
            let again = again(&store, directory.path());
            assert_eq!((named(&again, &token), again.paired()), (None, vec![]));
        }
        let mut left = 0;
        registers::each_paired(&store, |_| left += 1).unwrap();
        assert_eq!(left, 0, "it does not come back with a register of the same name");
        let acts = app::audit::last(&store, None, 10).unwrap();
        assert_eq!(acts[0].act, "register_unpaired");
    }

    #[test]
    fn guessing_codes_slows_down_only_the_guessing_peer() {
        let (_directory, _store, registers) = open();
        let right = registers.console_code.clone();
        for _ in 0..5 {
            assert_eq!(registers.log_in(Some(peer(1)), "0000000000").unwrap_err().kind, &CODE_WRONG);
        }
        for _ in 0..100 {
            let refusal = registers.log_in(Some(peer(1)), &right).unwrap_err();
            assert_eq!((refusal.kind, &refusal.members), (&TOO_MANY_ATTEMPTS, &vec![("retry_after_s", 1.into())]));
            assert_eq!(registers.use_code(Some(peer(1)), "00000000").unwrap_err().kind, &TOO_MANY_ATTEMPTS);
        }
        assert!(registers.log_in(Some(peer(2)), &right).is_ok());
    }

    #[test]
    fn the_console_code_opens_a_session_that_ends_by_logging_out() {
        let (directory, _store, registers) = open();
        let code = fs::read_to_string(directory.path().join("console-code")).unwrap();
        let log_in = || {
            let cookie = format!("{COOKIE}={}", registers.log_in(None, &code).unwrap());
            let mut headers = HeaderMap::new();
            headers.insert(header::COOKIE, cookie.parse().unwrap());
            headers
        };
        let (first, second, third) = (log_in(), log_in(), log_in());
        let is_in = |headers: &HeaderMap| registers.asker(headers).is_ok();
        let grant = registers.asker(&first).unwrap();
        assert_eq!((&grant.actor, grant.is_session()), (&Actor::console(), true));
        registers.log_out(&grant);
        assert_eq!((is_in(&first), is_in(&second), is_in(&third)), (false, true, true));
        registers.log_all_out();
        assert_eq!((is_in(&second), is_in(&third)), (false, false));
        let guess = HeaderMap::from_iter([(header::COOKIE, format!("{COOKIE}=guess").parse().unwrap())]);
        assert!(!is_in(&guess));
    }

    #[tokio::test]
    async fn a_ticket_is_valid_once_and_no_longer_than_its_token() {
        let (_directory, store, registers) = open();
        let token = registers.pair(&store, till(), 1).await.unwrap();
        let grant = registers.register(&token).unwrap();
        let ticket = registers.ticket(&grant).unwrap();
        assert_eq!(registers.use_ticket(&ticket).as_ref(), Ok(&grant));
        assert_eq!(registers.use_ticket(&ticket).unwrap_err().kind, &UNAUTHENTICATED);
        let late = registers.ticket(&grant).unwrap();
        registers.forget(&till(), None);
        assert_eq!(registers.use_ticket(&late).unwrap_err().kind, &UNAUTHENTICATED);
    }

    #[tokio::test]
    async fn the_authentication_scheme_is_case_insensitive() {
        let (_directory, store, registers) = open();
        let token = registers.pair(&store, till(), 1).await.unwrap();
        let asks = |value: String| {
            registers.asker(&HeaderMap::from_iter([(header::AUTHORIZATION, value.parse().unwrap())])).is_ok()
        };
        for scheme in ["Bearer", "bearer", "BEARER", "bEaReR "] {
            assert!(asks(format!("{scheme} {token}")), "{scheme}");
        }
        assert!(!asks(format!("Basic {token}")) && !asks(token.clone()));
    }
}
