//! The price book: what HQ publishes about prices, offers and taxes.
//!
//! # Promises
//!
//! - A book is checked as a whole before its time ([`commerce::pricing::Loader`]); one with a problem is refused with
//!   the record, the field and the reason, which HQ shows.
//! - The active book prices every basket command in the command's commit, from what was entered. It prices all lines,
//!   so a basket never mixes two books. An item that the book does not know keeps the catalog's price.
//! - Prices that change at a moment are part of the book. A basket shows the new prices with its next command; what the
//!   customer was told changes only there.
//! - A sale names the version of its book.
//!
//! | failure | effect |
//! | --- | --- |
//! | power, before or after the activating commit | the former book or the new one, whole |
//! | a segment of the active book is damaged | catalog prices apply, with a fault, until another book is active |

mod coupons;
mod overrides;
mod shelf;

use std::sync::Arc;

use commerce::{
    Basket,
    pricing::{Book, Loader, LocalTime, Moment, Problem, Record, Store as PricedStore},
};
use contract::publication::{Manifest, PRICES};
pub use coupons::{BuyerRequest, note_elsewhere, question};
pub(crate) use coupons::{fix, release, unspend};
pub use overrides::{OVERRIDE, Override, OverrideRequest, entry_id, overrides, remove_override, set_override};
pub use shelf::{Outdated, ShelfLabel, labelled, outdated};
use store::{Checked, Depth, Store, StoreError, Transaction};

use crate::{
    Capability, PublishedKind, Refusal, Touched,
    permission::{Holder, Permission},
    publications,
    refusal::{BUSY, Kind},
};

/// The counter of activated books.
const GENERATION: &str = "price_book";

/// The most problems in a reason for HQ.
const TOLD: usize = 3;

/// See prices, and price a basket without selling it.
pub static READ: Permission = Permission::new(
    "prices.read",
    "See prices, and price a basket without selling it",
    &[Holder::Register, Holder::Person, Holder::Service],
);

/// What this capability declares.
pub(crate) static CAPABILITY: Capability = Capability {
    tables: &["coupon_use", "coupon_elsewhere", "price_override", "shelf_label"],
    refusals: KINDS,
    permissions: &[&READ, &OVERRIDE],
    acts: overrides::ACTS,
    published: &[PublishedKind { kind: PRICES, prepare, touched, activate, settle }],
    check: Some(check),
    tidy: Some(coupons::tidy),
    ..Capability::new("pricing")
};

/// Its kinds of refusals.
static KINDS: &[&Kind] = &[
    &coupons::COUPON_UNKNOWN,
    &coupons::COUPON_USED_UP,
    &coupons::COUPON_NEEDS_CUSTOMER,
    &overrides::NO_PRICE_BOOK,
    &overrides::OVERRIDE_UNKNOWN,
];

/// The book in force and the moment for which a command prices.
#[derive(Clone, Debug)]
pub struct Pricing {
    /// The book.
    pub book: Arc<Book>,
    /// The moment.
    pub moment: Moment,
}

impl Pricing {
    /// Prices an open basket; does nothing without a book.
    ///
    /// # Errors
    /// Something is paid already, or an amount is out of range.
    pub fn apply(pricing: Option<&Self>, basket: &mut Basket) -> Result<(), Refusal> {
        match pricing {
            Some(Self { book, moment }) => Ok(basket.reprice(book, *moment)?),
            None => Ok(()),
        }
    }
}

/// The number of the active book with the store's own prices; 0 without a book. It grows with every change.
///
/// # Errors
/// The store fails.
pub fn generation(store: &Store) -> Result<u64, StoreError> {
    match publications::generation(store, PRICES)? {
        0 => Ok(0),
        active => Ok(active + store.last_number(overrides::CHANGES)?),
    }
}

/// Reads the active book for a store: the book, nothing, or why it can't be used. Blocks.
///
/// # Errors
/// The store fails, or a segment is damaged.
pub fn read(
    store: &Store,
    name: &str,
    zone: &dyn Fn(LocalTime) -> i64,
) -> Result<Option<Result<Book, String>>, StoreError> {
    let Some(in_force) = publications::in_force(store, PRICES)? else { return Ok(None) };
    let own = overrides(store)?;
    if !own.is_empty() {
        match compile(store, &in_force.manifest, name, zone, own)? {
            Ok(book) => return Ok(Some(Ok(book))),
            Err(why) => tracing::error!(why, "the store's own prices don't fit the price book and do not count"),
        }
    }
    compile(store, &in_force.manifest, name, zone, Vec::new()).map(Some)
}

/// The records of the active book with the store's own prices, one JSON record per line, as a browser's price engine
/// loads them; `None` without a book. Blocks.
///
/// # Errors
/// The store fails, or a segment is damaged.
pub fn text(store: &Store, name: &str) -> Result<Option<String>, StoreError> {
    let Some(in_force) = publications::in_force(store, PRICES)? else { return Ok(None) };
    let (mut text, mut failed) = (String::new(), None);
    publications::each_record(store, &in_force.manifest.segments, |record| match record {
        Ok((_, record)) => {
            text.push_str(record.1.get());
            text.push('\n');
        }
        Err(error) => failed = Some(error),
    })?;
    if let Some(error) = failed {
        return Err(error);
    }
    for set in overrides(store)? {
        let entry = Record::Price(Box::new(set.entry(name)));
        text.push_str(&serde_json::to_string(&entry).unwrap_or_default());
        text.push('\n');
    }
    Ok(Some(text))
}

/// Compiles a publication with the store's own prices; the reason if it has problems.
fn compile(
    store: &Store,
    manifest: &Manifest,
    name: &str,
    zone: &dyn Fn(LocalTime) -> i64,
    own: Vec<Override>,
) -> Result<Result<Book, String>, StoreError> {
    let (mut loader, mut keys, mut failed) = (Loader::default(), Vec::new(), None);
    publications::each_record(store, &manifest.segments, |record| match record {
        Ok((_, record)) => {
            keys.push(record.0);
            loader.read_line(keys.len() as u64, record.1.get());
        }
        Err(error) => failed = Some(error),
    })?;
    if let Some(error) = failed {
        return Err(error);
    }
    for set in own {
        keys.push(entry_id(&set.sku));
        loader.add(keys.len() as u64, Record::Price(Box::new(set.entry(name))));
    }
    let told = |problem: &Problem| {
        let key = usize::try_from(problem.line).ok().and_then(|line| keys.get(line.checked_sub(1)?));
        format!("{}: {}: {}", key.map_or("book", String::as_str), problem.field, problem.why)
    };
    Ok(loader.finish(&PricedStore { name, zone }).map_err(|problems| {
        let listed: Vec<_> = problems.iter().take(TOLD).map(told).collect();
        let more = problems.len().saturating_sub(TOLD);
        let more = if more == 0 { String::new() } else { format!("; and {more} more") };
        format!("{}{more}", listed.join("; "))
    }))
}

fn check(store: &Store, _depth: Depth, checked: &mut Checked) -> Result<(), StoreError> {
    coupons::check(store, checked)?;
    overrides::check(store, checked)?;
    shelf::check(store, checked)
}

/// The checks do not depend on the store and its time zone.
fn prepare(store: &Store, manifest: &Manifest) -> Result<Result<(), String>, StoreError> {
    Ok(compile(store, manifest, "", &|_| 0, Vec::new())?.map(drop))
}

/// Nothing of a book changes on its own.
fn touched(store: &Store, _since: u64) -> Result<Touched, StoreError> {
    Ok(Touched { generation: store.last_number(GENERATION)?, keys: Vec::new() })
}

fn activate(transaction: &mut Transaction<'_>, generation: u64) -> Result<u64, Refusal> {
    let next = transaction.next_number(GENERATION)?;
    if next == generation + 1 { Ok(next) } else { Err(BUSY.because("another book became active just now; try again")) }
}

#[expect(clippy::unnecessary_wraps, reason = "the signature of every kind of publication")]
fn settle(_store: &Store) -> Result<(), StoreError> {
    Ok(())
}

#[cfg(test)]
mod tests;
