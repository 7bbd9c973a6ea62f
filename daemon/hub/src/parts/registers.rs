//! Registers and people: who may ask.
//!
//! # How a register gets in
//!
//! ```text
//! person at the console --- POST /registers/{name}/pairing-code --> a code of 8 digits, good once, for 10 minutes
//! register              --- POST /pairing {code} ----------------> its token, shown once; the hub keeps a digest
//! register              --- Authorization: Bearer TOKEN ---------> everything a register may do
//! ```
//!
//! A person logs in with the store's console code, which lies in the data directory (`console-code`, readable by the
//! hub's user alone). The answer is a cookie that scripts can't read and other sites can't send.
//!
//! - Tokens are 256 random bits. Pairing a register again makes its former token worthless.
//! - After [`ATTEMPTS`] wrong ones in a minute every code is refused for the rest of it.
//! - Pairing codes live in memory: a restart voids them.

use std::{
    collections::HashMap,
    fs,
    path::Path,
    sync::{Mutex, MutexGuard, PoisonError, RwLock},
    time::{Duration, Instant},
};

use app::{
    By, Refusal,
    refusal::{FAULT, UNAUTHENTICATED},
    registers::{self, CODE_WRONG, Paired, TOO_MANY_ATTEMPTS},
};
use axum::http::{HeaderMap, header};
use commerce::{Actor, RegisterName};
use ring::rand::{SecureRandom, SystemRandom};
use store::{
    Purpose, Store,
    files::{self, Access},
    hexadecimal,
};

use crate::digest::sha256;

/// Wrong codes taken in a minute.
const ATTEMPTS: u32 = 10;

/// How long a pairing code is good.
const CODE_LIFE: Duration = Duration::from_secs(600);

/// How long a person stays logged in.
const SESSION_LIFE: Duration = Duration::from_secs(12 * 3600);

/// The most sessions at once; the oldest goes.
const SESSIONS: usize = 64;

/// The cookie of a person's session. The prefix makes browsers insist on TLS and on this host.
pub(crate) const COOKIE: &str = "__Host-store-hub";

/// Who may ask.
pub(crate) struct Registers {
    /// Names by token digest.
    tokens: RwLock<HashMap<String, RegisterName>>,
    state: Mutex<AuthState>,
    console_code: String,
    random: SystemRandom,
}

/// What is remembered until a restart.
#[derive(Default)]
struct AuthState {
    /// Pairing codes: for which register, until when.
    codes: HashMap<String, (RegisterName, Instant)>,
    /// Sessions of people by token digest.
    sessions: HashMap<String, Instant>,
    wrong: u32,
    minute: Option<Instant>,
}

fn code_wrong() -> Refusal {
    CODE_WRONG.because("this code is wrong, used or too old; ask for a new one")
}

impl Registers {
    /// Reads who is paired, and the console code; draws one if there is none.
    ///
    /// # Errors
    /// The store or the data directory can't be used.
    pub(crate) fn open(store: &Store, data: &Path) -> Result<Self, String> {
        let random = SystemRandom::new();
        let mut tokens = HashMap::new();
        let read = registers::each_paired(store, |register| match register {
            Ok(Paired { name, token_digest, .. }) => drop(tokens.insert(token_digest, name)),
            Err(error) => tracing::error!(%error, "a register must be paired again"),
        });
        read.map_err(|error| error.to_string())?;
        let console_code = console_code(&random, &data.join("console-code"))?;
        Ok(Self { tokens: RwLock::new(tokens), state: Mutex::default(), console_code, random })
    }

    /// Who asks, by token or session.
    ///
    /// # Errors
    /// Nobody known.
    pub(crate) fn asker(&self, headers: &HeaderMap) -> Result<Actor, Refusal> {
        if let Some(token) = headers.get(header::AUTHORIZATION) {
            let token = token.to_str().ok().and_then(|value| value.strip_prefix("Bearer "));
            let register = token.and_then(|token| self.register(token.trim()));
            return register
                .map(Actor::register)
                .ok_or_else(|| UNAUTHENTICATED.because("this token is unknown; pair the register again"));
        }
        let cookies = headers.get_all(header::COOKIE).into_iter().filter_map(|value| value.to_str().ok());
        let session = cookies
            .flat_map(|line| line.split(';'))
            .filter_map(|pair| pair.trim().split_once('='))
            .any(|(name, value)| name == COOKIE && self.session(value));
        if session {
            Ok(Actor::console())
        } else {
            let detail = "send `Authorization: Bearer TOKEN` of a paired register, or log in at the console";
            Err(UNAUTHENTICATED.because(detail))
        }
    }

    /// The register that holds a token.
    fn register(&self, token: &str) -> Option<RegisterName> {
        self.tokens.read().unwrap_or_else(PoisonError::into_inner).get(&sha256(token.as_bytes())).cloned()
    }

    /// Whether a session token is good.
    fn session(&self, token: &str) -> bool {
        let digest = sha256(token.as_bytes());
        self.state().sessions.get(&digest).is_some_and(|until| *until > Instant::now())
    }

    /// A new code for a register; an earlier one is void.
    pub(crate) fn new_code(&self, register: &RegisterName) -> Result<String, Refusal> {
        let code = digits(&self.random, 8)?;
        let mut state = self.state();
        let now = Instant::now();
        state.codes.retain(|_, (name, until)| name != register && *until > now);
        state.codes.insert(code.clone(), (register.clone(), now + CODE_LIFE));
        Ok(code)
    }

    /// Uses a pairing code up; gives the register it was for.
    pub(crate) fn use_code(&self, code: &str) -> Result<RegisterName, Refusal> {
        let mut state = self.state();
        state.attempt()?;
        match state.codes.remove(code) {
            Some((register, until)) if until > Instant::now() => {
                state.wrong = state.wrong.saturating_sub(1);
                Ok(register)
            }
            _ => Err(code_wrong()),
        }
    }

    /// Logs a person in; gives the session's token.
    pub(crate) fn log_in(&self, code: &str) -> Result<String, Refusal> {
        let mut state = self.state();
        state.attempt()?;
        // Digests are compared: how long that takes tells nothing about the code.
        if sha256(code.trim().as_bytes()) != sha256(self.console_code.as_bytes()) {
            return Err(code_wrong());
        }
        state.wrong = state.wrong.saturating_sub(1);
        let token = token(&self.random)?;
        let now = Instant::now();
        state.sessions.retain(|_, until| *until > now);
        if state.sessions.len() >= SESSIONS
            && let Some(oldest) =
                state.sessions.iter().min_by_key(|(_, until)| **until).map(|(digest, _)| digest.clone())
        {
            state.sessions.remove(&oldest);
        }
        state.sessions.insert(sha256(token.as_bytes()), now + SESSION_LIFE);
        Ok(token)
    }

    /// Gives a register its token; its former one is worthless then. Whoever has the pairing code acts for the person
    /// who drew it.
    pub(crate) async fn pair(&self, store: &Store, name: RegisterName, at_ms: i64) -> Result<String, Refusal> {
        let token = token(&self.random)?;
        let paired = Paired { name: name.clone(), token_digest: sha256(token.as_bytes()), since_ms: at_ms };
        let digest = paired.token_digest.clone();
        let by = By { actor: Actor::console(), at_ms };
        let pair = move |transaction: &mut store::Transaction<'_>| registers::pair(transaction, &by, &paired);
        store.commit_for(Purpose::Ordinary, pair).await?;
        let mut tokens = self.tokens.write().unwrap_or_else(PoisonError::into_inner);
        tokens.retain(|_, register| *register != name);
        tokens.insert(digest, name);
        Ok(token)
    }

    /// The registers that have a token.
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
    /// Counts an attempt as wrong until it proves right.
    fn attempt(&mut self) -> Result<(), Refusal> {
        let now = Instant::now();
        if self.minute.is_none_or(|began| now.duration_since(began) >= Duration::from_secs(60)) {
            self.minute = Some(now);
            self.wrong = 0;
        }
        if self.wrong >= ATTEMPTS {
            return Err(TOO_MANY_ATTEMPTS.because("too many wrong codes; wait a minute"));
        }
        self.wrong += 1;
        Ok(())
    }
}

fn no_randomness() -> Refusal {
    FAULT.because("the operating system gives no random numbers")
}

fn token(random: &SystemRandom) -> Result<String, Refusal> {
    let mut bytes = [0; 32];
    random.fill(&mut bytes).map_err(|_| no_randomness())?;
    Ok(hexadecimal::of(&bytes))
}

/// Decimal digits; a byte's remainder by 10 is fair enough below 250.
fn digits(random: &SystemRandom, count: usize) -> Result<String, Refusal> {
    let mut text = String::with_capacity(count);
    while text.len() < count {
        let mut byte = [0];
        random.fill(&mut byte).map_err(|_| no_randomness())?;
        if byte[0] < 250 {
            text.push(char::from(b'0' + byte[0] % 10));
        }
    }
    Ok(text)
}

fn console_code(random: &SystemRandom, path: &Path) -> Result<String, String> {
    let failed = |error: std::io::Error| format!("the console code {} can't be used: {error}", path.display());
    match fs::read_to_string(path) {
        Ok(code) if code.trim().len() >= 8 => Ok(code.trim().to_owned()),
        Ok(_) => Err(format!(
            "the console code in {} is shorter than 8 characters; delete the file to draw a new one",
            path.display()
        )),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            let code = digits(random, 10).map_err(|refusal| refusal.detail)?;
            // Whole or not at all: a power cut must not leave half a code, which would keep the hub from starting.
            files::replace(path, code.as_bytes(), Access::Private).map_err(failed)?;
            Ok(code)
        }
        Err(error) => Err(failed(error)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn till() -> RegisterName {
        "till-1".parse().unwrap()
    }

    fn open() -> (tempfile::TempDir, Store, Registers) {
        let directory = tempfile::tempdir().unwrap();
        let store = Store::open(directory.path(), store::EngineKind::Sqlite, &app::linked_tables(), 1).unwrap();
        let registers = Registers::open(&store, directory.path()).unwrap();
        (directory, store, registers)
    }

    #[tokio::test]
    async fn a_code_pairs_once_and_the_token_lasts_over_a_restart() {
        let (directory, store, registers) = open();
        let code = registers.new_code(&till()).unwrap();
        assert_eq!(registers.use_code(&code).as_ref(), Ok(&till()));
        assert_eq!(registers.use_code(&code).unwrap_err().kind, &CODE_WRONG);
        let token = registers.pair(&store, till(), 1).await.unwrap();
        let again = Registers::open(&store, directory.path()).unwrap();
        assert_eq!(again.register(&token), Some(till()));
        assert_eq!(again.register("guess"), None);
    }

    #[tokio::test]
    pub(crate) async fn pairing_again_voids_the_former_token() {
        let (_directory, store, registers) = open();
        let first = registers.pair(&store, till(), 1).await.unwrap();
        let second = registers.pair(&store, till(), 2).await.unwrap();
        assert_eq!((registers.register(&first), registers.register(&second)), (None, Some(till())));
    }

    #[test]
    fn guessing_codes_is_stopped() {
        let (_directory, _store, registers) = open();
        for _ in 0..ATTEMPTS {
            assert_eq!(registers.log_in("0000000000").unwrap_err().kind, &CODE_WRONG);
        }
        assert_eq!(registers.log_in(&registers.console_code.clone()).unwrap_err().kind, &TOO_MANY_ATTEMPTS);
    }

    #[test]
    fn the_console_code_opens_a_session() {
        let (directory, _store, registers) = open();
        let code = fs::read_to_string(directory.path().join("console-code")).unwrap();
        let session = registers.log_in(&code).unwrap();
        assert!(registers.session(&session) && !registers.session("guess"));
    }

    #[test]
    fn a_console_code_cut_short_by_a_power_cut_is_drawn_again() {
        let directory = tempfile::tempdir().unwrap();
        fs::write(directory.path().join("console-code.new"), "12").unwrap();
        let code = console_code(&SystemRandom::new(), &directory.path().join("console-code")).unwrap();
        assert_eq!((code.len(), fs::read_to_string(directory.path().join("console-code")).unwrap()), (10, code));
        assert!(!directory.path().join("console-code.new").exists());
    }
}
