//! Upgrades a store from an older format to [`FORMAT`], or to the last of [`STEPS`].
//!
//! - First a backup is taken, verified, and kept as `backups/before-format-N-….backup`: the way back.
//! - Then the steps run in order. A step may be interrupted anywhere and is run again at the next start; it skips what
//!   it has already done. When it is complete, one batch writes its number, so each step completes once.
//! - A store of a newer format is refused before anything is changed.
//!
//! There is only one format so far, so there are no steps. `tests/formats.rs` upgrades a store to an invented format.
//!
//! | failure | effect |
//! | --- | --- |
//! | not enough space for the backup and for selling | nothing changes; the hub reports how much it needs |
//! | power, while the backup is written | the backup has no name yet and is taken again |
//! | power, before the backup has its final name | it gets the name at the next start |
//! | power, during a step | the step continues at the next start; the backup is still the one from before |

use std::{
    fs::{self, File},
    io,
    path::{Path, PathBuf},
};

use crate::{
    FORMAT, META, backup,
    chain::{HEAD, HEADS},
    engine::{Engine, EngineError},
    error::StoreError,
    files::{Access, make_directory, replace_with, sync_directory},
    meta,
    room::SpaceGuard,
};

/// Changes records from one format to the next. It may be interrupted anywhere and is run again.
pub(crate) type Step = fn(&dyn Engine) -> Result<(), StoreError>;

/// The steps in order, each with the format that it leads to.
pub(crate) const STEPS: &[(u32, Step)] = &[];

/// Upgrades a store if necessary. The backup goes into `directory`; without one (in tests) no backup is taken.
pub(crate) fn raise(engine: &dyn Engine, directory: Option<&Path>, steps: &[(u32, Step)]) -> Result<(), StoreError> {
    let format = META.read(engine, "format")?.ok_or_else(|| StoreError::Corrupt {
        table: META.name(),
        key: "format".into(),
        why: "it is missing".into(),
    })?;
    let known = steps.last().map_or(FORMAT, |(to, _)| *to);
    let backups = directory.map(|directory| Backups { directory: directory.join("backups"), format: known });
    if format > u64::from(known) {
        return Err(StoreError::TooNew { found: format, known });
    }
    if format == u64::from(known) {
        // Only its name is wrong, which is no reason not to sell.
        if let Some(Err(error)) = backups.map(|backups| backups.name(engine)) {
            tracing::warn!(%error, "could not rename the backup from before the last upgrade");
        }
        return Ok(());
    }
    tracing::info!(from = format, to = known, "upgrading the store's format after a backup");
    if let Some(backups) = &backups {
        backups.keep(engine)?;
    }
    for (to, step) in steps.iter().filter(|(to, _)| u64::from(*to) > format) {
        step(engine)?;
        write_format(engine, *to)?;
    }
    if let Some(backups) = &backups {
        backups.name(engine)?;
    }
    tracing::info!(from = format, to = known, "upgraded the store's format; older hubs can no longer open it");
    Ok(())
}

fn write_format(engine: &dyn Engine, format: u32) -> Result<(), StoreError> {
    let (key, value) = meta("format", u64::from(format))?;
    engine.apply(vec![(key, Some(value))])?;
    Ok(engine.flush()?)
}

/// The directory of the backups from before an upgrade.
struct Backups {
    directory: PathBuf,
    format: u32,
}

impl Backups {
    /// The backup's name while steps are running.
    fn unfinished(&self) -> PathBuf {
        self.directory.join(format!("before-format-{}.backup", self.format))
    }

    /// Gives the backup its final name after the steps, so that a later upgrade takes a new backup.
    fn name(&self, engine: &dyn Engine) -> Result<(), StoreError> {
        let unfinished = self.unfinished();
        if !unfinished.exists() {
            return Ok(());
        }
        let epoch = META.read(engine, "epoch")?.unwrap_or_default();
        let links = HEADS.read(engine, HEAD)?.unwrap_or_default().number;
        let kept = self.directory.join(format!("before-format-{}-{epoch}-{links}.backup", self.format));
        let named = fs::rename(unfinished, &kept).and_then(|()| sync_directory(&self.directory));
        named.map_err(|error| EngineError { what: format!("name {}", kept.display()), why: error.to_string() }.into())
    }

    /// Takes the backup, unless there is one from an earlier attempt: that one is from before the first step, as it
    /// must be.
    fn keep(&self, engine: &dyn Engine) -> Result<(), StoreError> {
        let path = self.unfinished();
        if path.exists() {
            return Ok(());
        }
        let failed = |error: io::Error| {
            let bytes = engine.size_on_disk().unwrap_or_default();
            let why = format!("{error}; the store has {} MB, and a backup of it must fit beside it", bytes / 1_000_000);
            StoreError::from(EngineError { what: format!("write {}", path.display()), why })
        };
        make_directory(&self.directory).map_err(failed)?;
        let written = replace_with(&path, Access::Usual, |file, unfinished| {
            let sparing = SpaceGuard::new(file, &self.directory, &self.directory)?;
            backup::write_quiet(engine, sparing).map_err(io::Error::other)?;
            backup::verify(File::open(unfinished)?).map(drop).map_err(io::Error::other)
        });
        written.map_err(failed)
    }
}
