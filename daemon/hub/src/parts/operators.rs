//! Who is signed in at which register, in memory: a restart locks every register.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use app::{Refusal, registers::TOO_MANY_ATTEMPTS};
use commerce::{OperatorId, RegisterName};
use tokio::sync::Semaphore;

use super::registers::attempts::Attempts;
use edge::Peer;

/// The operators who are signed in.
pub(crate) struct Operators {
    active: Mutex<HashMap<RegisterName, Active>>,
    attempts: Mutex<Attempts>,
    /// After this time without a command a register is locked.
    idle: Duration,
    /// One PIN at a time: each takes 19 MB.
    pub(crate) turn: Semaphore,
}

struct Active {
    operator: OperatorId,
    last: Instant,
}

impl Operators {
    pub(crate) fn new(idle: Duration) -> Self {
        Self { active: Mutex::default(), attempts: Mutex::default(), idle, turn: Semaphore::new(1) }
    }

    /// The operator of a register. A command keeps the register from being locked, a read does not.
    pub(crate) fn at(&self, register: &RegisterName, is_command: bool) -> Option<OperatorId> {
        let (mut active, now) = (self.active(), Instant::now());
        let found = active.get_mut(register)?;
        if now.duration_since(found.last) >= self.idle {
            active.remove(register);
            return None;
        }
        if is_command {
            found.last = now;
        }
        Some(found.operator.clone())
    }

    /// An operator signed in.
    pub(crate) fn begin(&self, register: RegisterName, operator: OperatorId) {
        self.active().insert(register, Active { operator, last: Instant::now() });
    }

    /// The operator signed out, or the register is locked.
    pub(crate) fn end(&self, register: &RegisterName) {
        self.active().remove(register);
    }

    /// Requires that a peer may try another PIN or badge.
    ///
    /// # Errors
    /// It sent too many wrong ones.
    pub(crate) fn may_try(&self, peer: Option<Peer>) -> Result<(), Refusal> {
        let wait = self.attempts().wait(peer, Instant::now());
        if wait.is_zero() {
            return Ok(());
        }
        let seconds = wait.as_secs() + 1;
        let detail = format!("too many wrong PINs or badges came from this address; wait {seconds} s");
        Err(TOO_MANY_ATTEMPTS.because(detail).member("retry_after_s", seconds))
    }

    /// A peer sent a wrong or right PIN or badge.
    pub(crate) fn tried(&self, peer: Option<Peer>, is_right: bool) {
        let mut attempts = self.attempts();
        if is_right { attempts.right(peer) } else { attempts.wrong(peer, Instant::now()) }
    }

    fn active(&self) -> MutexGuard<'_, HashMap<RegisterName, Active>> {
        self.active.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn attempts(&self) -> MutexGuard<'_, Attempts> {
        self.attempts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_register_that_is_idle_is_locked() {
        let (till, anna): (RegisterName, OperatorId) = ("till-1".parse().unwrap(), "anna".parse().unwrap());
        let operators = Operators::new(Duration::from_secs(600));
        assert_eq!(operators.at(&till, true), None);
        operators.begin(till.clone(), anna.clone());
        assert_eq!(operators.at(&till, true), Some(anna.clone()));
        operators.end(&till);
        assert_eq!(operators.at(&till, true), None);
        let locked_at_once = Operators::new(Duration::ZERO);
        locked_at_once.begin(till.clone(), anna);
        assert_eq!(locked_at_once.at(&till, true), None);
    }
}
