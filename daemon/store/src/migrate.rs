//! Raising a store that an older hub wrote to the format of this one.
//!
//! - First a backup is taken, read whole again, and kept as `backups/before-format-N-….backup`: the way back.
//! - Then the steps, in order. A step may be cut anywhere and is begun again at the next start: it finds what it has done already. When it is
//!   through, one batch writes its number. So each step is done once.
//! - A store of a newer format is refused before anything is touched.
//!
//! | format | what is new | the step |
//! | --- | --- | --- |
//! | 1 | JSON | |
//! | 2 | every record has a checksum | none: records without are still read |
//! | 3 | sales are links of a chain | links the sales that are there |
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
    ops::Bound,
    path::Path,
};

use crate::{
    FORMAT, META, backup,
    chain::{HEAD, HEADS, Head},
    engine::{Engine, EngineError},
    error::StoreError,
    home::{each_entry_of, make_directory},
    meta,
    room::Sparing,
    table::{Name, Table, Value},
};

type Step = fn(&dyn Engine) -> Result<(), StoreError>;

/// The steps that change records, by the format they lead to.
const STEPS: [(u64, Step); 1] = [(3, link_sales)];

/// Raises a store, if it must be. `directory` is where its backup goes; without one (in tests) none is taken.
pub(crate) fn raise(engine: &dyn Engine, directory: Option<&Path>) -> Result<(), StoreError> {
    let format = META.read(engine, "format")?.ok_or_else(|| StoreError::Corrupt {
        table: META.name(),
        key: "format".into(),
        why: "it is missing".into(),
    })?;
    let known = u64::from(FORMAT);
    if format > known {
        return Err(StoreError::TooNew { found: format, known: FORMAT });
    }
    if format == known {
        // Only a name: no reason not to sell.
        let named = directory.map(|directory| name_backup(engine, &directory.join("backups")));
        if let Some(Err(error)) = named {
            tracing::warn!(%error, "the backup from before the last upgrade keeps its first name");
        }
        return Ok(());
    }
    tracing::info!(from = format, to = known, "raising the store's format; a backup is taken first");
    if let Some(directory) = directory {
        keep_backup(engine, &directory.join("backups"))?;
    }
    for (to, step) in STEPS.into_iter().filter(|(to, _)| *to > format) {
        step(engine)?;
        write_format(engine, to)?;
    }
    write_format(engine, known)?;
    if let Some(directory) = directory {
        name_backup(engine, &directory.join("backups"))?;
    }
    tracing::info!(from = format, to = known, "the store's format was raised; older hubs refuse it now");
    Ok(())
}

/// Gives the backup a name of its own once the steps are through, so that another upgrade after a way back takes another.
fn name_backup(engine: &dyn Engine, backups: &Path) -> Result<(), StoreError> {
    let unfinished = backups.join(unfinished_backup());
    if !unfinished.exists() {
        return Ok(());
    }
    let epoch = META.read(engine, "epoch")?.unwrap_or_default();
    let links = HEADS.read(engine, HEAD)?.unwrap_or_default().number;
    let kept = backups.join(format!("before-format-{FORMAT}-{epoch}-{links}.backup"));
    let named = fs::rename(unfinished, &kept).and_then(|()| File::open(backups)?.sync_all());
    named.map_err(|error| EngineError { what: format!("name {}", kept.display()), why: error.to_string() }.into())
}

/// What the backup is called while steps are under way.
fn unfinished_backup() -> String {
    format!("before-format-{FORMAT}.backup")
}

fn write_format(engine: &dyn Engine, format: u64) -> Result<(), StoreError> {
    let (key, value) = meta("format", format)?;
    engine.apply(vec![(key, Some(value))])?;
    Ok(engine.flush()?)
}

/// Takes the backup, unless it is there from an earlier try: then it is from before the first step, as it should be.
fn keep_backup(engine: &dyn Engine, backups: &Path) -> Result<(), StoreError> {
    let path = backups.join(unfinished_backup());
    if path.exists() {
        return Ok(());
    }
    let failed = |error: io::Error| {
        let bytes = engine.size_on_disk().unwrap_or_default();
        let why = format!("{error}; the store has {} MB, and a backup of it must fit beside it", bytes / 1_000_000);
        StoreError::from(EngineError { what: format!("write {}", path.display()), why })
    };
    make_directory(backups).map_err(failed)?;
    let unfinished = path.with_extension("new");
    let written = || -> Result<(), StoreError> {
        let file = File::create(&unfinished).map_err(failed)?;
        let sparing = Sparing::new(&file, backups, backups).map_err(failed)?;
        backup::write_quiet(engine, sparing).map_err(|error| failed(io::Error::other(error.to_string())))?;
        file.sync_all().map_err(failed)?;
        backup::verify(File::open(&unfinished).map_err(failed)?)?;
        fs::rename(&unfinished, &path).and_then(|()| File::open(backups)?.sync_all()).map_err(failed)
    };
    written().inspect_err(|_| drop(fs::remove_file(&unfinished)))
}

/// The table of sales, as bytes: a migration does not know today's types.
static SALES: Table<Name, serde_json::Value> = Table::new("sale");

/// Sales linked with one batch.
const PART: usize = 500;

/// Makes every sale a link of the chain, oldest first. A sale that can't be read stays as it is, for the check to find.
fn link_sales(engine: &dyn Engine) -> Result<(), StoreError> {
    let mut head = HEADS.read(engine, HEAD)?.unwrap_or_default();
    let (first, end) = SALES.span();
    each_entry_of(engine, Bound::Included(&first), Bound::Excluded(&end), PART, |part| {
        let mut batch = Vec::new();
        for (key, value) in part {
            match Value::of(key, value) {
                Ok(Value { link: None, json }) => {
                    let link = Some(head.append(key, json));
                    batch.push((key.clone(), Some(Value { link, json }.encode(key))));
                }
                Ok(Value { link: Some(_), .. }) => {}
                Err(why) => tracing::error!(key = %key.escape_ascii(), %why, "a sale could not be linked"),
            }
        }
        if batch.is_empty() {
            return Ok(());
        }
        put_head(&mut batch, &head)?;
        engine.apply(batch)?;
        Ok(engine.flush()?)
    })
}

fn put_head(batch: &mut Vec<(Vec<u8>, Option<Vec<u8>>)>, head: &Head) -> Result<(), StoreError> {
    let key = HEADS.raw_key(HEAD);
    let value = HEADS.encode(&key, head, |_| None)?;
    batch.push((key, Some(value)));
    Ok(())
}
