//! Power failures at any moment of a hub's life, from the store's creation on: unflushed changes are lost, torn and
//! reordered, and everything answered is there. The rules are in `system_tests::power`.

use std::{
    thread,
    time::{Duration, Instant},
};

use fastrand::Rng;
use system_tests::{
    ENGINES, alone, is_long,
    judge::{BACKED_UP, BACKUP, Judge, Known, OPENED, READY, State},
    power::{Flushes, Record, Scene, Written, moments},
    register::Client,
    seed,
    shop::{Plan, Shop},
    stockroom::{Ledger, Stockroom},
    till::{Asked, Book, Till},
};

const REGISTERS: usize = 8;

/// Sales between the hub's restarts.
const SALES: u64 = 120;

/// States judged in parallel.
const JUDGES: usize = 2;

/// Both engines and their controls one after the other: each has the machine for itself.
#[test]
fn a_power_failure_at_any_moment_loses_nothing_answered() {
    let _machine = alone();
    let (states, controls) = if is_long() { (1_000, 100) } else { (100, 40) };
    for engine in ENGINES {
        let life = Life::live(engine);
        life.is_cut(Flushes::Kept, states);
        life.is_cut(Flushes::Forgotten, controls);
    }
}

/// A recorded run of a hub.
struct Life {
    engine: &'static str,
    seed: u64,
    scene: Scene,
    trace: Written,
    registers: Vec<Client>,
    asked: Vec<Asked>,
    ledger: Ledger,
}

impl Life {
    /// Creates a store, sells, is killed, sells during a backup, is stopped, sells, is killed: all of it traced.
    fn live(engine: &'static str) -> Self {
        let (seed, began) = (seed(), Instant::now());
        eprintln!("{engine}: power cuts, STORE_HUB_SEED={seed}");
        let mut dice = Rng::with_seed(seed);
        let scene = Scene::set().unwrap();
        let (disk, trace) = (scene.disk(), scene.trace());
        let plan = Plan { engine, data: &disk.join("data"), registers: REGISTERS, headquarters: None };
        let shop = Shop::build(&scene.place("shop"), &plan).unwrap();
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
        let (book, ledger) = (Book::with_notes(notes), Ledger::with_notes(trace.notes().unwrap()));
        let mut stockroom = Stockroom::open(&shop, &ledger, dice.fork()).unwrap();
        for part in 0..3 {
            thread::scope(|scope| {
                if part == 1 {
                    scope.spawn(|| {
                        shop.back_up(&disk.join(BACKUP), &trace.environment()).unwrap();
                        trace.notes().unwrap().answered(BACKED_UP);
                    });
                }
                sell((&book, &registers), (&ledger, &mut stockroom), &mut dice, part);
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
        let life = Self { engine, seed, trace: trace.read().unwrap(), scene, registers, asked: book.read(), ledger };
        let names = life.trace.misses_nothing().unwrap();
        eprintln!(
            "{engine}: traced in {:.0} s: {} records, {} MB, {} sales and {} commands of the stockroom answered; \
             played to its end it equals the directory ({names} files)",
            began.elapsed().as_secs_f64(),
            life.trace.records().unwrap().len(),
            life.trace.megabytes(),
            book.sold(),
            life.ledger.counts().0,
        );
        life
    }

    /// Cuts the power a number of times.
    fn is_cut(&self, flushes: Flushes, states: usize) {
        let began = Instant::now();
        let records = self.trace.records().unwrap();
        let mut dice = Rng::with_seed(self.seed ^ u64::from(flushes == Flushes::Forgotten));
        let moments = when(&records, states, flushes, &mut dice);

        let judges: Vec<_> = self
            .scene
            .benches(JUDGES)
            .map(|work| {
                let judge = Judge::new(&work, self.engine, &self.registers).unwrap().with_stock(&self.ledger);
                move |state: State| judge.judge(&state)
            })
            .collect();
        let (mut known, mut answered) = (Known::default(), 0);
        let state = |records: &[Record<'_>], cut, dice: &mut Rng| {
            known.hear(records);
            let state = known.state(cut, &self.asked, dice);
            answered += state.sold();
            state
        };
        let verdicts = self.trace.is_cut(flushes, &moments, &mut dice, state, judges).unwrap();
        let counts = verdicts.counts;
        let (wrong, losses, with_unflushed) = (&verdicts.wrong, verdicts.losses(), verdicts.with_unflushed);
        eprintln!(
            "{}{}: {states} cuts in {:.0} s, {with_unflushed} with something to lose: {counts}; {answered} answered \
             sales looked for; {} states wrong, \
             {losses} of them with answers lost",
            self.engine,
            if flushes == Flushes::Forgotten { " with its flushes taken away" } else { "" },
            began.elapsed().as_secs_f64(),
            wrong.len(),
        );
        match flushes {
            Flushes::Kept => {
                assert!(wrong.is_empty(), "{}, seed {}: {wrong:#?}", self.engine, self.seed);
                assert!(with_unflushed > states / 4 && counts.torn > 0 && counts.lost > 0, "the cuts hit something");
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

/// The moments of the cuts. A tenth are during the store's creation and a tenth during its opening, which are short and
/// happen once. A store that forgets its flushes was created properly; half of its cuts are early, when it can still be
/// opened and lacks answers.
fn when(records: &[Record<'_>], states: usize, flushes: Flushes, dice: &mut Rng) -> Vec<usize> {
    let place = |wanted| records.iter().position(|record| *record == wanted).unwrap();
    let ready = place(Record::Asked { command: READY });
    let opened = place(Record::Answered { command: OPENED });
    let end = records.len();
    let mut drawn = match flushes {
        Flushes::Kept => {
            [moments(records, 0..=ready, states / 10, dice), moments(records, ready..=opened, states / 10, dice)]
                .concat()
        }
        Flushes::Forgotten => moments(records, opened + 1..=opened + (end - opened) / 20, states / 2, dice),
    };
    drawn.extend(moments(records, opened + 1..=end, states - drawn.len(), dice));
    drawn.sort_unstable();
    drawn
}

/// Sells at every register in parallel while the stockroom works.
fn sell(
    (book, registers): (&Book, &[Client]),
    (ledger, stockroom): (&Ledger, &mut Stockroom<'_>),
    dice: &mut Rng,
    part: u64,
) {
    let enough = book.sold() + SALES;
    thread::scope(|scope| {
        for (number, client) in (1..).zip(registers) {
            let till = Till::new(client, book, &format!("till-{number}"), dice.fork(), part * 100_000);
            let mut till = till.with_orders(ledger);
            scope.spawn(move || {
                while book.sold() < enough {
                    till.sell(&mut patience()).unwrap();
                }
            });
        }
        while book.sold() < enough {
            let mut patience = patience();
            stockroom.work(&mut || patience(&mut Rng::with_seed(0))).unwrap();
        }
    });
}

fn patience() -> impl FnMut(&mut Rng) -> bool {
    let began = Instant::now();
    move |_| began.elapsed() < Duration::from_secs(30)
}
