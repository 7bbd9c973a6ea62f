//! `kill -9`, repeatedly, under the load of 32 registers and a stockroom: everything answered is there, once, complete
//! and without gaps, here and at HQ; no item went below zero that may not, and the stock equals the movements, here and
//! at HQ.

use std::{
    sync::{
        Mutex,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use fastrand::Rng;
use system_tests::{
    ENGINES, alone, is_long,
    register::NoAnswer,
    seed,
    shop::{Headquarters, LIMIT, Plan, Shop},
    skipped,
    stockroom::{Ledger, Stockroom, differs_from_headquarters, held, positions},
    till::{Book, Till, settle},
    until,
    verdict::{HubSales, repeated},
};

const REGISTERS: usize = 32;

/// One of this many failed attempts is a register's last: it drops its command, as if it had lost power itself.
const GIVES_UP: u32 = 8;

/// The maximum number of answered commands that are repeated at the end.
const REPEATED: usize = 10_000;

/// Both engines one after the other: each has the machine for itself.
#[test]
fn a_hub_killed_under_load_loses_duplicates_and_tears_nothing() {
    let _machine = alone();
    let kills = if is_long() { 300 } else { 25 };
    for engine in ENGINES {
        killed_under_load(engine, kills);
    }
}

fn killed_under_load(engine: &str, kills: u32) {
    let (seed, began) = (seed(), Instant::now());
    eprintln!("{engine}: kill -9 under load, STORE_HUB_SEED={seed}");
    let mut dice = Rng::with_seed(seed);
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().canonicalize().unwrap();
    let headquarters = Headquarters::start(&path).inspect_err(|why| skipped(&format!("HQ's part: {why}"))).ok();
    let plan = Plan {
        engine,
        data: &path.join("data"),
        registers: REGISTERS,
        headquarters: headquarters.as_ref().map(Headquarters::config),
    };
    let shop = Shop::build(&path, &plan).unwrap();
    let mut hub = shop.start(&[]).unwrap();
    let clients = shop.open().unwrap_or_else(|why| panic!("{why}\n{}", shop.log()));

    let (book, over, trouble) = (Book::default(), AtomicBool::new(false), Mutex::new(Vec::new()));
    let ledger = Ledger::default();
    let mut stockroom = Stockroom::open(&shop, &ledger, dice.fork()).unwrap();
    let mut at_start = 0;
    thread::scope(|scope| {
        let (stockroom_over, stockroom_trouble) = (&over, &trouble);
        scope.spawn(move || {
            let mut goes_on = || !stockroom_over.load(Ordering::Relaxed);
            while goes_on() {
                if let Err(NoAnswer::Refused(why)) = stockroom.work(&mut goes_on) {
                    stockroom_trouble.lock().unwrap().push(why);
                    stockroom_over.store(true, Ordering::Relaxed);
                }
            }
        });
        for (number, client) in (1..).zip(&clients) {
            let (mut till, mut more) =
                (Till::new(client, &book, &format!("till-{number}"), dice.fork(), 0).with_orders(&ledger), dice.fork());
            let (over, trouble) = (&over, &trouble);
            scope.spawn(move || {
                let mut goes_on = |_: &mut Rng| !over.load(Ordering::Relaxed) && more.u32(..GIVES_UP) > 0;
                while !over.load(Ordering::Relaxed) {
                    if let Err(NoAnswer::Refused(why)) = till.sell(&mut goes_on) {
                        trouble.lock().unwrap().push(why);
                        over.store(true, Ordering::Relaxed);
                    }
                }
            });
        }
        for kill in 1..=kills {
            // Depends on the work since the start, not on the clock; every fourth hub is killed while it starts.
            let enough = if dice.u8(..4) == 0 { 0 } else { dice.u64(1..400) };
            let before = book.sold();
            if enough == 0 {
                at_start += 1;
                thread::sleep(Duration::from_millis(dice.u64(..120)));
            } else {
                let goes_on = || over.load(Ordering::Relaxed) || hub.has_ended() || book.sold() >= before + enough;
                if !until(LIMIT, goes_on) {
                    trouble.lock().unwrap().push(format!("nothing is sold after kill {kill}"));
                }
                if hub.has_ended() {
                    trouble.lock().unwrap().push(format!("the hub ended unexpectedly after kill {kill}"));
                }
            }
            if !trouble.lock().unwrap().is_empty() {
                break;
            }
            // The registers die with the last kill, so their requests stay unanswered.
            over.store(kill == kills, Ordering::Relaxed);
            hub.kill();
            hub = shop.start(&[]).unwrap();
        }
        over.store(true, Ordering::Relaxed);
    });
    let trouble = trouble.into_inner().unwrap();
    assert!(trouble.is_empty(), "{engine}, seed {seed}: {trouble:#?}\n{}", shop.log());

    let asked = book.read();
    let found = HubSales::read(&clients, |_| true).unwrap();
    let faults = found.faults(&asked);
    assert!(faults.is_empty(), "{engine}, seed {seed}: {faults:#?}");
    let answered: Vec<_> = asked.iter().filter(|asked| asked.answer.is_some()).collect();
    let again = dice.choose_multiple(answered.iter().copied(), REPEATED);
    let faults = repeated(&clients, &again).unwrap();
    assert!(faults.is_empty(), "{engine}, seed {seed}: {faults:#?}");
    let unchanged = HubSales::read(&clients, |_| false).unwrap();
    assert_eq!(unchanged.listed, found.listed, "{engine}, seed {seed}: repeats change nothing");
    let stored = found.listed.len();
    drop(found);

    // Resolve everything in doubt; then every position is known, at HQ too.
    ledger.settle(&shop.console().unwrap()).unwrap();
    let settled = settle(&clients, asked.clone()).unwrap();
    let found = HubSales::read(&clients, |_| true).unwrap();
    let faults = found.faults(&settled);
    assert!(faults.is_empty(), "{engine}, seed {seed}: {faults:#?}");
    let there = positions(&shop.console().unwrap()).unwrap();
    let faults = ledger.faults(&there, &found.baskets(&settled), &held(&settled));
    assert!(faults.is_empty(), "{engine}, seed {seed}: {faults:#?}");

    if let Some(headquarters) = &headquarters {
        let caught_up = || {
            let line = &clients[0].get("/api/v1/status").unwrap()["headquarters"];
            headquarters.count() >= found.listed.len() && line["lacks"] == 0
        };
        assert!(until(LIMIT, caught_up), "{engine}, seed {seed}: HQ catches up");
        let faults = found.differs_from_headquarters(&headquarters.sales().unwrap());
        assert!(faults.is_empty(), "{engine}, seed {seed}: {faults:#?}");
    }
    hub.kill();
    let (records, faults) = shop.check().unwrap();
    assert!(faults.is_empty(), "{engine}, seed {seed}: {faults:#?}");
    let equal = headquarters.map_or("HQ skipped".to_owned(), |headquarters| {
        let (sums, stock) = headquarters.end().unwrap();
        let faults = differs_from_headquarters(&there, &stock);
        assert!(faults.is_empty(), "{engine}, seed {seed}: {faults:#?}");
        let told = ["sales", "duplicate_sales", "quarantined"].map(|field| sums[field].as_u64().unwrap());
        assert_eq!(told, [found.listed.len() as u64, 0, 0], "{engine}, seed {seed}: {sums}");
        "HQ equal in sales and stock".to_owned()
    });

    let sold = answered.iter().filter(|asked| asked.sells).count();
    let unanswered = asked.iter().filter(|asked| asked.sells && asked.answer.is_none() && !asked.refused).count();
    let without = asked.iter().filter(|asked| asked.refused).count();
    let (done, refused) = ledger.counts();
    eprintln!(
        "{engine}: {kills} kills ({at_start} within 120 ms of a start) by {REGISTERS} registers in {:.0} s: {sold} \
         sales answered and there, \
         {} of {unanswered} unanswered ones there whole, {without} customers went without, {} commands repeated, \
         {records} records checked, \
         {done} commands of the stockroom done and {refused} refused, {} positions right, {equal}",
        began.elapsed().as_secs_f64(),
        stored - sold,
        again.len(),
        there.len(),
    );
    assert!(sold > kills as usize && unanswered > 0, "there was load at the kills");
    assert!(without > 0 && done > 0, "some of the stock ran out");
}
