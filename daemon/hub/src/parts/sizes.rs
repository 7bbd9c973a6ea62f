//! The sizes of the store's files, refreshed occasionally because it takes a walk through directories.

use std::{
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use store::Store;

/// The refresh interval.
const EVERY: Duration = Duration::from_secs(10);

/// The latest sizes.
#[derive(Default)]
pub(crate) struct Sizes(Mutex<Option<(Instant, SizesFound)>>);

/// Sizes in bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct SizesFound {
    /// The engine's files.
    pub(crate) store: u64,
    /// The archive's files.
    pub(crate) archive: u64,
    /// The free space on the disk.
    pub(crate) free: u64,
}

impl Sizes {
    /// The sizes, at most [`EVERY`] old.
    pub(crate) fn of(&self, store: &Store) -> SizesFound {
        self.of_at(Instant::now(), || SizesFound {
            store: store.size_on_disk().unwrap_or(0),
            archive: store.archive_size(),
            free: store.disk().free_bytes,
        })
    }

    fn of_at(&self, now: Instant, look: impl FnOnce() -> SizesFound) -> SizesFound {
        let mut last = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match *last {
            Some((when, found)) if now.duration_since(when) < EVERY => found,
            _ => {
                let found = look();
                *last = Some((now, found));
                found
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_cached() {
        let (sizes, start, mut looks) = (Sizes::default(), Instant::now(), 0);
        for quarter in 0..100 {
            sizes.of_at(start + Duration::from_millis(250 * quarter), || {
                looks += 1;
                SizesFound::default()
            });
        }
        assert_eq!(looks, 3);
    }
}
