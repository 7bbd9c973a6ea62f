//! Raising a store that an older hub wrote to the format of this one: [`FORMAT`], or the last of [`STEPS`].
//!
//! - First a backup is taken, read whole again, and kept as `backups/before-format-N-….backup`: the way back.
//! - Then the steps, in order. A step may be cut anywhere and is begun again at the next start: it finds what it has
//!   done already. When it is through, one batch writes its number. So each step is done once.
//! - A store of a newer format is refused before anything is touched.
//!
//! There is one format so far, and so no step. `tests/formats.rs` raises a store to a made-up one.
//!
//! | what fails | what happens |
//! | --- | --- |
//! | no room for the backup, with something left to sell on | nothing was changed and nothing is left of it; the hub does not start, and says how much it needs |
//! | power while the backup is written | it has its name only when it is whole; taken again |
//! | power before the backup has its name of its own | it gets it at the next start |
//! | power in a step | the step goes on where it was; the backup is the one from before |

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
    room::Sparing,
};

/// Changes records from one format to the next. It may be cut anywhere and begun again.
pub(crate) type Step = fn(&dyn Engine) -> Result<(), StoreError>;

/// The steps that change records, each with the format that it leads to, in order.
pub(crate) const STEPS: &[(u32, Step)] = &[];

/// Raises a store, if it must be. `directory` is where its backup goes; without one (in tests) none is taken.
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
        // Only a name: no reason not to sell.
        if let Some(Err(error)) = backups.map(|backups| backups.name(engine)) {
            tracing::warn!(%error, "the backup from before the last upgrade keeps its first name");
        }
        return Ok(());
    }
    tracing::info!(from = format, to = known, "raising the store's format; a backup is taken first");
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
    tracing::info!(from = format, to = known, "the store's format was raised; older hubs refuse it now");
    Ok(())
}

fn write_format(engine: &dyn Engine, format: u32) -> Result<(), StoreError> {
    let (key, value) = meta("format", u64::from(format))?;
    engine.apply(vec![(key, Some(value))])?;
    Ok(engine.flush()?)
}

/// Where the backups from before a format lie.
struct Backups {
    directory: PathBuf,
    format: u32,
}

impl Backups {
    /// What the backup is called while steps are under way.
    fn unfinished(&self) -> PathBuf {
        self.directory.join(format!("before-format-{}.backup", self.format))
    }

    /// Gives the backup a name of its own once the steps are through, so that another upgrade after a way back takes
    /// another.
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

    /// Takes the backup, unless it is there from an earlier try: then it is from before the first step, as it should
    /// be.
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
            let sparing = Sparing::new(file, &self.directory, &self.directory)?;
            backup::write_quiet(engine, sparing).map_err(io::Error::other)?;
            backup::verify(File::open(unfinished)?).map(drop).map_err(io::Error::other)
        });
        written.map_err(failed)
    }
}
