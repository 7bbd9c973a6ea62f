//! Where a store lies: a folder for each engine in the data directory, of which one is in use.
//!
//! A store comes into being in `NAME.new`, is synced whole, and gets its name by one `rename`: a cut in the middle
//! leaves no store or a whole one. So does a conversion, and the former store stays beside the new one as
//! `NAME.converted`:
//!
//! | cut, while converting | what is found | what happens |
//! | --- | --- | --- |
//! | before the first rename | the old store, `NEW.new` | the hub runs on as before; converting begins anew |
//! | between the renames | both stores, equal | the hub refuses to choose; converting again compares them, and ends it |
//! | after the second | the new store, `OLD.converted` | done |
//!
//! Two stores that differ are nobody's to choose between but a person's: one was put back by hand, and either may have
//! sold since.
//!
//! An engine may not give back the space of what was deleted (sled does not). So a store can be rewritten into a fresh
//! one of the same engine, at a start that was asked for it ([`ask_for_rewriting`]). The old one is moved aside before
//! it is opened, because sled may write into its folder after it was closed:
//!
//! | cut, while rewriting | what is found | what happens |
//! | --- | --- | --- |
//! | before the new store has its name | `NAME.former` alone | it gets its name back, and is rewritten anew |
//! | after that | both | the former is removed |
//!
//! Whatever makes a store and fails takes away what it made, and a copy stops before it takes the room that the store
//! beside it needs.

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
    sqlite_engine::SqliteEngine,
};

/// Entries copied and compared at a time.
const PART: usize = 1_000;

/// Opens an engine's folder, or makes it.
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

/// Whether a directory holds a store, by any engine.
pub(crate) fn is_taken(directory: &Path) -> bool {
    let home = Home { directory };
    EngineKind::ALL.into_iter().any(|kind| home.of(kind).exists() || home.former(kind).exists())
}

/// The file that asks for a rewriting.
const REWRITE: &str = "rewrite";

/// The file that is there from before anything is restored until the store has its name: without a store, a hub must
/// not begin a new one.
pub(crate) const RESTORING: &str = "restoring";

/// Has the store of a directory rewritten at its next opening.
///
/// # Errors
/// The disk fails.
pub fn ask_for_rewriting(directory: &Path) -> Result<(), StoreError> {
    File::create(directory.join(REWRITE)).map(drop).map_err(failed("ask for a rewriting in", directory))
}

/// Makes a store in a directory that has none.
pub(crate) fn create(
    directory: &Path,
    kind: EngineKind,
    fill: impl FnOnce(&dyn Engine) -> Result<(), StoreError>,
) -> Result<(), StoreError> {
    Home { directory }.create(kind, fill)
}

/// The data directory of a hub, as far as the store is concerned.
struct Home<'d> {
    directory: &'d Path,
}

impl Home<'_> {
    fn of(&self, kind: EngineKind) -> PathBuf {
        self.directory.join(kind.name())
    }

    fn unfinished(&self, kind: EngineKind) -> PathBuf {
        self.directory.join(format!("{kind}.new"))
    }

    /// Where a store lies while it is rewritten.
    fn former(&self, kind: EngineKind) -> PathBuf {
        self.directory.join(format!("{kind}.former"))
    }

    /// Ends a rewriting that was cut short.
    fn settle(&self, kind: EngineKind) -> Result<(), StoreError> {
        let (home, former) = (self.of(kind), self.former(kind));
        match (home.exists(), former.exists()) {
            (true, true) => fs::remove_dir_all(&former).map_err(failed("remove the former store", &former)),
            (false, true) => self.rename(&former, &home),
            _ => Ok(()),
        }
    }

    /// Rewrites the store into a fresh one. If that fails, the store is as it was.
    fn rewrite(&self, kind: EngineKind) -> Result<(), StoreError> {
        let (home, former) = (self.of(kind), self.former(kind));
        self.rename(&home, &former)?;
        let written = open_engine(kind, &former).map_err(StoreError::from).and_then(|source| {
            // Before minutes are spent: who asked for it found that less than a quarter of the files is in use.
            room::is_to_spare(self.directory, source.size_on_disk()? / 4)?;
            let mut entries = 0;
            self.create(kind, |newborn| {
                entries = self.copy(&*source, newborn, &mut |_| ())?;
                Ok(())
            })?;
            Ok(entries)
        });
        match written {
            Ok(entries) => tracing::info!(%kind, entries, "the store was rewritten, to have its space back"),
            Err(error) => {
                tracing::warn!(%error, "the store could not be rewritten; it is as it was");
                return self.rename(&former, &home);
            }
        }
        fs::remove_dir_all(&former).map_err(failed("remove the former store", &former))
    }

    /// Makes a store under its unfinished name, whole and durable, and gives it its own.
    fn create(
        &self,
        kind: EngineKind,
        fill: impl FnOnce(&dyn Engine) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        let (home, unfinished) = (self.of(kind), self.unfinished(kind));
        let failed = failed("create the store in", &home);
        make_directory(self.directory).map_err(&failed)?;
        if unfinished.exists() {
            fs::remove_dir_all(&unfinished).map_err(&failed)?;
        }
        // What is left of a failure would take the room of the store beside it.
        fill_and_sync(kind, &unfinished, fill).inspect_err(|_| drop(fs::remove_dir_all(&unfinished)))?;
        self.rename(&unfinished, &home)
    }

    /// Copies every entry of an engine into another, then compares them; gives how many. `progress` hears of entries
    /// done, first those copied, then those compared.
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
            let why = "what was copied differs; the old store is untouched".to_owned();
            return Err(EngineError { what: "copy the store".into(), why }.into());
        }
        Ok(entries)
    }

    fn rename(&self, from: &Path, to: &Path) -> Result<(), StoreError> {
        let renamed = fs::rename(from, to).and_then(|()| sync_directory(self.directory));
        renamed.map_err(failed("put in its place the store", to))
    }
}

fn fill_and_sync(
    kind: EngineKind,
    path: &Path,
    fill: impl FnOnce(&dyn Engine) -> Result<(), StoreError>,
) -> Result<(), StoreError> {
    let failed = failed("create the store in", path);
    let newborn = open_engine(kind, path)?;
    fill(&*newborn)?;
    newborn.flush()?;
    drop(newborn);
    for entry in fs::read_dir(path).map_err(&failed)? {
        let path = entry.map_err(&failed)?.path();
        File::open(path).and_then(|file| file.sync_all()).map_err(&failed)?;
    }
    sync_directory(path).map_err(&failed)
}

/// Opens the store in a directory, or creates it with the given entries in it.
pub(crate) fn open_or_create(
    directory: &Path,
    kind: EngineKind,
    birth: &[Entry],
) -> Result<Arc<dyn Engine>, StoreError> {
    let home = Home { directory };
    EngineKind::ALL.into_iter().try_for_each(|kind| home.settle(kind))?;
    match (home.of(kind).exists(), home.of(kind.other()).exists()) {
        (true, false) if directory.join(REWRITE).exists() => {
            // Once: if it can't be done now, whoever asked may ask again.
            let asked = directory.join(REWRITE);
            fs::remove_file(&asked).map_err(failed("remove", &asked))?;
            home.rewrite(kind)?;
        }
        (true, false) => {}
        (true, true) => return Err(StoreError::TwoStores { directory: directory.display().to_string() }),
        (false, true) => return Err(StoreError::OtherEngine { wanted: kind, found: kind.other() }),
        (false, false) if directory.join(RESTORING).exists() => {
            return Err(StoreError::HalfRestored { directory: directory.display().to_string() });
        }
        // A store that was moved away without its archive: a new one must not take it for its own.
        (false, false) if archive::is_in(directory) => {
            return Err(StoreError::ArchiveAlone { directory: directory.display().to_string() });
        }
        (false, false) => home.create(kind, |newborn| {
            Ok(newborn.apply(birth.iter().map(|(key, value)| (key.clone(), Some(value.clone()))).collect())?)
        })?,
    }
    end_restoring(directory)?;
    forget_cached(&home.of(kind));
    Ok(open_engine(kind, &home.of(kind))?)
}

/// A store has its name, so its restoring is through.
pub(crate) fn end_restoring(directory: &Path) -> Result<(), StoreError> {
    let restoring = directory.join(RESTORING);
    if !restoring.exists() {
        return Ok(());
    }
    files::remove(&restoring).map_err(failed("remove", &restoring))
}

/// Has the system read the files from the disk, not from memory: after a flush that failed, memory holds what the disk
/// never got.
fn forget_cached(home: &Path) {
    let files = fs::read_dir(home).into_iter().flatten().flatten().filter_map(|entry| File::open(entry.path()).ok());
    for file in files {
        let _ = rustix::fs::fadvise(&file, 0, None, rustix::fs::Advice::DontNeed);
    }
}

/// What a conversion did.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Converted {
    /// Entries copied, and compared byte by byte after it.
    pub entries: u64,
    /// Where the former store stays.
    pub former: PathBuf,
}

/// Moves the store in a directory over to another engine, compares every entry, and only then switches. `progress`
/// hears of entries done, first those copied, then those compared.
///
/// # Errors
/// There is no store, it is in use, the disk fails, or what was copied differs; the old store is as it was then.
pub fn convert(directory: &Path, to: EngineKind, mut progress: impl FnMut(u64)) -> Result<Converted, StoreError> {
    let home = Home { directory };
    EngineKind::ALL.into_iter().try_for_each(|kind| home.settle(kind))?;
    let (old, new) = (home.of(to.other()), home.of(to));
    let former = directory.join(format!("{}.converted", to.other()));
    let trouble =
        |why: &str| StoreError::from(EngineError { what: format!("convert the store to {to}"), why: why.to_owned() });
    if !old.exists() {
        let why = if new.exists() { format!("it is kept by {to} already") } else { "there is no store".into() };
        return Err(trouble(&format!("{why} (looked in {})", directory.display())));
    }
    if former.exists() {
        return Err(trouble(&format!("{} is left from an earlier conversion; delete it first", former.display())));
    }
    let source = open_engine(to.other(), &old)?;
    let mut entries = 0;
    if new.exists() {
        // An earlier conversion was cut between its renames; or one of them was put back by hand, and the other has
        // sold since.
        if !are_equal(&*source, &*open_engine(to, &new)?, &mut |compared| entries = compared)? {
            let (old, new) = (old.display(), new.display());
            return Err(trouble(&format!(
                "{old} and {new} are both there and differ; move away the one that did not sell last"
            )));
        }
    } else {
        home.create(to, |newborn| {
            entries = home.copy(&*source, newborn, &mut progress)?;
            Ok(())
        })?;
    }
    drop(source);
    home.rename(&old, &former)?;
    Ok(Converted { entries, former })
}

/// Whether two engines hold the same entries. `progress` hears of those compared.
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
