//! Prices that the store sets itself: entries with an author that replace those of the book.
//!
//! Only people may set them; the audit trail has who, what and why. They are kept with the store and apply to every
//! book until their end, or until they are removed. A sale names them as its price entries ([`entry_id`]). Without a
//! book the prices are the catalog's, and there is nothing to replace.
//!
//! The hub compiles the book again after a change, so a changed price counts from the next command after that, usually
//! within a second. A damaged record is left out, and the check names it.

use commerce::{
    MAX_LINE_AMOUNT, Price, Sku,
    line::checked_text,
    pricing::{
        LocalTime,
        record::{PriceEntry, PriceKind},
    },
};
use contract::publication::PRICES;
use serde::{Deserialize, Serialize};
use store::{Checked, Name, Store, StoreError, Table, Transaction};
use utoipa::ToSchema;

use crate::{
    By, Refusal,
    audit::{self, Act, ActKind},
    permission::{Holder, Permission},
    publications,
    refusal::{BAD_REQUEST, Class, Kind},
};

/// Set prices of the store.
pub static OVERRIDE: Permission =
    Permission::new("prices.override", "Replace prices of the book in this store", &[Holder::Person]);

/// The store works without a price book.
pub(super) static NO_PRICE_BOOK: Kind = Kind::new(
    "no-price-book",
    Class::Conflict,
    "No price book",
    "The store works without a price book; change the price of the item instead.",
);
/// The item's price is not replaced.
pub(super) static OVERRIDE_UNKNOWN: Kind =
    Kind::new("override-unknown", Class::NotFound, "Unknown override", "The store has not replaced this item's price.");

pub(super) static ACTS: &[ActKind] = &[PriceOverridden::KIND, OverrideRemoved::KIND];

/// The prices by SKU.
static OVERRIDES: Table<Name, Override> = Table::new("price_override");

/// The counter of changes.
pub(super) const CHANGES: &str = "price_override";

/// A price that the store set.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Override {
    /// The item.
    pub sku: Sku,
    /// The price.
    pub price: Price,
    /// The first minute on the store's clock in which it no longer holds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<LocalTime>,
    /// Why.
    pub reason: String,
    /// Who set it.
    pub author: String,
    /// When: milliseconds since 1970, UTC.
    pub at_ms: i64,
}

/// A price to set.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = PriceOverrideRequest)] // operators have an `OverrideRequest`, too
pub struct OverrideRequest {
    /// The price.
    pub price: Price,
    /// The first minute on the store's clock in which it no longer holds, such as `2026-12-24T18:00`.
    #[serde(default)]
    pub until: Option<LocalTime>,
    /// Why.
    #[schema(min_length = 1, max_length = 120)]
    pub reason: String,
}

/// A price was replaced.
#[derive(Serialize)]
struct PriceOverridden {
    /// The item.
    sku: Sku,
    /// The price, in minor units.
    minor: i64,
    /// The reason.
    reason: String,
}

impl Act for PriceOverridden {
    const KIND: ActKind = ActKind { name: "price_overridden", doc: "A person replaced a price of the price book" };
}

/// The price of the book counts again.
#[derive(Serialize)]
struct OverrideRemoved {
    /// The item.
    sku: Sku,
}

impl Act for OverrideRemoved {
    const KIND: ActKind =
        ActKind { name: "price_override_removed", doc: "A person removed a price that the store had set" };
}

/// Replaces the price of an item.
///
/// # Errors
/// The store has no price book, or the price or the reason is invalid.
pub fn set_override(
    transaction: &mut Transaction<'_>,
    by: &By,
    sku: Sku,
    request: OverrideRequest,
) -> Result<Override, Refusal> {
    OVERRIDE.require(&by.actor)?;
    let OverrideRequest { price, until, reason } = request;
    if price.minor.is_negative() || price.minor > MAX_LINE_AMOUNT {
        let most = MAX_LINE_AMOUNT.get();
        return Err(BAD_REQUEST.because(format!("price {} is out of range; 0 to {most}", price.minor.get())));
    }
    if publications::in_force_now(transaction, PRICES)?.is_none() {
        return Err(NO_PRICE_BOOK.because(format!("the store has no price book; change item {sku} instead")));
    }
    let reason = checked_text("reason", reason)?;
    let set = Override { sku, price, until, reason, author: by.actor.to_string(), at_ms: by.at_ms };
    transaction.put(&OVERRIDES, set.sku.as_str(), &set)?;
    transaction.next_number(CHANGES)?;
    let act = PriceOverridden { sku: set.sku.clone(), minor: price.minor.get(), reason: set.reason.clone() };
    audit::record(transaction, by, &act)?;
    Ok(set)
}

/// Lets the price of the book count again.
///
/// # Errors
/// The price is not replaced.
pub fn remove_override(transaction: &mut Transaction<'_>, by: &By, sku: Sku) -> Result<Override, Refusal> {
    OVERRIDE.require(&by.actor)?;
    let unknown = || OVERRIDE_UNKNOWN.because(format!("the store has not replaced the price of item {sku}"));
    let removed = transaction.get(&OVERRIDES, sku.as_str())?.ok_or_else(unknown)?;
    transaction.delete(&OVERRIDES, sku.as_str());
    transaction.next_number(CHANGES)?;
    audit::record(transaction, by, &OverrideRemoved { sku })?;
    Ok(removed)
}

/// All prices that the store set, by SKU. Blocks.
///
/// # Errors
/// The store fails.
pub fn overrides(store: &Store) -> Result<Vec<Override>, StoreError> {
    let mut all = Vec::new();
    store.each(&OVERRIDES, |set| match set {
        Ok(set) => all.push(set),
        Err(error) => tracing::error!(%error, "an override is damaged and does not count"),
    })?;
    Ok(all)
}

/// The id of an item's entry, which sales name. Should a book have the same id, it is compiled without overrides.
pub fn entry_id(sku: &Sku) -> String {
    format!("own/{sku}")
}

impl Override {
    /// The entry of the price book.
    pub(super) fn entry(self, store: &str) -> PriceEntry {
        PriceEntry {
            id: entry_id(&self.sku),
            sku: self.sku,
            location: Some(store.to_owned()),
            kind: PriceKind::Override,
            price: self.price,
            multi: None,
            from: None,
            until: self.until,
            customers: Vec::new(),
            // The store's own is newer than any of HQ's.
            source_version: u64::MAX,
            author: Some(self.author),
        }
    }
}

/// Checks that the records can be read.
pub(super) fn check(store: &Store, checked: &mut Checked) -> Result<(), StoreError> {
    store.each(&OVERRIDES, |set| {
        checked.records += 1;
        if let Err(error) = set {
            checked.fault(error.to_string());
        }
    })
}
