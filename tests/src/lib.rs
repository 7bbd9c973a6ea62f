//! System tests: the real binaries as a whole store, killed, cut off, filled up and restarted.
//!
//! They run the programs of the profile that they are built with: `target/debug` or, with `--release`,
//! `target/release`. `./tests/run` builds them first. The project's own crates are not
//! linked: a register of these tests only knows the documented API and is an independent witness. The exception is
//! [`life`], which drives the crate `store` directly.
//!
//! | module | contents |
//! | --- | --- |
//! | [`shop`] | a store of processes: hub, broker, HQ |
//! | [`chain`] | a chain of processes: stores, broker, database, workers, and proxies that disturb what they carry |
//! | [`register`] | a register's client: one connection; repeats a command under the same key until it is answered |
//! | [`stockroom`] | deliveries, reservations, damage and counts, and the expected stock |
//! | [`till`] | the sales of a register, and the record of all requests and answers |
//! | [`verdict`] | checks that everything answered is there, complete, once, without gaps |
//! | [`power`] | the power-cut simulator |
//! | [`guest`] | power failures of a virtual machine |
//! | [`appliance`] | a Debian with systemd in a virtual machine |
//! | [`judge`] | a hub started on the remains of a power failure |
//! | [`life`] | a store without a hub, for the simulator |
//! | [`small_disk`] | a small file system that fills up |
//! | [`replay`] | the demo's replay as a child process |

pub mod appliance;
pub mod chain;
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

/// The engines; every suite runs on both.
pub const ENGINES: [&str; 2] = ["sled", "sqlite"];

/// The repository.
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().map_or_else(PathBuf::new, Path::to_owned)
}

/// The data in the repository.
pub fn data() -> PathBuf {
    root().join("tests/data/complete-journey")
}

/// The profile of these tests and of the programs that they run, and its directory below `target`.
pub const PROFILE: (&str, &str) = if cfg!(debug_assertions) { ("dev", "debug") } else { ("release", "release") };

/// The path of a program.
pub fn program(name: &str) -> PathBuf {
    root().join("target").join(PROFILE.1).join(name)
}

/// Reports that something was not tested, past the test runner, which hides the output of passing tests. `./tests/run`
/// repeats it at its end.
pub fn skipped(what: &str) {
    let _ = io::stderr().write_all(format!("SKIPPED: {what}\n").as_bytes());
}

/// Whether this is the long run (`./tests/run --long`).
pub fn is_long() -> bool {
    env::var_os("STORE_HUB_LONG").is_some()
}

/// The seed of random choices: `STORE_HUB_SEED`, or the clock. Tests print it, so that failures can be reproduced.
pub fn seed() -> u64 {
    let given = env::var("STORE_HUB_SEED").ok().and_then(|text| text.parse().ok());
    given.unwrap_or_else(|| {
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        u64::from(now.subsec_nanos()) ^ (now.as_secs() << 30)
    })
}

/// The lock of the machine. Tests are threads of one process.
static MACHINE: RwLock<()> = RwLock::new(());

/// Reserves the machine until it is dropped, for tests that load or measure it.
pub fn alone() -> RwLockWriteGuard<'static, ()> {
    MACHINE.write().unwrap_or_else(PoisonError::into_inner)
}

/// Shares the machine until it is dropped.
pub fn shared() -> RwLockReadGuard<'static, ()> {
    MACHINE.read().unwrap_or_else(PoisonError::into_inner)
}

/// Kills a process as a power failure would end it.
pub fn kill_9(pid: u32) {
    signal(pid, "KILL");
}

/// Sends a process a signal by name.
pub(crate) fn signal(pid: u32, name: &str) {
    let _ = Command::new("kill").args([&format!("-{name}"), &pid.to_string()]).status();
}

/// Sets a flag on drop, to end a load even if something else fails first.
pub struct Ends<'o>(pub &'o AtomicBool);

impl Drop for Ends<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Waits for a condition; false if it does not hold in time.
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
