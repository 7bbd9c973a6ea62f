//! Power failures with a real kernel and ext4 while the store sells. The machine is in `system_tests::guest`.

use std::{
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::{Duration, Instant},
};

use fastrand::Rng;
use system_tests::{
    ENGINES, Ends, alone,
    guest::{Guest, Machine},
    is_long,
    register::{Client, NoAnswer},
    seed,
    shop::{Plan, Shop},
    skipped,
    till::{Book, Till},
    verdict::{HubSales, repeated},
};

const REGISTERS: usize = 4;

/// Without a sale for this long, the hub hangs. A machine whose other programs take the processor is slow.
const STANDSTILL: Duration = Duration::from_secs(600);

/// The number of commands that are repeated after each cut.
const REPEATED: usize = 60;

#[test]
fn a_power_failure_leaves_an_undamaged_store_with_every_answered_sale() {
    let _machine = alone();
    let machine = match Machine::build() {
        Ok(machine) => machine,
        Err(why) => return skipped(&format!("power cuts in a virtual machine: {why}")),
    };
    for engine in ENGINES {
        is_cut(&machine, engine, if is_long() { 50 } else { 1 });
    }
}

/// Lets a hub's machine sell and cuts its power, a number of times, on one disk.
fn is_cut(machine: &Machine, engine: &str, cuts: u64) {
    let (seed, began) = (seed(), Instant::now());
    eprintln!("{engine}: {cuts} power cuts in a virtual machine, STORE_HUB_SEED={seed}");
    let mut dice = Rng::with_seed(seed);
    let work = tempfile::tempdir().unwrap();
    let data = work.path().join("data");
    let plan = Plan { engine, data: &data, registers: REGISTERS, headquarters: None };
    let shop = Shop::build(&work.path().join("shop"), &plan).unwrap();
    let guest = Guest::install(machine, &shop, &data, work.path()).unwrap();
    let (mut running, _) = guest.boot().unwrap();
    let registers = shop.open().unwrap();
    let book = Book::default();
    for cut in 1..=cuts {
        sell_until_cut(&book, &registers, &mut dice, cut, || drop(running));
        let is_whole;
        (running, is_whole) = guest.boot().unwrap();
        assert!(is_whole, "{engine}, seed {seed}, cut {cut}: {}", guest.last_words());
        let faults = faults(&book, &registers, &mut dice).unwrap_or_else(|why| vec![why, guest.last_words()]);
        assert!(faults.is_empty(), "{engine}, seed {seed}, cut {cut}: {faults:#?}");
        let seconds = began.elapsed().as_secs();
        eprintln!("{engine}: cut {cut} of {cuts} after {seconds} s, {} sales answered, all there", book.sold());
    }
    eprintln!(
        "{engine}: {cuts} cuts in {:.0} s, {} sales answered, all there",
        began.elapsed().as_secs_f64(),
        book.sold()
    );
}

/// Sells at every register until the power is cut, some time after the last sale.
pub(crate) fn sell_until_cut(book: &Book, registers: &[Client], dice: &mut Rng, cut: u64, pull: impl FnOnce()) {
    let is_cut = AtomicBool::new(false);
    let enough = book.sold() + 100 + dice.u64(..150);
    thread::scope(|scope| {
        let _ends = Ends(&is_cut);
        for (number, client) in (1..).zip(registers) {
            let mut till = Till::new(client, book, &format!("till-{number}"), dice.fork(), cut * 100_000);
            let is_cut = &is_cut;
            scope.spawn(move || {
                while !is_cut.load(Ordering::Relaxed) {
                    match till.sell(&mut |_| !is_cut.load(Ordering::Relaxed)) {
                        Ok(()) | Err(NoAnswer::GaveUp) => {}
                        Err(NoAnswer::Refused(why)) => panic!("{why}"),
                    }
                }
            });
        }
        let (mut sold, mut since) = (book.sold(), Instant::now());
        while sold < enough {
            assert!(since.elapsed() < STANDSTILL, "the hub in the machine sells nothing");
            thread::sleep(Duration::from_millis(1));
            let now = book.sold();
            if now > sold {
                (sold, since) = (now, Instant::now());
            }
        }
        pull();
    });
}

/// The faults of the remaining store, as seen through its hub.
pub(crate) fn faults(book: &Book, registers: &[Client], dice: &mut Rng) -> Result<Vec<String>, String> {
    let asked = book.read();
    let mut faults = HubSales::read(registers, |_| true)?.faults(&asked);
    let answered: Vec<_> = asked.iter().filter(|asked| asked.answer.is_some()).collect();
    let mut again: Vec<_> = answered.iter().rev().take(REPEATED / 2).copied().collect();
    again.extend(dice.choose_multiple(answered.iter().copied(), REPEATED / 2));
    faults.extend(repeated(registers, &again)?);
    Ok(faults)
}
