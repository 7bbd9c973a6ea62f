//! Judges what a power failure left of a store, according to the notes.

use std::{fs::File, path::Path, sync::Arc};

use store::{Depth, EngineKind, Order, Store, StoreError, convert, restore};

use super::{
    BACKED_UP, BACKUP, BASKETS, BESIDE, Effects, LINKED, SALES, SLIPS, archive, blocking, sell, steps, text, told,
};

/// What is known of a run at a moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Known {
    /// The number of answered steps.
    pub answered: usize,
    /// The number of started steps.
    pub asked: usize,
    /// The last answered sale; 0 if none.
    pub sold: u64,
    /// The last requested sale.
    pub tried: u64,
}

/// Judges the remains of a power failure in a directory; a backup may be restored into `elsewhere`.
///
/// # Errors
/// What is wrong; lost answers are reported as `LOST`.
pub async fn judge(engine: EngineKind, disk: &Path, elsewhere: &Path, known: Known) -> Result<(), String> {
    let (all, directory) = (steps(), disk.join("data"));
    let least = Effects::of(engine, &all[..known.answered]);
    let most = Effects::of(engine, &all[..known.asked]);
    if most.is_beside {
        is_beside(disk, engine, least.is_beside, known)?;
    }
    let store = Arc::new(open(&directory, &least, &most)?);
    is_sound(&store, "it is opened")?;
    let sold = has_sales(&store, &least, &most, known)?;
    has_outbox(&store, &least, &most, sold)?;
    if least.is_backed_up {
        restore_backup(disk, elsewhere, engine)?;
        is_the_backups(elsewhere, engine, known)?;
    }
    sell(&store, sold + 1, sold + 1).await.map_err(|error| format!("it does not sell: {error}"))?;
    let whole = Arc::clone(&store);
    blocking(move || archive(&whole, sold + 1)).await.map_err(|error| format!("it does not archive: {error}"))?;
    is_sound(&store, "it went on")?;
    let known = Known { sold: sold + 1, tried: sold + 1, ..known };
    has_sales(&store, &least, &Effects { archived: store.archived_up_to(&SALES), ..most }, known).map(drop)
}

fn restore_backup(disk: &Path, to: &Path, engine: EngineKind) -> Result<(), String> {
    let backup = File::open(disk.join(BACKUP));
    let backup = backup.map_err(|error| format!("LOST: the backup was written, and now: {error}"))?;
    restore(to, engine, backup, 9).map(drop).map_err(|error| format!("LOST: the backup: {error}"))
}

/// A hub that starts after an interrupted restore finds the restored store, or refuses to start.
fn is_not_begun_empty(directory: &Path, engine: EngineKind) -> Result<(), String> {
    if !directory.join("restoring").exists() && !directory.join(engine.name()).exists() {
        return Ok(());
    }
    match Store::open(directory, engine, &LINKED, 8) {
        Err(StoreError::HalfRestored { .. }) => Ok(()),
        Err(error) => Err(format!("could not check an interrupted restore: {error}")),
        Ok(store) => match store.kept(&SALES, 1).map_err(told)? {
            Some(_) => Ok(()),
            None => Err("a hub created an empty store during a restore".into()),
        },
    }
}

/// The store restored from the backup exists, or can be restored now.
fn is_beside(disk: &Path, engine: EngineKind, is_answered: bool, known: Known) -> Result<(), String> {
    let directory = disk.join(BESIDE);
    is_not_begun_empty(&directory, engine)?;
    if !directory.join(engine.name()).exists() {
        if is_answered {
            return Err("LOST: the store that was restored".into());
        }
        restore_backup(disk, &directory, engine)?;
    }
    is_the_backups(&directory, engine, known)
}

/// A store restored from the backup has every sale from before it was started, archived or not.
fn is_the_backups(directory: &Path, engine: EngineKind, known: Known) -> Result<(), String> {
    let store =
        Store::open(directory, engine, &LINKED, 9).map_err(|error| format!("LOST: the restored store: {error}"))?;
    within("sales archived in the restored store", store.archived_up_to(&SALES), 10_000, 10_000)?;
    let last = store.page_kept(&SALES, None, Order::Descending, 1).map_err(told)?;
    let sold = store.outbox_span("sales").map_err(told)?.last;
    within("sales in the backup", sold, BACKED_UP, known.tried)?;
    if last != [text(sold)] {
        return Err(format!("LOST: the backup's last sale is {last:?}, its outbox says {sold}"));
    }
    is_sound(&store, "the backup is restored")
}

/// Opens the store with its engine; between two engines, converts again.
fn open(directory: &Path, least: &Effects, most: &Effects) -> Result<Store, String> {
    let opened = match Store::open(directory, most.engine, &LINKED, 8) {
        Err(StoreError::OtherEngine { .. }) if least.engine != most.engine => {
            Store::open(directory, least.engine, &LINKED, 8)
        }
        Err(StoreError::TwoStores { .. }) if least.engine != most.engine => {
            convert(directory, most.engine, |_| ())
                .map_err(|error| format!("could not complete an interrupted conversion: {error}"))?;
            Store::open(directory, most.engine, &LINKED, 8)
        }
        opened => opened,
    };
    opened.map_err(|error| format!("LOST: the store can't be opened: {error}"))
}

fn is_sound(store: &Store, when: &str) -> Result<(), String> {
    let checked = store.check(Depth::Whole).map_err(told)?;
    if checked.faults.is_empty() { Ok(()) } else { Err(format!("when {when}: {}", checked.faults.join("; "))) }
}

/// Checks that every sale is complete; returns the last one.
fn has_sales(store: &Store, least: &Effects, most: &Effects, known: Known) -> Result<u64, String> {
    let given_up = store.given_up_to(&SALES).map_err(told)?;
    within("sales given up", given_up, least.given_up, most.given_up)?;
    within("sales archived", store.archived_up_to(&SALES), least.archived, most.archived)?;
    let sales = store.page_kept(&SALES, None, Order::Ascending, usize::MAX).map_err(told)?;
    if let Some((number, sale)) = (given_up + 1..).zip(&sales).find(|(number, sale)| **sale != text(*number)) {
        return Err(format!("LOST: where sale {number} should be, there is {sale}"));
    }
    let sold = given_up + sales.len() as u64;
    within("the last sale", sold, known.sold, known.tried)?;
    // Only some, because each may cost a block of the archive. The check has read all of them.
    let step = usize::try_from(sold / 40).map_err(told)?.max(1);
    let slips = (given_up + 1..=sold).rev().step_by(step);
    for number in slips {
        let slip = store.kept_with(&SALES, number, &SLIPS, &text(number)).map_err(told)?;
        if slip != Some(format!("slip of {number}")) {
            return Err(format!("LOST: the slip of sale {number} is {slip:?}"));
        }
    }
    let baskets = store.page(&BASKETS, None, Order::Ascending, usize::MAX).map_err(told)?;
    let first = baskets.first().copied().unwrap_or(sold + 1);
    within("baskets forgotten", first - 1, least.forgotten, most.forgotten)?;
    if baskets != (first..=sold).collect::<Vec<_>>() {
        return Err(format!("LOST: of the baskets from {first} to {sold} there are {}", baskets.len()));
    }
    Ok(sold)
}

/// Checks that HQ can receive everything.
fn has_outbox(store: &Store, least: &Effects, most: &Effects, sold: u64) -> Result<(), String> {
    let sales = store.outbox_span("sales").map_err(told)?;
    if (sales.first_kept, sales.last) != (1, sold) {
        return Err(format!("LOST: the outbox of {sold} sales is {sales:?}"));
    }
    let entries = store.outbox("sales", 1, usize::MAX).map_err(told)?;
    let is_its = |(number, subject): (u64, &str)| subject == number.to_string();
    if !(1..).zip(&entries).all(|(number, entry)| is_its((number, &entry.subject))) {
        return Err("an entry of the outbox is another's".into());
    }
    let stock = store.outbox_span("stock").map_err(told)?;
    within("events", stock.last, least.events, most.events)?;
    within("events acknowledged", stock.acknowledged, least.acknowledged, most.acknowledged)?;
    let first = |effects: &Effects| effects.acknowledged.saturating_sub(store::outbox::KEPT) + 1;
    within("the first event kept", stock.first_kept, first(least), first(most))
}

fn within(what: &str, found: u64, least: u64, most: u64) -> Result<(), String> {
    match found {
        _ if found < least => Err(format!("LOST: {what}: {found}, but {least} was answered")),
        _ if found > most => Err(format!("{what}: {found}, but only {most} was requested")),
        _ => Ok(()),
    }
}
