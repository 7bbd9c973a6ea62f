//! Figures of customers: how long look-ups take, and the memory, with 200,000 customers.
//!
//! ```text
//! cargo run --release -p app --example customers
//! ```
#![allow(clippy::unwrap_used)]

use std::{fs, time::Instant};

use commerce::customer::{CustomerId, Lookup, Profile};
use contract::{
    DownBatch, DownItem, Epoch, Sequence, Stream,
    customer::{CustomerTold, TOLD},
};
use store::{EngineKind, Store};

const CUSTOMERS: u64 = 200_000;
const LOOKUPS: u64 = 20_000;
const NAMES: [&str; 12] =
    ["Ada", "Grace", "Alan", "Edsger", "Barbara", "Donald", "Niklaus", "Tony", "Leslie", "Frances", "Radia", "Ken"];

/// A number that looks random, the same each time.
fn mixed(number: u64) -> u64 {
    let number = number.wrapping_add(0x9e37_79b9_7f4a_7c15).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    number ^ (number >> 31)
}

fn name(number: u64) -> String {
    let first = NAMES[usize::try_from(mixed(number) % 12).unwrap()];
    format!("{first} {}son{}", NAMES[usize::try_from(mixed(number + 7) % 12).unwrap()], mixed(number) % 5_000)
}

fn phone(number: u64) -> String {
    format!("+43 664 {number:07}")
}

fn profile(number: u64) -> Profile {
    let mut bytes = [0; 16];
    bytes[..8].copy_from_slice(&mixed(number).to_le_bytes());
    bytes[8..].copy_from_slice(&number.to_le_bytes());
    let mut profile = Profile::new(CustomerId::from_random(bytes), 1);
    profile.name = Some(name(number));
    profile.phones = vec![phone(number)];
    profile.emails = vec![format!("customer{number}@example.com")];
    profile.cards = vec![format!("L{number:08}")];
    profile
}

fn memory_mb() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap_or_default();
    line.trim().trim_end_matches(" kB").parse().unwrap_or(0) / 1024
}

fn measure(store: &Store, what: &str, lookup: impl Fn(u64) -> Lookup) {
    let mut times = Vec::new();
    let mut found = 0;
    for number in 0..LOOKUPS {
        let lookup = lookup(mixed(number) % CUSTOMERS);
        let began = Instant::now();
        found += app::customers::find(store, &lookup).unwrap().customers.len();
        times.push(began.elapsed());
    }
    times.sort_unstable();
    let at = |permille: usize| times[(times.len() - 1) * permille / 1000];
    println!("{what:<14} p50 {:>10.1?}  p99 {:>10.1?}  max {:>10.1?}  {found} found", at(500), at(990), at(1000));
}

fn main() {
    let directory = tempfile::tempdir().unwrap();
    let engine = EngineKind::Sqlite;
    let path = directory.path().join(engine.to_string());
    let store = Store::open(&path, engine, &app::linked_tables(), 1).unwrap();
    let (before, began) = (memory_mb(), Instant::now());
    let mut next = 0;
    while next < CUSTOMERS {
        let items = (next..next + 200).map(|number| {
            let body = TOLD.write(&CustomerTold { profile: profile(number) }).unwrap();
            DownItem { sequence: Sequence(number + 1), kind: TOLD.name().into(), body }
        });
        let (hub, stream) = ("store-1".parse().unwrap(), Stream::customers());
        let batch = DownBatch { hub, stream, queue: Epoch(1), items: items.collect() };
        store.commit_blocking(move |transaction| app::hq::receive(transaction, 1, &batch)).unwrap();
        next += 200;
    }
    println!("{CUSTOMERS} customers loaded in {:.1?} on {engine}", began.elapsed());
    measure(&store, "phone", |number| Lookup::Phone(phone(number)));
    measure(&store, "e-mail", |number| Lookup::Email(format!("customer{number}@example.com")));
    measure(&store, "card", |number| Lookup::Card(format!("L{number:08}")));
    measure(&store, "name, whole", |number| Lookup::Name(name(number)));
    measure(&store, "name, 3 signs", |number| Lookup::Name(name(number).chars().take(3).collect()));
    let size = store.size_on_disk().unwrap() / 1_000_000;
    println!("memory: {before} MB before, {} MB after; {size} MB on disk", memory_mb());
}
