//! A failing disk: one flush or write ends with EIO, and all later ones succeed. The hub stops, reports it, and answers
//! no further command. Its earlier answers hold after a restart, and after a power failure that loses what the failed
//! flush dropped.

use std::{
    collections::HashSet,
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::Instant,
};

use fastrand::Rng;
use serde_json::json;
use system_tests::{
    Ends, alone, is_long,
    judge::{Judge, Known, OPENED, State, has_all},
    power::{Counts, Failing, Flushes, Record, Scene, Verdicts, Written, moments},
    register::{Client, NoAnswer},
    seed,
    shop::{Hub, LIMIT, Plan, Shop},
    till::{Asked, Book, Till},
    until,
};
use ureq::http::Method;

const REGISTERS: usize = 8;

/// States judged in parallel.
const JUDGES: usize = 2;

/// The files of each engine.
const FILES: [(&str, &str); 3] = [("sled", "/db"), ("sqlite", "/store.db-wal"), ("sqlite", "/store.db")];

/// The number of answers after an ignored failure, until the last cut.
const SOON: usize = 40;

/// How a hub with a failed disk ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    /// As by a power failure.
    Killed,
    /// As by a person: it closes its store, and thereby flushes files of which a flush has failed.
    Stopped,
}

/// Both engines one after the other: each has the machine for itself.
#[test]
fn after_a_disk_error_the_hub_answers_nothing_and_loses_nothing() {
    let _machine = alone();
    let (rounds, states) = if is_long() { (6, 40) } else { (1, 4) };
    for (engine, file) in FILES {
        for failing in [Failing::Flush, Failing::Write] {
            for end in [End::Killed, End::Stopped] {
                let (began, mut counts, mut told) = (Instant::now(), Counts::default(), Vec::new());
                for _ in 0..rounds {
                    let life = Life::live((engine, file), failing, end);
                    told.push(format!("{}, told as `{}`", life.is_silent_after_it(), life.why));
                    let verdicts = life.is_cut(states);
                    assert!(verdicts.wrong.is_empty(), "{engine}, seed {}: {:#?}", life.seed, verdicts.wrong);
                    counts += verdicts.counts;
                }
                eprintln!(
                    "{engine}: {rounds} times a {failing:?} of {file} failed and the hub was {end:?}, {} power cuts \
                     after it, in {:.0} s: \
                     {counts}; {}",
                    rounds * states,
                    began.elapsed().as_secs_f64(),
                    told.join("; "),
                );
            }
        }
    }
    for logged in [FILES[0], FILES[1]] {
        is_found_out(logged);
    }
}

/// The control: a store that ignores failed flushes continues to sell, and power failures expose it.
fn is_found_out((engine, file): (&'static str, &str)) {
    const CUTS: usize = 20;
    let life = Life::live((engine, file), Failing::Unheard, End::Killed);
    let losses = life.is_cut(CUTS).losses();
    eprintln!(
        "{engine}: a flush of {file} failed unheard: of {CUTS} power cuts after it, {losses} left states that lack \
         answers"
    );
    assert!(losses > 0, "{engine}, seed {}: a store that does not hear of a failed flush is not found out", life.seed);
}

/// A recorded run with a failure.
struct Life {
    engine: &'static str,
    failing: Failing,
    seed: u64,
    scene: Scene,
    trace: Written,
    registers: Vec<Client>,
    asked: Vec<Asked>,
    why: String,
}

impl Life {
    /// Sells until the disk fails and the hub has reported it and refused everything; then it ends, and is restarted on
    /// the remaining files.
    ///
    /// The trace is not compared with the directory, as in `power.rs`: a process that closes its store at its end may
    /// die between its last change and the record of it.
    fn live((engine, file): (&'static str, &str), failing: Failing, end: End) -> Self {
        let seed = seed();
        eprintln!("{engine}: a {failing:?} of {file} fails, the hub is {end:?}, STORE_HUB_SEED={seed}");
        let mut dice = Rng::with_seed(seed);
        let scene = Scene::set().unwrap();
        let (disk, trace) = (scene.disk(), scene.trace());
        let plan = Plan { engine, data: &disk.join("data"), registers: REGISTERS, headquarters: None };
        let shop = Shop::build(&scene.place("shop"), &plan).unwrap();
        let mut hub = shop.start(&trace.environment()).unwrap();
        let registers = shop.open().unwrap();
        let console = shop.console().unwrap();
        let notes = trace.notes().unwrap();
        notes.answered(OPENED);
        let (book, over) = (Book::with_notes(notes), AtomicBool::new(false));
        let why = thread::scope(|scope| {
            let _ends = Ends(&over);
            for (number, client) in (1..).zip(&registers) {
                let mut till = Till::new(client, &book, &format!("till-{number}"), dice.fork(), 0);
                let over = &over;
                scope.spawn(move || {
                    while !over.load(Ordering::Relaxed) {
                        match till.sell(&mut |_| !over.load(Ordering::Relaxed)) {
                            Err(NoAnswer::Refused(why)) => panic!("{engine}: a sale was refused: {why}"),
                            Ok(()) | Err(NoAnswer::GaveUp) => {}
                        }
                    }
                });
            }
            let enough = dice.u64(20..400);
            assert!(until(LIMIT, || book.sold() >= enough), "{engine}: it sells");
            trace.fail(failing, file).unwrap();
            if failing == Failing::Unheard {
                let before = book.sold();
                assert!(until(LIMIT, || book.sold() > before + 100), "{engine}: it continues to sell");
                return "nothing".to_owned();
            }
            let stopped = || registers[0].get("/api/v1/status").unwrap()["stopped"].as_str().map(str::to_owned);
            assert!(
                until(LIMIT, || stopped().is_some()),
                "{engine}, seed {seed}: the hub does not report that its disk failed"
            );
            refuses(&registers, &console);
            stopped().unwrap()
        });
        finish(&mut hub, end);
        let life =
            Self { engine, failing, seed, trace: trace.read().unwrap(), scene, registers, asked: book.read(), why };
        if let Err(why) = has_all(&shop, &life.registers, &life.asked) {
            panic!("{engine}, seed {seed}, restarted: {why}");
        }
        life
    }

    /// Nothing requested after the failure was answered; of the commands in progress, at most one per register.
    fn is_silent_after_it(&self) -> String {
        let (engine, records) = (self.engine, self.trace.records().unwrap());
        let failed = records.iter().position(is_failure).unwrap();
        assert_eq!(records.iter().filter(|record| is_failure(record)).count(), 1, "once");
        let asked: HashSet<_> = records[failed..]
            .iter()
            .filter_map(|record| match record {
                Record::Asked { command } => Some(*command),
                _ => None,
            })
            .collect();
        let answered: Vec<_> = records[failed..]
            .iter()
            .filter_map(|record| match record {
                Record::Answered { command } => Some(*command),
                _ => None,
            })
            .collect();
        assert!(!answered.iter().any(|command| asked.contains(command)), "{engine}: answered after the disk failed");
        assert!(answered.len() <= REGISTERS, "{engine}: {} answered after the disk failed", answered.len());
        format!("{} answers were in progress", answered.len())
    }

    /// Cuts the power a number of times after the failure.
    fn is_cut(&self, states: usize) -> Verdicts {
        let records = self.trace.records().unwrap();
        let mut dice = Rng::with_seed(self.seed);
        let failed = records.iter().position(is_failure).unwrap();
        // An ignored failure shows until the lost bytes are written again.
        let answers =
            records.iter().enumerate().skip(failed).filter(|(_, record)| matches!(record, Record::Answered { .. }));
        let soon = answers.map(|(place, _)| place).nth(SOON).filter(|_| self.failing == Failing::Unheard);
        let end = soon.unwrap_or(records.len());
        let mut drawn = moments(&records, failed + 1..=end, states - 1, &mut dice);
        drawn.push(end);
        drawn.sort_unstable();
        let judges = self.scene.benches(JUDGES).map(|work| {
            let judge = Judge::new(&work, self.engine, &self.registers).unwrap();
            move |state: State| judge.judge(&state)
        });
        let mut known = Known::default();
        let state = |records: &[Record<'_>], cut, dice: &mut Rng| {
            known.hear(records);
            known.state(cut, &self.asked, dice)
        };
        self.trace.is_cut(Flushes::Kept, &drawn, &mut dice, state, judges.collect()).unwrap()
    }
}

fn is_failure(record: &Record<'_>) -> bool {
    matches!(record, Record::FlushFailed { .. } | Record::WriteFailed { .. })
}

/// All commands are refused, repeatedly.
fn refuses(registers: &[Client], console: &Client) {
    let sale =
        json!({ "lines": [{ "sku": "item-01" }], "tenders": [{ "tender": "cash", "amount": 1_000 }] }).to_string();
    for again in 0..3 {
        for (number, register) in registers.iter().enumerate() {
            for (path, body) in [("/api/v1/sales", &*sale), ("/api/v1/baskets", "{}")] {
                refused(register, path, &format!("after-{again}-{number}"), body);
            }
        }
        refused(console, "/api/v1/items", &format!("after-{again}"), r#"{"items":[]}"#);
    }
}

fn refused(client: &Client, path: &str, key: &str, body: &str) {
    let reply = client.once(&Method::POST, path, Some(&format!("{key}-00000000")), body).unwrap();
    let told = (reply.status, reply.body["type"].as_str());
    assert_eq!(told, (503, Some("/problems/store-stopped")), "POST {path}: {}", reply.body);
}

fn finish(hub: &mut Hub, end: End) {
    match end {
        End::Killed => hub.kill(),
        // The exit status does not matter.
        End::Stopped => drop(hub.stop()),
    }
}
