//! A store's life without a hub around it, for the power cut: everything that a store does in years, in a few seconds.
//!
//! [`live`] runs the [`script`] on the crate `store` alone, in a process of its own (`store-life live`), traced. It notes each step before it is begun and after it was
//! answered, and each commit of sales that goes on beside the steps. [`judge`] (`store-life judge`) opens what a power cut left, and knows of the notes alone what must be there.
//!
//! | done, and cut anywhere | must be there once it was answered |
//! | --- | --- |
//! | a backup of format 2 is restored, and raised to the format of today | its sales, links of the chain |
//! | sales, with a slip, a basket and an entry of the outbox each | all four, or none of them if it was not answered |
//! | a segment is archived while sales go on | every sale and slip, read through; once |
//! | old baskets are forgotten while sales go on | those that were to be forgotten are not, all others are |
//! | a backup is taken while sales go on | a store can be made of it |
//! | converted to the other engine, and back; rewritten | everything, by the engine that was answered; in between, by converting again |
//! | a segment is given up | its sales are gone, the chain begins after them |
//! | HQ acknowledges, and the outbox is trimmed | the cursor; entries without a gap |
//!
//! And whatever was left: the check finds nothing, the store sells and archives on, and the check finds nothing then.

use std::{
    fmt::Display,
    fs::{self, File},
    future::Future,
    path::{Path, PathBuf},
    sync::Arc,
};

use fastrand::Rng;
use store::{Depth, EngineKind, Name, Number, Order, Store, StoreError, Table, ask_for_rewriting, convert, restore};

use crate::{power::Notes, root};

static SALES: Table<Number, String> = Table::new("sale");
static SLIPS: Table<Name, String> = Table::new("slip");
static BASKETS: Table<Number, u64> = Table::new("basket");

/// Sales in the backup of format 2.
const RESTORED: u64 = 1_700;

/// Sales in one commit, where they are many.
const MANY: u64 = 500;

/// Where the life's backup is written.
const BACKUP: &str = "store.backup";

/// The note of a commit of sales: this, and the last of them.
pub const SALE: usize = 1 << 32;

/// The note that a phase begins: this, and its place in the script.
pub const PHASE: usize = 1 << 33;

/// Something that is done to a store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    /// The store is made of the backup.
    Restore,
    /// It is opened, by the engine that keeps it.
    Open,
    /// So many small commits of sales.
    Sell(u64),
    /// Large ones, until there are so many sales.
    Fill(u64),
    /// So many sales are archived in the end.
    Archive(u64),
    /// Baskets up to this one are forgotten.
    Forget(u64),
    BackUp,
    /// The store is closed, and moved to the other engine.
    Convert,
    /// The former store is removed.
    RemoveFormer,
    /// The store is closed, to be rewritten at its next opening.
    Rewrite,
    /// So many sales are given up in the end.
    GiveUp(u64),
    /// Another stream gets entries, until there are so many.
    Events(u64),
    /// HQ has so many of them, and every sale but the last few.
    Acknowledge(u64),
}

/// A part of the life that has a name and a share of the cuts; without a name it has none.
type Phase = (&'static str, Vec<Step>);

fn script() -> Vec<Phase> {
    use Step::{
        Acknowledge, Archive, BackUp, Convert, Events, Fill, Forget, GiveUp, Open, RemoveFormer, Restore, Rewrite, Sell,
    };
    // What is large comes last: a state is opened and walked whole each time.
    vec![
        ("restoring", vec![Restore]),
        ("raising", vec![Open]),
        ("selling", vec![Sell(80)]),
        ("", vec![Fill(10_400)]),
        ("archiving", vec![Archive(10_000)]),
        ("forgetting", vec![Forget(6_000)]),
        ("backing up", vec![BackUp]),
        ("converting", vec![Convert, Open, Sell(5), RemoveFormer, Convert, Open, Sell(5)]),
        ("rewriting", vec![Rewrite, Open, Sell(5)]),
        ("", vec![Fill(20_400), Archive(20_000)]),
        ("giving up", vec![GiveUp(10_000)]),
        ("", (1..=20).map(|part| Events(part * 5_060)).collect()),
        ("acknowledging", vec![Acknowledge(100_300), Acknowledge(100_700), Acknowledge(101_100)]),
    ]
}

/// The phases that are cut: their places in the script, and their names.
pub fn phases() -> Vec<(usize, &'static str)> {
    let names = script().into_iter().map(|(name, _)| name).enumerate();
    names.filter(|(_, name)| !name.is_empty()).collect()
}

fn steps() -> Vec<Step> {
    script().into_iter().flat_map(|(_, steps)| steps).collect()
}

/// What a part of the life has done.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Effects {
    is_restored: bool,
    engine: EngineKind,
    archived: u64,
    forgotten: u64,
    is_backed_up: bool,
    given_up: u64,
    events: u64,
    acknowledged: u64,
}

impl Effects {
    fn of(engine: EngineKind, steps: &[Step]) -> Self {
        let mut effects = Self {
            is_restored: false,
            engine,
            archived: 0,
            forgotten: 0,
            is_backed_up: false,
            given_up: 0,
            events: 0,
            acknowledged: 0,
        };
        for step in steps {
            match *step {
                Step::Restore => effects.is_restored = true,
                Step::Open | Step::Sell(_) | Step::Fill(_) | Step::RemoveFormer | Step::Rewrite => {}
                Step::Archive(up_to) => effects.archived = up_to,
                Step::Forget(up_to) => effects.forgotten = up_to,
                Step::BackUp => effects.is_backed_up = true,
                Step::Convert => effects.engine = other(effects.engine),
                Step::GiveUp(up_to) => effects.given_up = up_to,
                Step::Events(up_to) => effects.events = up_to,
                Step::Acknowledge(up_to) => effects.acknowledged = up_to,
            }
        }
        effects
    }
}

fn other(engine: EngineKind) -> EngineKind {
    match engine {
        EngineKind::Sled => EngineKind::Sqlite,
        EngineKind::Sqlite => EngineKind::Sled,
    }
}

fn text(number: u64) -> String {
    format!("sale {number}")
}

fn told(error: impl Display) -> String {
    error.to_string()
}

/// A backup of format 2, as a hub takes it before it raises a store: sales and nothing else. It was made once, by the migration itself, and never changes.
fn old_backup() -> Result<File, String> {
    let path = root().join("tests/data/format-2.backup");
    File::open(&path).map_err(|error| format!("{}: {error}", path.display()))
}

/// Sells: each sale in all its parts.
async fn sell(store: &Store, first: u64, last: u64) -> Result<(), StoreError> {
    let write = store.commit(move |transaction| {
        (first..=last).try_for_each(|number| {
            transaction.put_linked(&SALES, number, &text(number))?;
            transaction.put(&SLIPS, &text(number), &format!("slip of {number}"))?;
            transaction.put(&BASKETS, number, &number)?;
            transaction.append_to_outbox("sales", "sale.completed", 0, &number.to_string()).map(drop)
        })
    });
    write.await
}

async fn archive(store: &Arc<Store>, up_to: u64) -> Result<u64, StoreError> {
    store.archive(&SALES, up_to, |sale| vec![SLIPS.entry(sale)]).await
}

/// A life under way.
struct Life {
    directory: PathBuf,
    engine: EngineKind,
    store: Option<Arc<Store>>,
    sold: u64,
    dice: Rng,
    notes: Notes,
}

/// Lives it, in a directory that is empty; the process must be traced.
///
/// # Errors
/// The step that failed.
pub async fn live(engine: EngineKind, directory: &Path, seed: u64) -> Result<(), String> {
    let notes = Notes::of_this_process()?;
    let dice = Rng::with_seed(seed);
    let mut life = Life { directory: directory.join("data"), engine, store: None, sold: RESTORED, dice, notes };
    let mut number = 0;
    for (place, (_, steps)) in script().into_iter().enumerate() {
        life.notes.asked(PHASE + place);
        for step in steps {
            life.notes.asked(number);
            life.step(step).await.map_err(|why| format!("{step:?}: {why}"))?;
            life.notes.answered(number);
            number += 1;
        }
    }
    Ok(())
}

impl Life {
    fn store(&self) -> Result<Arc<Store>, String> {
        self.store.clone().ok_or_else(|| "the store is closed".into())
    }

    async fn step(&mut self, step: Step) -> Result<(), String> {
        match step {
            Step::Restore => restore(&self.directory, self.engine, old_backup()?, 7).map(drop).map_err(told),
            Step::Open => {
                self.store = Some(Arc::new(Store::open(&self.directory, self.engine, 7).map_err(told)?));
                Ok(())
            }
            Step::Sell(commits) => {
                for _ in 0..commits {
                    self.sell_some().await?;
                }
                Ok(())
            }
            Step::Fill(enough) => {
                while self.sold < enough {
                    self.sell(MANY.min(enough - self.sold)).await?;
                }
                Ok(())
            }
            Step::Archive(up_to) => {
                let store = self.store()?;
                self.while_selling(async move { archive(&store, up_to).await }).await.map(drop)
            }
            Step::Forget(up_to) => {
                let store = self.store()?;
                let forgotten = async move { store.forget(&BASKETS, move |basket| *basket <= up_to).await };
                self.while_selling(forgotten).await.map(drop)
            }
            Step::BackUp => {
                let (store, path) = (self.store()?, self.directory.with_file_name(BACKUP));
                let written = async move { tokio::task::spawn_blocking(move || back_up(&store, &path)).await };
                self.while_selling(written).await?
            }
            Step::Convert => {
                self.store = None;
                self.engine = other(self.engine);
                convert(&self.directory, self.engine, |_| ()).map(drop).map_err(told)
            }
            Step::RemoveFormer => {
                let former = self.directory.join(format!("{}.converted", other(self.engine)));
                fs::remove_dir_all(former).map_err(told)
            }
            Step::Rewrite => {
                ask_for_rewriting(&self.directory).map_err(told)?;
                self.store = None;
                Ok(())
            }
            Step::GiveUp(up_to) => {
                let store = self.store()?;
                let is_last = text(up_to);
                let given_up = async move { store.give_up(&SALES, |sale| *sale == is_last).await };
                self.while_selling(given_up).await.map(drop)
            }
            Step::Events(up_to) => {
                let write = self.store()?;
                let write = write.commit(move |transaction| {
                    while transaction.next_in_outbox("stock")? <= up_to {
                        transaction.append_to_outbox("stock", "stock.moved", 0, "1")?;
                    }
                    Ok::<_, StoreError>(())
                });
                write.await.map_err(told)
            }
            Step::Acknowledge(up_to) => {
                let (store, sales) = (self.store()?, self.sold - RESTORED - 5);
                let acknowledged = async move {
                    store.acknowledge_outbox("sales", sales).await?;
                    store.acknowledge_outbox("stock", up_to).await
                };
                self.while_selling(acknowledged).await
            }
        }
    }

    async fn sell(&mut self, sales: u64) -> Result<(), String> {
        let store = self.store()?;
        let last = self.sold + sales;
        let note = SALE + usize::try_from(last).map_err(told)?;
        self.notes.asked(note);
        sell(&store, self.sold + 1, last).await.map_err(told)?;
        self.notes.answered(note);
        self.sold = last;
        Ok(())
    }

    async fn sell_some(&mut self) -> Result<(), String> {
        let sales = self.dice.u64(1..=4);
        self.sell(sales).await
    }

    /// Does something while sales go on.
    async fn while_selling<T, E>(
        &mut self,
        work: impl Future<Output = Result<T, E>> + Send + 'static,
    ) -> Result<T, String>
    where
        T: Send + 'static,
        E: Display + Send + 'static,
    {
        let work = tokio::spawn(work);
        while !work.is_finished() {
            self.sell_some().await?;
        }
        work.await.map_err(told)?.map_err(told)
    }
}

/// As `store-hub store backup` does it.
fn back_up(store: &Store, path: &Path) -> Result<(), String> {
    let mut file = File::create(path).map_err(told)?;
    store.backup(&mut file).map_err(told)?;
    file.sync_all().map_err(told)?;
    let above = path.parent().ok_or("a backup has a place")?;
    File::open(above).and_then(|above| above.sync_all()).map_err(told)
}

/// What is known of a life at a moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Known {
    /// Steps that were answered.
    pub answered: usize,
    /// Steps that were begun.
    pub asked: usize,
    /// The last sale that was answered; 0 for none.
    pub sold: u64,
    /// The last sale that was asked for.
    pub tried: u64,
}

/// Judges what a power cut left in a directory; `elsewhere` is where a backup may be restored.
///
/// # Errors
/// What is wrong; what was answered and is not there is `LOST`.
pub async fn judge(engine: EngineKind, disk: &Path, elsewhere: &Path, known: Known) -> Result<(), String> {
    let (all, directory) = (steps(), disk.join("data"));
    let least = Effects::of(engine, &all[..known.answered]);
    let most = Effects::of(engine, &all[..known.asked]);
    if !least.is_restored {
        // A store of it may be there already; then it can't be made again.
        drop(restore(&directory, engine, old_backup()?, 8));
    }
    let store = Arc::new(open(&directory, &least, &most)?);
    is_sound(&store, "it is opened")?;
    let sold = has_sales(&store, &least, &most, known)?;
    has_outbox(&store, &least, &most, sold)?;
    if least.is_backed_up {
        let backup = File::open(disk.join(BACKUP));
        let backup = backup.map_err(|error| format!("LOST: the backup was written, and now: {error}"))?;
        let made = restore(elsewhere, engine, backup, 9).map_err(|error| format!("LOST: the backup: {error}"));
        made?;
        is_sound(&Store::open(elsewhere, engine, 9).map_err(told)?, "the backup is restored")?;
    }
    sell(&store, sold + 1, sold + 1).await.map_err(|error| format!("it does not sell: {error}"))?;
    archive(&store, sold + 1).await.map_err(|error| format!("it does not archive: {error}"))?;
    is_sound(&store, "it went on")?;
    let known = Known { sold: sold + 1, tried: sold + 1, ..known };
    has_sales(&store, &least, &Effects { archived: store.archived_up_to(&SALES), ..most }, known).map(drop)
}

/// Opens it by the engine that keeps it; between two, converting again ends it.
fn open(directory: &Path, least: &Effects, most: &Effects) -> Result<Store, String> {
    let opened = match Store::open(directory, most.engine, 8) {
        Err(StoreError::OtherEngine { .. }) if least.engine != most.engine => Store::open(directory, least.engine, 8),
        Err(StoreError::TwoStores { .. }) if least.engine != most.engine => {
            convert(directory, most.engine, |_| ())
                .map_err(|error| format!("a conversion that was cut can't be ended: {error}"))?;
            Store::open(directory, most.engine, 8)
        }
        opened => opened,
    };
    opened.map_err(|error| format!("LOST: the store can't be opened: {error}"))
}

fn is_sound(store: &Store, when: &str) -> Result<(), String> {
    let checked = store.check(Depth::Whole).map_err(told)?;
    if checked.faults.is_empty() { Ok(()) } else { Err(format!("when {when}: {}", checked.faults.join("; "))) }
}

/// Whether every sale is there that must be, in all its parts; gives the last.
fn has_sales(store: &Store, least: &Effects, most: &Effects, known: Known) -> Result<u64, String> {
    let given_up = store.given_up_to(&SALES).map_err(told)?;
    within("sales given up", given_up, least.given_up, most.given_up)?;
    within("sales archived", store.archived_up_to(&SALES), least.archived, most.archived)?;
    let sales = store.page_kept(&SALES, None, Order::Ascending, usize::MAX).map_err(told)?;
    if let Some((number, sale)) = (given_up + 1..).zip(&sales).find(|(number, sale)| **sale != text(*number)) {
        return Err(format!("LOST: where sale {number} should be, there is {sale}"));
    }
    let sold = given_up + sales.len() as u64;
    within("the last sale", sold, known.sold.max(RESTORED), known.tried.max(RESTORED))?;
    // Not all: each may cost a block of the archive. The check has looked at every one.
    let step = usize::try_from(sold / 40).map_err(told)?.max(1);
    let slips = (given_up.max(RESTORED) + 1..=sold).rev().step_by(step);
    for number in slips {
        let slip = store.kept_with(&SALES, number, &SLIPS, &text(number)).map_err(told)?;
        if slip != Some(format!("slip of {number}")) {
            return Err(format!("LOST: the slip of sale {number} is {slip:?}"));
        }
    }
    let baskets = store.page(&BASKETS, None, Order::Ascending, usize::MAX).map_err(told)?;
    let first = baskets.first().copied().unwrap_or(sold + 1);
    let forgotten = |effects: &Effects| effects.forgotten.max(RESTORED);
    within("baskets forgotten", first - 1, forgotten(least), forgotten(most))?;
    if baskets != (first..=sold).collect::<Vec<_>>() {
        return Err(format!("LOST: of the baskets from {first} to {sold} there are {}", baskets.len()));
    }
    Ok(sold)
}

/// Whether HQ can hear of everything.
fn has_outbox(store: &Store, least: &Effects, most: &Effects, sold: u64) -> Result<(), String> {
    let sales = store.outbox_span("sales").map_err(told)?;
    if (sales.first_kept, sales.last) != (1, sold - RESTORED) {
        return Err(format!("LOST: the outbox of {sold} sales is {sales:?}"));
    }
    let entries = store.outbox("sales", 1, usize::MAX).map_err(told)?;
    let is_its = |(number, subject): (u64, &str)| subject == (RESTORED + number).to_string();
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
        _ if found < least => Err(format!("LOST: {what}: {found}, and {least} was answered")),
        _ if found > most => Err(format!("{what}: {found}, and nobody asked for more than {most}")),
        _ => Ok(()),
    }
}
