//! A chain of stores and HQ in which everything fails ([`Fault`](system_tests::chain::faults::Fault)). After each round
//! everything must have arrived once, in order, up and down ([`Judge`]).

use std::{
    sync::{
        Mutex,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use fastrand::Rng;
use serde_json::json;
use system_tests::{
    Ends,
    chain::{Chain, faults::Deck, judge::Judge, witness},
    is_long,
    register::{Client, NoAnswer},
    seed, shared,
    shop::{Hub, LIMIT, Shop},
    skipped,
    stockroom::{Ledger, Stockroom},
    till::{Book, Till},
    until,
};

/// One of this many failed attempts is a register's last: it drops its command, as if it had lost power itself.
const GIVES_UP: u32 = 8;

/// The pause of a register or the stockroom between two customers.
const PAUSE: Duration = Duration::from_millis(20);

/// Faults in a round.
const FAULTS: usize = 3;

#[test]
fn everything_arrives_once_on_sqlite_whatever_fails() {
    in_rounds("sqlite", 1);
}

#[test]
fn everything_arrives_once_on_postgres_whatever_fails() {
    in_rounds("postgres", 2);
}

fn in_rounds(engine: &str, workers: usize) {
    let _machine = shared();
    let (seed, began, rounds) = (seed(), Instant::now(), if is_long() { 100 } else { 10 });
    eprintln!("{engine}: everything fails, {rounds} rounds, STORE_HUB_SEED={seed}");
    let mut dice = Rng::with_seed(seed);
    let directory = tempfile::Builder::new().prefix("chain").tempdir().unwrap();
    let path = directory.path().canonicalize().unwrap();
    let mut chain = match Chain::start(&path, engine, workers, &["sqlite", "sled"], &mut dice) {
        Err(why) if why.contains("not installed") => return skipped(&why),
        started => started.unwrap(),
    };
    let shops: Vec<Shop> = chain.stores.iter().map(|store| store.shop.clone()).collect();
    let (books, ledgers): (Vec<_>, Vec<_>) = shops.iter().map(|_| (Book::default(), Ledger::default())).unzip();
    let mut hubs: Vec<Hub> = shops.iter().map(|shop| shop.start(&[]).unwrap()).collect();
    let clients: Vec<Vec<Client>> = shops.iter().map(|shop| shop.open().unwrap()).collect();
    let (mut tills, mut rooms) = (Vec::new(), Vec::new());
    for (store, shop) in shops.iter().enumerate() {
        rooms.push(Stockroom::open(shop, &ledgers[store], dice.fork()).unwrap());
        for (number, client) in (1..).zip(&clients[store]) {
            let till = Till::new(client, &books[store], &format!("till-{number}"), dice.fork(), 0);
            tills.push(till.with_orders(&ledgers[store]));
        }
    }
    let (mut judge, mut deck, mut missed) = (Judge::default(), Deck::default(), 0);
    for round in 1..=rounds {
        judge.send(&mut chain, round).unwrap_or_else(|why| panic!("{why}\n{}", chain.logs()));
        let mut faults = Vec::new();
        let traffic = Traffic { books: &books, over: AtomicBool::new(false), trouble: Mutex::default() };
        traffic.during(&mut tills, &mut rooms, &mut dice, |traffic, dice| {
            for _ in 0..FAULTS {
                traffic.sells(dice.u64(10..60))?;
                let fault = deck.draw(&chain.database, dice);
                faults.push(fault);
                missed += u32::from(!chain.fail(fault, &mut hubs, dice)?);
            }
            traffic.sells(dice.u64(10..60))
        });
        let trouble = traffic.trouble.into_inner().unwrap();
        assert!(trouble.is_empty(), "{engine}, round {round}, seed {seed}, {faults:?}: {trouble:#?}\n{}", chain.logs());
        chain.calm().unwrap();
        let told = judge
            .check(&chain, &clients, &books)
            .unwrap_or_else(|why| panic!("{engine}, round {round}, seed {seed}, {faults:?}: {why}\n{}", chain.logs()));
        eprintln!("{engine}, round {round} of {rounds}, {faults:?}: {told}");
        dispatch(&shops[0], round);
    }
    let rebuilt = chain.rebuild().unwrap();
    let rows = witness::compare(&chain.database).unwrap();
    eprintln!(
        "{engine}: {rounds} rounds in {:.0} s; {}; {missed} traps caught nothing; rebuilt: {}; rows: {rows:?}",
        began.elapsed().as_secs_f64(),
        chain.counts,
        rebuilt.trim(),
    );
    assert!(chain.counts.all().iter().all(|count| *count > 0), "messages were disturbed");
    let is_told = |name: &str| rows.iter().any(|(table, rows)| table == name && *rows > 0);
    assert!(["sale", "stock", "day_tender", "transfer_half"].into_iter().all(is_told), "{rows:?}");
}

/// Sends goods to the other store; what is said of it is compared with the events in the next round.
fn dispatch(shop: &Shop, round: u64) {
    let quantity = json!({ "milli": 1000, "unit": "each" });
    let goods = json!({ "to": "store-2", "lines": [{ "sku": "found-0100", "quantity": quantity }] }).to_string();
    let key = format!("transfer-{round}");
    shop.console().unwrap().command("/api/v1/stock/transfers", &key, &goods, || true).unwrap();
}

/// Registers and stockrooms at work.
struct Traffic<'b> {
    books: &'b [Book],
    over: AtomicBool,
    trouble: Mutex<Vec<String>>,
}

impl Traffic<'_> {
    /// Works as long as something else is done, unless something is refused.
    fn during(
        &self,
        tills: &mut [Till<'_>],
        rooms: &mut [Stockroom<'_>],
        dice: &mut Rng,
        then: impl FnOnce(&Self, &mut Rng) -> Result<(), String>,
    ) {
        let goes_on = || !self.over.load(Ordering::Relaxed);
        let refused = |done: Result<(), NoAnswer>| {
            if let Err(NoAnswer::Refused(why)) = done {
                self.fails(why);
            }
            thread::sleep(PAUSE);
        };
        thread::scope(|scope| {
            let _ends = Ends(&self.over);
            for till in tills {
                let mut dice = dice.fork();
                scope.spawn(move || {
                    while goes_on() {
                        refused(till.sell(&mut |_| goes_on() && dice.u32(..GIVES_UP) > 0));
                    }
                });
            }
            for room in rooms {
                scope.spawn(move || {
                    // It ends what it began: a count that stays open would be in the way of the next.
                    while goes_on() {
                        refused(room.work(&mut || self.trouble.lock().unwrap().is_empty()));
                    }
                });
            }
            if let Err(why) = then(self, dice) {
                self.fails(why);
            }
        });
    }

    fn fails(&self, why: String) {
        self.trouble.lock().unwrap().push(why);
        self.over.store(true, Ordering::Relaxed);
    }

    /// Waits until more was sold: it depends on the work, not on the clock.
    fn sells(&self, more: u64) -> Result<(), String> {
        let sold = || self.books.iter().map(Book::sold).sum::<u64>();
        let enough = sold() + more;
        let sells = until(LIMIT, || self.over.load(Ordering::Relaxed) || sold() >= enough);
        if sells { Ok(()) } else { Err("nothing is sold".into()) }
    }
}
