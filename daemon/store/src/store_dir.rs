//! The files of a store: a folder for each engine in the data directory, of which one is in use.
//!
//! A store is created as `NAME.new`, synced as a whole, and renamed to its name. A power failure leaves no store or a
//! complete one. A conversion works in the same way; the old store stays beside the new one as `NAME.converted`:
//!
//! | conversion interrupted | left on disk | effect |
//! | --- | --- | --- |
//! | before the first rename | the old store, `NEW.new` | the hub runs as before; converting starts again |
//! | between the renames | both stores, equal | the hub refuses to start; converting again completes |
//! | after the second | the new store, `OLD.converted` | done |
//!
//! If both stores exist and differ, only a person can choose: one was put back by hand, and either may have sold since.
//!
//! An engine may not free the space of deleted entries (sled does not). So a store can be rewritten into a fresh one of
//! the same engine at the next start ([`ask_for_rewriting`]). The old store is moved aside before it is opened, because
//! sled may write into its folder after it was closed:
//!
//! | rewrite interrupted | left on disk | effect |
//! | --- | --- | --- |
//! | before the new store has its name | `NAME.former` alone | it gets its name back and is rewritten again |
//! | after that | both | the old one is removed |
//!
//! An operation that fails removes the store that it was making, and a copy stops before it uses space that the
//! existing store needs.

use std::{
    fs::{self, File},
    io,
    ops::Bound,
    path::{Path, PathBuf},
    sync::Arc,
};

use serde::Serialize;

use crate::{
    archive,
    engine::{Engine, EngineError, EngineKind, Entry, each_part},
    error::StoreError,
    files::{self, make_directory, sync_directory},
    room,
    seal::{self, Medium, SealKey},
    sqlite_engine::SqliteEngine,
};

/// Entries copied or compared at a time.
const PART: usize = 1_000;

/// Opens an engine's folder, or creates it. Its values are as they are on the disk.
fn open_engine(kind: EngineKind, path: &Path) -> Result<Arc<dyn Engine>, EngineError> {
    match kind {
        EngineKind::Sqlite => Ok(Arc::new(SqliteEngine::open(path)?)),
        #[cfg(feature = "sled")]
        EngineKind::Sled => Ok(Arc::new(crate::sled_engine::SledEngine::open(path)?)),
        #[cfg(not(feature = "sled"))]
        EngineKind::Sled => Err(EngineError {
            what: format!("open the store in {}", path.display()),
            why: "this build has no sled engine; set `engine = \"sqlite\"`, or build it with the feature `sled`".into(),
        }),
    }
}

fn failed(what: &str, path: &Path) -> impl Fn(io::Error) -> StoreError {
    let what = format!("{what} {}", path.display());
    move |error| EngineError { what: what.clone(), why: error.to_string() }.into()
}

/// Whether a directory holds a store of any engine.
pub(crate) fn is_taken(directory: &Path) -> bool {
    let files = StoreDir { directory, key: None };
    EngineKind::ALL.into_iter().any(|kind| files.of(kind).exists() || files.former(kind).exists())
}

/// The file that requests a rewrite.
const REWRITE: &str = "rewrite";

/// The file that exists from the beginning of a restore until the store has its name, so that a hub does not create an
/// empty store meanwhile.
pub(crate) const RESTORING: &str = "restoring";

/// Requests a rewrite of a directory's store at its next opening.
///
/// # Errors
/// The disk fails.
pub fn ask_for_rewriting(directory: &Path) -> Result<(), StoreError> {
    files::mark(&directory.join(REWRITE)).map_err(failed("ask for a rewriting in", directory))
}

/// Creates a store in a directory without one.
pub(crate) fn create(
    directory: &Path,
    medium: &Medium,
    fill: impl FnOnce(&dyn Engine) -> Result<(), StoreError>,
) -> Result<(), StoreError> {
    StoreDir { directory, key: medium.key.as_ref() }.create(medium.engine, fill)
}

/// The data directory of a hub, as far as the store is concerned.
struct StoreDir<'d> {
    directory: &'d Path,
    key: Option<&'d Arc<SealKey>>,
}

impl StoreDir<'_> {
    fn of(&self, kind: EngineKind) -> PathBuf {
        self.directory.join(kind.name())
    }

    fn unfinished(&self, kind: EngineKind) -> PathBuf {
        self.directory.join(format!("{kind}.new"))
    }

    /// The path of a store while it is rewritten.
    fn former(&self, kind: EngineKind) -> PathBuf {
        self.directory.join(format!("{kind}.former"))
    }

    /// Completes a rewrite that was interrupted.
    fn settle(&self, kind: EngineKind) -> Result<(), StoreError> {
        let (path, former) = (self.of(kind), self.former(kind));
        match (path.exists(), former.exists()) {
            (true, true) => fs::remove_dir_all(&former).map_err(failed("remove the former store", &former)),
            (false, true) => self.rename(&former, &path),
            _ => Ok(()),
        }
    }

    /// Rewrites the store into a fresh one. If that fails, the store is unchanged.
    fn rewrite(&self, kind: EngineKind) -> Result<(), StoreError> {
        let (path, former) = (self.of(kind), self.former(kind));
        self.rename(&path, &former)?;
        let written = self.open(kind, &former).and_then(|source| {
            // Checked before minutes are spent: less than a quarter of the files is in use when a rewrite is requested.
            room::is_to_spare(self.directory, source.size_on_disk()? / 4)?;
            let mut entries = 0;
            self.create(kind, |newborn| {
                entries = self.copy(&*source, newborn, &mut |_| ())?;
                Ok(())
            })?;
            Ok(entries)
        });
        match written {
            Ok(entries) => tracing::info!(%kind, entries, "the store was rewritten to free unused space"),
            Err(error) => {
                tracing::warn!(%error, "could not rewrite the store; it is unchanged");
                return self.rename(&former, &path);
            }
        }
        fs::remove_dir_all(&former).map_err(failed("remove the former store", &former))
    }

    /// Creates a complete and durable store under its temporary name, then renames it.
    fn create(
        &self,
        kind: EngineKind,
        fill: impl FnOnce(&dyn Engine) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        let (path, unfinished) = (self.of(kind), self.unfinished(kind));
        let failed = failed("create the store in", &path);
        make_directory(self.directory).map_err(&failed)?;
        if unfinished.exists() {
            fs::remove_dir_all(&unfinished).map_err(&failed)?;
        }
        // What a failed attempt leaves would use space that the existing store needs.
        self.fill_and_sync(kind, &unfinished, fill).inspect_err(|_| drop(fs::remove_dir_all(&unfinished)))?;
        self.rename(&unfinished, &path)
    }

    /// Opens an engine's folder, or creates it.
    fn open(&self, kind: EngineKind, path: &Path) -> Result<Arc<dyn Engine>, StoreError> {
        let engine = open_engine(kind, path)?;
        seal::check(&*engine, self.key.map(|key| &**key), self.directory)?;
        Ok(seal::sealed(engine, self.key))
    }

    fn fill_and_sync(
        &self,
        kind: EngineKind,
        path: &Path,
        fill: impl FnOnce(&dyn Engine) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        let failed = failed("create the store in", path);
        let newborn = self.open(kind, path)?;
        fill(&*newborn)?;
        newborn.flush()?;
        drop(newborn);
        for entry in fs::read_dir(path).map_err(&failed)? {
            let path = entry.map_err(&failed)?.path();
            File::open(path).and_then(|file| file.sync_all()).map_err(&failed)?;
        }
        sync_directory(path).map_err(&failed)
    }

    /// Copies every entry of an engine into another and compares them; returns how many. `progress` is called with the
    /// number of entries copied, then with the number compared.
    fn copy(
        &self,
        source: &dyn Engine,
        newborn: &dyn Engine,
        progress: &mut dyn FnMut(u64),
    ) -> Result<u64, StoreError> {
        let mut entries = 0;
        each_part(source, |part| {
            room::is_to_spare(self.directory, 0)?;
            newborn.apply(part.iter().map(|(key, value)| (key.clone(), Some(value.clone()))).collect())?;
            entries += part.len() as u64;
            progress(entries);
            Ok::<_, StoreError>(())
        })?;
        newborn.flush()?;
        if !are_equal(source, newborn, &mut |compared| progress(entries + compared))? {
            let why = "the copy differs from the old store, which is unchanged".to_owned();
            return Err(EngineError { what: "copy the store".into(), why }.into());
        }
        Ok(entries)
    }

    fn rename(&self, from: &Path, to: &Path) -> Result<(), StoreError> {
        let renamed = fs::rename(from, to).and_then(|()| sync_directory(self.directory));
        renamed.map_err(failed("put in its place the store", to))
    }
}

/// Opens the store in a directory, or creates it with the given entries.
pub(crate) fn open_or_create(
    directory: &Path,
    medium: &Medium,
    birth: &[Entry],
) -> Result<Arc<dyn Engine>, StoreError> {
    let (files, kind) = (StoreDir { directory, key: medium.key.as_ref() }, medium.engine);
    EngineKind::ALL.into_iter().try_for_each(|kind| files.settle(kind))?;
    match (files.of(kind).exists(), files.of(kind.other()).exists()) {
        (true, false) if directory.join(REWRITE).exists() => {
            // Only one attempt: if it fails, the rewrite can be requested again.
            let asked = directory.join(REWRITE);
            fs::remove_file(&asked).map_err(failed("remove", &asked))?;
            files.rewrite(kind)?;
        }
        (true, false) => {}
        (true, true) => return Err(StoreError::TwoStores { directory: directory.display().to_string() }),
        (false, true) => return Err(StoreError::OtherEngine { wanted: kind, found: kind.other() }),
        (false, false) if directory.join(RESTORING).exists() => {
            return Err(StoreError::HalfRestored { directory: directory.display().to_string() });
        }
        // The store was moved away without its archive, which a new store must not use as its own.
        (false, false) if archive::is_in(directory) => {
            return Err(StoreError::ArchiveAlone { directory: directory.display().to_string() });
        }
        (false, false) => files.create(kind, |newborn| {
            Ok(newborn.apply(birth.iter().map(|(key, value)| (key.clone(), Some(value.clone()))).collect())?)
        })?,
    }
    end_restoring(directory)?;
    forget_cached(&files.of(kind));
    files.open(kind, &files.of(kind))
}

/// Ends a restore once the store has its name.
pub(crate) fn end_restoring(directory: &Path) -> Result<(), StoreError> {
    let restoring = directory.join(RESTORING);
    if !restoring.exists() {
        return Ok(());
    }
    files::remove(&restoring).map_err(failed("remove", &restoring))
}

/// Drops the files from the system's cache, so that they are read from the disk: after a failed flush the cache holds
/// data that the disk does not have.
fn forget_cached(path: &Path) {
    let files = fs::read_dir(path).into_iter().flatten().flatten().filter_map(|entry| File::open(entry.path()).ok());
    for file in files {
        let _ = rustix::fs::fadvise(&file, 0, None, rustix::fs::Advice::DontNeed);
    }
}

/// The result of a conversion.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Converted {
    /// Entries copied and then compared byte by byte.
    pub entries: u64,
    /// The path of the old store, which is kept.
    pub former: PathBuf,
}

/// Converts the store in a directory to another engine, compares every entry, and only then switches. `progress` is
/// called with the number of entries copied, then with the number compared.
///
/// # Errors
/// There is no store, it is in use, the disk fails, or the copy differs. The old store is unchanged then.
pub fn convert(
    directory: &Path,
    medium: impl Into<Medium>,
    mut progress: impl FnMut(u64),
) -> Result<Converted, StoreError> {
    let Medium { engine: to, key } = medium.into();
    let files = StoreDir { directory, key: key.as_ref() };
    EngineKind::ALL.into_iter().try_for_each(|kind| files.settle(kind))?;
    let (old, new) = (files.of(to.other()), files.of(to));
    let former = directory.join(format!("{}.converted", to.other()));
    let trouble =
        |why: &str| StoreError::from(EngineError { what: format!("convert the store to {to}"), why: why.to_owned() });
    if !old.exists() {
        let why = if new.exists() { format!("it already uses {to}") } else { "there is no store".into() };
        return Err(trouble(&format!("{why} (looked in {})", directory.display())));
    }
    if former.exists() {
        return Err(trouble(&format!("{} is left over from an earlier conversion; delete it first", former.display())));
    }
    let source = files.open(to.other(), &old)?;
    let mut entries = 0;
    if new.exists() {
        // An earlier conversion was interrupted between its renames, or one store was put back by hand and the other
        // has sold since.
        if !are_equal(&*source, &*files.open(to, &new)?, &mut |compared| entries = compared)? {
            let (old, new) = (old.display(), new.display());
            return Err(trouble(&format!(
                "{old} and {new} both exist and differ; move away the one that did not sell last"
            )));
        }
    } else {
        files.create(to, |newborn| {
            entries = files.copy(&*source, newborn, &mut progress)?;
            Ok(())
        })?;
    }
    drop(source);
    files.rename(&old, &former)?;
    Ok(Converted { entries, former })
}

/// Whether two engines hold the same entries. `progress` is called with the number compared.
fn are_equal(one: &dyn Engine, other: &dyn Engine, progress: &mut dyn FnMut(u64)) -> Result<bool, StoreError> {
    let (mut after, mut compared) = (None::<Vec<u8>>, 0);
    loop {
        let from = after.as_deref().map_or(Bound::Unbounded, Bound::Excluded);
        let part = one.range(from, Bound::Unbounded, false, PART)?;
        if other.range(from, Bound::Unbounded, false, PART)? != part {
            return Ok(false);
        }
        let Some((last, _)) = part.last() else { return Ok(true) };
        after = Some(last.clone());
        compared += part.len() as u64;
        progress(compared);
    }
}
