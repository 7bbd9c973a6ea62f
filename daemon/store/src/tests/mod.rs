//! Tests of the store, on the real engines and on a faulty one. One file per subject.

mod archive;
mod backup;
mod chain;
mod commits;
#[cfg(feature = "sled")]
mod convert;
mod counters;
mod faulty;
mod formats;
mod model;
mod once;
mod outbox;
mod parts;
mod power;

use std::sync::Arc;

use faulty::{Fault, Faulty};

use crate::{Name, NameNumber, Store, StoreError, Table, archive::Archive, migrate, room::Disk};

/// Tables whose records are links of the chain.
pub(super) const LINKED: &[&str] = &["sale", "audit"];

static NOTES: Table<Name, String> = Table::new("note");
static COUNTS: Table<Name, u64> = Table::new("count");
static ROWS: Table<NameNumber, u64> = Table::new("row");

/// A store on a faulty engine, with enough disk space.
fn open(engine: Arc<Faulty>) -> Result<Store, StoreError> {
    migrate::raise(&*engine, None, migrate::STEPS)?;
    Store::on(engine, LINKED, Archive::none(), Disk::probed(Box::new(|| None)))
}

/// Runs blocking work outside of the test's runtime.
fn blocking<T: Send>(work: impl FnOnce() -> T + Send) -> T {
    std::thread::scope(|scope| scope.spawn(work).join().unwrap())
}

async fn note(store: &Store, key: &'static str, text: &str) -> Result<(), StoreError> {
    let text = text.to_owned();
    store.commit(move |transaction| transaction.put(&NOTES, key, &text)).await
}

async fn append(store: &Store, stream: &'static str) -> Result<u64, StoreError> {
    store.commit(move |transaction| transaction.append_to_outbox(stream, "sale.completed", 5, "s")).await
}
