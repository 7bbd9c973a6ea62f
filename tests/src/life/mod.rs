//! A store's life without a hub around it, for the power cut: everything that a store does in years, in a few seconds.
//!
//! [`live()`] runs the [`script`] on the crate `store` alone, in a process of its own (`store-life live`), traced. It
//! notes each step before it is begun and after it was answered, and each commit of sales that goes on beside the
//! steps. [`judge`] (`store-life judge`) opens what a power cut left, and knows of the notes alone what must be there.
//!
//! | done, and cut anywhere | must be there once it was answered |
//! | --- | --- |
//! | the store is created | a store that sells |
//! | sales, with a slip, a basket and an entry of the outbox each | all four, or none of them if it was not answered |
//! | a segment is archived while sales go on | every sale and slip, read through; once |
//! | old baskets are forgotten while sales go on | those that were to be forgotten are not, all others are |
//! | a backup is taken while sales go on | a store can be made of it |
//! | a store is made of it, the archive's segment too | that store, whole; before, none that a hub would begin empty |
//! | converted to the other engine, and back; rewritten | everything, by the engine that was answered; in between, by converting again |
//! | a segment is given up | its sales are gone, the chain begins after them |
//! | HQ acknowledges, and the outbox is trimmed | the cursor; entries without a gap |
//!
//! And whatever was left: the check finds nothing, the store sells and archives on, and the check finds nothing then.

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

/// Sales in one commit, where they are many.
const MANY: u64 = 500;

/// Sales that are there before the life's backup is begun, and so are in it.
const BACKED_UP: u64 = 10_400;

/// Where the life's backup is written.
const BACKUP: &str = "store.backup";

/// Where a store is made of it.
const BESIDE: &str = "beside";

/// The note of a commit of sales: this, and the last of them.
pub const SALE: usize = 1 << 32;

/// The note that a phase begins: this, and its place in the script.
pub const PHASE: usize = 1 << 33;

/// Something that is done to a store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    /// It is opened, by the engine that keeps it; made, if there is none.
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
    /// Another store is made of that backup.
    RestoreBeside,
    /// It is removed.
    RemoveBeside,
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
        Acknowledge, Archive, BackUp, Convert, Events, Fill, Forget, GiveUp, Open, RemoveBeside, RemoveFormer,
        RestoreBeside, Rewrite, Sell,
    };
    // What is large comes last: a state is opened and walked whole each time.
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

/// Sells: each sale in all its parts.
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

/// Does what blocks, off the runtime.
async fn aside(work: impl FnOnce() -> Result<u64, StoreError> + Send + 'static) -> Result<u64, StoreError> {
    tokio::task::spawn_blocking(work).await.map_err(|_| StoreError::Panicked)?
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
                self.while_selling(aside(move || archive(&store, up_to))).await.map(drop)
            }
            Step::Forget(up_to) => {
                let store = self.store()?;
                let forgotten = aside(move || store.forget(&BASKETS, move |basket| *basket <= up_to));
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
                let given_up = aside(move || store.give_up(&SALES, |sale| *sale == is_last));
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
