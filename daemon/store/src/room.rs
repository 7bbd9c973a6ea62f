//! Free space on the disk, and what is refused first when it runs out.
//!
//! A full disk must be noticed before a write fails, because then the store has stopped ([`StoreError::Stopped`]) with
//! customers at the tills. So the hub refuses work early: the least important first, sales last.
//!
//! | free | state | accepted |
//! | --- | --- | --- |
//! | [`LOW`] or more | ample | everything |
//! | less | low | no [`Purpose::Telemetry`]: it is dropped and counted |
//! | less than [`SCARCE`] | scarce | nor [`Purpose::Ordinary`]: catalogs, stock documents, pairing |
//! | less than [`FULL`] | full | nor [`Purpose::Money`]: no new sale begins or ends |
//! | any | | [`Purpose::Settled`] (money was taken) and [`Purpose::Housekeeping`] (it frees space) |
//!
//! The last [`FULL`] bytes are reserved for what is settled. If the system can't report the free space, it counts as
//! ample, and a write that fails decides.

use std::{
    io::{self, Write},
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
    sync::atomic::{AtomicU64, Ordering::Relaxed},
    time::{Duration, Instant},
};

use serde::Serialize;

use crate::error::StoreError;

/// Below this many free bytes the disk is low.
pub const LOW: u64 = 256 * 1024 * 1024;

/// Below this many free bytes space is scarce.
pub const SCARCE: u64 = 64 * 1024 * 1024;

/// Below this many free bytes the disk counts as full.
pub const FULL: u64 = 16 * 1024 * 1024;

/// How long a measurement is used.
const FRESH: Duration = Duration::from_millis(200);

/// The purpose of a commit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// Health samples, which may be lost.
    Telemetry,
    /// Work that can wait until there is space: catalogs, stock documents, pairing.
    Ordinary,
    /// Baskets and sales. A customer is waiting.
    Money,
    /// Facts, such as money that a terminal has taken. A customer is waiting.
    Settled,
    /// Work that nobody waits for and that frees space.
    Housekeeping,
}

impl Purpose {
    /// Whether somebody waits for it. Other commits may be delayed to share a flush.
    pub(crate) fn is_waited_for(self) -> bool {
        !matches!(self, Self::Telemetry | Self::Housekeeping)
    }

    /// The minimum that must be free.
    fn least(self) -> u64 {
        match self {
            Self::Telemetry => LOW,
            Self::Ordinary => SCARCE,
            Self::Money => FULL,
            Self::Settled | Self::Housekeeping => 0,
        }
    }
}

/// The state of the disk.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Room {
    /// Enough space.
    #[default]
    Ample,
    /// Telemetry is refused.
    Low,
    /// Only sales are accepted.
    Scarce,
    /// Not even sales are accepted.
    Full,
}

impl Room {
    fn of(free: u64) -> Self {
        match free {
            LOW.. => Self::Ample,
            SCARCE..LOW => Self::Low,
            FULL..SCARCE => Self::Scarce,
            ..FULL => Self::Full,
        }
    }
}

/// The free bytes on the disk of a directory; `None` if the system can't report them.
pub fn free_under(directory: &Path) -> Option<u64> {
    let found = rustix::fs::statvfs(directory).ok()?;
    Some(found.f_bavail.saturating_mul(found.f_frsize))
}

/// Whether the disk of a directory has enough space for this many bytes of work that can wait.
pub(crate) fn is_to_spare(directory: &Path, bytes: u64) -> Result<(), StoreError> {
    let least = SCARCE.saturating_add(bytes);
    match free_under(directory) {
        Some(free) if free < least => Err(StoreError::DiskFull { free, least }),
        _ => Ok(()),
    }
}

/// A file that can wait. On the disk of a store, writing it fails before space gets [`SCARCE`].
pub struct SpaceGuard<W> {
    file: W,
    /// The store's directory; `None` if it is on another disk.
    spared: Option<PathBuf>,
    /// Bytes written since the last measurement.
    unmeasured: usize,
}

impl<W> SpaceGuard<W> {
    /// Bytes between two measurements.
    const MEASURED_EVERY: usize = 4 * 1024 * 1024;

    /// A file in `directory`, with a store in `store`.
    ///
    /// # Errors
    /// One of the directories does not exist.
    pub fn new(file: W, directory: &Path, store: &Path) -> io::Result<Self> {
        let is_shared = directory.metadata()?.dev() == store.metadata()?.dev();
        Ok(Self { file, spared: is_shared.then(|| store.to_owned()), unmeasured: Self::MEASURED_EVERY })
    }
}

impl<W: Write> Write for SpaceGuard<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if let Some(store) = self.spared.as_deref().filter(|_| self.unmeasured >= Self::MEASURED_EVERY) {
            let free = free_under(store).unwrap_or(u64::MAX);
            if free < SCARCE + Self::MEASURED_EVERY as u64 {
                return Err(io::Error::other(format!(
                    "this disk has {} MB free, and the store in {} needs them; choose another disk",
                    free / 1_000_000,
                    store.display()
                )));
            }
            self.unmeasured = 0;
        }
        let written = self.file.write(bytes)?;
        self.unmeasured += written;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

/// Returns the free bytes; `None` if the system can't report them.
type Probe = Box<dyn Fn() -> Option<u64> + Send + Sync>;

/// Measures the store's disk from time to time.
pub(crate) struct Disk {
    probe: Probe,
    began: Instant,
    /// The time of the last measurement, in milliseconds since `began`, and its result.
    measured_at: AtomicU64,
    free: AtomicU64,
    dropped: AtomicU64,
}

impl Disk {
    /// The disk of a directory.
    pub(crate) fn under(directory: &Path) -> Self {
        let directory = directory.to_owned();
        Self::probed(Box::new(move || free_under(&directory)))
    }

    pub(crate) fn probed(probe: Probe) -> Self {
        let free = AtomicU64::new(probe().unwrap_or(u64::MAX));
        Self { probe, began: Instant::now(), measured_at: AtomicU64::new(0), free, dropped: AtomicU64::new(0) }
    }

    /// The free bytes, measured at most [`FRESH`] ago. Two concurrent measurements do no harm.
    pub(crate) fn free(&self) -> u64 {
        let now = u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX);
        let age = now.saturating_sub(self.measured_at.load(Relaxed));
        if u128::from(age) >= FRESH.as_millis() {
            self.measured_at.store(now, Relaxed);
            self.free.store((self.probe)().unwrap_or(u64::MAX), Relaxed);
        }
        self.free.load(Relaxed)
    }

    /// Whether a commit is accepted.
    pub(crate) fn takes(&self, purpose: Purpose) -> Result<(), StoreError> {
        let free = self.free();
        if free >= purpose.least() {
            return Ok(());
        }
        if purpose == Purpose::Telemetry {
            self.dropped.fetch_add(1, Relaxed);
        }
        Err(StoreError::DiskFull { free, least: purpose.least() })
    }

    pub(crate) fn state(&self) -> DiskState {
        let free = self.free();
        DiskState { room: Room::of(free), free_bytes: free, dropped: self.dropped.load(Relaxed) }
    }
}

/// The disk's state, for use outside of the store.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct DiskState {
    /// The state.
    pub room: Room,
    /// Bytes that the hub's user can still write.
    pub free_bytes: u64,
    /// Telemetry dropped for lack of space since the start.
    pub dropped: u64,
}

#[cfg(test)]
mod tests {
    use std::sync::{
        Arc,
        atomic::{AtomicU64, Ordering::SeqCst},
    };

    use super::*;

    #[test]
    fn telemetry_is_refused_first_sales_last_and_settled_work_never() {
        use Purpose::{Housekeeping, Money, Ordinary, Settled, Telemetry};
        let all = [Telemetry, Ordinary, Money, Settled, Housekeeping];
        let taken = |free| {
            let disk = Disk::probed(Box::new(move || Some(free)));
            (disk.state().room, all.into_iter().filter(|purpose| disk.takes(*purpose).is_ok()).collect::<Vec<_>>())
        };
        assert_eq!(taken(LOW), (Room::Ample, all.to_vec()));
        assert_eq!(taken(LOW - 1), (Room::Low, all[1..].to_vec()));
        assert_eq!(taken(SCARCE - 1), (Room::Scarce, all[2..].to_vec()));
        assert_eq!(taken(FULL - 1), (Room::Full, all[3..].to_vec()));
        assert_eq!(taken(0), (Room::Full, all[3..].to_vec()));
    }

    #[test]
    fn unknown_free_space_counts_as_ample() {
        assert_eq!(Disk::probed(Box::new(|| None)).state().room, Room::Ample);
    }

    #[test]
    fn dropped_telemetry_is_counted_and_the_disk_is_measured_again() {
        let free = Arc::new(AtomicU64::new(0));
        let told = Arc::clone(&free);
        let disk = Disk::probed(Box::new(move || Some(told.load(SeqCst))));
        assert!(disk.takes(Purpose::Telemetry).unwrap_err().to_string().contains("make room"));
        free.store(u64::MAX, SeqCst);
        disk.measured_at.store(0, SeqCst);
        std::thread::sleep(FRESH);
        assert_eq!(disk.state(), DiskState { room: Room::Ample, free_bytes: u64::MAX, dropped: 1 });
    }
}
