//! The power cut, at any moment of a hub's life, from the store's creation on: whatever the disk had not flushed is lost, torn and reordered, and everything
//! that was answered is there. `system_tests::power` has the rules.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    sync::{Mutex, mpsc},
    thread,
    time::{Duration, Instant},
};

use fastrand::Rng;
use system_tests::{
    ENGINES, is_long,
    power::{Counts, Cut, Disk, Flushes, Record, Trace, cut, records},
    register::{Client, NoAnswer},
    seed,
    shop::{Hub, Plan, Shop},
    till::{Asked, Book, Till},
    verdict::{Shelf, repeated},
};

const REGISTERS: usize = 8;

/// Sales between the hub's restarts.
const SALES: u64 = 120;

/// States looked at, at the same time.
const JUDGES: usize = 2;

/// The note that the new store's hub is ready.
const READY: usize = usize::MAX - 1;

/// The note that a backup was written.
const BACKED_UP: usize = usize::MAX - 2;

/// The backup, on the traced disk.
const BACKUP: &str = "store.backup";

/// The note that every register is paired.
const OPENED: usize = usize::MAX;

/// Answers asked for again in each state: so many of the last, and as many others.
const REPEATED: usize = 8;

/// Both engines, and each one's control, one after the other: each has the machine for itself.
#[test]
fn whatever_a_power_cut_leaves_has_everything_that_was_answered() {
    let (states, controls) = if is_long() { (1_000, 100) } else { (100, 40) };
    for engine in ENGINES {
        let life = Life::live(engine);
        life.is_cut(Flushes::Kept, states);
        life.is_cut(Flushes::Forgotten, controls);
    }
}

/// A hub's life, written down.
struct Life {
    engine: &'static str,
    seed: u64,
    work: PathBuf,
    _directory: tempfile::TempDir,
    trace: Vec<u8>,
    traced: String,
    root: u64,
    registers: Vec<Client>,
    asked: Vec<Asked>,
}

impl Life {
    /// Creates a store, sells, is killed, sells while a backup is taken, is stopped, sells, is killed: all of it traced.
    fn live(engine: &'static str) -> Self {
        let (seed, began) = (seed(), Instant::now());
        eprintln!("{engine}: power cuts, STORE_HUB_SEED={seed}");
        let mut dice = Rng::with_seed(seed);
        let directory = tempfile::tempdir().unwrap();
        let work = directory.path().canonicalize().unwrap();
        let disk = work.join("disk");
        fs::create_dir(&disk).unwrap();
        let trace = Trace::begin(&disk, &work).unwrap();
        let plan = Plan { engine, data: &disk.join("data"), registers: REGISTERS, broker: None };
        let shop = Shop::build(&work.join("shop"), &plan).unwrap();
        let start = || {
            let mut hub = shop.start(&trace.environment()).unwrap();
            shop.ready(&mut hub).unwrap();
            hub
        };
        let notes = trace.notes().unwrap();
        let mut hub = start();
        notes.asked(READY);
        let registers = shop.open().unwrap();
        notes.answered(OPENED);
        let book = Book::with_notes(notes);
        for part in 0..3 {
            thread::scope(|scope| {
                if part == 1 {
                    scope.spawn(|| {
                        shop.back_up(&disk.join(BACKUP), &trace.environment()).unwrap();
                        trace.notes().unwrap().answered(BACKED_UP);
                    });
                }
                sell(&book, &registers, &mut dice, part);
            });
            if part == 1 {
                assert!(hub.stop(), "{engine}: the hub stops when it is asked to");
            } else {
                hub.kill();
            }
            if part < 2 {
                hub = start();
            }
        }
        let (bytes, root) = trace.read().unwrap();
        let life = Self {
            engine,
            seed,
            work,
            _directory: directory,
            trace: bytes,
            traced: trace.directory().to_owned(),
            root,
            registers,
            asked: book.read(),
        };
        let (records, names) = life.misses_nothing(&disk);
        eprintln!(
            "{engine}: traced in {:.0} s: {records} records, {} MB, {} sales answered; played to its end it equals the directory ({names} files)",
            began.elapsed().as_secs_f64(),
            life.trace.len() / 1_000_000,
            book.sold(),
        );
        life
    }

    fn records(&self) -> Vec<Record<'_>> {
        records(&self.trace, &self.traced).unwrap()
    }

    /// Plays the trace to its end and compares with the real directory, byte by byte: a change that went past the trace would show.
    fn misses_nothing(&self, directory: &Path) -> (usize, usize) {
        let records = self.records();
        let mut disk = Disk::new(self.root, Flushes::Kept);
        for record in &records {
            disk.play(record).unwrap();
        }
        let (seen, real) = (disk.seen(), files(directory));
        assert_eq!(seen.keys().collect::<Vec<_>>(), real.keys().collect::<Vec<_>>(), "{}", self.engine);
        for (path, bytes) in &seen {
            assert!(*bytes == real[path], "{}: {path} was changed past the trace", self.engine);
        }
        (records.len(), seen.len())
    }

    /// Cuts the power so many times.
    fn is_cut(&self, flushes: Flushes, states: usize) {
        let began = Instant::now();
        let records = self.records();
        let mut dice = Rng::with_seed(self.seed ^ u64::from(flushes == Flushes::Forgotten));
        let moments = moments(&records, states, flushes, &mut dice);

        let (send, receive) = mpsc::sync_channel::<State>(JUDGES);
        let (receive, verdicts) = (Mutex::new(receive), Mutex::new(Vec::new()));
        let (mut counts, mut with_unflushed, mut answered) = (Counts::default(), 0, 0);
        thread::scope(|scope| {
            for number in 0..JUDGES {
                let (receive, verdicts) = (&receive, &verdicts);
                let judge = Judge::new(self, number);
                scope.spawn(move || {
                    while let Ok(state) = { receive.lock().unwrap().recv() } {
                        let verdict = judge.judge(&state);
                        verdicts.lock().unwrap().extend(verdict.err().map(|faults| (state.moment, faults)));
                    }
                });
            }
            let mut disk = Disk::new(self.root, flushes);
            let mut known = Known::default();
            let mut played = 0;
            for moment in moments {
                for record in &records[played..moment] {
                    disk.play(record).unwrap();
                    known.hear(record);
                }
                played = moment;
                let cut = cut(&disk, &mut dice);
                counts += cut.counts;
                with_unflushed += usize::from(cut.counts.unflushed > 0);
                let state = State {
                    moment,
                    cut,
                    is_open: known.is_open,
                    is_backed_up: known.is_backed_up,
                    asked: known.of(&self.asked),
                    dice: dice.fork(),
                };
                answered += state.asked.iter().filter(|asked| asked.sells && asked.answer.is_some()).count();
                send.send(state).unwrap();
            }
            drop(send);
        });
        let Counts { unflushed, lost, torn, reordered, names_lost } = counts;
        let mut verdicts = verdicts.into_inner().unwrap();
        verdicts.sort_by_key(|(moment, _)| *moment);
        let losses = verdicts.iter().filter(|(_, faults)| faults.contains("LOST")).count();
        eprintln!(
            "{}{}: {states} cuts in {:.0} s, {with_unflushed} with unflushed writes: {unflushed} of them, {lost} lost, \
             {torn} torn; {reordered} files reordered, {names_lost} names lost; {answered} answered sales looked for; {} states wrong, {losses} of them with answers lost",
            self.engine,
            if flushes == Flushes::Forgotten { " with its flushes taken away" } else { "" },
            began.elapsed().as_secs_f64(),
            verdicts.len(),
        );
        match flushes {
            Flushes::Kept => {
                assert!(verdicts.is_empty(), "{}, seed {}: {verdicts:#?}", self.engine, self.seed);
                assert!(with_unflushed > states / 4 && torn > 0 && lost > 0, "the cuts hit something");
            }
            Flushes::Forgotten => {
                assert!(
                    losses > 0,
                    "{}, seed {}: a store that does not flush is not found out",
                    self.engine,
                    self.seed
                );
            }
        }
    }
}

/// When the power goes. A tenth of the cuts are in the store's creation and a tenth in its opening, which are short and happen once. A store that
/// forgets its flushes has been created well; half of its cuts come early, when it can still be opened and lacks answers. Three of four cuts come right
/// after a change, when there is something to lose.
fn moments(records: &[Record<'_>], states: usize, flushes: Flushes, dice: &mut Rng) -> Vec<usize> {
    let place = |wanted| records.iter().position(|record| *record == wanted).unwrap();
    let ready = place(Record::Asked { command: READY });
    let opened = place(Record::Answered { command: OPENED });
    let is_change = |place: &usize| {
        !matches!(
            records[*place - 1],
            Record::Asked { .. } | Record::Answered { .. } | Record::FlushBegun { .. } | Record::FlushEnded { .. }
        )
    };
    let mut draw = |from: usize, to: usize, count: usize| -> Vec<usize> {
        let changes: Vec<_> = (from.max(1)..=to).filter(is_change).collect();
        let draw = |_| match dice.u8(..4) {
            0 => dice.usize(from..=to),
            _ => dice.choice(&changes).copied().unwrap_or(to),
        };
        (0..count).map(draw).collect()
    };
    let end = records.len();
    let mut moments = match flushes {
        Flushes::Kept => [draw(0, ready, states / 10), draw(ready, opened, states / 10)].concat(),
        Flushes::Forgotten => draw(opened + 1, opened + (end - opened) / 20, states / 2),
    };
    moments.extend(draw(opened + 1, end, states - moments.len()));
    moments.sort_unstable();
    moments
}

/// Sells at every register at the same time.
fn sell(book: &Book, registers: &[Client], dice: &mut Rng, part: u64) {
    let enough = book.sold() + SALES;
    thread::scope(|scope| {
        for (number, client) in (1..).zip(registers) {
            let mut till = Till::new(client, book, &format!("till-{number}"), dice.fork(), part * 100_000);
            scope.spawn(move || {
                while book.sold() < enough {
                    till.sell(&mut patience()).unwrap();
                }
            });
        }
    });
}

fn patience() -> impl FnMut(&mut Rng) -> bool {
    let began = Instant::now();
    move |_| began.elapsed() < Duration::from_secs(30)
}

/// All files below a directory, but for those that a trace does not look at.
fn files(directory: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut found = BTreeMap::new();
    let mut left = vec![directory.to_owned()];
    while let Some(path) = left.pop() {
        for entry in fs::read_dir(path).unwrap() {
            let entry = entry.unwrap().path();
            if entry.is_dir() {
                left.push(entry);
            } else if !["-shm", ".sock"].iter().any(|end| entry.to_str().unwrap().ends_with(end)) {
                let name = entry.strip_prefix(directory).unwrap().to_str().unwrap().to_owned();
                found.insert(name, fs::read(&entry).unwrap());
            }
        }
    }
    found
}

/// What the registers know at a moment of the trace.
#[derive(Default)]
struct Known {
    is_open: bool,
    is_backed_up: bool,
    asked: Vec<usize>,
    answered: Vec<usize>,
}

impl Known {
    fn hear(&mut self, record: &Record<'_>) {
        match record {
            Record::Asked { command: READY } => {}
            Record::Answered { command: OPENED } => self.is_open = true,
            Record::Answered { command: BACKED_UP } => self.is_backed_up = true,
            Record::Asked { command } => self.asked.push(*command),
            Record::Answered { command } => self.answered.push(*command),
            _ => {}
        }
    }

    /// What was asked for until then; answers that came later are taken out.
    fn of(&self, all: &[Asked]) -> Vec<Asked> {
        let mut known: BTreeMap<_, _> =
            self.asked.iter().map(|command| (*command, Asked { answer: None, ..all[*command].clone() })).collect();
        for command in &self.answered {
            known.get_mut(command).unwrap().answer.clone_from(&all[*command].answer);
        }
        known.into_values().collect()
    }
}

/// A disk after a cut, and what must be on it.
struct State {
    moment: usize,
    cut: Cut,
    is_open: bool,
    is_backed_up: bool,
    asked: Vec<Asked>,
    dice: Rng,
}

/// Starts a hub on states and looks.
struct Judge {
    shop: Shop,
    disk: PathBuf,
    /// Where backups are restored.
    other: Shop,
    other_disk: PathBuf,
    registers: Vec<Client>,
}

impl Judge {
    fn new(life: &Life, number: usize) -> Self {
        let work = life.work.join(format!("judge-{number}"));
        let disk = work.join("disk");
        let plan = Plan { engine: life.engine, data: &disk.join("data"), registers: REGISTERS, broker: None };
        let shop = Shop::build(&work, &plan).unwrap();
        let registers = life.registers.iter().map(|client| client.at(&shop.door)).collect();
        let other_disk = work.join("other-disk");
        let other = Shop::build(&work.join("other"), &Plan { data: &other_disk, ..plan }).unwrap();
        Self { shop, disk, other, other_disk, registers }
    }

    /// What is wrong with a state.
    fn judge(&self, state: &State) -> Result<(), String> {
        for left in [&self.disk, &self.other_disk] {
            if left.exists() {
                fs::remove_dir_all(left).unwrap();
            }
        }
        state.cut.lay_out(&self.disk).unwrap();
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

    /// The backup is whole: a store can be made of it.
    fn has_backup(&self) -> Result<(), String> {
        self.other
            .restore(&self.disk.join(BACKUP))
            .map_err(|why| format!("LOST: the backup was written, and now {why}"))?;
        let (_, faults) = self.other.check()?;
        if faults.is_empty() { Ok(()) } else { Err(faults.join("; ")) }
    }

    /// Nothing was answered yet: the store can be opened, and sells.
    fn opens(&self, state: &State) -> Result<(), String> {
        sells(&self.shop.open()?, state)
    }

    fn has_everything(&self, state: &State, hub: &mut Hub) -> Result<(), String> {
        let known = self.registers[0].get("/api/v1/registers");
        known.map_err(|why| format!("LOST: the registers were paired, and now {why}"))?;
        let answered: Vec<_> = state.asked.iter().filter(|asked| asked.answer.is_some()).collect();
        let ids: Vec<_> =
            answered.iter().filter(|asked| asked.sells).map(|asked| &asked.answer.as_ref().unwrap()["sale"]).collect();
        let last = &ids[ids.len().saturating_sub(REPEATED)..];
        let shelf =
            Shelf::read(&self.registers[..1], |sale| last.contains(&&sale["sale"]) || !ids.contains(&&sale["sale"]))?;
        let mut faults = shelf.faults(&state.asked);
        let mut dice = state.dice.clone();
        let mut again = dice.choose_multiple(answered.iter().copied(), REPEATED);
        again.extend(answered.iter().rev().take(REPEATED));
        faults.extend(repeated(&self.registers, &again)?);
        if hub.has_ended() {
            faults.push("the hub ended by itself".into());
        }
        if !faults.is_empty() {
            return Err(faults.join("; "));
        }
        sells(&self.registers, state)
    }
}

/// A sale more.
fn sells(registers: &[Client], state: &State) -> Result<(), String> {
    let book = Book::default();
    let mut till = Till::new(&registers[0], &book, "till-1", state.dice.clone(), 900_000);
    let mut patience = patience();
    match till.sell(&mut patience) {
        Ok(()) => Ok(()),
        Err(NoAnswer::Refused(why)) => Err(format!("no new sale: {why}")),
        Err(NoAnswer::GaveUp) => Err("no new sale: no answer".into()),
    }
}
