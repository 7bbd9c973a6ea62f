//! The life of a store without a hub, for power failures: everything that a store does in years, in a few seconds.
//!
//! [`live()`] runs the [`script`] on the crate `store` alone, in a separate traced process (`store-life live`). It
//! notes each step before it starts and after it was answered, and each commit of sales made meanwhile. [`judge`]
//! (`store-life judge`) opens what a power failure left, and knows only from the notes what must be there.
//!
//! | step, interrupted anywhere | must be there once it was answered |
//! | --- | --- |
//! | the store is created | a store that sells |
//! | sales, with a slip, a basket and an entry of the outbox each | all four; or all or none, if it was not answered |
//! | a segment is archived while sales continue | every sale and slip, readable once |
//! | old baskets are deleted while sales continue | the expired ones are gone, all others are not |
//! | a backup is taken while sales continue | the backup can be restored |
//! | a backup is restored, with the archive's segment | that store, complete; before, none that starts |
//! | converted to the other engine and back; rewritten | everything, perhaps after converting again |
//! | a segment is deleted | its sales are gone, the chain begins after them |
//! | HQ acknowledges, and the outbox is trimmed | the cursor; entries without gaps |
//!
//! In every case the check finds no faults, the store sells and archives, and the check finds no faults afterwards.

mod judge;

use std::{
    fmt::Display,
    fs::{self, File},
    future::Future,
    path::{Path, PathBuf},
    sync::Arc,
};

use fastrand::Rng;
pub use judge::{Known, judge};
use store::{EngineKind, Name, Number, Store, StoreError, Table, ask_for_rewriting, convert, restore};

use crate::power::Notes;

static SALES: Table<Number, String> = Table::linked("sale");
static SLIPS: Table<Name, String> = Table::new("slip");
static BASKETS: Table<Number, u64> = Table::new("basket");

/// Tables whose records are links of the chain.
const LINKED: [&str; 1] = ["sale"];

/// Sales per commit when there are many.
const MANY: u64 = 500;

/// Sales before the backup starts, which are therefore in it.
const BACKED_UP: u64 = 10_400;

/// The file of the backup.
const BACKUP: &str = "store.backup";

/// The directory of the restored store.
const BESIDE: &str = "beside";

/// The note of a commit of sales: this plus the last sale.
pub const SALE: usize = 1 << 32;

/// The note that a phase starts: this plus its index in the script.
pub const PHASE: usize = 1 << 33;

/// A step of the script.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    /// Opens the store with its engine; creates it if there is none.
    Open,
    /// Makes this many small commits of sales.
    Sell(u64),
    /// Makes large commits until there are this many sales.
    Fill(u64),
    /// Archives up to this many sales.
    Archive(u64),
    /// Deletes baskets up to this one.
    Forget(u64),
    BackUp,
    /// Restores the backup into another directory.
    RestoreBeside,
    /// Removes the restored store.
    RemoveBeside,
    /// Closes the store and converts it to the other engine.
    Convert,
    /// Removes the old store.
    RemoveFormer,
    /// Closes the store, to be rewritten at its next opening.
    Rewrite,
    /// Deletes up to this many sales.
    GiveUp(u64),
    /// Adds entries to another stream until there are this many.
    Events(u64),
    /// HQ acknowledges this many of them, and all sales except the last few.
    Acknowledge(u64),
}

/// A phase with a name has a share of the cuts; without a name it has none.
type Phase = (&'static str, Vec<Step>);

fn script() -> Vec<Phase> {
    use Step::{
        Acknowledge, Archive, BackUp, Convert, Events, Fill, Forget, GiveUp, Open, RemoveBeside, RemoveFormer,
        RestoreBeside, Rewrite, Sell,
    };
    // Large steps come last, because each state is opened and checked completely.
    vec![
        ("creating", vec![Open]),
        ("selling", vec![Sell(80)]),
        ("", vec![Fill(BACKED_UP)]),
        ("archiving", vec![Archive(10_000)]),
        ("forgetting", vec![Forget(6_000)]),
        ("backing up", vec![BackUp]),
        ("restoring beside", vec![RestoreBeside, RemoveBeside]),
        ("converting", vec![Convert, Open, Sell(5), RemoveFormer, Convert, Open, Sell(5)]),
        ("rewriting", vec![Rewrite, Open, Sell(5)]),
        ("", vec![Fill(20_400), Archive(20_000)]),
        ("giving up", vec![GiveUp(10_000)]),
        ("", (1..=20).map(|part| Events(part * 5_060)).collect()),
        ("acknowledging", vec![Acknowledge(100_300), Acknowledge(100_700), Acknowledge(101_100)]),
    ]
}

/// The phases that are cut: their indexes in the script, and their names.
pub fn phases() -> Vec<(usize, &'static str)> {
    let names = script().into_iter().map(|(name, _)| name).enumerate();
    names.filter(|(_, name)| !name.is_empty()).collect()
}

fn steps() -> Vec<Step> {
    script().into_iter().flat_map(|(_, steps)| steps).collect()
}

/// The effects of a part of the script.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Effects {
    engine: EngineKind,
    archived: u64,
    forgotten: u64,
    is_backed_up: bool,
    is_beside: bool,
    given_up: u64,
    events: u64,
    acknowledged: u64,
}

impl Effects {
    fn of(engine: EngineKind, steps: &[Step]) -> Self {
        let mut effects = Self {
            engine,
            archived: 0,
            forgotten: 0,
            is_backed_up: false,
            is_beside: false,
            given_up: 0,
            events: 0,
            acknowledged: 0,
        };
        for step in steps {
            match *step {
                Step::Open | Step::Sell(_) | Step::Fill(_) | Step::RemoveFormer | Step::Rewrite => {}
                Step::Archive(up_to) => effects.archived = up_to,
                Step::Forget(up_to) => effects.forgotten = up_to,
                Step::BackUp => effects.is_backed_up = true,
                Step::RestoreBeside => effects.is_beside = true,
                Step::RemoveBeside => effects.is_beside = false,
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

/// Makes sales with all their parts.
async fn sell(store: &Store, first: u64, last: u64) -> Result<(), StoreError> {
    let write = store.commit(move |transaction| {
        (first..=last).try_for_each(|number| {
            transaction.put(&SALES, number, &text(number))?;
            transaction.put(&SLIPS, &text(number), &format!("slip of {number}"))?;
            transaction.put(&BASKETS, number, &number)?;
            transaction.append_to_outbox("sales", "sale.completed", 0, &number.to_string()).map(drop)
        })
    });
    write.await
}

fn archive(store: &Store, up_to: u64) -> Result<u64, StoreError> {
    store.archive(&SALES, up_to, |sale| vec![SLIPS.entry(sale)])
}

/// Runs blocking work off the runtime.
async fn blocking(work: impl FnOnce() -> Result<u64, StoreError> + Send + 'static) -> Result<u64, StoreError> {
    tokio::task::spawn_blocking(work).await.map_err(|_| StoreError::Panicked)?
}

/// A run in progress.
struct Life {
    directory: PathBuf,
    engine: EngineKind,
    store: Option<Arc<Store>>,
    sold: u64,
    dice: Rng,
    notes: Notes,
}

/// Runs the script in an empty directory; the process must be traced.
///
/// # Errors
/// The step that failed.
pub async fn live(engine: EngineKind, directory: &Path, seed: u64) -> Result<(), String> {
    let notes = Notes::of_this_process()?;
    let dice = Rng::with_seed(seed);
    let mut life = Life { directory: directory.join("data"), engine, store: None, sold: 0, dice, notes };
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
            Step::Open => {
                self.store = Some(Arc::new(Store::open(&self.directory, self.engine, &LINKED, 7).map_err(told)?));
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
                self.while_selling(blocking(move || archive(&store, up_to))).await.map(drop)
            }
            Step::Forget(up_to) => {
                let store = self.store()?;
                let forgotten = blocking(move || store.forget(&BASKETS, move |basket| *basket <= up_to));
                self.while_selling(forgotten).await.map(drop)
            }
            Step::BackUp => {
                let (store, path) = (self.store()?, self.directory.with_file_name(BACKUP));
                let written = async move { tokio::task::spawn_blocking(move || back_up(&store, &path)).await };
                self.while_selling(written).await?
            }
            Step::RestoreBeside => {
                let backup = File::open(self.directory.with_file_name(BACKUP)).map_err(told)?;
                restore(&self.directory.with_file_name(BESIDE), self.engine, backup, 9).map(drop).map_err(told)
            }
            Step::RemoveBeside => fs::remove_dir_all(self.directory.with_file_name(BESIDE)).map_err(told),
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
                let given_up = blocking(move || store.give_up(&SALES, |sale| *sale == is_last));
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
                let (store, sales) = (self.store()?, self.sold - 5);
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

    /// Runs something while sales continue.
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

/// Like `store-hub store backup`.
fn back_up(store: &Store, path: &Path) -> Result<(), String> {
    let mut file = File::create(path).map_err(told)?;
    store.backup(&mut file).map_err(told)?;
    file.sync_all().map_err(told)?;
    let above = path.parent().ok_or("a backup has a place")?;
    File::open(above).and_then(|above| above.sync_all()).map_err(told)
}
