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
//! A person logs in with the store's console code, which lies in the data directory (`console-code`, readable by the hub's user alone). The
//! answer is a cookie that scripts can't read and other sites can't send.
//!
//! - Tokens are 256 random bits. Pairing a register again makes its former token worthless.
//! - After [`ATTEMPTS`] wrong ones in a minute every code is refused for the rest of it.
//! - Pairing codes live in memory: a restart voids them.

mod caller;
mod routes;

use std::{
    collections::HashMap,
    fs,
    io::Write,
    os::unix::fs::OpenOptionsExt,
    path::Path,
    sync::{Mutex, MutexGuard, PoisonError, RwLock},
    time::{Duration, Instant},
};

pub use caller::{CONSOLE, Caller, Command, Console, MAX_BODY, RegisterName};
use ring::{
    digest,
    rand::{SecureRandom, SystemRandom},
};
pub use routes::router;
use serde::{Deserialize, Serialize};
use store::{Name, Purpose, Store, StoreError, Table, hexadecimal};

use crate::audit::{self, Act};

/// Wrong codes taken in a minute.
const ATTEMPTS: u32 = 10;

/// How long a pairing code is good.
const CODE_LIFE: Duration = Duration::from_secs(600);

/// How long a person stays logged in.
const SESSION_LIFE: Duration = Duration::from_secs(12 * 3600);

/// The most sessions at once; the oldest goes.
const SESSIONS: usize = 64;

static PAIRED: Table<Name, Paired> = Table::new("register");

/// A register that has a token.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Paired {
    name: String,
    /// SHA-256 of its token, in hexadecimal.
    token_digest: String,
    since_ms: i64,
}

/// Who may ask.
pub struct Registers {
    /// Names by token digest.
    tokens: RwLock<HashMap<String, String>>,
    doors: Mutex<Doors>,
    console_code: String,
    random: SystemRandom,
}

#[derive(Default)]
struct Doors {
    /// Pairing codes: for which register, until when.
    codes: HashMap<String, (String, Instant)>,
    /// Sessions of people by token digest.
    sessions: HashMap<String, Instant>,
    wrong: u32,
    minute: Option<Instant>,
}

/// A code was not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CodeRefused {
    /// It is wrong, used or too old.
    Wrong,
    /// Too many wrong ones of late.
    TooMany,
}

impl Registers {
    /// Reads who is paired, and the console code; draws one if there is none.
    ///
    /// # Errors
    /// The store or the data directory can't be used.
    pub fn open(store: &Store, data: &Path) -> Result<Self, String> {
        let random = SystemRandom::new();
        let mut tokens = HashMap::new();
        let read = store.each(&PAIRED, |register| match register {
            Ok(register) => drop(tokens.insert(register.token_digest, register.name)),
            Err(error) => tracing::error!(%error, "a register must be paired again"),
        });
        read.map_err(|error| error.to_string())?;
        let console_code = console_code(&random, &data.join("console-code"))?;
        Ok(Self { tokens: RwLock::new(tokens), doors: Mutex::default(), console_code, random })
    }

    /// The register that holds a token.
    fn register(&self, token: &str) -> Option<String> {
        self.tokens.read().unwrap_or_else(PoisonError::into_inner).get(&hex_digest(token.as_bytes())).cloned()
    }

    /// Whether a session token is good.
    fn session(&self, token: &str) -> bool {
        let digest = hex_digest(token.as_bytes());
        self.doors().sessions.get(&digest).is_some_and(|until| *until > Instant::now())
    }

    /// A new code for a register; an earlier one is void.
    fn new_code(&self, register: &str) -> Result<String, String> {
        let code = digits(&self.random, 8)?;
        let mut doors = self.doors();
        let now = Instant::now();
        doors.codes.retain(|_, (name, until)| name != register && *until > now);
        doors.codes.insert(code.clone(), (register.to_owned(), now + CODE_LIFE));
        Ok(code)
    }

    /// Uses a pairing code up; gives the register it was for.
    fn use_code(&self, code: &str) -> Result<String, CodeRefused> {
        let mut doors = self.doors();
        doors.attempt()?;
        match doors.codes.remove(code) {
            Some((register, until)) if until > Instant::now() => {
                doors.wrong = doors.wrong.saturating_sub(1);
                Ok(register)
            }
            _ => Err(CodeRefused::Wrong),
        }
    }

    /// Logs a person in; gives the session's token.
    fn log_in(&self, code: &str) -> Result<String, CodeRefused> {
        let mut doors = self.doors();
        doors.attempt()?;
        // Digests are compared: how long that takes tells nothing about the code.
        if hex_digest(code.trim().as_bytes()) != hex_digest(self.console_code.as_bytes()) {
            return Err(CodeRefused::Wrong);
        }
        doors.wrong = doors.wrong.saturating_sub(1);
        let token = token(&self.random).map_err(|_| CodeRefused::TooMany)?;
        let now = Instant::now();
        doors.sessions.retain(|_, until| *until > now);
        if doors.sessions.len() >= SESSIONS
            && let Some(oldest) =
                doors.sessions.iter().min_by_key(|(_, until)| **until).map(|(digest, _)| digest.clone())
        {
            doors.sessions.remove(&oldest);
        }
        doors.sessions.insert(hex_digest(token.as_bytes()), now + SESSION_LIFE);
        Ok(token)
    }

    /// Gives a register its token; its former one is worthless then.
    async fn pair(&self, store: &Store, name: String, at_ms: i64) -> Result<String, StoreError> {
        let token = token(&self.random).map_err(|_| StoreError::Busy)?;
        let paired = Paired { name: name.clone(), token_digest: hex_digest(token.as_bytes()), since_ms: at_ms };
        let stored = paired.clone();
        let write = store.commit_for(Purpose::Ordinary, move |transaction| {
            audit::record(transaction, CONSOLE, Act::Paired { register: stored.name.clone() })?;
            transaction.put(&PAIRED, &stored.name, &stored)
        });
        write.await?;
        let mut tokens = self.tokens.write().unwrap_or_else(PoisonError::into_inner);
        tokens.retain(|_, register| *register != name);
        tokens.insert(paired.token_digest, name);
        Ok(token)
    }

    /// The registers that have a token.
    pub fn paired(&self) -> Vec<String> {
        let mut names: Vec<_> = self.tokens.read().unwrap_or_else(PoisonError::into_inner).values().cloned().collect();
        names.sort();
        names
    }

    fn doors(&self) -> MutexGuard<'_, Doors> {
        self.doors.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Doors {
    /// Counts an attempt as wrong until it proves right.
    fn attempt(&mut self) -> Result<(), CodeRefused> {
        let now = Instant::now();
        if self.minute.is_none_or(|began| now.duration_since(began) >= Duration::from_secs(60)) {
            self.minute = Some(now);
            self.wrong = 0;
        }
        if self.wrong >= ATTEMPTS {
            return Err(CodeRefused::TooMany);
        }
        self.wrong += 1;
        Ok(())
    }
}

/// SHA-256 in hexadecimal.
pub(crate) fn hex_digest(bytes: &[u8]) -> String {
    hexadecimal::of(digest::digest(&digest::SHA256, bytes).as_ref())
}

const NO_RANDOMNESS: &str = "the system gives no random numbers";

fn token(random: &SystemRandom) -> Result<String, String> {
    let mut bytes = [0; 32];
    random.fill(&mut bytes).map_err(|_| NO_RANDOMNESS)?;
    Ok(hexadecimal::of(&bytes))
}

/// Decimal digits; a byte's remainder by 10 is fair enough below 250.
fn digits(random: &SystemRandom, count: usize) -> Result<String, String> {
    let mut text = String::with_capacity(count);
    while text.len() < count {
        let mut byte = [0];
        random.fill(&mut byte).map_err(|_| NO_RANDOMNESS)?;
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
            let code = digits(random, 10)?;
            // Under another name until it is whole: a power cut must not leave half a code, which would keep the hub from starting.
            let unfinished = path.with_extension("new");
            let mut file = fs::OpenOptions::new();
            let mut file =
                file.write(true).create(true).truncate(true).mode(0o600).open(&unfinished).map_err(failed)?;
            file.write_all(code.as_bytes()).and_then(|()| file.sync_all()).map_err(failed)?;
            fs::rename(&unfinished, path).map_err(failed)?;
            let directory = path.parent().unwrap_or(Path::new("."));
            fs::File::open(directory).and_then(|directory| directory.sync_all()).map_err(failed)?;
            Ok(code)
        }
        Err(error) => Err(failed(error)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn open() -> (tempfile::TempDir, Store, Registers) {
        let directory = tempfile::tempdir().unwrap();
        let store = Store::open(directory.path(), store::EngineKind::Sled, &crate::LINKED, 1).unwrap();
        let registers = Registers::open(&store, directory.path()).unwrap();
        (directory, store, registers)
    }

    #[tokio::test]
    async fn a_code_pairs_once_and_the_token_lasts_over_a_restart() {
        let (directory, store, registers) = open();
        let code = registers.new_code("till-1").unwrap();
        assert_eq!(registers.use_code(&code).as_deref(), Ok("till-1"));
        assert_eq!(registers.use_code(&code), Err(CodeRefused::Wrong));
        let token = registers.pair(&store, "till-1".into(), 1).await.unwrap();
        let again = Registers::open(&store, directory.path()).unwrap();
        assert_eq!(again.register(&token).as_deref(), Some("till-1"));
        assert_eq!(again.register("guess"), None);
    }

    #[tokio::test]
    async fn pairing_again_voids_the_former_token() {
        let (_directory, store, registers) = open();
        let first = registers.pair(&store, "till-1".into(), 1).await.unwrap();
        let second = registers.pair(&store, "till-1".into(), 2).await.unwrap();
        assert_eq!((registers.register(&first), registers.register(&second).as_deref()), (None, Some("till-1")));
    }

    #[test]
    fn guessing_codes_is_stopped() {
        let (_directory, _store, registers) = open();
        for _ in 0..ATTEMPTS {
            assert_eq!(registers.log_in("0000000000"), Err(CodeRefused::Wrong));
        }
        assert_eq!(registers.log_in(&registers.console_code.clone()), Err(CodeRefused::TooMany));
    }

    #[test]
    fn the_console_code_opens_a_session() {
        let (directory, _store, registers) = open();
        let code = fs::read_to_string(directory.path().join("console-code")).unwrap();
        let session = registers.log_in(&code).unwrap();
        assert!(registers.session(&session) && !registers.session("guess"));
    }

    /// As hubs of format 2 store it. Others are added beside it; this one never changes.
    const STORED: &str = include_str!("fixtures/register-2.json");

    #[test]
    fn a_stored_register_reads_back_as_it_was_written() {
        let read: Paired = serde_json::from_str(STORED).unwrap();
        let again: serde_json::Value = serde_json::to_value(&read).unwrap();
        assert_eq!(again, serde_json::from_str::<serde_json::Value>(STORED).unwrap());
    }

    #[test]
    fn a_console_code_cut_short_by_a_power_cut_is_drawn_anew() {
        let directory = tempfile::tempdir().unwrap();
        fs::write(directory.path().join("console-code.new"), "12").unwrap();
        let code = console_code(&SystemRandom::new(), &directory.path().join("console-code")).unwrap();
        assert_eq!((code.len(), fs::read_to_string(directory.path().join("console-code")).unwrap()), (10, code));
        assert!(!directory.path().join("console-code.new").exists());
    }
}
