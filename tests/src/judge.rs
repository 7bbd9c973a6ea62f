//! Judges the disk after a power failure under a hub, and the hub started on it.
//!
//! The notes in the trace say what was requested and answered before the cut ([`Known`]). A [`Judge`] starts the hub on
//! the remaining state and checks it.

use std::{
    collections::BTreeMap,
    fs,
    path::Path,
    path::PathBuf,
    time::{Duration, Instant},
};

use fastrand::Rng;

use crate::{
    power::{Cut, Record},
    register::{Client, NoAnswer},
    shop::{Hub, Plan, Shop},
    stockroom::{Ledger, STOCK, positions},
    till::{Asked, Book, Till},
    verdict::{HubSales, repeated},
};

/// The note that a new store's hub is ready.
pub const READY: usize = usize::MAX - 1;

/// The note that a backup was written.
pub const BACKED_UP: usize = usize::MAX - 2;

/// The note that every register is paired.
pub const OPENED: usize = usize::MAX;

/// The backup, on the traced disk.
pub const BACKUP: &str = "store.backup";

/// The number of repeated commands in each state: this many of the latest, and as many others.
const REPEATED: usize = 8;

/// What the registers know at a moment of the trace.
#[derive(Default)]
pub struct Known {
    is_open: bool,
    is_backed_up: bool,
    asked: Vec<usize>,
    answered: Vec<usize>,
    stock_asked: Vec<usize>,
    stock_answered: Vec<usize>,
}

impl Known {
    /// Processes records.
    pub fn hear(&mut self, records: &[Record<'_>]) {
        for record in records {
            match record {
                Record::Asked { command: READY } => {}
                Record::Answered { command: OPENED } => self.is_open = true,
                Record::Answered { command: BACKED_UP } => self.is_backed_up = true,
                Record::Asked { command } if *command >= STOCK => self.stock_asked.push(command - STOCK),
                Record::Answered { command } if *command >= STOCK => self.stock_answered.push(command - STOCK),
                Record::Asked { command } => self.asked.push(*command),
                Record::Answered { command } => self.answered.push(*command),
                _ => {}
            }
        }
    }

    /// The state of a disk that is cut now. Of everything that was ever requested, keeps only earlier requests, and
    /// removes later answers.
    pub fn state(&self, cut: Cut, all: &[Asked], dice: &mut Rng) -> State {
        State {
            cut,
            is_open: self.is_open,
            is_backed_up: self.is_backed_up,
            asked: self.asked(all),
            stock_asked: self.stock_asked.clone(),
            stock_answered: self.stock_answered.clone(),
            dice: dice.fork(),
        }
    }

    fn asked(&self, all: &[Asked]) -> Vec<Asked> {
        let mut known: BTreeMap<_, _> =
            self.asked.iter().map(|command| (*command, Asked { answer: None, ..all[*command].clone() })).collect();
        for command in &self.answered {
            if let Some(asked) = known.get_mut(command) {
                asked.answer.clone_from(&all[*command].answer);
            }
        }
        known.into_values().collect()
    }
}

/// A disk after a cut, and what must be on it.
pub struct State {
    cut: Cut,
    is_open: bool,
    is_backed_up: bool,
    asked: Vec<Asked>,
    stock_asked: Vec<usize>,
    stock_answered: Vec<usize>,
    dice: Rng,
}

impl State {
    /// The number of answered sales.
    pub fn sold(&self) -> usize {
        self.asked.iter().filter(|asked| asked.sells && asked.answer.is_some()).count()
    }
}

/// Starts a hub on states and checks them.
pub struct Judge<'l> {
    shop: Shop,
    disk: PathBuf,
    /// Where backups are restored.
    other: Shop,
    other_disk: PathBuf,
    registers: Vec<Client>,
    /// The stockroom's commands, if there was one.
    ledger: Option<&'l Ledger>,
}

impl<'l> Judge<'l> {
    /// A judge with its own directory, for the hub of some registers.
    ///
    /// # Errors
    /// The store's identity or config can't be created.
    pub fn new(work: &Path, engine: &str, registers: &[Client]) -> Result<Self, String> {
        let disk = work.join("disk");
        let plan = Plan { engine, data: &disk.join("data"), registers: registers.len(), headquarters: None };
        let shop = Shop::build(work, &plan)?;
        let registers = registers.iter().map(|client| client.at(&shop.endpoint)).collect();
        let other_disk = work.join("other-disk");
        let other = Shop::build(&work.join("other"), &Plan { data: &other_disk, ..plan })?;
        Ok(Self { shop, disk, other, other_disk, registers, ledger: None })
    }

    /// Also checks the stock.
    #[must_use]
    pub fn with_stock(self, ledger: &'l Ledger) -> Self {
        Self { ledger: Some(ledger), ..self }
    }

    /// Judges a state.
    ///
    /// # Errors
    /// What is wrong; lost answers are reported as `LOST`.
    pub fn judge(&self, state: &State) -> Result<(), String> {
        let trouble = |error: std::io::Error| format!("{}: {error}", self.disk.display());
        for left in [&self.disk, &self.other_disk] {
            if left.exists() {
                fs::remove_dir_all(left).map_err(trouble)?;
            }
        }
        state.cut.lay_out(&self.disk).map_err(trouble)?;
        if self.shop.has_store() {
            let (_, faults) = self.shop.check()?;
            if !faults.is_empty() {
                return Err(faults.join("; "));
            }
        }
        let mut hub = self.shop.start(&[])?;
        self.shop.ready(&mut hub)?;
        if !state.is_open {
            return self.opens(state);
        }
        self.has_everything(state, &mut hub)?;
        if state.is_backed_up { self.has_backup() } else { Ok(()) }
    }

    /// Checks that the backup can be restored.
    fn has_backup(&self) -> Result<(), String> {
        self.other
            .restore(&self.disk.join(BACKUP))
            .map_err(|why| format!("LOST: the backup was written, and now {why}"))?;
        let (_, faults) = self.other.check()?;
        if faults.is_empty() { Ok(()) } else { Err(faults.join("; ")) }
    }

    /// If nothing was answered yet: the store can be opened, and sells.
    fn opens(&self, state: &State) -> Result<(), String> {
        one_more(&self.shop.open()?[0], state.dice.clone())
    }

    fn has_everything(&self, state: &State, hub: &mut Hub) -> Result<(), String> {
        let known = self.registers[0].get("/api/v1/registers");
        known.map_err(|why| format!("LOST: the registers were paired, and now {why}"))?;
        let answered: Vec<_> = state.asked.iter().filter(|asked| asked.answer.is_some()).collect();
        let sold = answered.iter().filter(|asked| asked.sells);
        let ids: Vec<_> = sold.filter_map(|asked| Some(&asked.answer.as_ref()?["sale"])).collect();
        let last = &ids[ids.len().saturating_sub(REPEATED)..];
        let found = HubSales::read(&self.registers[..1], |sale| {
            last.contains(&&sale["sale"]) || !ids.contains(&&sale["sale"])
        })?;
        let mut faults = found.faults(&state.asked);
        let mut dice = state.dice.clone();
        let mut again = dice.choose_multiple(answered.iter().copied(), REPEATED);
        again.extend(answered.iter().rev().take(REPEATED));
        faults.extend(repeated(&self.registers, &again)?);
        if let Some(ledger) = self.ledger {
            let (there, sold) = (positions(&self.shop.console()?)?, found.baskets(&state.asked));
            faults.extend(ledger.faults_after_a_cut(&there, &sold, &state.stock_asked, &state.stock_answered));
        }
        if hub.has_ended() {
            faults.push("the hub ended unexpectedly".into());
        }
        if !faults.is_empty() {
            return Err(faults.join("; "));
        }
        one_more(&self.registers[0], state.dice.clone())
    }
}

/// How long a register tries one more sale.
const PATIENCE: Duration = Duration::from_secs(30);

/// Makes one more sale; refusals for lack of stock are repeated with another basket.
fn one_more(register: &Client, dice: Rng) -> Result<(), String> {
    let (book, no_orders, began) = (Book::default(), Ledger::default(), Instant::now());
    let mut till = Till::new(register, &book, "till-1", dice, 900_000).with_orders(&no_orders);
    while book.sold() == 0 {
        match till.sell(&mut |_| began.elapsed() < PATIENCE) {
            Ok(()) if began.elapsed() < PATIENCE => {}
            Ok(()) | Err(NoAnswer::GaveUp) => return Err("no new sale: no answer".into()),
            Err(NoAnswer::Refused(why)) => return Err(format!("no new sale: {why}")),
        }
    }
    Ok(())
}

/// Starts a hub on its store, checks everything that was requested and answered, and repeats every answered command.
/// Then the hub sells and is killed, and the store must have no faults. Returns a summary.
///
/// # Errors
/// What is wrong.
pub fn has_all(shop: &Shop, registers: &[Client], asked: &[Asked]) -> Result<String, String> {
    let mut hub = shop.start(&[])?;
    shop.ready(&mut hub)?;
    let found = HubSales::read(registers, |_| true)?;
    let answered: Vec<_> = asked.iter().filter(|asked| asked.answer.is_some()).collect();
    let faults = [found.faults(asked), repeated(registers, &answered)?].concat();
    if !faults.is_empty() {
        return Err(faults.join("; "));
    }
    one_more(&registers[0], Rng::with_seed(99))?;
    hub.kill();
    let (records, faults) = shop.check()?;
    if !faults.is_empty() {
        return Err(faults.join("; "));
    }
    Ok(format!("{} sales there, {} answers given again, {records} records checked", found.listed.len(), answered.len()))
}
