//! System tests: the real binaries as a whole store, killed, cut, filled up and started again.
//!
//! They run what is in `target/release`; `./tests/run` builds it first. Nothing here links the project's own crates: a
//! register of these tests knows the documented API alone, so what it saw is the word of an independent witness. But
//! for [`life`], which drives the crate `store` itself.
//!
//! | module | holds |
//! | --- | --- |
//! | [`shop`] | a store of processes: hub, broker, HQ |
//! | [`register`] | a register's client: one connection, the same command under the same key until it is answered |
//! | [`stockroom`] | what comes in, is set aside, breaks and is counted meanwhile, and what must be there |
//! | [`till`] | what a register sells, and the record of everything asked and answered |
//! | [`verdict`] | is everything that was answered there, whole, once, without gaps |
//! | [`power`] | the power-cut simulator |
//! | [`guest`] | a virtual machine whose plug is pulled |
//! | [`judge`] | a hub started on what a power cut left |
//! | [`life`] | a store's life without a hub, for the simulator |
//! | [`small_disk`] | a file system that is soon full |
//! | [`replay`] | the demo's replay as a child process |

pub mod guest;
pub mod judge;
pub mod life;
pub mod power;
pub mod register;
pub mod replay;
pub mod shop;
pub mod small_disk;
pub mod stockroom;
pub mod till;
pub mod verdict;

use std::{
    env,
    io::{self, Write},
    path::{Path, PathBuf},
    process::Command,
    sync::{
        PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant, SystemTime},
};

/// The engines of the hub; every suite holds both.
pub const ENGINES: [&str; 2] = ["sled", "sqlite"];

/// The repository.
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().map_or_else(PathBuf::new, Path::to_owned)
}

/// The data that comes with the project.
pub fn data() -> PathBuf {
    root().join("tests/data/complete-journey")
}

/// A program of the project.
pub fn program(name: &str) -> PathBuf {
    root().join("target/release").join(name)
}

/// Says that something was not tested, past the test runner, which keeps what a passing test prints to itself.
/// `./tests/run` repeats it at its end.
pub fn skipped(what: &str) {
    let _ = io::stderr().write_all(format!("SKIPPED: {what}\n").as_bytes());
}

/// Whether this is the long run (`./tests/run --long`).
pub fn is_long() -> bool {
    env::var_os("STORE_HUB_LONG").is_some()
}

/// Where the dice start: `STORE_HUB_SEED`, or else the clock. Tests print it, so that a failure can be had again.
pub fn seed() -> u64 {
    let given = env::var("STORE_HUB_SEED").ok().and_then(|text| text.parse().ok());
    given.unwrap_or_else(|| {
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        u64::from(now.subsec_nanos()) ^ (now.as_secs() << 30)
    })
}

/// Who has the machine. Tests are threads of one process.
static MACHINE: RwLock<()> = RwLock::new(());

/// Has the machine for itself until it goes: for a test that loads it, or measures it.
pub fn alone() -> RwLockWriteGuard<'static, ()> {
    MACHINE.write().unwrap_or_else(PoisonError::into_inner)
}

/// Shares the machine with others who do not mind, until it goes.
pub fn in_company() -> RwLockReadGuard<'static, ()> {
    MACHINE.read().unwrap_or_else(PoisonError::into_inner)
}

/// Kills a process as a power cut would end it.
pub fn kill_9(pid: u32) {
    signal(pid, "KILL");
}

/// Sends a process a signal by name.
pub(crate) fn signal(pid: u32, name: &str) {
    let _ = Command::new("kill").args([&format!("-{name}"), &pid.to_string()]).status();
}

/// Ends a load when it goes, also when something else fails first.
pub struct Ends<'o>(pub &'o AtomicBool);

impl Drop for Ends<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Waits for something that must come; false if it does not.
pub fn until(limit: Duration, mut there: impl FnMut() -> bool) -> bool {
    let began = Instant::now();
    while began.elapsed() < limit {
        if there() {
            return true;
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    false
}
